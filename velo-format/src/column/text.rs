//! Columns of text.

use std::mem;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use velo_core::Result;

use super::{ColumnBuilder, Fields};

/// Short texts are copied as this many bytes whatever their length, which needs no call.
const STRIDE: usize = 32;

/// Builds a column of UTF-8 text.
pub(super) struct Texts {
    /// The text so far, then room for copies of fixed width.
    data: Vec<u8>,
    used: usize,
    offsets: Vec<i32>,
    validity: NullBufferBuilder,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self {
            data: Vec::new(),
            used: 0,
            offsets: vec![0],
            validity: NullBufferBuilder::new(0),
        }
    }

    /// Copies text that has not been validated.
    #[inline]
    fn push(&mut self, text: &[u8]) {
        if self.data.len() < self.used + text.len() + STRIDE {
            self.grow(text.len());
        }
        let end = self.used + text.len();
        self.data[self.used..end].copy_from_slice(text);
        self.close(end, true);
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
        let room = (self.used + by + STRIDE).max(self.data.len() * 2).max(4096);
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
        let (from, validity) = (self.len(), self.validity.len());
        self.offsets.reserve(fields.len());
        fields.for_each(|text| match text {
            Some(text) => self.push(text),
            None => self.append_null(),
        });
        if self.is_sound(from) {
            return;
        }
        self.offsets.truncate(from + 1);
        self.used = self.offsets[from] as usize;
        self.validity.truncate(validity);
        let mut record = 0;
        fields.for_each(|text| {
            match text {
                Some(text) if !self.append(text) => refused.push(record),
                Some(_) => {}
                None => self.append_null(),
            }
            record += 1;
        });
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let mut data = mem::take(&mut self.data);
        data.truncate(mem::take(&mut self.used));
        let offsets = mem::replace(&mut self.offsets, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let array = StringArray::try_new(offsets, Buffer::from_vec(data), self.validity.finish());
        Ok(Arc::new(array.map_err(super::create::refused)?))
    }
}
