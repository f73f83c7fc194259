//! A predicate over the rows of a batch, by arrow's comparison kernels.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, RecordBatch, Scalar, StringArray, make_array,
};
use arrow_buffer::BooleanBuffer;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ord::cmp;
use arrow_schema::{DataType, TimeUnit};

use super::{Comparison, Literal, Predicate};
use crate::{Error, ErrorKind, Result};

pub(super) fn evaluate(predicate: &Predicate, rows: &RecordBatch) -> Result<BooleanArray> {
    Ok(match predicate {
        Predicate::Compare {
            column,
            comparison,
            literal,
        } => compare(find(rows, column)?, *comparison, literal)
            .map_err(|error| error.with("column", column))?,
        Predicate::IsNull(column) => nulls(find(rows, column)?, true),
        Predicate::IsNotNull(column) => nulls(find(rows, column)?, false),
        Predicate::Not(one) => {
            let one = evaluate(one, rows)?;
            BooleanArray::new(!one.values(), one.nulls().cloned())
        }
        Predicate::And(all) => fold(all, rows, true)?,
        Predicate::Or(all) => fold(all, rows, false)?,
    })
}

/// Three-valued logic: `and` is false where one is false, else null where one is null.
fn fold(all: &[Predicate], rows: &RecordBatch, and: bool) -> Result<BooleanArray> {
    let length = rows.num_rows();
    let mut decided = BooleanBuffer::new_unset(length);
    let mut unknown = BooleanBuffer::new_unset(length);
    for one in all {
        let one = evaluate(one, rows)?;
        let valid = one
            .nulls()
            .map_or_else(|| BooleanBuffer::new_set(length), |n| n.inner().clone());
        let decides = if and {
            !one.values()
        } else {
            one.values().clone()
        };
        decided = &decided | &(&decides & &valid);
        unknown = &unknown | &!&valid;
    }
    let values = if and { !&decided } else { decided.clone() };
    let valid = &decided | &!&unknown;
    Ok(BooleanArray::new(values, Some(valid.into())))
}

fn nulls(column: &ArrayRef, wanted: bool) -> BooleanArray {
    let is_null = |row| column.is_null(row) == wanted;
    BooleanArray::new(BooleanBuffer::collect_bool(column.len(), is_null), None)
}

fn find<'r>(rows: &'r RecordBatch, column: &str) -> Result<&'r ArrayRef> {
    rows.column_by_name(column).ok_or_else(|| {
        let schema = rows.schema_ref();
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let error = Error::new(ErrorKind::InvalidInput, "condition names an unknown column")
            .with("column", column);
        match crate::nearest(column, names) {
            Some(name) => error.with_hint(format!("did you mean `{name}`?")),
            None => error,
        }
    })
}

fn compare(column: &ArrayRef, comparison: Comparison, literal: &Literal) -> Result<BooleanArray> {
    let (column, literal) = common(column, literal)?;
    let (column, literal) = (one_nan(column), Scalar::new(one_nan(literal)));
    Ok(match comparison {
        Comparison::Equal => cmp::eq(&column, &literal),
        Comparison::NotEqual => cmp::neq(&column, &literal),
        Comparison::Less => cmp::lt(&column, &literal),
        Comparison::AtMost => cmp::lt_eq(&column, &literal),
        Comparison::Greater => cmp::gt(&column, &literal),
        Comparison::AtLeast => cmp::gt_eq(&column, &literal),
    }?)
}

/// Brings both to one type: the column's, or a wider one that holds the literal (`int > 1.5`).
fn common(column: &ArrayRef, literal: &Literal) -> Result<(ArrayRef, ArrayRef)> {
    let text: ArrayRef = Arc::new(StringArray::from(vec![literal.text()]));
    let own = column.data_type();
    let fits = match (own, literal) {
        (DataType::Boolean, Literal::Boolean(_)) => true,
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, Literal::Text(_)) => true,
        (DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, _) => false,
        (_, Literal::Boolean(_)) => false,
        _ => !own.is_nested(),
    };
    if fits {
        if let DataType::Timestamp(unit, Some(_)) = own {
            return Ok((column.clone(), instant(&text, own, *unit)?));
        }
        for wider in std::iter::once(own.clone()).chain(widened(own, literal.text())) {
            if let Ok(literal) = strictly(&text, &wider) {
                return Ok((strictly(column, &wider)?, literal));
            }
        }
    }
    Err(unfit(own))
}

fn unfit(own: &DataType) -> Error {
    let message = "literal does not fit the column's type";
    Error::new(ErrorKind::InvalidInput, message).with("type", own)
}

/// Reads a point in time. Without its distance from UTC it counts from the column's zone, which
/// has to be UTC or a fixed distance then: rules of other zones need a database.
fn instant(text: &ArrayRef, own: &DataType, unit: TimeUnit) -> Result<ArrayRef> {
    let DataType::Timestamp(_, Some(zone)) = own else {
        return Err(unfit(own));
    };
    let read = |zone: &str| strictly(text, &DataType::Timestamp(unit, Some(zone.into())));
    let utc = ["UTC", "Etc/UTC", "GMT", "Z"].contains(&&**zone);
    let zone = if utc { "+00:00" } else { zone };
    // Said by its name, a zone is known or not, depending on what else is built in.
    let fixed = zone.starts_with(['+', '-']);
    let found = fixed.then(|| read(zone)).and_then(Result::ok);
    let found = found.map(Ok).unwrap_or_else(|| {
        let found = read("+00:00").map_err(|_| unfit(own))?;
        // With a distance of its own it is the same everywhere.
        match read("+01:00")
            .is_ok_and(|other| other.to_data().buffers() == found.to_data().buffers())
        {
            true => Ok(found),
            false => {
                Err(unfit(own).with_hint("write it with its distance from UTC: …Z or …+02:00"))
            }
        }
    })?;
    let found = found.to_data().into_builder().data_type(own.clone());
    Ok(make_array(found.build()?))
}

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// Takes the sign off NaNs, so that there is one NaN: equal to itself and greater than all else.
fn one_nan(array: ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float16 => one_nan_of::<Float16Type>(array, Half::is_nan, Half::NAN),
        DataType::Float32 => one_nan_of::<Float32Type>(array, f32::is_nan, f32::NAN),
        DataType::Float64 => one_nan_of::<Float64Type>(array, f64::is_nan, f64::NAN),
        _ => array,
    }
}

fn one_nan_of<T: ArrowPrimitiveType>(
    array: ArrayRef,
    is_nan: fn(T::Native) -> bool,
    nan: T::Native,
) -> ArrayRef {
    let values = array.as_primitive::<T>();
    match values.values().iter().any(|value| is_nan(*value)) {
        false => array,
        true => Arc::new(values.unary::<_, T>(|value| if is_nan(value) { nan } else { value })),
    }
}

fn widened(own: &DataType, literal: &str) -> Option<DataType> {
    let scale = literal
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let scale = i8::try_from(scale).ok().filter(|scale| *scale <= 18)?;
    match own {
        integer if integer.is_integer() => Some(DataType::Decimal128(38, scale)),
        DataType::Decimal128(_, own_scale) if *own_scale >= 0 => {
            Some(DataType::Decimal128(38, scale.max(*own_scale)))
        }
        DataType::Decimal32(..) | DataType::Decimal64(..) => Some(DataType::Decimal128(38, 18)),
        _ => None,
    }
}

fn strictly(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    if let (DataType::Decimal128(_, scale), DataType::Utf8) = (to, array.data_type()) {
        let text = array.as_string::<i32>().value(0);
        let digits = text
            .split_once('.')
            .map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len());
        if i64::from(*scale) < digits as i64 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "literal has more digits than the column",
            ));
        }
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    Ok(cast_with_options(array, to, &options)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        Date32Array, Decimal128Array, Float64Array, Int64Array, TimestampMicrosecondArray,
    };

    fn rows() -> RecordBatch {
        let int: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), None]));
        let date: ArrayRef = Arc::new(Date32Array::from(vec![0, 1, 2]));
        let price = Decimal128Array::from(vec![150, 250, -1]).with_precision_and_scale(10, 2);
        let price: ArrayRef = Arc::new(price.unwrap());
        let columns = [
            ("int", int),
            ("text", text),
            ("date", date),
            ("price", price),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, a)| (n, a, true))).unwrap()
    }

    fn wanted(condition: &str) -> Vec<Option<bool>> {
        condition
            .parse::<Predicate>()
            .unwrap()
            .evaluate(&rows())
            .unwrap()
            .iter()
            .collect()
    }

    #[test]
    fn follows_three_valued_logic() {
        assert_eq!(wanted("int > 1.5"), [Some(false), None, Some(true)]);
        assert_eq!(
            wanted("int = 1 or text = 'b'"),
            [Some(true), Some(true), None]
        );
        assert_eq!(
            wanted("int = 9 and text = 'a'"),
            [Some(false), Some(false), Some(false)]
        );
        assert_eq!(wanted("not int = 1"), [Some(false), None, Some(true)]);
        assert_eq!(
            wanted("int is null"),
            [Some(false), Some(true), Some(false)]
        );
        assert_eq!(
            wanted("date >= '1970-01-02'"),
            [Some(false), Some(true), Some(true)]
        );
        assert_eq!(
            wanted("price > 1.499"),
            [Some(true), Some(true), Some(false)]
        );
    }

    #[test]
    fn points_in_time_are_compared_in_utc() {
        let zoned = |zone: &str| {
            let times = TimestampMicrosecondArray::from(vec![0, 3_600_000_000]).with_timezone(zone);
            RecordBatch::try_from_iter([("t", Arc::new(times) as ArrayRef)]).unwrap()
        };
        for (zone, condition, expected) in [
            ("UTC", "t >= '1970-01-01T01:00:00Z'", Some([false, true])),
            ("UTC", "t >= '1970-01-01 01:00:00'", Some([false, true])),
            (
                "UTC",
                "t = '1970-01-01T02:00:00+02:00'",
                Some([true, false]),
            ),
            ("UTC", "t > '1969-12-31'", Some([true, true])),
            ("+01:00", "t = '1970-01-01T02:00:00'", Some([false, true])),
            (
                "Europe/Berlin",
                "t = '1970-01-01T00:00:00Z'",
                Some([true, false]),
            ),
            ("Europe/Berlin", "t = '1970-01-01T00:00:00'", None),
            ("UTC", "t = 'soon'", None),
        ] {
            let predicate: Predicate = condition.parse().unwrap();
            match (predicate.evaluate(&zoned(zone)), expected) {
                (Ok(found), Some(expected)) => {
                    assert_eq!(found, BooleanArray::from(expected.to_vec()), "{condition}");
                }
                (Err(error), None) => assert_eq!(error.kind(), ErrorKind::InvalidInput),
                (found, _) => panic!("{zone} {condition}: {found:?}"),
            }
        }
    }

    #[test]
    fn there_is_one_nan_and_it_is_the_greatest() {
        let values = Float64Array::from(vec![-f64::NAN, f64::NAN, f64::INFINITY, -1.0]);
        let rows = RecordBatch::try_from_iter([("x", Arc::new(values) as ArrayRef)]).unwrap();
        for (condition, expected) in [
            ("x < 0", [false, false, false, true]),
            ("x > 0", [true, true, true, false]),
            ("x = nan", [true, true, false, false]),
            ("x <= inf", [false, false, true, true]),
        ] {
            let condition = condition.replace("nan", "'nan'").replace("inf", "'inf'");
            let predicate: Predicate = condition.parse().unwrap();
            let found = predicate.evaluate(&rows).unwrap();
            assert_eq!(found, BooleanArray::from(expected.to_vec()), "{condition}");
        }
    }

    #[test]
    fn refuses_unknown_columns_and_foreign_literals() {
        for condition in [
            "itn = 1",
            "int = 'x'",
            "text = 1",
            "date = 'soon'",
            "int = true",
        ] {
            let predicate: Predicate = condition.parse().unwrap();
            assert_eq!(
                predicate.evaluate(&rows()).unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{condition}"
            );
        }
    }
}
