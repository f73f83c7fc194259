//! One value of a record, for users who think in rows.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types as t;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::i256;
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

use crate::{Error, ErrorKind, Result};

mod shown;

/// A value without loss: integers keep their sign and width, decimals their scale, times their
/// unit and zone.
///
/// ```
/// use velo_core::FieldValue;
/// let value = FieldValue::from("text");
/// assert_eq!(value.as_str(), Some("text"));
/// assert_eq!(FieldValue::from(5_i64).as_i64(), Some(5));
/// assert!(FieldValue::Null.is_null());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FieldValue<'a> {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A signed integer of 8 to 64 bits.
    Int64(i64),
    /// An unsigned integer of 8 to 64 bits.
    UInt64(u64),
    /// A float of 16 or 32 bits.
    Float32(f32),
    /// A float of 64 bits.
    Float64(f64),
    /// An exact decimal: `unscaled` times ten to the power of minus `scale`.
    Decimal {
        /// The digits as an integer.
        unscaled: i256,
        /// How many of them stand behind the point.
        scale: i8,
    },
    /// Text.
    Utf8(Cow<'a, str>),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Milliseconds since 1970-01-01 of a `Date64`.
    Date64(i64),
    /// Time since midnight.
    Time(i64, TimeUnit),
    /// Time since 1970-01-01, in UTC where there is a zone, else in nobody's zone.
    Timestamp(i64, TimeUnit, Option<Arc<str>>),
    /// A length of time.
    Duration(i64, TimeUnit),
    /// Calendar time: months, days, nanoseconds.
    Interval {
        /// Whole months.
        months: i32,
        /// Whole days.
        days: i32,
        /// Nanoseconds.
        nanoseconds: i64,
    },
    /// Values of one type.
    List(Vec<FieldValue<'a>>),
    /// Named values.
    Struct(Vec<(Arc<str>, FieldValue<'a>)>),
    /// Keys and values.
    Map(Vec<(FieldValue<'a>, FieldValue<'a>)>),
}

impl<'a> FieldValue<'a> {
    /// Says whether there is no value.
    ///
    /// ```
    /// assert!(!velo_core::FieldValue::from(false).is_null());
    /// ```
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Gives the text, if it is text.
    ///
    /// ```
    /// assert_eq!(velo_core::FieldValue::from(1_i64).as_str(), None);
    /// ```
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Utf8(text) => Some(text),
            _ => None,
        }
    }

    /// Gives the integer, if it is one that an `i64` holds.
    ///
    /// ```
    /// assert_eq!(velo_core::FieldValue::from(u64::MAX).as_i64(), None);
    /// ```
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int64(value) => Some(*value),
            Self::UInt64(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// Gives the float, if it is one; never an approximated integer or decimal.
    ///
    /// ```
    /// assert_eq!(velo_core::FieldValue::from(0.5).as_f64(), Some(0.5));
    /// ```
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float32(value) => Some(f64::from(*value)),
            Self::Float64(value) => Some(*value),
            _ => None,
        }
    }

    /// Gives the truth value, if it is one.
    ///
    /// ```
    /// assert_eq!(velo_core::FieldValue::from(true).as_bool(), Some(true));
    /// ```
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// Copies borrowed text and bytes, so that the value outlives its batch.
    ///
    /// ```
    /// let owned: velo_core::FieldValue<'static> = velo_core::FieldValue::from("a").into_owned();
    /// assert_eq!(owned.as_str(), Some("a"));
    /// ```
    #[must_use]
    pub fn into_owned(self) -> FieldValue<'static> {
        match self {
            Self::Utf8(text) => FieldValue::Utf8(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => FieldValue::Binary(Cow::Owned(bytes.into_owned())),
            Self::List(items) => {
                FieldValue::List(items.into_iter().map(Self::into_owned).collect())
            }
            Self::Struct(fields) => FieldValue::Struct(
                fields
                    .into_iter()
                    .map(|(name, value)| (name, value.into_owned()))
                    .collect(),
            ),
            Self::Map(entries) => FieldValue::Map(
                entries
                    .into_iter()
                    .map(|(k, v)| (k.into_owned(), v.into_owned()))
                    .collect(),
            ),
            Self::Null => FieldValue::Null,
            Self::Boolean(v) => FieldValue::Boolean(v),
            Self::Int64(v) => FieldValue::Int64(v),
            Self::UInt64(v) => FieldValue::UInt64(v),
            Self::Float32(v) => FieldValue::Float32(v),
            Self::Float64(v) => FieldValue::Float64(v),
            Self::Decimal { unscaled, scale } => FieldValue::Decimal { unscaled, scale },
            Self::Date(v) => FieldValue::Date(v),
            Self::Date64(v) => FieldValue::Date64(v),
            Self::Time(v, unit) => FieldValue::Time(v, unit),
            Self::Timestamp(v, unit, zone) => FieldValue::Timestamp(v, unit, zone),
            Self::Duration(v, unit) => FieldValue::Duration(v, unit),
            Self::Interval {
                months,
                days,
                nanoseconds,
            } => FieldValue::Interval {
                months,
                days,
                nanoseconds,
            },
        }
    }

    /// Reads one place of a column.
    ///
    /// # Errors
    /// `Unsupported` for a type that velo does not carry; `InvalidInput` beyond the end.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, Int64Array};
    /// let column: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    /// assert_eq!(velo_core::FieldValue::read(&column, 0)?.as_i64(), Some(7));
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn read(column: &'a ArrayRef, row: usize) -> Result<Self> {
        if row >= column.len() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "row is beyond the end of the column",
            ));
        }
        if column.is_null(row) {
            return Ok(Self::Null);
        }
        read_valid(column, row)
    }
}

fn read_valid(column: &ArrayRef, row: usize) -> Result<FieldValue<'_>> {
    use FieldValue as V;
    Ok(match column.data_type() {
        DataType::Null => V::Null,
        DataType::Boolean => V::Boolean(column.as_boolean().value(row)),
        DataType::Int8 => V::Int64(column.as_primitive::<t::Int8Type>().value(row).into()),
        DataType::Int16 => V::Int64(column.as_primitive::<t::Int16Type>().value(row).into()),
        DataType::Int32 => V::Int64(column.as_primitive::<t::Int32Type>().value(row).into()),
        DataType::Int64 => V::Int64(column.as_primitive::<t::Int64Type>().value(row)),
        DataType::UInt8 => V::UInt64(column.as_primitive::<t::UInt8Type>().value(row).into()),
        DataType::UInt16 => V::UInt64(column.as_primitive::<t::UInt16Type>().value(row).into()),
        DataType::UInt32 => V::UInt64(column.as_primitive::<t::UInt32Type>().value(row).into()),
        DataType::UInt64 => V::UInt64(column.as_primitive::<t::UInt64Type>().value(row)),
        DataType::Float16 => V::Float32(column.as_primitive::<t::Float16Type>().value(row).into()),
        DataType::Float32 => V::Float32(column.as_primitive::<t::Float32Type>().value(row)),
        DataType::Float64 => V::Float64(column.as_primitive::<t::Float64Type>().value(row)),
        DataType::Utf8 => V::Utf8(column.as_string::<i32>().value(row).into()),
        DataType::LargeUtf8 => V::Utf8(column.as_string::<i64>().value(row).into()),
        DataType::Utf8View => V::Utf8(column.as_string_view().value(row).into()),
        DataType::Binary => V::Binary(column.as_binary::<i32>().value(row).into()),
        DataType::LargeBinary => V::Binary(column.as_binary::<i64>().value(row).into()),
        DataType::BinaryView => V::Binary(column.as_binary_view().value(row).into()),
        DataType::FixedSizeBinary(_) => V::Binary(column.as_fixed_size_binary().value(row).into()),
        DataType::Date32 => V::Date(column.as_primitive::<t::Date32Type>().value(row)),
        DataType::Date64 => V::Date64(column.as_primitive::<t::Date64Type>().value(row)),
        DataType::Decimal32(_, scale) => decimal(
            column.as_primitive::<t::Decimal32Type>().value(row).into(),
            *scale,
        ),
        DataType::Decimal64(_, scale) => decimal(
            column.as_primitive::<t::Decimal64Type>().value(row).into(),
            *scale,
        ),
        DataType::Decimal128(_, scale) => decimal(
            column.as_primitive::<t::Decimal128Type>().value(row),
            *scale,
        ),
        DataType::Decimal256(_, scale) => {
            let unscaled = column.as_primitive::<t::Decimal256Type>().value(row);
            V::Decimal {
                unscaled,
                scale: *scale,
            }
        }
        DataType::Time32(unit) | DataType::Time64(unit) => V::Time(integer(column, row), *unit),
        DataType::Duration(unit) => V::Duration(integer(column, row), *unit),
        DataType::Timestamp(unit, zone) => V::Timestamp(integer(column, row), *unit, zone.clone()),
        DataType::Interval(unit) => interval(column, *unit, row),
        _ => return nested(column, row),
    })
}

fn decimal(unscaled: i128, scale: i8) -> FieldValue<'static> {
    FieldValue::Decimal {
        unscaled: i256::from_i128(unscaled),
        scale,
    }
}

/// Reads the integer under a time, duration or timestamp of 32 or 64 bits.
fn integer(column: &ArrayRef, row: usize) -> i64 {
    let data = column.to_data();
    match data.data_type().primitive_width() {
        Some(4) => data.buffer::<i32>(0)[row].into(),
        _ => data.buffer::<i64>(0)[row],
    }
}

fn interval(column: &ArrayRef, unit: IntervalUnit, row: usize) -> FieldValue<'static> {
    let (months, days, nanoseconds) = match unit {
        IntervalUnit::YearMonth => (
            column.as_primitive::<t::IntervalYearMonthType>().value(row),
            0,
            0,
        ),
        IntervalUnit::DayTime => {
            let value = column.as_primitive::<t::IntervalDayTimeType>().value(row);
            (0, value.days, i64::from(value.milliseconds) * 1_000_000)
        }
        IntervalUnit::MonthDayNano => {
            let value = column
                .as_primitive::<t::IntervalMonthDayNanoType>()
                .value(row);
            (value.months, value.days, value.nanoseconds)
        }
    };
    FieldValue::Interval {
        months,
        days,
        nanoseconds,
    }
}

fn nested(column: &ArrayRef, row: usize) -> Result<FieldValue<'_>> {
    Ok(match column.data_type() {
        DataType::Struct(fields) => {
            let columns = column.as_struct().columns().iter();
            let named = columns.zip(fields).map(|(column, field)| {
                Ok((
                    Arc::from(field.name().as_str()),
                    FieldValue::read(column, row)?,
                ))
            });
            FieldValue::Struct(named.collect::<Result<_>>()?)
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            let (from, to) = (list.value_offsets()[row], list.value_offsets()[row + 1]);
            items(list.values(), from as usize, to as usize)?
        }
        DataType::LargeList(_) => {
            let list = column.as_list::<i64>();
            let (from, to) = (list.value_offsets()[row], list.value_offsets()[row + 1]);
            items(list.values(), from as usize, to as usize)?
        }
        DataType::FixedSizeList(_, _) => {
            let list = column.as_fixed_size_list();
            let from = list.value_offset(row) as usize;
            items(list.values(), from, from + list.value_length() as usize)?
        }
        DataType::Map(_, _) => {
            let map = column.as_map();
            let (from, to) = (
                map.value_offsets()[row] as usize,
                map.value_offsets()[row + 1] as usize,
            );
            let entry = |at| {
                Ok((
                    FieldValue::read(map.keys(), at)?,
                    FieldValue::read(map.values(), at)?,
                ))
            };
            FieldValue::Map((from..to).map(entry).collect::<Result<_>>()?)
        }
        DataType::Dictionary(_, _) => {
            let dictionary = column.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            FieldValue::read(dictionary.values(), key)?
        }
        other => {
            return Err(
                Error::new(ErrorKind::Unsupported, "type has no row view").with("type", other)
            );
        }
    })
}

fn items(values: &ArrayRef, from: usize, to: usize) -> Result<FieldValue<'_>> {
    let items = (from..to).map(|at| FieldValue::read(values, at));
    Ok(FieldValue::List(items.collect::<Result<_>>()?))
}

macro_rules! from {
    ($($from:ty => $variant:ident,)*) => {$(
        impl From<$from> for FieldValue<'_> {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Boolean,
    i8 => Int64, i16 => Int64, i32 => Int64, i64 => Int64,
    u8 => UInt64, u16 => UInt64, u32 => UInt64, u64 => UInt64,
    f32 => Float32, f64 => Float64,
    String => Utf8, Vec<u8> => Binary,
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::Utf8(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a [u8]> for FieldValue<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(Cow::Borrowed(bytes))
    }
}

impl<'a, T: Into<FieldValue<'a>>> From<Option<T>> for FieldValue<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
