//! Columns of a batch as slices of values, taken out of their arrays once per batch.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType,
    RunEndIndexType, StringViewType, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, GenericByteViewArray,
    LargeBinaryArray,
};
use arrow_buffer::{BooleanBuffer, i256};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

use super::buffer::{Special, Text};
use crate::scalar::write::{
    Dates, Interval, base64, date, decimal128, decimal256, duration, float16, float32, float64,
    interval, signed, time_of_day, timestamp, unsigned,
};

type Native<T> = <T as ArrowPrimitiveType>::Native;

/// Values of one type, except strings and what is made of other columns.
pub(crate) enum Scalar<'a> {
    Boolean(&'a BooleanBuffer),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float16(&'a [Native<Float16Type>]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal32(&'a [i32], i8),
    Decimal64(&'a [i64], i8),
    Decimal128(&'a [i128], i8),
    Decimal256(&'a [i256], i8),
    Date32(&'a [i32], Dates),
    Date64(&'a [i64], Dates),
    Time32(&'a [i32], TimeUnit),
    Time64(&'a [i64], TimeUnit),
    /// Unit, and whether the values are instants.
    Timestamp(&'a [i64], TimeUnit, bool, Dates),
    Duration(&'a [i64], TimeUnit),
    Months(&'a [Native<IntervalYearMonthType>]),
    DayTimes(&'a [Native<IntervalDayTimeType>]),
    MonthDayNanos(&'a [Native<IntervalMonthDayNanoType>]),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    FixedSizeBinary(&'a FixedSizeBinaryArray),
}

/// Strings in any of their layouts.
pub(crate) enum Strings<'a> {
    Utf8(&'a [i32], &'a [u8]),
    LargeUtf8(&'a [i64], &'a [u8]),
    Utf8View(&'a GenericByteViewArray<StringViewType>),
}

impl<'a> Scalar<'a> {
    /// Takes the values out of an array; `None` when its type is none of these.
    pub(crate) fn new(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Boolean => Self::Boolean(array.as_boolean().values()),
            DataType::Int8 => Self::Int8(values::<Int8Type>(array)),
            DataType::Int16 => Self::Int16(values::<Int16Type>(array)),
            DataType::Int32 => Self::Int32(values::<Int32Type>(array)),
            DataType::Int64 => Self::Int64(values::<Int64Type>(array)),
            DataType::UInt8 => Self::UInt8(values::<UInt8Type>(array)),
            DataType::UInt16 => Self::UInt16(values::<UInt16Type>(array)),
            DataType::UInt32 => Self::UInt32(values::<UInt32Type>(array)),
            DataType::UInt64 => Self::UInt64(values::<UInt64Type>(array)),
            DataType::Float16 => Self::Float16(values::<Float16Type>(array)),
            DataType::Float32 => Self::Float32(values::<Float32Type>(array)),
            DataType::Float64 => Self::Float64(values::<Float64Type>(array)),
            DataType::Decimal32(_, s) => Self::Decimal32(values::<Decimal32Type>(array), *s),
            DataType::Decimal64(_, s) => Self::Decimal64(values::<Decimal64Type>(array), *s),
            DataType::Decimal128(_, s) => Self::Decimal128(values::<Decimal128Type>(array), *s),
            DataType::Decimal256(_, s) => Self::Decimal256(values::<Decimal256Type>(array), *s),
            DataType::Binary => Self::Binary(array.as_binary()),
            DataType::LargeBinary => Self::LargeBinary(array.as_binary()),
            DataType::BinaryView => Self::BinaryView(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => Self::FixedSizeBinary(array.as_fixed_size_binary()),
            _ => return Self::temporal(array),
        })
    }

    fn temporal(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Date32 => Self::Date32(values::<Date32Type>(array), Dates::new()),
            DataType::Date64 => Self::Date64(values::<Date64Type>(array), Dates::new()),
            DataType::Time32(unit) => match unit {
                TimeUnit::Second => Self::Time32(values::<Time32SecondType>(array), *unit),
                _ => Self::Time32(values::<Time32MillisecondType>(array), *unit),
            },
            DataType::Time64(unit) => match unit {
                TimeUnit::Microsecond => {
                    Self::Time64(values::<Time64MicrosecondType>(array), *unit)
                }
                _ => Self::Time64(values::<Time64NanosecondType>(array), *unit),
            },
            DataType::Timestamp(unit, zone) => {
                let values = match unit {
                    TimeUnit::Second => values::<TimestampSecondType>(array),
                    TimeUnit::Millisecond => values::<TimestampMillisecondType>(array),
                    TimeUnit::Microsecond => values::<TimestampMicrosecondType>(array),
                    TimeUnit::Nanosecond => values::<TimestampNanosecondType>(array),
                };
                Self::Timestamp(values, *unit, zone.is_some(), Dates::new())
            }
            DataType::Duration(unit) => {
                let values = match unit {
                    TimeUnit::Second => values::<DurationSecondType>(array),
                    TimeUnit::Millisecond => values::<DurationMillisecondType>(array),
                    TimeUnit::Microsecond => values::<DurationMicrosecondType>(array),
                    TimeUnit::Nanosecond => values::<DurationNanosecondType>(array),
                };
                Self::Duration(values, *unit)
            }
            DataType::Interval(unit) => match unit {
                IntervalUnit::YearMonth => Self::Months(values::<IntervalYearMonthType>(array)),
                IntervalUnit::DayTime => Self::DayTimes(values::<IntervalDayTimeType>(array)),
                IntervalUnit::MonthDayNano => {
                    Self::MonthDayNanos(values::<IntervalMonthDayNanoType>(array))
                }
            },
            _ => return None,
        })
    }

    /// Says whether JSON can hold the text without quotes.
    pub(crate) fn is_bare(&self) -> bool {
        matches!(
            self,
            Self::Boolean(_)
                | Self::Int8(_)
                | Self::Int16(_)
                | Self::Int32(_)
                | Self::Int64(_)
                | Self::UInt8(_)
                | Self::UInt16(_)
                | Self::UInt32(_)
                | Self::UInt64(_)
                | Self::Float16(_)
                | Self::Float32(_)
                | Self::Float64(_)
                | Self::Decimal32(..)
                | Self::Decimal64(..)
                | Self::Decimal128(..)
                | Self::Decimal256(..)
        )
    }

    /// Says whether the text is base64.
    pub(crate) fn is_binary(&self) -> bool {
        matches!(
            self,
            Self::Binary(_) | Self::LargeBinary(_) | Self::BinaryView(_) | Self::FixedSizeBinary(_)
        )
    }

    /// Writes the value of a row that is not null.
    #[inline(always)]
    pub(crate) fn write(&self, row: usize, text: &mut Text) {
        match self {
            Self::Int32(values) => signed(values[row].into(), text),
            Self::Int64(values) => signed(values[row], text),
            Self::Float64(values) => float64(values[row], text),
            Self::Decimal128(values, scale) => decimal128(values[row], *scale, text),
            Self::Date32(values, dates) => date(values[row].into(), *dates, text),
            Self::Timestamp(values, unit, instant, dates) => {
                timestamp(values[row], *unit, *instant, *dates, text);
            }
            _ => self.write_rarer(row, text),
        }
    }

    #[inline(never)]
    fn write_rarer(&self, row: usize, text: &mut Text) {
        match self {
            Self::Boolean(values) if values.value(row) => text.put(*b"true", 4),
            Self::Boolean(_) => text.put(*b"false\0\0\0", 5),
            Self::Int8(values) => signed(values[row].into(), text),
            Self::Int16(values) => signed(values[row].into(), text),
            Self::UInt8(values) => unsigned(values[row].into(), text),
            Self::UInt16(values) => unsigned(values[row].into(), text),
            Self::UInt32(values) => unsigned(values[row].into(), text),
            Self::UInt64(values) => unsigned(values[row], text),
            Self::Float16(values) => float16(values[row], text),
            Self::Float32(values) => float32(values[row], text),
            Self::Decimal32(values, scale) => decimal128(values[row].into(), *scale, text),
            Self::Decimal64(values, scale) => decimal128(values[row].into(), *scale, text),
            Self::Decimal256(values, scale) => decimal256(values[row], *scale, text),
            Self::Date64(values, dates) => date_or_time(values[row], *dates, text),
            Self::Time32(values, unit) => time_of_day(values[row].into(), *unit, text),
            Self::Time64(values, unit) => time_of_day(values[row], *unit, text),
            Self::Duration(values, unit) => duration(values[row], *unit, text),
            Self::Months(values) => interval(Interval::of_months(values[row]), text),
            Self::DayTimes(values) => {
                let value = values[row];
                interval(Interval::of_days(value.days, value.milliseconds), text);
            }
            Self::MonthDayNanos(values) => {
                let value = values[row];
                let parts = Interval::new(value.months, value.days, value.nanoseconds);
                interval(parts, text);
            }
            Self::Binary(array) => base64(array.value(row), text),
            Self::LargeBinary(array) => base64(array.value(row), text),
            Self::BinaryView(array) => base64(array.value(row), text),
            Self::FixedSizeBinary(array) => base64(array.value(row), text),
            Self::Int32(_)
            | Self::Int64(_)
            | Self::Float64(_)
            | Self::Decimal128(..)
            | Self::Date32(..)
            | Self::Timestamp(..) => {}
        }
    }
}

impl<'a> Strings<'a> {
    /// Takes the strings out of an array; `None` when it holds none.
    pub(crate) fn new(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Utf8 => {
                let array = array.as_string::<i32>();
                Self::Utf8(array.value_offsets(), array.values())
            }
            DataType::LargeUtf8 => {
                let array = array.as_string::<i64>();
                Self::LargeUtf8(array.value_offsets(), array.values())
            }
            DataType::Utf8View => Self::Utf8View(array.as_string_view()),
            _ => return None,
        })
    }

    /// Appends the string as it is and says whether a special byte is in it.
    #[inline(always)]
    pub(crate) fn copy(&self, row: usize, text: &mut Text, special: impl Special) -> bool {
        match self {
            Self::Utf8(offsets, bytes) => {
                let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
                text.string(bytes, start, end - start, special)
            }
            Self::LargeUtf8(offsets, bytes) => {
                let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
                text.string(bytes, start, end - start, special)
            }
            Self::Utf8View(array) => {
                let view = array.views()[row];
                let length = view as u32 as usize;
                if length <= 12 {
                    return text.block((view >> 32).to_le_bytes(), length, special);
                }
                let (buffer, start) = ((view >> 64) as u32, (view >> 96) as u32);
                let buffer = &array.data_buffers()[buffer as usize];
                text.string(buffer, start as usize, length, special)
            }
        }
    }

    /// Gives the string.
    pub(crate) fn get(&self, row: usize) -> &'a [u8] {
        match self {
            Self::Utf8(offsets, bytes) => &bytes[offsets[row] as usize..offsets[row + 1] as usize],
            Self::LargeUtf8(offsets, bytes) => {
                &bytes[offsets[row] as usize..offsets[row + 1] as usize]
            }
            Self::Utf8View(array) => array.value(row).as_bytes(),
        }
    }
}

/// Gives for each row of a dictionary or run-length column the row of its values that it stands
/// for, and those values; `None` for other columns.
///
/// Rows that are null by their key have no meaning here.
pub(crate) fn indirect(array: &dyn Array) -> Option<(Vec<usize>, &ArrayRef)> {
    match array.data_type() {
        DataType::Dictionary(_, _) => {
            let array = array.as_any_dictionary();
            let rows = match array.values().is_empty() {
                true => vec![0; array.len()],
                false => array.normalized_keys(),
            };
            Some((rows, array.values()))
        }
        DataType::RunEndEncoded(ends, _) => Some(match ends.data_type() {
            DataType::Int16 => runs::<Int16Type>(array),
            DataType::Int32 => runs::<Int32Type>(array),
            _ => runs::<Int64Type>(array),
        }),
        _ => None,
    }
}

fn runs<R: RunEndIndexType>(array: &dyn Array) -> (Vec<usize>, &ArrayRef) {
    let array = array.as_run::<R>();
    let rows = (0..array.len()).map(|row| array.get_physical_index(row));
    (rows.collect(), array.values())
}

fn values<T: ArrowPrimitiveType>(array: &dyn Array) -> &[T::Native] {
    array.as_primitive::<T>().values()
}

/// Writes milliseconds as a date, with the time behind it when they are not whole days.
fn date_or_time(value: i64, dates: Dates, text: &mut Text) {
    const DAY: i64 = 86_400_000;
    if value % DAY == 0 {
        date(value / DAY, dates, text);
    } else {
        timestamp(value, TimeUnit::Millisecond, false, dates, text);
    }
}
