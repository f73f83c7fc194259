//! Values in words: decimals with their point, times as ISO 8601 spells them.

use std::fmt::{self, Display, Formatter};

use arrow_array::temporal_conversions::{
    date32_to_datetime, date64_to_datetime, time64ns_to_time, timestamp_ms_to_datetime,
    timestamp_ns_to_datetime, timestamp_s_to_datetime, timestamp_us_to_datetime,
};
use arrow_buffer::i256;
use arrow_schema::TimeUnit;

use super::FieldValue;

impl Display for FieldValue<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Int64(value) => value.fmt(f),
            Self::UInt64(value) => value.fmt(f),
            Self::Float32(value) => value.fmt(f),
            Self::Float64(value) => value.fmt(f),
            Self::Utf8(text) => text.fmt(f),
            Self::Decimal { unscaled, scale } => decimal(*unscaled, *scale, f),
            Self::Binary(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Date(days) => match date32_to_datetime(*days) {
                Some(date) => write!(f, "{:?}", date.date()),
                None => write!(f, "{days} days"),
            },
            Self::Date64(millis) => match date64_to_datetime(*millis) {
                Some(date) => write!(f, "{:?}", date.date()),
                None => write!(f, "{millis} ms"),
            },
            Self::Time(value, unit) => time(*value, *unit, f),
            Self::Timestamp(value, unit, zone) => timestamp(*value, *unit, zone.is_some(), f),
            Self::Duration(value, unit) => write!(f, "{value} {}", unit_name(*unit)),
            Self::Interval {
                months,
                days,
                nanoseconds,
            } => write!(f, "{months} months {days} days {nanoseconds} ns"),
            Self::List(items) => {
                let items = items.iter().map(|item| (None::<&str>, item));
                between("[", items, "]", f)
            }
            Self::Struct(fields) => {
                let fields = fields.iter().map(|(name, value)| (Some(name), value));
                between("{", fields, "}", f)
            }
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (Some(key), value));
                between("{", entries, "}", f)
            }
        }
    }
}

fn between<'v, N: Display>(
    open: &str,
    items: impl Iterator<Item = (Option<N>, &'v FieldValue<'v>)>,
    close: &str,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    f.write_str(open)?;
    for (place, (name, value)) in items.enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        if let Some(name) = name {
            write!(f, "{name}: ")?;
        }
        value.fmt(f)?;
    }
    f.write_str(close)
}

fn decimal(unscaled: i256, scale: i8, f: &mut Formatter<'_>) -> fmt::Result {
    let digits = unscaled.to_string();
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", &*digits),
    };
    let behind = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        let zeros = if unscaled == i256::ZERO { 0 } else { behind };
        return write!(f, "{sign}{digits}{}", "0".repeat(zeros));
    }
    let padded = format!("{digits:0>width$}", width = behind + 1);
    let (whole, fraction) = padded.split_at(padded.len() - behind);
    write!(f, "{sign}{whole}.{fraction}")
}

fn time(value: i64, unit: TimeUnit, f: &mut Formatter<'_>) -> fmt::Result {
    let each = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    match value.checked_mul(each).and_then(time64ns_to_time) {
        Some(time) => write!(f, "{time:?}"),
        None => write!(f, "{value} {}", unit_name(unit)),
    }
}

fn timestamp(value: i64, unit: TimeUnit, zoned: bool, f: &mut Formatter<'_>) -> fmt::Result {
    let at = match unit {
        TimeUnit::Second => timestamp_s_to_datetime(value),
        TimeUnit::Millisecond => timestamp_ms_to_datetime(value),
        TimeUnit::Microsecond => timestamp_us_to_datetime(value),
        TimeUnit::Nanosecond => timestamp_ns_to_datetime(value),
    };
    let zone = if zoned { "Z" } else { "" };
    match at {
        Some(at) => write!(f, "{at:?}{zone}"),
        None => write!(f, "{value} {}", unit_name(unit)),
    }
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_people_spell_them() {
        let decimal = |unscaled: i128, scale| FieldValue::Decimal {
            unscaled: i256::from_i128(unscaled),
            scale,
        };
        let us = TimeUnit::Microsecond;
        for (value, shown) in [
            (decimal(53_400, 2), "534.00"),
            (decimal(-5, 2), "-0.05"),
            (decimal(0, 3), "0.000"),
            (decimal(12, -2), "1200"),
            (decimal(0, -2), "0"),
            (decimal(7, 0), "7"),
            (FieldValue::Date(-1), "1969-12-31"),
            (FieldValue::Date(i32::MAX), "2147483647 days"),
            (
                FieldValue::Timestamp(1_357_034_400_000_000, us, Some("UTC".into())),
                "2013-01-01T10:00:00Z",
            ),
            (
                FieldValue::Timestamp(-1, us, None),
                "1969-12-31T23:59:59.999999",
            ),
            (
                FieldValue::Timestamp(i64::MAX, TimeUnit::Second, None),
                "9223372036854775807 s",
            ),
            (
                FieldValue::Time(1_500, TimeUnit::Millisecond),
                "00:00:01.500",
            ),
            (FieldValue::from(&b"\x00\xff"[..]), "00ff"),
            (
                FieldValue::List(vec![FieldValue::Null, FieldValue::from("a")]),
                "[null, a]",
            ),
            (
                FieldValue::Struct(vec![("x".into(), FieldValue::from(1_i64))]),
                "{x: 1}",
            ),
            (
                FieldValue::Map(vec![(FieldValue::from("k"), FieldValue::from(true))]),
                "{k: true}",
            ),
        ] {
            assert_eq!(value.to_string(), shown, "{value:?}");
        }
    }
}
