//! One column of any supported type.

use arrow_array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use velo_core::{Error, ErrorKind, Result};

use super::{Random, flat, nested};

/// Every so many rows one is null.
const NULL_EVERY: usize = 5;

pub(super) fn column(
    of: &DataType,
    rows: usize,
    nullable: bool,
    random: &mut Random,
) -> Result<ArrayRef> {
    let shape = Shape { rows, nullable };
    flat::numbers(of, shape, random)
        .or_else(|| flat::times(of, shape, random))
        .or_else(|| flat::texts(of, shape, random))
        .map_or_else(|| nested::nested(of, shape, random), Ok)
}

pub(super) fn unsupported(of: &DataType) -> Error {
    Error::new(ErrorKind::Unsupported, "generate a column of this type").with("type", of)
}

/// How many values a column has, and whether some of them are null.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) nullable: bool,
}

impl Shape {
    pub(super) fn is_null(self, row: usize) -> bool {
        self.nullable && row % NULL_EVERY == NULL_EVERY - 1
    }

    pub(super) fn nulls(self) -> Option<NullBuffer> {
        let valid = (0..self.rows).map(|row| !self.is_null(row));
        self.nullable.then(|| valid.collect())
    }

    /// Gives the extremes in the first rows that are not null, then random values.
    pub(super) fn values<T: Clone>(
        self,
        extremes: &[T],
        mut value: impl FnMut() -> T,
    ) -> Vec<Option<T>> {
        let mut extremes = extremes.iter().cloned();
        (0..self.rows)
            .map(|row| {
                let present = !self.is_null(row);
                present.then(|| extremes.next().unwrap_or_else(&mut value))
            })
            .collect()
    }

    pub(super) fn primitive<T: ArrowPrimitiveType>(
        self,
        of: &DataType,
        extremes: &[T::Native],
        value: impl FnMut() -> T::Native,
    ) -> PrimitiveArray<T> {
        let values = self.values(extremes, value);
        PrimitiveArray::<T>::from_iter(values).with_data_type(of.clone())
    }
}
