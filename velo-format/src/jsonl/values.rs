//! Growing columns that can forget their last rows, as a bad record demands.

use arrow_array::{ArrayRef, BooleanArray, make_array};
use arrow_buffer::{ArrowNativeType, BooleanBufferBuilder, Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use velo_core::Result;

use crate::column::ColumnBuilder;

/// Which rows are null; costs nothing until the first one is.
#[derive(Debug, Default)]
pub(super) struct Validity {
    bits: Option<BooleanBufferBuilder>,
}

/// Values of one size.
#[derive(Debug)]
pub(super) struct Fixed<N> {
    values: Vec<N>,
    validity: Validity,
}

/// Values of a rarer type, read by the builder that the text formats share.
pub(super) struct Shared {
    builder: Box<dyn ColumnBuilder>,
    /// Values that were forgotten, by their place in `builder`, which cannot forget.
    forgotten: Vec<usize>,
}

/// Strings of text or bytes, fewer than 2 GiB of them.
#[derive(Debug)]
pub(super) struct Strings {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
    validity: Validity,
}

impl Validity {
    #[inline]
    pub(super) fn push_valid(&mut self) {
        if let Some(bits) = &mut self.bits {
            bits.append(true);
        }
    }

    /// Adds a null behind `len` rows.
    pub(super) fn push_null(&mut self, len: usize) {
        let bits = self.bits.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(len + 1);
            bits.append_n(len, true);
            bits
        });
        bits.append(false);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        if let Some(bits) = &mut self.bits {
            bits.truncate(len);
        }
    }

    pub(super) fn finish(&mut self) -> Option<NullBuffer> {
        let bits = self.bits.take()?.build();
        Some(NullBuffer::new(bits)).filter(|nulls| nulls.null_count() > 0)
    }
}

impl<N: ArrowNativeType> Fixed<N> {
    pub(super) fn new() -> Self {
        Self {
            values: Vec::new(),
            validity: Validity::default(),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: N) {
        self.values.push(value);
        self.validity.push_valid();
    }

    /// Adds the value if there is one.
    pub(super) fn push_some(&mut self, value: Option<N>) -> bool {
        if let Some(value) = value {
            self.push(value);
        }
        value.is_some()
    }

    pub(super) fn push_null(&mut self) {
        self.validity.push_null(self.values.len());
        self.values.push(N::default());
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.validity.truncate(len);
    }

    pub(super) fn finish(&mut self, kind: &DataType) -> Result<ArrayRef> {
        let rows = self.values.len();
        let next = Vec::with_capacity(rows);
        let values = std::mem::replace(&mut self.values, next);
        build(
            kind,
            rows,
            vec![Buffer::from_vec(values)],
            self.validity.finish(),
        )
    }
}

impl Shared {
    pub(super) fn new(builder: Box<dyn ColumnBuilder>) -> Self {
        Self {
            builder,
            forgotten: Vec::new(),
        }
    }

    /// Adds the value that `text` spells; nothing if it spells none.
    pub(super) fn push(&mut self, text: &[u8]) -> bool {
        let sound = self.builder.append(text);
        if !sound {
            self.forgotten.push(self.builder.len() - 1);
        }
        sound
    }

    pub(super) fn push_null(&mut self) {
        self.builder.append_null();
    }

    pub(super) fn len(&self) -> usize {
        self.builder.len() - self.forgotten.len()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        let mut place = self.builder.len();
        while self.len() > len {
            place -= 1;
            if let Err(at) = self.forgotten.binary_search(&place) {
                self.forgotten.insert(at, place);
            }
        }
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let array = self.builder.finish()?;
        if self.forgotten.is_empty() {
            return Ok(array);
        }
        let mut keep = BooleanBufferBuilder::new(array.len());
        keep.append_n(array.len(), true);
        for place in self.forgotten.drain(..) {
            keep.set_bit(place, false);
        }
        let keep = BooleanArray::new(keep.finish(), None);
        Ok(arrow_select::filter::filter(&array, &keep)?)
    }
}

impl Strings {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            offsets: vec![0],
            validity: Validity::default(),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.end_string();
    }

    /// Adds what `write` appends; nothing if that fails.
    pub(super) fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.bytes.len();
        let written = write(&mut self.bytes);
        match written {
            Ok(()) => self.end_string(),
            Err(_) => self.bytes.truncate(before),
        }
        written
    }

    #[inline]
    fn end_string(&mut self) {
        // A batch is full long before 31 bits are.
        self.offsets.push(self.bytes.len() as i32);
        self.validity.push_valid();
    }

    pub(super) fn push_null(&mut self) {
        self.validity.push_null(self.len());
        self.offsets.push(self.bytes.len() as i32);
    }

    /// Says whether two strings from `first` on are the same.
    pub(super) fn repeats_from(&self, first: usize) -> bool {
        let ends = self.offsets[first..].windows(2);
        let mut strings: Vec<&[u8]> = ends
            .map(|ends| &self.bytes[ends[0] as usize..ends[1] as usize])
            .collect();
        strings.sort_unstable();
        strings.windows(2).any(|pair| pair[0] == pair[1])
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.bytes
            .truncate(self.offsets[self.offsets.len() - 1] as usize);
        self.validity.truncate(len);
    }

    pub(super) fn finish(&mut self, kind: &DataType) -> Result<ArrayRef> {
        let rows = self.len();
        let mut next = Vec::with_capacity(rows + 1);
        next.push(0);
        let offsets = Buffer::from_vec(std::mem::replace(&mut self.offsets, next));
        let next = Vec::with_capacity(self.bytes.len());
        let bytes = Buffer::from_vec(std::mem::replace(&mut self.bytes, next));
        build(kind, rows, vec![offsets, bytes], self.validity.finish())
    }
}

/// Builds and checks an array.
fn build(
    kind: &DataType,
    rows: usize,
    buffers: Vec<Buffer>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let data = ArrayData::builder(kind.clone())
        .len(rows)
        .buffers(buffers)
        .nulls(nulls);
    Ok(make_array(data.build()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Array, Int64Array, StringArray};

    #[test]
    fn rows_can_be_forgotten() {
        let mut numbers = Fixed::<i64>::new();
        numbers.push(1);
        numbers.push_null();
        numbers.truncate(1);
        numbers.push(2);
        let array = numbers.finish(&DataType::Int64).unwrap();
        assert_eq!(array.to_data(), Int64Array::from(vec![1, 2]).to_data());
        let mut strings = Strings::new();
        strings.push(b"a");
        strings.push_null();
        strings.push("é".as_bytes());
        strings.truncate(2);
        strings.push(b"b");
        let array = strings.finish(&DataType::Utf8).unwrap();
        let expected = StringArray::from(vec![Some("a"), None, Some("b")]);
        assert_eq!(array.to_data(), expected.to_data());
    }
}
