//! A predicate over the rows of a batch, by arrow's comparison kernels.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, Scalar, StringArray};
use arrow_buffer::BooleanBuffer;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ord::cmp;
use arrow_schema::DataType;

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
    let literal = Scalar::new(literal);
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
        for wider in std::iter::once(own.clone()).chain(widened(own, literal.text())) {
            if let Ok(literal) = strictly(&text, &wider) {
                return Ok((strictly(column, &wider)?, literal));
            }
        }
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        "literal does not fit the column's type",
    )
    .with("type", own))
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
        let text = arrow_array::cast::AsArray::as_string::<i32>(array).value(0);
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
    use arrow_array::{Date32Array, Decimal128Array, Int64Array};

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
