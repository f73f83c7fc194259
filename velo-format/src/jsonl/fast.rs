//! Numbers parsed where they stand, eight digits at a time.
//!
//! What is unusual is left to the tokeniser: exponents, seventeen digits and more, anything that
//! is no valid number.

const ONES: u64 = 0x0101_0101_0101_0101;

/// Powers of ten that fit 64 bits.
pub(super) const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// A number: `mantissa` with `fraction` of its digits behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short {
    pub(super) negative: bool,
    pub(super) mantissa: u64,
    /// Digits in all.
    pub(super) digits: usize,
    pub(super) fraction: usize,
    /// The place behind it.
    pub(super) end: usize,
}

/// Powers of ten that doubles hold exactly, as far as `Short` needs them.
const FLOAT_POWERS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

impl Short {
    /// Gives a whole number, unless it is a negative zero.
    #[inline]
    pub(super) fn signed(&self) -> Option<i64> {
        // Sixteen digits always fit.
        let value = self.mantissa as i64;
        let whole = self.fraction == 0 && !(self.negative && value == 0);
        whole.then_some(if self.negative { -value } else { value })
    }

    /// Gives the double if it is sure to spell the same number again: up to fifteen digits.
    #[inline]
    pub(super) fn float(&self) -> Option<f64> {
        let power = FLOAT_POWERS.get(self.fraction)?;
        // Both are exact, so one division rounds once.
        let value = self.mantissa as f64 / power;
        (self.digits <= 15).then_some(if self.negative { -value } else { value })
    }
}

/// Parses the number at `at`; `None` for what is unusual.
#[inline]
pub(super) fn number(bytes: &[u8], at: usize) -> Option<Short> {
    let negative = bytes.get(at) == Some(&b'-');
    let start = at + usize::from(negative);
    let (mantissa, whole) = digits(bytes, start)?;
    let end = start + whole;
    if whole == 0 || (whole > 1 && bytes[start] == b'0') {
        return None;
    }
    let mut short = Short {
        negative,
        mantissa,
        digits: whole,
        fraction: 0,
        end,
    };
    if bytes.get(end) == Some(&b'.') {
        let (value, count) = digits(bytes, end + 1)?;
        if count == 0 || whole + count > 18 {
            return None;
        }
        short.mantissa = mantissa * POWERS[count] + value;
        short.digits = whole + count;
        short.fraction = count;
        short.end = end + 1 + count;
    }
    (!matches!(bytes.get(short.end), Some(b'e' | b'E' | b'.'))).then_some(short)
}

/// Reads a run of up to sixteen digits: its value and its length; `None` where it is longer, or
/// too near to the end of the bytes.
#[inline]
fn digits(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let (value, count) = eight(bytes, at)?;
    if count < 8 {
        return Some((value, count));
    }
    let (more, count) = eight(bytes, at + 8)?;
    if count == 8 && bytes.get(at + 16).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((value * POWERS[count] + more, count + 8))
}

/// Reads up to eight digits.
#[inline]
fn eight(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<8>()?);
    let digits = word ^ (ONES * 0x30);
    // Exact up to the first byte that is no digit; behind it a carry can set more.
    let others = (digits.wrapping_add(ONES * 0x76) | digits) & (ONES * 0x80);
    let count = (others.trailing_zeros() / 8) as usize;
    if count == 0 {
        return Some((0, 0));
    }
    // The digits move to the high end, zeros come before them.
    let digits = digits << (64 - 8 * count);
    let pairs = (digits & (ONES * 0x0f)).wrapping_mul(2561) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(6_553_601) >> 16;
    let all = (fours & 0x0000_ffff_0000_ffff).wrapping_mul(42_949_672_960_001) >> 32;
    Some((all, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed_or_left_to_the_tokeniser() {
        for (text, expected) in [
            ("0", Some((false, 0, 1, 0))),
            ("-7", Some((true, 7, 1, 0))),
            ("12345678", Some((false, 12_345_678, 8, 0))),
            (
                "1234567890123456",
                Some((false, 1_234_567_890_123_456, 16, 0)),
            ),
            ("12345678901234567", None),
            ("-0.05", Some((true, 5, 3, 2))),
            ("12.50", Some((false, 1250, 4, 2))),
            (
                "1234567890.12345678",
                Some((false, 123_456_789_012_345_678, 18, 8)),
            ),
            ("01", None),
            ("1.", None),
            ("-", None),
            ("1e5", None),
            ("1.2.3", None),
        ] {
            let padded = format!("{text},          ");
            let found = number(padded.as_bytes(), 0);
            let parts = found.map(|n| (n.negative, n.mantissa, n.digits, n.fraction));
            assert_eq!(parts, expected, "{text}");
            assert!(found.is_none_or(|n| n.end == text.len()), "{text}");
        }
    }
}
