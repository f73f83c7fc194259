//! Decimal numbers of any length, as their significant digits.

/// A decimal number: `digits` (no zeros at either end) times ten to the power of `exponent`.
///
/// Two texts mean the same number exactly when these are equal, except that the sign of a zero
/// is kept.
///
/// ```
/// use velo_format::scalar::Number;
/// assert_eq!(Number::parse(b"1.50"), Number::parse(b"15e-1"));
/// assert_ne!(Number::parse(b"1.5"), Number::parse(b"1.51"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Whether a minus stands before it.
    pub negative: bool,
    /// The significant digits as ASCII; empty for zero.
    pub digits: Vec<u8>,
    /// The power of ten of the last digit; 0 for zero.
    pub exponent: i64,
}

impl Number {
    /// Reads `[+-]digits[.digits][e[+-]digits]`; one of the two groups of digits may be empty.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let end = unsigned
            .iter()
            .position(|byte| matches!(byte, b'e' | b'E'))
            .unwrap_or(unsigned.len());
        let power = match &unsigned[end..] {
            [] => 0,
            // Longer exponents are beyond every type.
            [_, power @ ..] if power.len() <= 10 => super::parse_i64(power)?,
            _ => return None,
        };
        let (digits, fraction) = digits(&unsigned[..end])?;
        Some(Self::trimmed(negative, digits, power - fraction as i64))
    }

    fn trimmed(negative: bool, mut digits: Vec<u8>, mut exponent: i64) -> Self {
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent += 1;
        }
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..zeros);
        if digits.is_empty() {
            exponent = 0;
        }
        Self {
            negative,
            digits,
            exponent,
        }
    }

    /// Gives the number of digits before the point that are needed to write it out.
    #[must_use]
    pub fn integer_digits(&self) -> u64 {
        (self.digits.len() as i64 + self.exponent)
            .max(0)
            .unsigned_abs()
    }

    /// Gives the number of digits behind the point that are needed to write it out.
    #[must_use]
    pub fn fraction_digits(&self) -> u64 {
        (-self.exponent).max(0).unsigned_abs()
    }
}

/// Joins the digits before and behind the point; says how many stand behind it.
fn digits(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let point = text.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &text[text.len()..]),
    };
    let all = [whole, fraction].concat();
    let sound = !all.is_empty() && all.iter().all(u8::is_ascii_digit);
    sound.then_some((all, fraction.len()))
}

/// Says whether a number is spelled with a leading plus or needless leading zeros, as codes and
/// telephone numbers are: reading it as a number would lose that.
///
/// ```
/// use velo_format::scalar::has_padding;
/// assert!(has_padding(b"007") && has_padding(b"+7") && has_padding(b"-07"));
/// assert!(!has_padding(b"0") && !has_padding(b"0.7") && !has_padding(b"-7"));
/// ```
#[must_use]
#[inline]
pub fn has_padding(text: &[u8]) -> bool {
    match text {
        [b'+', ..] => true,
        [b'0', next, ..] | [b'-', b'0', next, ..] => next.is_ascii_digit(),
        _ => false,
    }
}
