//! Columns of truth values.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBufferBuilder, NullBufferBuilder};
use velo_core::Result;

use super::fields::OneByOne;
use super::{ColumnBuilder, Fields};
use crate::scalar::parse_bool;

/// Builds a column of truth values.
pub(super) struct Booleans {
    values: BooleanBufferBuilder,
    validity: NullBufferBuilder,
}

impl Booleans {
    pub(super) fn new() -> Self {
        Self {
            values: BooleanBufferBuilder::new(0),
            validity: NullBufferBuilder::new(0),
        }
    }
}

impl ColumnBuilder for Booleans {
    fn append(&mut self, text: &[u8]) -> bool {
        let value = parse_bool(text);
        self.values.append(value.unwrap_or_default());
        self.validity.append(value.is_some());
        value.is_some()
    }

    fn append_null(&mut self) {
        self.values.append(false);
        self.validity.append_null();
    }

    fn append_fields(&mut self, fields: &Fields<'_>, refused: &mut Vec<u32>) {
        fields.feed(&mut OneByOne {
            column: self,
            refused,
        });
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let values = self.values.finish();
        Ok(Arc::new(BooleanArray::new(values, self.validity.finish())))
    }
}
