//! Whole numbers.

use super::digits;

/// An integer type of up to 64 bits.
pub trait Integer: Copy {
    /// Narrows a signed value; `None` when it does not fit.
    fn from_i64(value: i64) -> Option<Self>;
    /// Narrows an unsigned value; `None` when it does not fit.
    fn from_u64(value: u64) -> Option<Self>;
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl Integer for $integer {
            fn from_i64(value: i64) -> Option<Self> {
                value.try_into().ok()
            }

            fn from_u64(value: u64) -> Option<Self> {
                value.try_into().ok()
            }
        }
    )*};
}

integers! { i8 i16 i32 i64 u8 u16 u32 u64 }

/// Reads a whole number of any width, with or without a sign.
///
/// ```
/// use velo_format::scalar::parse_integer;
/// assert_eq!(parse_integer::<i8>(b"-128"), Some(-128));
/// assert_eq!(parse_integer::<i8>(b"128"), None);
/// ```
#[must_use]
#[inline]
pub fn parse_integer<T: Integer>(text: &[u8]) -> Option<T> {
    match text {
        [b'-', rest @ ..] => {
            let value = digits::whole(rest)?;
            T::from_i64(0_i64.checked_sub_unsigned(value)?)
        }
        [b'+', rest @ ..] => T::from_u64(digits::whole(rest)?),
        _ => T::from_u64(digits::whole(text)?),
    }
}

/// Reads a whole number, with or without a sign.
///
/// ```
/// use velo_format::scalar::parse_i64;
/// assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
/// assert_eq!(parse_i64(b"9223372036854775808"), None);
/// assert_eq!(parse_i64(b"1.0"), None);
/// ```
#[must_use]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    parse_integer(text)
}

/// Reads a whole number that is not negative.
///
/// ```
/// use velo_format::scalar::parse_u64;
/// assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
/// assert_eq!(parse_u64(b"-1"), None);
/// ```
#[must_use]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    parse_integer(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(signed: i64, unsigned: u64, text in "[+-]?[0-9]{0,21}") {
            prop_assert_eq!(parse_i64(signed.to_string().as_bytes()), Some(signed));
            prop_assert_eq!(parse_u64(unsigned.to_string().as_bytes()), Some(unsigned));
            prop_assert_eq!(parse_i64(text.as_bytes()), text.parse().ok());
            prop_assert_eq!(parse_integer::<i16>(text.as_bytes()), text.parse().ok());
        }
    }

    #[test]
    fn minus_zero_is_zero() {
        assert_eq!(parse_u64(b"-0"), Some(0));
    }
}
