//! One number for all values of a row.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, Int64Array};
use arrow_schema::{DataType, TimeUnit};
use velo_core::{Error, ErrorKind, Result};

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const NULL: u64 = 0x6e75_6c6c_6e75_6c6c;

/// Makes the checksum of each row from columns of the types that generated rows have, in this
/// order, without the checksum's own.
///
/// For each value, a word is taken in: `h = (h ^ word) * 0x9e3779b97f4a7c15; h ^= h >> 32`, from
/// `h = 0xcbf29ce484222325` on. The word is the number, the unscaled decimal's low 64 bits, the
/// microseconds, 0 or 1, or the float's bits; for text its words of eight bytes, little-endian,
/// the last one filled up with zeros, and then its length. For null it is `0x6e756c6c6e756c6c`.
///
/// # Errors
/// `Unsupported` for a column of another type.
///
/// ```
/// use velo_generator::{Kind, Numbers, Recipe, checksums};
/// let recipe = Recipe { kind: Kind::Order, seed: 1, epoch: 0 };
/// let rows = recipe.rows(&Numbers { first: 0, step: 1, count: 10 })?;
/// let (checksum, values) = rows.columns().split_last().unwrap();
/// assert_eq!(checksum.as_ref(), &checksums(values, 10)?);
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn checksums(columns: &[ArrayRef], rows: usize) -> Result<Int64Array> {
    let mut sums = vec![BASIS; rows];
    for column in columns {
        match column.data_type() {
            DataType::Int32 => numbers::<Int32Type>(column, &mut sums, |v| i64::from(v) as u64),
            DataType::Int64 => numbers::<Int64Type>(column, &mut sums, |v| v as u64),
            DataType::Float64 => numbers::<Float64Type>(column, &mut sums, f64::to_bits),
            DataType::Decimal128(..) => {
                numbers::<Decimal128Type>(column, &mut sums, |v| v as u64);
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                numbers::<TimestampMicrosecondType>(column, &mut sums, |v| v as u64);
            }
            DataType::Boolean => {
                let values = column.as_boolean();
                each(column, &mut sums, |sum, at| {
                    mix(sum, u64::from(values.value(at)))
                });
            }
            DataType::Utf8 => {
                let texts = column.as_string::<i32>();
                each(column, &mut sums, |sum, at| text(sum, texts.value(at)));
            }
            other => {
                let message = "column of this type has no checksum";
                return Err(Error::new(ErrorKind::Unsupported, message).with("type", other));
            }
        }
    }
    Ok(sums
        .into_iter()
        .map(|sum| sum as i64)
        .collect::<Vec<_>>()
        .into())
}

fn numbers<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    sums: &mut [u64],
    word: impl Fn(T::Native) -> u64,
) {
    let values = column.as_primitive::<T>().values();
    each(column, sums, |sum, at| mix(sum, word(values[at])));
}

fn each(column: &ArrayRef, sums: &mut [u64], taken: impl Fn(u64, usize) -> u64) {
    let nulls = column.nulls();
    for (at, sum) in sums.iter_mut().enumerate() {
        *sum = match nulls.is_some_and(|nulls| nulls.is_null(at)) {
            true => mix(*sum, NULL),
            false => taken(*sum, at),
        };
    }
}

fn text(mut sum: u64, text: &str) -> u64 {
    for piece in text.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..piece.len()].copy_from_slice(piece);
        sum = mix(sum, u64::from_le_bytes(word));
    }
    mix(sum, text.len() as u64)
}

fn mix(sum: u64, word: u64) -> u64 {
    let mixed = (sum ^ word).wrapping_mul(FACTOR);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{BinaryArray, StringArray};

    use super::*;

    fn of(texts: &[Option<&str>]) -> Vec<i64> {
        let column: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        checksums(&[column], texts.len()).unwrap().values().to_vec()
    }

    #[test]
    fn values_that_look_alike_have_different_sums() {
        let mut sums = of(&[None, Some(""), Some("\0"), Some("null"), Some("nullnull")]);
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), 5);
    }

    #[test]
    fn the_formula_stays_what_it_is() {
        // Worked out apart from this code.
        assert_eq!(of(&[Some("a")]), [-1_469_794_915_869_512_650]);
    }

    #[test]
    fn other_types_are_refused() {
        let column: ArrayRef = Arc::new(BinaryArray::from(vec![&b"a"[..]]));
        let error = checksums(&[column], 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
