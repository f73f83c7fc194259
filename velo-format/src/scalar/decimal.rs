//! Decimals of fixed precision and scale.

use arrow_buffer::i256;

use super::{Number, digits};

/// Reads a decimal into its unscaled integer; `None` rather than rounding, trailing zeros are no
/// loss.
///
/// ```
/// use velo_format::scalar::parse_decimal128;
/// assert_eq!(parse_decimal128(b"-12.5", 10, 2), Some(-1250));
/// assert_eq!(parse_decimal128(b"12.500", 10, 2), Some(1250));
/// assert_eq!(parse_decimal128(b"12.505", 10, 2), None);
/// ```
#[must_use]
#[inline]
pub fn parse_decimal128(text: &[u8], precision: u8, scale: i8) -> Option<i128> {
    if let Some(value) = short(text, precision, scale) {
        return Some(value);
    }
    let value = parse_decimal256(text, precision.min(38), scale)?;
    value.to_i128()
}

/// Reads a decimal of up to 76 digits; as [`parse_decimal128`] otherwise.
///
/// ```
/// use arrow_buffer::i256;
/// use velo_format::scalar::parse_decimal256;
/// assert_eq!(parse_decimal256(b"1.5e3", 50, 1), Some(i256::from(15_000_i64)));
/// ```
#[must_use]
pub fn parse_decimal256(text: &[u8], precision: u8, scale: i8) -> Option<i256> {
    let number = Number::parse(text)?;
    if number.digits.is_empty() {
        return Some(i256::ZERO);
    }
    let zeros = usize::try_from(number.exponent + i64::from(scale)).ok()?;
    if zeros + number.digits.len() > usize::from(precision.min(76)) {
        return None;
    }
    let ten = i256::from(10_i64);
    let mut value = i256::ZERO;
    for part in number.digits.chunks(16) {
        let shift = ten.checked_pow(part.len() as u32)?;
        value = value.checked_mul(shift)?;
        value = value.checked_add(i256::from(digits::whole(part)? as i64))?;
    }
    value = value.checked_mul(ten.checked_pow(zeros as u32)?)?;
    Some(if number.negative {
        value.wrapping_neg()
    } else {
        value
    })
}

/// Reads up to sixteen bytes without an exponent, with no digit to drop.
#[inline]
fn short(text: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mantissa, fraction) = digits::with_point(unsigned)?;
    let zeros = usize::try_from(scale).ok()?.checked_sub(fraction)?;
    let value = u128::from(mantissa) * u128::from(*digits::POWERS.get(zeros)?);
    let fits = match digits::POWERS.get(usize::from(precision)) {
        Some(limit) => value < u128::from(*limit),
        // Sixteen digits and nineteen zeros at most: below 10 to the 35th.
        None => usize::from(precision) >= 35 || value < 10_u128.pow(u32::from(precision)),
    };
    let value = value as i128;
    fits.then_some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_does_not_fit() {
        for (text, precision, scale) in [
            ("100", 2, 0),
            ("10.0", 3, 2),
            ("0.001", 10, 2),
            ("1e39", 38, 0),
            ("1e-3", 38, 2),
            ("", 5, 2),
            (".", 5, 2),
            ("-", 5, 2),
            ("NaN", 5, 2),
        ] {
            assert_eq!(
                parse_decimal128(text.as_bytes(), precision, scale),
                None,
                "{text}"
            );
        }
        assert_eq!(parse_decimal128(b"0.000", 1, 0), Some(0));
        assert_eq!(parse_decimal128(b"+1.0", 1, 0), Some(1));
        let nines = "9".repeat(38);
        assert_eq!(
            parse_decimal128(nines.as_bytes(), 38, 0),
            nines.parse().ok()
        );
        let nines = "9".repeat(76);
        assert_eq!(
            parse_decimal256(nines.as_bytes(), 76, 0),
            i256::from_string(&nines)
        );
    }

    proptest! {
        #[test]
        fn reads_back_what_was_scaled(unscaled in -10_i128.pow(37)..10_i128.pow(37), scale in 0_u8..38) {
            let digits = format!("{:0>40}", unscaled.unsigned_abs());
            let (whole, fraction) = digits.split_at(40 - usize::from(scale));
            let sign = if unscaled < 0 { "-" } else { "" };
            for text in [format!("{sign}{whole}.{fraction}"), format!("{unscaled}e-{scale}")] {
                prop_assert_eq!(parse_decimal128(text.as_bytes(), 38, scale as i8), Some(unscaled));
                prop_assert_eq!(parse_decimal256(text.as_bytes(), 38, scale as i8), Some(i256::from_i128(unscaled)));
            }
        }

        #[test]
        fn short_and_long_ways_agree(text in "-?[0-9]{0,8}[.]?[0-9]{0,6}", precision in 1_u8..38, scale in 0_i8..20) {
            let long = parse_decimal256(text.as_bytes(), precision, scale).and_then(i256::to_i128);
            prop_assert_eq!(parse_decimal128(text.as_bytes(), precision, scale), long);
        }
    }
}
