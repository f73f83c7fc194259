//! Columns of bytes, spelled in hexadecimal digits.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::BinaryBuilder;
use velo_core::Result;

use super::{ColumnBuilder, Fields};

/// Builds a column of bytes.
pub(super) struct Binaries {
    builder: BinaryBuilder,
    length: usize,
}

impl Binaries {
    pub(super) fn new() -> Self {
        Self {
            builder: BinaryBuilder::new(),
            length: 0,
        }
    }
}

impl ColumnBuilder for Binaries {
    fn append(&mut self, text: &[u8]) -> bool {
        let bytes = parse_hex(text);
        let sound = bytes.is_some();
        self.builder.append_option(bytes);
        self.length += 1;
        sound
    }

    fn append_null(&mut self) {
        self.builder.append_null();
        self.length += 1;
    }

    fn append_fields(&mut self, fields: &Fields<'_>, refused: &mut Vec<u32>) {
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
        self.length
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        self.length = 0;
        Ok(Arc::new(self.builder.finish()))
    }
}

/// Reads pairs of hexadecimal digits, with or without `\x` before them.
fn parse_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(b"\\x").unwrap_or(text);
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| Some((digit(*high)? * 16 + digit(*low)?) as u8);
    pairs.iter().map(byte).collect()
}
