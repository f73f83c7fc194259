//! Casts that keep the value or say that they cannot.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray, new_null_array};
use arrow_buffer::BooleanBuffer;
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_ord::cmp::not_distinct;
use arrow_schema::{ArrowError, DataType};
use arrow_select::concat::concat;
use velo_core::{Error, ErrorKind, Result};
use velo_format::column::{Spelling, column_builder};
use velo_format::scalar::{parse_f64_exact, zone_offset};

use super::text::{has_text, retyped, texts};

/// A column under its new type, and where the value that it has now is not the one that it had.
pub(super) struct Converted {
    pub(super) column: ArrayRef,
    /// One bit for each row; `None` where every value fitted.
    pub(super) failed: Option<BooleanBuffer>,
}

/// Refuses pairs of types between which there is no cast.
///
/// # Errors
/// `Config` with the types.
pub(super) fn check(from: &DataType, to: &DataType) -> Result<()> {
    let refuse = |message: &'static str| {
        Err(Error::new(ErrorKind::Config, message).with("type", format!("{from} to {to}")))
    };
    if from == to {
        return Ok(());
    }
    if from.is_nested() || to.is_nested() {
        return refuse("lists, maps and structs cannot be cast");
    }
    let possible = match (is_text(from), is_text(to)) {
        (true, true) => true,
        (true, false) => column_builder(to, Spelling::Any).is_ok(),
        (false, true) => has_text(from) && can_cast_types(&DataType::Utf8, to),
        (false, false) => {
            if let Some(zone) = zone_between(from, to)
                && zone_offset(zone) != Some(0)
            {
                return refuse("only points in time in UTC can lose or gain their zone");
            }
            let (from, to) = (without_zone(from), without_zone(to));
            from == to || (can_cast_types(&from, &to) && can_cast_types(&to, &from))
        }
    };
    match possible {
        true => Ok(()),
        false => refuse("there is no cast between these types"),
    }
}

/// Casts a column between types that [`check`] let pass.
///
/// # Errors
/// None that values could provoke.
pub(super) fn convert(column: &ArrayRef, to: &DataType) -> Result<Converted> {
    let from = column.data_type();
    if from == to {
        return Ok(Converted {
            column: column.clone(),
            failed: None,
        });
    }
    if is_text(from) && !is_text(to) {
        return read(column, to);
    }
    let (converted, same) = if is_text(to) && !is_text(from) {
        let texts: ArrayRef = Arc::new(texts(column)?);
        let lost = |row: usize| texts.is_null(row) && column.is_valid(row);
        let same = BooleanBuffer::collect_bool(column.len(), |row| !lost(row));
        (cast(&texts, to)?, same)
    } else {
        let plain = retyped(column, without_zone(from))?;
        let converted = cast(&plain, &without_zone(to))?;
        let back = cast(&converted, plain.data_type())?;
        let same = not_distinct(&back, &plain)?;
        (retyped(&converted, to.clone())?, same.values().clone())
    };
    let failed = !&same;
    Ok(Converted {
        column: converted,
        failed: (failed.count_set_bits() > 0).then_some(failed),
    })
}

/// Reads text as the option `types` does, but floats only without loss.
fn read(column: &ArrayRef, to: &DataType) -> Result<Converted> {
    let text = cast(column, &DataType::Utf8)?;
    let text: &StringArray = text.as_string();
    let mut builder = column_builder(to, Spelling::Any)?;
    let mut failed = vec![false; text.len()];
    for (value, failed) in text.iter().zip(&mut failed) {
        match value.map(str::as_bytes) {
            None => builder.append_null(),
            Some(value) if is_exact(value, to) => *failed = !builder.append(value),
            Some(_) => {
                builder.append_null();
                *failed = true;
            }
        }
    }
    Ok(Converted {
        column: builder.finish()?,
        failed: failed.contains(&true).then(|| failed.into()),
    })
}

/// Says whether a float would have all digits of the text; what is no number is not decided here.
fn is_exact(text: &[u8], to: &DataType) -> bool {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    match to {
        DataType::Float64 => parse_f64_exact(text).is_some(),
        DataType::Float32 => parse_f64_exact(text).is_some_and(|value| {
            let shortest = (value as f32).to_string();
            value.is_nan() || shortest.parse() == Ok(value)
        }),
        _ => true,
    }
}

/// Casts with null for what does not fit.
fn cast(column: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions::default();
    let whole = cast_with_options(column, to, &options);
    if whole.is_ok() {
        return Ok(whole?);
    }
    // Some casts give up for one value; then each has to be asked.
    let row = |row: usize| {
        let one = cast_with_options(&column.slice(row, 1), to, &options);
        one.unwrap_or_else(|_| new_null_array(to, 1))
    };
    let rows: Vec<ArrayRef> = (0..column.len()).map(row).collect();
    let rows: Vec<&dyn Array> = rows.iter().map(AsRef::as_ref).collect();
    match rows.is_empty() {
        true => Ok(new_null_array(to, 0)),
        false => Ok(concat(&rows).map_err(|error: ArrowError| {
            Error::new(ErrorKind::Unexpected, "put casted rows together").with_source(error)
        })?),
    }
}

fn is_text(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn zone(of: &DataType) -> Option<&str> {
    match of {
        DataType::Timestamp(_, zone) => zone.as_deref(),
        _ => None,
    }
}

/// The zone that only one of two types has.
fn zone_between<'t>(from: &'t DataType, to: &'t DataType) -> Option<&'t str> {
    match (zone(from), zone(to)) {
        (Some(zone), None) | (None, Some(zone)) => Some(zone),
        _ => None,
    }
}

fn without_zone(of: &DataType) -> DataType {
    match of {
        DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, None),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{BinaryArray, Float64Array, Int64Array, TimestampMicrosecondArray};
    use arrow_schema::TimeUnit;
    use proptest::prelude::*;
    use velo_format::parse_type;

    use super::*;

    /// Casts and gives the rows that failed.
    fn failed(column: ArrayRef, to: &str) -> Vec<usize> {
        let to = parse_type(to).unwrap();
        check(column.data_type(), &to).unwrap();
        let converted = convert(&column, &to).unwrap();
        assert_eq!(converted.column.data_type(), &to);
        let failed = converted.failed;
        let failed = failed.map(|failed| failed.set_indices().collect::<Vec<_>>());
        failed.unwrap_or_default()
    }

    #[test]
    fn what_does_not_fit_fails_and_nothing_else() {
        let text = |values: &[&str]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let ints = |values: &[i64]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
        let floats = |values: &[f64]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
        let cases: Vec<(ArrayRef, &str, Vec<usize>)> = vec![
            (
                text(&["1", "x", "", "1.0", "99999999999"]),
                "int32",
                vec![1, 2, 3, 4],
            ),
            (
                text(&["1.50", "1.005", "12345678901.00", "-1"]),
                "decimal(12,2)",
                vec![1, 2],
            ),
            (
                text(&["0.1", "0.10000000000000000001", "x", "NaN"]),
                "float64",
                vec![1, 2],
            ),
            (text(&["0.5", "16777217", "0.1"]), "float32", vec![1]),
            (text(&["true", "yes", "false"]), "boolean", vec![1]),
            (text(&["2024-02-30", "2024-02-29"]), "date", vec![0]),
            (
                text(&["2024-01-01T00:00:00Z", "soon"]),
                "timestamp(us, UTC)",
                vec![1],
            ),
            (ints(&[1, 300, -129, 127]), "int8", vec![1, 2]),
            (ints(&[-1, 1]), "uint64", vec![0]),
            (
                ints(&[1 << 53, (1 << 53) + 1, i64::MAX]),
                "float64",
                vec![1, 2],
            ),
            (ints(&[0, 1, 5]), "boolean", vec![2]),
            (ints(&[i64::MAX, 5]), "decimal(12,2)", vec![0]),
            (ints(&[i64::MAX, 5]), "text", vec![]),
            (
                floats(&[1.0, 1.5, f64::NAN, 1e300, -0.0]),
                "int64",
                vec![1, 2, 3, 4],
            ),
            (
                floats(&[1.1, 1.005, f64::INFINITY]),
                "decimal(12,2)",
                vec![1, 2],
            ),
            (floats(&[0.5, 0.1]), "float32", vec![1]),
            (
                Arc::new(BinaryArray::from(vec![&b"a"[..], b"\xff"])),
                "text",
                vec![1],
            ),
        ];
        for (column, to, expected) in cases {
            let from = column.data_type().clone();
            assert_eq!(failed(column, to), expected, "{from} to {to}");
        }
    }

    #[test]
    fn points_in_time_keep_their_instant() {
        let instants = TimestampMicrosecondArray::from(vec![1_000_000, 1_500_000, i64::MAX]);
        let utc: ArrayRef = Arc::new(instants.clone().with_timezone("UTC"));
        assert_eq!(failed(utc.clone(), "timestamp(s, UTC)"), [1, 2]);
        assert_eq!(failed(utc.clone(), "timestamp(ns, Europe/Berlin)"), [2]);
        assert_eq!(failed(utc.clone(), "timestamp(us)"), [] as [usize; 0]);
        assert_eq!(failed(utc.clone(), "date"), [0, 1, 2]);
        assert_eq!(failed(utc, "int64"), [] as [usize; 0]);
        let berlin = DataType::Timestamp(TimeUnit::Second, Some("Europe/Berlin".into()));
        let local = DataType::Timestamp(TimeUnit::Second, None);
        assert!(check(&berlin, &local).is_err() && check(&local, &berlin).is_err());
        assert!(check(&berlin, &DataType::Utf8).is_ok());
    }

    #[test]
    fn nested_types_have_no_casts() {
        let list = parse_type("list(int64)").unwrap();
        let error = check(&list, &DataType::Utf8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(check(&list, &list).is_ok());
    }

    proptest! {
        #[test]
        fn what_fits_comes_back(
            values in proptest::collection::vec(proptest::option::of(any::<i64>()), 0..50),
            small in proptest::collection::vec(proptest::option::of(-300..300_i64), 0..50),
        ) {
            for to in ["int8", "uint16", "int32", "float32", "float64", "decimal(12,2)", "text", "timestamp(ms, UTC)"] {
                let to = parse_type(to).unwrap();
                for values in [&values, &small] {
                    let column: ArrayRef = Arc::new(Int64Array::from(values.clone()));
                    let there = convert(&column, &to).unwrap();
                    let back = convert(&there.column, &DataType::Int64).unwrap();
                    let failed = |row| there.failed.as_ref().is_some_and(|failed| failed.value(row));
                    for row in 0..column.len() {
                        prop_assert!(failed(row) || back.column.slice(row, 1) == column.slice(row, 1));
                        prop_assert!(!failed(row) || there.column.is_null(row) || to.is_floating());
                    }
                }
            }
        }
    }
}
