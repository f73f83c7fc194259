//! Columns of text.

use std::mem;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use velo_core::Result;

use super::fields::{OneByOne, TakeTexts};
use super::validity::Validity;
use super::{ColumnBuilder, Fields};

/// Room that is kept behind the text.
const SPARE: usize = 64;

/// Builds a column of UTF-8 text.
pub(super) struct Texts {
    /// The text so far, then room.
    data: Vec<u8>,
    used: usize,
    offsets: Vec<i32>,
    validity: Validity,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self {
            data: Vec::new(),
            used: 0,
            offsets: vec![0],
            validity: Validity::new(),
        }
    }

    /// Copies text that has not been validated.
    #[inline]
    fn push(&mut self, text: &[u8]) {
        if self.data.len() < self.used + text.len() + SPARE {
            self.grow(text.len());
        }
        let end = self.used + text.len();
        self.copy(text, end);
        self.close(end, true);
    }

    #[inline]
    fn copy(&mut self, text: &[u8], end: usize) {
        let room = &mut self.data[self.used..end];
        // Short texts are not worth a call: two pieces of a fixed size that may overlap.
        match text.len() {
            1 => room[0] = text[0],
            4..=7 => copy_ends::<4>(text, room),
            8..=15 => copy_ends::<8>(text, room),
            16..=32 => copy_ends::<16>(text, room),
            _ => room.copy_from_slice(text),
        }
    }

    /// Ends a value behind what was copied.
    #[inline]
    fn close(&mut self, end: usize, valid: bool) {
        self.used = end;
        self.offsets.push(end as i32);
        self.validity.append(valid);
    }

    #[cold]
    fn grow(&mut self, by: usize) {
        let room = (self.used + by + SPARE).max(self.data.len() * 2).max(4096);
        self.data.resize(room, 0);
    }

    /// Says whether every value from `from` on is UTF-8 by itself.
    fn is_sound(&self, from: usize) -> bool {
        let start = self.offsets[from] as usize;
        let added = &self.data[start..self.used];
        let starts_character = |offset: &i32| {
            let byte = added.get(*offset as usize - start);
            byte.is_none_or(|byte| byte & 0xc0 != 0x80)
        };
        simdutf8::basic::from_utf8(added).is_ok()
            && (added.is_ascii() || self.offsets[from..].iter().all(starts_character))
    }
}

impl ColumnBuilder for Texts {
    fn append(&mut self, text: &[u8]) -> bool {
        let sound = simdutf8::basic::from_utf8(text).is_ok();
        if sound {
            self.push(text);
        } else {
            self.append_null();
        }
        sound
    }

    fn append_null(&mut self) {
        self.close(self.used, false);
    }

    fn append_fields(&mut self, fields: &Fields<'_>, refused: &mut Vec<u32>) {
        let from = self.len();
        self.offsets.reserve(fields.len());
        fields.feed(&mut Filling(self));
        if self.is_sound(from) {
            return;
        }
        self.offsets.truncate(from + 1);
        self.used = self.offsets[from] as usize;
        self.validity.truncate(from);
        fields.feed(&mut OneByOne {
            column: self,
            refused,
        });
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        // The next batch will most likely be as long.
        let room = self.used + self.used / 8 + SPARE;
        let mut data = mem::replace(&mut self.data, vec![0; room]);
        data.truncate(mem::take(&mut self.used));
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = mem::replace(&mut self.offsets, next);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let array = StringArray::try_new(offsets, Buffer::from_vec(data), self.validity.finish());
        Ok(Arc::new(array.map_err(super::create::refused)?))
    }
}

/// Copies a text of one to two times `N` bytes.
#[inline]
fn copy_ends<const N: usize>(text: &[u8], room: &mut [u8]) {
    if let (Some(from), Some(to)) = (text.first_chunk::<N>(), room.first_chunk_mut::<N>()) {
        *to = *from;
    }
    if let (Some(from), Some(to)) = (text.last_chunk::<N>(), room.last_chunk_mut::<N>()) {
        *to = *from;
    }
}

/// Copies texts; whether they are UTF-8 is asked afterwards, of all at once.
struct Filling<'c>(&'c mut Texts);

impl TakeTexts for Filling<'_> {
    #[inline]
    fn take_texts<'a>(&mut self, texts: impl Iterator<Item = Option<&'a [u8]>>) {
        for text in texts {
            match text {
                Some(text) => self.0.push(text),
                None => self.0.append_null(),
            }
        }
    }
}
