//! The builder for each type, and what to call what it expects.

use arrow_array::ArrowPrimitiveType;
use arrow_array::types as t;
use arrow_buffer::i256;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use velo_core::{Error, ErrorKind, Result};

use super::binary::Binaries;
use super::boolean::Booleans;
use super::number::Numbers;
use super::text::Texts;
use super::{ColumnBuilder, Spelling};
use crate::scalar;

type Boxed = Box<dyn ColumnBuilder>;

/// Chooses the builder for a type.
///
/// # Errors
/// `Unsupported` for a type that has no text form.
///
/// ```
/// use arrow_schema::DataType;
/// use velo_format::column::{Spelling, column_builder};
/// let mut column = column_builder(&DataType::Int32, Spelling::Any)?;
/// assert!(column.append(b"17"));
/// assert!(!column.append(b"seventeen"));
/// assert_eq!(column.finish()?.len(), 2);
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn column_builder(data_type: &DataType, spelling: Spelling) -> Result<Boxed> {
    Ok(match data_type {
        DataType::Boolean => Box::new(Booleans::new()),
        DataType::Int8 => integers::<t::Int8Type>(spelling),
        DataType::Int16 => integers::<t::Int16Type>(spelling),
        DataType::Int32 => integers::<t::Int32Type>(spelling),
        DataType::Int64 => integers::<t::Int64Type>(spelling),
        DataType::UInt8 => integers::<t::UInt8Type>(spelling),
        DataType::UInt16 => integers::<t::UInt16Type>(spelling),
        DataType::UInt32 => integers::<t::UInt32Type>(spelling),
        DataType::UInt64 => integers::<t::UInt64Type>(spelling),
        DataType::Float32 => numbers::<t::Float32Type>(data_type, scalar::parse_f32),
        DataType::Float64 => floats(spelling),
        DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => decimals(data_type, spelling),
        DataType::Utf8 => Box::new(Texts::new()),
        DataType::Binary => Box::new(Binaries::new()),
        DataType::Date32 => numbers::<t::Date32Type>(data_type, scalar::parse_date32),
        DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Duration(_)
        | DataType::Timestamp(_, _) => return times(data_type),
        other => return Err(unsupported(other)),
    })
}

/// Chooses the builder for a type whose fractions stand behind a comma: `1,5` or `1.234,56`. Types
/// without fractions are read as by [`column_builder`].
///
/// # Errors
/// As [`column_builder`].
///
/// ```
/// use arrow_schema::DataType;
/// use velo_format::column::{Spelling, comma_column_builder};
/// let mut column = comma_column_builder(&DataType::Float64, Spelling::Plain)?;
/// assert!(column.append(b"1.234,56"));
/// assert!(!column.append(b"1.5"));
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn comma_column_builder(data_type: &DataType, spelling: Spelling) -> Result<Boxed> {
    Ok(match data_type {
        DataType::Float32 => {
            numbers::<t::Float32Type>(data_type, with_comma(spelling, scalar::parse_f32))
        }
        DataType::Float64 => {
            numbers::<t::Float64Type>(data_type, with_comma(spelling, float(spelling)))
        }
        DataType::Decimal128(precision, scale) => {
            let parse = decimal128(*precision, *scale, spelling);
            numbers::<t::Decimal128Type>(data_type, with_comma(spelling, parse))
        }
        DataType::Decimal256(precision, scale) => {
            let parse = decimal256(*precision, *scale, spelling);
            numbers::<t::Decimal256Type>(data_type, with_comma(spelling, parse))
        }
        _ => return column_builder(data_type, spelling),
    })
}

fn with_comma<T>(
    spelling: Spelling,
    parse: impl Fn(&[u8]) -> Option<T> + Send + 'static,
) -> impl Fn(&[u8]) -> Option<T> + Send + 'static {
    move |text| parse(&scalar::with_point(text, spelling == Spelling::Any)?)
}

/// Says what a text that a builder refused is not: `not a whole number (int64)`.
#[must_use]
pub fn expectation(data_type: &DataType) -> String {
    let (what, name) = match data_type {
        DataType::Boolean => ("not true or false", "boolean".to_owned()),
        kind if kind.is_integer() => ("not a whole number", kind.to_string().to_ascii_lowercase()),
        DataType::Float32 | DataType::Float64 => {
            ("not a number", data_type.to_string().to_ascii_lowercase())
        }
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => (
            "not a decimal that fits without rounding",
            format!("decimal({precision},{scale})"),
        ),
        DataType::Utf8 => ("not valid UTF-8", "text".to_owned()),
        DataType::Binary => ("not base64", "binary".to_owned()),
        DataType::Date32 => ("not a date like 2024-12-31", "date".to_owned()),
        DataType::Time32(unit) | DataType::Time64(unit) => {
            ("not a time like 23:59:59", format!("time({unit})"))
        }
        DataType::Duration(unit) => ("not a duration like PT1.5S", format!("duration({unit})")),
        DataType::Timestamp(unit, None) => (
            "not a timestamp like 2024-12-31 23:59:59",
            format!("timestamp({unit})"),
        ),
        DataType::Timestamp(unit, Some(zone)) => (
            "not a timestamp like 2024-12-31T23:59:59Z",
            format!("timestamp({unit},{zone})"),
        ),
        other => ("not a value", other.to_string()),
    };
    format!("{what} ({name})")
}

pub(super) fn refused(error: ArrowError) -> Error {
    Error::new(ErrorKind::Unexpected, "build column").with_source(error)
}

fn unsupported(data_type: &DataType) -> Error {
    Error::new(ErrorKind::Unsupported, "type cannot be read from text").with("type", data_type)
}

fn numbers<T: ArrowPrimitiveType>(
    data_type: &DataType,
    parse: impl Fn(&[u8]) -> Option<T::Native> + Send + 'static,
) -> Boxed {
    Box::new(Numbers::<T, _>::new(data_type.clone(), parse))
}

fn integers<T: ArrowPrimitiveType>(spelling: Spelling) -> Boxed
where
    T::Native: scalar::Integer,
{
    match spelling {
        Spelling::Any => numbers::<T>(&T::DATA_TYPE, scalar::parse_integer),
        Spelling::Plain => numbers::<T>(&T::DATA_TYPE, |text| {
            let lossy = scalar::has_padding(text) || text == b"-0";
            (!lossy).then(|| scalar::parse_integer(text)).flatten()
        }),
    }
}

fn floats(spelling: Spelling) -> Boxed {
    match spelling {
        Spelling::Any => numbers::<t::Float64Type>(&DataType::Float64, scalar::parse_f64),
        Spelling::Plain => numbers::<t::Float64Type>(&DataType::Float64, plain_float),
    }
}

fn plain_float(text: &[u8]) -> Option<f64> {
    (!scalar::has_padding(text))
        .then(|| scalar::parse_f64_exact(text))
        .flatten()
}

fn float(spelling: Spelling) -> fn(&[u8]) -> Option<f64> {
    match spelling {
        Spelling::Any => scalar::parse_f64,
        Spelling::Plain => plain_float,
    }
}

fn decimals(data_type: &DataType, spelling: Spelling) -> Boxed {
    match *data_type {
        DataType::Decimal256(precision, scale) => {
            numbers::<t::Decimal256Type>(data_type, decimal256(precision, scale, spelling))
        }
        DataType::Decimal128(precision, scale) => {
            numbers::<t::Decimal128Type>(data_type, decimal128(precision, scale, spelling))
        }
        _ => Box::new(Texts::new()),
    }
}

fn decimal128(
    precision: u8,
    scale: i8,
    spelling: Spelling,
) -> impl Fn(&[u8]) -> Option<i128> + Send + 'static {
    move |text| {
        (!is_lossy(text, spelling))
            .then(|| scalar::parse_decimal128(text, precision, scale))
            .flatten()
    }
}

fn decimal256(
    precision: u8,
    scale: i8,
    spelling: Spelling,
) -> impl Fn(&[u8]) -> Option<i256> + Send + 'static {
    move |text| {
        (!is_lossy(text, spelling))
            .then(|| scalar::parse_decimal256(text, precision, scale))
            .flatten()
    }
}

fn is_lossy(text: &[u8], spelling: Spelling) -> bool {
    spelling == Spelling::Plain && (scalar::has_padding(text) || is_negative_zero(text))
}

fn is_negative_zero(text: &[u8]) -> bool {
    text.starts_with(b"-0")
        && scalar::Number::parse(text).is_some_and(|number| number.digits.is_empty())
}

fn times(data_type: &DataType) -> Result<Boxed> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    Ok(match data_type {
        DataType::Time32(Second) => time32::<t::Time32SecondType>(Second),
        DataType::Time32(Millisecond) => time32::<t::Time32MillisecondType>(Millisecond),
        DataType::Time64(Microsecond) => time64::<t::Time64MicrosecondType>(Microsecond),
        DataType::Time64(Nanosecond) => time64::<t::Time64NanosecondType>(Nanosecond),
        DataType::Duration(Second) => duration::<t::DurationSecondType>(Second),
        DataType::Duration(Millisecond) => duration::<t::DurationMillisecondType>(Millisecond),
        DataType::Duration(Microsecond) => duration::<t::DurationMicrosecondType>(Microsecond),
        DataType::Duration(Nanosecond) => duration::<t::DurationNanosecondType>(Nanosecond),
        DataType::Timestamp(unit, zone) => {
            let zone = zone.as_deref();
            match unit {
                Second => timestamp::<t::TimestampSecondType>(data_type, *unit, zone),
                Millisecond => timestamp::<t::TimestampMillisecondType>(data_type, *unit, zone),
                Microsecond => timestamp::<t::TimestampMicrosecondType>(data_type, *unit, zone),
                Nanosecond => timestamp::<t::TimestampNanosecondType>(data_type, *unit, zone),
            }
        }
        other => return Err(unsupported(other)),
    })
}

fn time32<T: ArrowPrimitiveType<Native = i32>>(unit: TimeUnit) -> Boxed {
    numbers::<T>(&T::DATA_TYPE, move |text| {
        scalar::parse_time(text, unit)?.try_into().ok()
    })
}

fn time64<T: ArrowPrimitiveType<Native = i64>>(unit: TimeUnit) -> Boxed {
    numbers::<T>(&T::DATA_TYPE, move |text| scalar::parse_time(text, unit))
}

fn duration<T: ArrowPrimitiveType<Native = i64>>(unit: TimeUnit) -> Boxed {
    numbers::<T>(&T::DATA_TYPE, move |text| {
        scalar::parse_duration(text, unit)
    })
}

fn timestamp<T: ArrowPrimitiveType<Native = i64>>(
    data_type: &DataType,
    unit: TimeUnit,
    zone: Option<&str>,
) -> Boxed {
    match zone {
        None => numbers::<T>(data_type, move |text| scalar::parse_timestamp(text, unit)),
        Some(zone) => {
            let offset = scalar::zone_offset(zone);
            numbers::<T>(data_type, move |text| {
                scalar::parse_timestamp_in(text, unit, offset)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_type;
    use velo_core::FieldValue;

    fn read(kind: &str, spelling: Spelling, text: &str) -> Option<String> {
        let mut column = column_builder(&parse_type(kind).unwrap(), spelling).unwrap();
        let sound = column.append(text.as_bytes());
        let array = column.finish().unwrap();
        assert_eq!(array.data_type(), &parse_type(kind).unwrap());
        assert_eq!(array.is_null(0), !sound);
        sound.then(|| format!("{:?}", FieldValue::read(&array, 0).unwrap()))
    }

    #[test]
    fn every_type_but_lists_has_a_builder() {
        for (kind, good, bad) in [
            ("boolean", "true", "yes"),
            ("int8", "-128", "128"),
            ("uint16", "65535", "-1"),
            ("float32", "0.5", "half"),
            ("float64", "1e5", "1e"),
            ("decimal(10,2)", "1.5", "1.555"),
            ("decimal(50,2)", "1.5", "1.555"),
            ("binary", "AP8=", "AP8"),
            ("date", "2024-02-29", "2023-02-29"),
            ("time(s)", "12:00:00", "12:00:00.5"),
            ("time(ns)", "12:00:00.123456789", "noon"),
            (
                "timestamp(ms)",
                "2024-01-01 00:00:00.123",
                "2024-01-01 00:00:00Z",
            ),
            ("timestamp(us,UTC)", "2024-01-01T00:00:00Z", "2024-01-01"),
            (
                "timestamp(s,Europe/Berlin)",
                "2024-01-01 00:00:00+01",
                "2024-01-01 00:00:00",
            ),
            ("duration(ms)", "PT1.5S", "PT0.0001S"),
        ] {
            assert!(read(kind, Spelling::Any, good).is_some(), "{kind} {good}");
            assert!(read(kind, Spelling::Any, bad).is_none(), "{kind} {bad}");
        }
        assert_eq!(
            read("binary", Spelling::Any, "AP8="),
            Some("Binary([0, 255])".to_owned())
        );
        let error = column_builder(&parse_type("list(text)").unwrap(), Spelling::Any).err();
        assert_eq!(error.unwrap().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn plain_spelling_loses_nothing() {
        for (kind, text) in [
            ("int64", "007"),
            ("int64", "+7"),
            ("int64", "-0"),
            ("float64", "007.5"),
            ("float64", "0.1234567890123456789"),
            ("decimal(10,2)", "00.5"),
            ("decimal(10,2)", "-0.00"),
        ] {
            assert!(read(kind, Spelling::Any, text).is_some(), "{kind} {text}");
            assert!(read(kind, Spelling::Plain, text).is_none(), "{kind} {text}");
        }
        assert!(read("float64", Spelling::Plain, "-0.0").is_some());
    }

    #[test]
    fn text_that_is_no_utf8_is_found_out_one_by_one() {
        // The two halves of a character are sound only when joined.
        let bytes = b"a\n\xc3\n\xa9\nb\n";
        let ends = [u32::MAX, 1, 3, 5, 7];
        let mut column = column_builder(&DataType::Utf8, Spelling::Any).unwrap();
        let mut refused = Vec::new();
        column.append_fields(
            &super::super::Fields::separated(bytes, &ends, 1, 0),
            &mut refused,
        );
        assert_eq!(refused, [1, 2]);
        assert_eq!(
            (column.len(), column.finish().unwrap().null_count()),
            (4, 2)
        );
    }
}
