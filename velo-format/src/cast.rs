//! Values of one type as another, unchanged.

use arrow_array::{Array, ArrayRef};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use velo_core::{Error, ErrorKind, Result};

use crate::fence::fenced;

/// Casts values to a type that holds each of them unchanged.
///
/// Arrow's casts cut off fractions and lose digits of time without a word, and some of them
/// overflow; so what comes out is cast back and compared.
///
/// # Errors
/// `InvalidData` when the type does not hold a value, or none of this type.
pub fn cast_unchanged(values: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    if values.data_type() == kind {
        return Ok(values.clone());
    }
    let refused = || {
        let message = "column has values that the type found first does not hold";
        Error::new(ErrorKind::InvalidData, message)
            .with("type", values.data_type())
            .with("type found first", kind)
    };
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let cast = || -> Result<_> {
        let there = cast_with_options(values, kind, &options)?;
        let back = cast_with_options(&there, values.data_type(), &options)?;
        Ok((there, back))
    };
    // An overflow is a panic in builds that look for it.
    let (there, back) = fenced(cast, refused).map_err(|_| refused())?;
    match back.to_data() == values.to_data() {
        true => Ok(there),
        false => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Date32Array, Float64Array, Int64Array, StringArray};
    use arrow_schema::TimeUnit;

    use super::*;

    #[test]
    fn values_stay_or_are_refused() {
        use DataType as T;
        let ns = || T::Timestamp(TimeUnit::Nanosecond, None);
        let whole: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None]));
        let part: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
        let day: ArrayRef = Arc::new(Date32Array::from(vec![0, 20_000]));
        let far: ArrayRef = Arc::new(Date32Array::from(vec![i32::MAX]));
        let large: ArrayRef = Arc::new(Int64Array::from(vec![(1 << 53) + 1]));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["12"]));
        let spelled: ArrayRef = Arc::new(StringArray::from(vec!["012"]));
        for (values, kind, holds) in [
            (&whole, T::Int64, true),
            (&part, T::Int64, false),
            (&part, T::Float32, true),
            (&day, ns(), true),
            (&far, ns(), false),
            (&large, T::Float64, false),
            (&large, T::Int32, false),
            (&large, T::Utf8, true),
            (&text, T::Int64, true),
            (&spelled, T::Int64, false),
            (&text, T::Date32, false),
        ] {
            let cast = cast_unchanged(values, &kind);
            assert_eq!(cast.is_ok(), holds, "{values:?} {kind}");
            match cast {
                Ok(cast) => assert_eq!(cast.data_type(), &kind),
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidData),
            }
        }
    }
}
