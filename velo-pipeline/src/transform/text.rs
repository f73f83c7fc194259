//! Values as text, for templates and for casts to text.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray, make_array};
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::DataType;
use velo_core::Result;

/// Says whether values of the type can be put into text.
pub(crate) fn has_text(of: &DataType) -> bool {
    !of.is_nested() && can_cast_types(of, &DataType::Utf8)
}

/// Gives the values as text: numbers with all their digits, points in time as in RFC 3339 and in
/// UTC where there is a zone. Bytes that are no UTF-8 are null.
///
/// # Errors
/// `Unexpected` for a type that [`has_text`] refuses.
pub(crate) fn texts(column: &ArrayRef) -> Result<StringArray> {
    let column = match column.data_type() {
        // Names of zones need a database; the instant does not depend on it.
        DataType::Timestamp(unit, Some(_)) => {
            retyped(column, DataType::Timestamp(*unit, Some("+00:00".into())))?
        }
        _ => column.clone(),
    };
    let options = CastOptions::default();
    let texts = cast_with_options(&column, &DataType::Utf8, &options)?;
    Ok(texts.as_string::<i32>().clone())
}

/// Gives the same values under another type of the same layout.
pub(super) fn retyped(column: &ArrayRef, to: DataType) -> Result<ArrayRef> {
    let data = column.to_data().into_builder().data_type(to).build()?;
    Ok(make_array(data))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Decimal128Array, Float64Array, Int64Array, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn nothing_is_lost_in_text() {
        let decimals = Decimal128Array::from(vec![Some(150), None]);
        let instants = TimestampMicrosecondArray::from(vec![1_000_001, -1]);
        let cases: [(ArrayRef, [&str; 2]); 4] = [
            (
                Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX])),
                ["-9223372036854775808", "9223372036854775807"],
            ),
            (
                Arc::new(Float64Array::from(vec![0.1, 1e300])),
                ["0.1", "1e300"],
            ),
            (
                Arc::new(decimals.with_precision_and_scale(12, 2).unwrap()),
                ["1.50", ""],
            ),
            (
                Arc::new(instants.with_timezone("Europe/Berlin")),
                ["1970-01-01T00:00:01.000001Z", "1969-12-31T23:59:59.999999Z"],
            ),
        ];
        for (column, expected) in cases {
            let texts = texts(&column).unwrap();
            let texts: Vec<_> = texts.iter().map(Option::unwrap_or_default).collect();
            assert_eq!(texts, expected);
        }
    }
}
