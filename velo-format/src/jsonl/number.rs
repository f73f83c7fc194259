//! What the sampled numbers of one place have in common.

use arrow_schema::DataType;

use crate::scalar::{Number, parse_f64_exact, parse_i64, parse_u64};

/// The numbers seen at one place.
#[derive(Debug)]
pub(super) struct Numbers {
    /// All are spelled without fraction and exponent.
    whole: bool,
    /// All of these fit 64 bits.
    fits_int64: bool,
    /// None has a minus, and the whole ones fit 64 bits without a sign.
    fits_uint64: bool,
    /// All are spelled again by the shortest form of their double.
    exact_float64: bool,
    /// One is a zero with a minus, which only floats keep.
    negative_zero: bool,
    whole_digits: u64,
    scale: u64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            whole: true,
            fits_int64: true,
            fits_uint64: true,
            exact_float64: true,
            negative_zero: false,
            whole_digits: 1,
            scale: 0,
        }
    }
}

impl Numbers {
    /// Takes in a number; `whole` says that it has neither fraction nor exponent.
    pub(super) fn observe(&mut self, text: &[u8], whole: bool) {
        self.whole &= whole;
        self.fits_uint64 &= text.first() != Some(&b'-');
        if whole && text.len() <= 15 && text != b"-0" {
            self.whole_digits = self.whole_digits.max(text.len() as u64);
            return;
        }
        if let Some((whole_digits, scale)) = short_fraction(text) {
            self.whole_digits = self.whole_digits.max(whole_digits);
            self.scale = self.scale.max(scale);
            return;
        }
        self.fits_int64 = self.fits_int64 && (!whole || parse_i64(text).is_some());
        self.fits_uint64 = self.fits_uint64 && (!whole || parse_u64(text).is_some());
        self.exact_float64 = self.exact_float64 && parse_f64_exact(text).is_some();
        let (whole_digits, scale) = match Number::parse(text) {
            Some(number) => {
                self.negative_zero |= number.negative && number.digits.is_empty();
                (number.integer_digits(), number.fraction_digits())
            }
            None => (u64::MAX, u64::MAX),
        };
        self.whole_digits = self.whole_digits.max(whole_digits);
        self.scale = self.scale.max(scale);
    }

    /// Gives the type that changes none of them, if there is one.
    pub(super) fn data_type(&self) -> Option<DataType> {
        if self.whole && self.fits_int64 && !self.negative_zero {
            return Some(DataType::Int64);
        }
        if self.whole && self.fits_uint64 {
            return Some(DataType::UInt64);
        }
        if (!self.whole || self.negative_zero) && self.exact_float64 {
            return Some(DataType::Float64);
        }
        if self.negative_zero {
            return None;
        }
        let scale = i8::try_from(self.scale).ok()?;
        match self.whole_digits.saturating_add(self.scale) {
            ..=38 => Some(DataType::Decimal128(38, scale)),
            39..=76 if self.scale > 0 => Some(DataType::Decimal256(76, scale)),
            _ => None,
        }
    }
}

/// Counts the digits before and behind the point of a number like `-12.50`, trailing zeros left
/// out; `None` for what is longer than a double is sure to hold, or of another shape.
fn short_fraction(text: &[u8]) -> Option<(u64, u64)> {
    if text.len() > 16 || text.starts_with(b"-0") {
        return None;
    }
    let whole = text
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'-'))?;
    let (b'.', fraction) = text[whole..].split_first()? else {
        return None;
    };
    let zeros = fraction.iter().rev().take_while(|byte| **byte == b'0');
    let scale = fraction.len() - zeros.count();
    let plain = fraction.iter().all(u8::is_ascii_digit);
    let whole = whole - usize::from(text[0] == b'-');
    plain.then_some((whole as u64, scale as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_change_no_number() {
        for (numbers, expected) in [
            (&["1", "-2"][..], Some(DataType::Int64)),
            (&["9223372036854775807"], Some(DataType::Int64)),
            (&["9223372036854775808"], Some(DataType::UInt64)),
            (&["18446744073709551615", "0"], Some(DataType::UInt64)),
            (&["18446744073709551616"], Some(DataType::Decimal128(38, 0))),
            (
                &["9223372036854775808", "-1"],
                Some(DataType::Decimal128(38, 0)),
            ),
            (&["-9223372036854775808", "1"], Some(DataType::Int64)),
            (&["1", "2.50"], Some(DataType::Float64)),
            (&["0.1", "1e300"], Some(DataType::Float64)),
            (
                &["-1.50", "9007199254740993"],
                Some(DataType::Decimal128(38, 1)),
            ),
            (&["0.30000000000000004"], Some(DataType::Float64)),
            (&["0.30000000000000001"], Some(DataType::Decimal128(38, 17))),
            (
                &["9007199254740993", "0.5"],
                Some(DataType::Decimal128(38, 1)),
            ),
            (&["1e400"], None),
            (&["1e-400"], None),
            (&["-0.0", "0.000"], Some(DataType::Float64)),
            (&["-0", "1"], Some(DataType::Float64)),
            (&["-0", "9223372036854775809"], None),
            (
                &["0.1234567890123456789012345678901234567891"],
                Some(DataType::Decimal256(76, 40)),
            ),
            (&["123456789012345678901234567890123456789"], None),
        ] {
            let mut seen = Numbers::default();
            for text in numbers {
                let whole = !text.contains(['.', 'e']);
                seen.observe(text.as_bytes(), whole);
            }
            assert_eq!(seen.data_type(), expected, "{numbers:?}");
        }
    }
}
