//! Types as people write them: `int64`, `decimal(10,2)`, `timestamp(ms,UTC)`, `list(text)`.

use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};
use velo_core::{Error, ErrorKind, Result};

/// Reads `name:type` pairs separated by commas; commas inside parentheses belong to the type.
///
/// # Errors
/// `Config` naming the column or the type.
///
/// ```
/// let columns = velo_format::parse_columns("id:int64,price:decimal(10,2)")?;
/// assert_eq!(columns[1].0, "price");
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn parse_columns(text: &str) -> Result<Vec<(String, DataType)>> {
    let mut columns: Vec<(String, DataType)> = Vec::new();
    for pair in split_outside_parentheses(text) {
        // A colon inside parentheses is part of a time zone.
        let parameters = pair.find('(').unwrap_or(pair.len());
        let colon = pair[..parameters].rfind(':').filter(|colon| *colon > 0);
        let Some((name, kind)) = colon.map(|colon| (&pair[..colon], &pair[colon + 1..])) else {
            return Err(Error::new(ErrorKind::Config, "column has no type")
                .with("column", pair)
                .with_hint("write name:type, for example price:decimal(10,2)"));
        };
        if columns.iter().any(|(known, _)| known == name) {
            return Err(Error::new(ErrorKind::Config, "column stands twice").with("column", name));
        }
        columns.push((name.to_owned(), parse_type(kind)?));
    }
    Ok(columns)
}

/// Reads one type.
///
/// Names: `boolean`; `int8` to `int64`, `uint8` to `uint64`; `float32`, `float64`;
/// `decimal(precision,scale)` up to 76 digits; `text`; `binary`; `date`; `time(unit)`;
/// `timestamp(unit)` and `timestamp(unit,zone)`; `duration(unit)`, with the units `s`, `ms`, `us`
/// (when none is written) and `ns`; `list(type)`.
///
/// # Errors
/// `Config` naming the type and the nearest right one.
///
/// ```
/// use arrow_schema::DataType;
/// assert_eq!(velo_format::parse_type("text")?, DataType::Utf8);
/// assert_eq!(velo_format::parse_type("decimal(10,2)")?, DataType::Decimal128(10, 2));
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn parse_type(text: &str) -> Result<DataType> {
    let text = text.trim();
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (
            name.trim(),
            rest.strip_suffix(')').ok_or_else(|| refuse(text))?,
        ),
        None => (text, ""),
    };
    let lower = name.to_ascii_lowercase();
    let simple = match lower.as_str() {
        "boolean" | "bool" => DataType::Boolean,
        "int8" | "tinyint" => DataType::Int8,
        "int16" | "smallint" => DataType::Int16,
        "int32" | "int" | "integer" => DataType::Int32,
        "int64" | "bigint" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float32" | "float" | "real" => DataType::Float32,
        "float64" | "double" => DataType::Float64,
        "text" | "string" | "utf8" | "varchar" => DataType::Utf8,
        "binary" | "bytes" => DataType::Binary,
        "date" | "date32" => DataType::Date32,
        _ => return parametric(&lower, arguments, text),
    };
    if arguments.is_empty() {
        Ok(simple)
    } else {
        Err(refuse(text))
    }
}

fn parametric(name: &str, arguments: &str, text: &str) -> Result<DataType> {
    let parts: Vec<&str> = split_outside_parentheses(arguments)
        .map(str::trim)
        .collect();
    let unit = |at: usize| unit(parts.get(at).copied().unwrap_or("us")).ok_or_else(|| refuse(text));
    Ok(match (name, parts.len()) {
        ("decimal" | "numeric", 1 | 2) => {
            let precision: u8 = parts[0].parse().map_err(|_| refuse(text))?;
            let scale: i8 = parts
                .get(1)
                .unwrap_or(&"0")
                .parse()
                .map_err(|_| refuse(text))?;
            decimal(precision, scale).ok_or_else(|| refuse(text))?
        }
        ("time", 0 | 1) => match unit(0)? {
            unit @ (TimeUnit::Second | TimeUnit::Millisecond) => DataType::Time32(unit),
            unit => DataType::Time64(unit),
        },
        ("timestamp", 0 | 1) => DataType::Timestamp(unit(0)?, None),
        ("timestamp", 2) => DataType::Timestamp(unit(0)?, Some(parts[1].into())),
        ("duration", 0 | 1) => DataType::Duration(unit(0)?),
        ("list", 1) => DataType::List(Arc::new(Field::new("item", parse_type(parts[0])?, true))),
        _ => return Err(refuse(text)),
    })
}

fn decimal(precision: u8, scale: i8) -> Option<DataType> {
    if scale < 0 || scale.unsigned_abs() > precision {
        return None;
    }
    match precision {
        1..=38 => Some(DataType::Decimal128(precision, scale)),
        39..=76 => Some(DataType::Decimal256(precision, scale)),
        _ => None,
    }
}

fn unit(text: &str) -> Option<TimeUnit> {
    match text {
        "s" => Some(TimeUnit::Second),
        "ms" => Some(TimeUnit::Millisecond),
        "us" => Some(TimeUnit::Microsecond),
        "ns" => Some(TimeUnit::Nanosecond),
        _ => None,
    }
}

fn split_outside_parentheses(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .filter(|part| !part.trim().is_empty())
}

fn refuse(text: &str) -> Error {
    const NAMES: [&str; 22] = [
        "boolean",
        "integer",
        "string",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float32",
        "float64",
        "decimal(10,2)",
        "text",
        "binary",
        "date",
        "time(us)",
        "timestamp(us)",
        "timestamp(us,UTC)",
        "duration(us)",
        "list(text)",
    ];
    let error = Error::new(ErrorKind::Config, "unknown type").with("type", text);
    match velo_core::nearest(text, NAMES) {
        Some(name) => error.with_hint(format!("did you mean `{name}`?")),
        None => error.with_hint(format!("types are {}", NAMES.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_types_and_refuses_others() {
        for (text, expected) in [
            ("INT", DataType::Int32),
            ("decimal(50, 3)", DataType::Decimal256(50, 3)),
            (
                "timestamp(ms,UTC)",
                DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            ),
            ("time(s)", DataType::Time32(TimeUnit::Second)),
        ] {
            assert_eq!(parse_type(text).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "inte",
            "decimal",
            "decimal(2,3)",
            "int64(3)",
            "time(h)",
            "list(",
        ] {
            assert_eq!(
                parse_type(text).unwrap_err().kind(),
                ErrorKind::Config,
                "{text}"
            );
        }
        assert!(parse_columns("a:int64,a:text").is_err());
        let zoned = parse_columns("at:timestamp(us,+05:30)").unwrap();
        let zone = Some("+05:30".into());
        let expected = DataType::Timestamp(TimeUnit::Microsecond, zone);
        assert_eq!(zoned, [("at".to_owned(), expected)]);
        assert!(parse_columns("a").is_err());
    }
}
