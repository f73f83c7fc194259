//! Columns in the few types that are encoded.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date64Type, Time32SecondType, TimestampSecondType, UInt64Type};
use arrow_array::types::{Decimal128Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use std::sync::Arc;
use velo_core::{Error, ErrorKind, Result};

const DAY: i64 = 86_400_000;

/// Gives the same values in the type that they are encoded as.
///
/// # Errors
/// `InvalidData` for a value that the type in the file does not hold.
pub(super) fn canonical(array: &ArrayRef) -> Result<ArrayRef> {
    use DataType as T;
    let wanted = match array.data_type() {
        T::Dictionary(_, values) => return canonical(&cast(array, values)?),
        T::Int8 | T::Int16 | T::UInt8 | T::UInt16 => T::Int32,
        T::Date32 | T::Time32(TimeUnit::Millisecond) => T::Int32,
        T::UInt32 | T::Time64(_) => T::Int64,
        T::Timestamp(TimeUnit::Second, _) => return milliseconds(array),
        T::Timestamp(..) => T::Int64,
        T::Float16 => T::Float32,
        T::Decimal32(_, scale) | T::Decimal64(_, scale) => T::Decimal128(38, *scale),
        T::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            let wide: PrimitiveArray<Decimal128Type> = values.unary(i128::from);
            return Ok(Arc::new(wide));
        }
        T::Date64 => return days(array),
        T::Time32(_) => {
            let values = array.as_primitive::<Time32SecondType>();
            let of = |value: i32| value.checked_mul(1000).ok_or_else(|| beyond(array));
            let converted: PrimitiveArray<Int32Type> = values.try_unary(of)?;
            return Ok(Arc::new(converted));
        }
        _ => return Ok(array.clone()),
    };
    Ok(cast(array, &wanted)?)
}

fn milliseconds(array: &ArrayRef) -> Result<ArrayRef> {
    let values = array.as_primitive::<TimestampSecondType>();
    let of = |value: i64| value.checked_mul(1000).ok_or_else(|| beyond(array));
    let converted: PrimitiveArray<Int64Type> = values.try_unary(of)?;
    Ok(Arc::new(converted))
}

fn days(array: &ArrayRef) -> Result<ArrayRef> {
    let values = array.as_primitive::<Date64Type>();
    let converted: PrimitiveArray<Int32Type> = values.try_unary(|value: i64| {
        if value % DAY != 0 {
            return Err(
                Error::new(ErrorKind::InvalidData, "a date is not a whole day")
                    .with_hint("make the column a timestamp"),
            );
        }
        i32::try_from(value / DAY).map_err(|_| beyond(array))
    })?;
    Ok(Arc::new(converted))
}

fn beyond(array: &dyn Array) -> Error {
    Error::new(
        ErrorKind::InvalidData,
        "a value is beyond what avro's type holds",
    )
    .with("type", array.data_type())
    .with_hint("cast the column to int64 or text")
}
