//! Which rows of the open page have a value.

use arrow_buffer::{BooleanBufferBuilder, NullBuffer};

use super::hybrid;

/// Definition levels of a flat column: 1 for a value, 0 for null.
pub(super) struct Levels {
    nullable: bool,
    rows: usize,
    nulls: usize,
    /// Made at the first null.
    bits: Option<BooleanBufferBuilder>,
}

impl Levels {
    pub(super) fn new(nullable: bool) -> Self {
        Self {
            nullable,
            rows: 0,
            nulls: 0,
            bits: None,
        }
    }

    /// Adds rows; `nulls` says which of them have no value.
    pub(super) fn add(&mut self, rows: usize, nulls: Option<&NullBuffer>) {
        match nulls.filter(|nulls| nulls.null_count() > 0) {
            None => {
                if let Some(bits) = &mut self.bits {
                    bits.append_n(rows, true);
                }
            }
            Some(nulls) => {
                let before = self.rows;
                let bits = self.bits.get_or_insert_with(|| {
                    let mut bits = BooleanBufferBuilder::new(before + rows);
                    bits.append_n(before, true);
                    bits
                });
                bits.append_buffer(nulls.inner());
                self.nulls += nulls.null_count();
            }
        }
        self.rows += rows;
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn nulls(&self) -> usize {
        self.nulls
    }

    /// Writes the levels as a data page of version 1 has them, and starts anew.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        if self.nullable {
            let start = out.len();
            out.extend_from_slice(&[0; 4]);
            match &mut self.bits {
                None => hybrid::run(self.rows, 1, 1, out),
                Some(bits) => hybrid::encode_bits(bits.as_slice(), self.rows, out),
            }
            let length = (out.len() - start - 4) as u32;
            out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        }
        *self = Self::new(self.nullable);
    }
}
