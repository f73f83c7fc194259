//! Columns of fixed width: numbers, dates, times.

use std::mem;
use std::sync::Arc;

use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::ScalarBuffer;
use arrow_schema::DataType;
use velo_core::Result;

use super::fields::TakeTexts;
use super::validity::Validity;
use super::{ColumnBuilder, Fields};

/// Builds a column of values that `parse` reads.
pub(super) struct Numbers<T: ArrowPrimitiveType, P> {
    data_type: DataType,
    parse: P,
    values: Vec<T::Native>,
    validity: Validity,
}

impl<T: ArrowPrimitiveType, P> Numbers<T, P> {
    pub(super) fn new(data_type: DataType, parse: P) -> Self {
        Self {
            data_type,
            parse,
            values: Vec::new(),
            validity: Validity::new(),
        }
    }
}

impl<T, P> ColumnBuilder for Numbers<T, P>
where
    T: ArrowPrimitiveType,
    P: Fn(&[u8]) -> Option<T::Native> + Send,
{
    fn append(&mut self, text: &[u8]) -> bool {
        let value = (self.parse)(text);
        self.values.push(value.unwrap_or_default());
        self.validity.append(value.is_some());
        value.is_some()
    }

    fn append_null(&mut self) {
        self.values.push(T::Native::default());
        self.validity.append(false);
    }

    fn append_fields(&mut self, fields: &Fields<'_>, refused: &mut Vec<u32>) {
        self.values.reserve(fields.len());
        fields.feed(&mut Filling {
            column: self,
            refused,
        });
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        // The next batch will most likely be as long.
        let next = Vec::with_capacity(self.values.len());
        let values = ScalarBuffer::from(mem::replace(&mut self.values, next));
        let array = PrimitiveArray::<T>::try_new(values, self.validity.finish());
        let array = array.map_err(super::create::refused)?;
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }
}

struct Filling<'c, T: ArrowPrimitiveType, P> {
    column: &'c mut Numbers<T, P>,
    refused: &'c mut Vec<u32>,
}

impl<T, P> TakeTexts for Filling<'_, T, P>
where
    T: ArrowPrimitiveType,
    P: Fn(&[u8]) -> Option<T::Native>,
{
    #[inline]
    fn take_texts<'a>(&mut self, texts: impl Iterator<Item = Option<&'a [u8]>>) {
        for (record, text) in texts.enumerate() {
            let value = text.and_then(&self.column.parse);
            self.column.values.push(value.unwrap_or_default());
            self.column.validity.append(value.is_some());
            if value.is_none() && text.is_some() {
                self.refused.push(record as u32);
            }
        }
    }
}
