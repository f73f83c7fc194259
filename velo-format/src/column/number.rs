//! Columns of fixed width: numbers, dates, times.

use std::mem;
use std::sync::Arc;

use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::{NullBufferBuilder, ScalarBuffer};
use arrow_schema::DataType;
use velo_core::Result;

use super::{ColumnBuilder, Fields};

/// Builds a column of values that `parse` reads.
pub(super) struct Numbers<T: ArrowPrimitiveType, P> {
    data_type: DataType,
    parse: P,
    values: Vec<T::Native>,
    validity: NullBufferBuilder,
}

impl<T: ArrowPrimitiveType, P> Numbers<T, P> {
    pub(super) fn new(data_type: DataType, parse: P) -> Self {
        Self {
            data_type,
            parse,
            values: Vec::new(),
            validity: NullBufferBuilder::new(0),
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
        self.validity.append_null();
    }

    fn append_fields(&mut self, fields: &Fields<'_>, refused: &mut Vec<u32>) {
        self.values.reserve(fields.len());
        let mut record = 0;
        fields.for_each(|text| {
            let value = text.and_then(&self.parse);
            self.values.push(value.unwrap_or_default());
            self.validity.append(value.is_some());
            if value.is_none() && text.is_some() {
                refused.push(record);
            }
            record += 1;
        });
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let values = ScalarBuffer::from(mem::take(&mut self.values));
        let array = PrimitiveArray::<T>::try_new(values, self.validity.finish());
        let array = array.map_err(super::create::refused)?;
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }
}
