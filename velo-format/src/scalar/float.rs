//! Floating-point numbers.

use super::{Number, digits};

/// Powers of ten that a double holds exactly, as far as sixteen bytes of text reach.
const POWERS: [f64; 16] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];

/// Reads the nearest double; `NaN`, `inf` and `infinity` count, whatever their case.
///
/// Numbers beyond the range are `None`, and so are numbers so small that only zero is near.
///
/// ```
/// use velo_format::scalar::parse_f64;
/// assert_eq!(parse_f64(b"-12.50"), Some(-12.5));
/// assert_eq!(parse_f64(b"1e400"), None);
/// ```
#[must_use]
#[inline]
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    short(text, 1 << 53).or_else(|| long(text))
}

/// Reads a double only if its shortest spelling is the same number as the text.
///
/// Of the spellings without digits only `NaN`, `inf`, `Infinity` and their negatives count.
///
/// ```
/// use velo_format::scalar::parse_f64_exact;
/// assert_eq!(parse_f64_exact(b"0.1"), Some(0.1));
/// assert_eq!(parse_f64_exact(b"0.10000000000000000001"), None);
/// ```
#[must_use]
#[inline]
pub fn parse_f64_exact(text: &[u8]) -> Option<f64> {
    // Every number of up to fifteen digits survives the way to a double and back.
    short(text, 1_000_000_000_000_000).or_else(|| long_exact(text))
}

/// Reads the nearest single-precision float; as [`parse_f64`] otherwise.
#[must_use]
pub fn parse_f32(text: &[u8]) -> Option<f32> {
    let value: f32 = fast_float2::parse(without_plus(text)?).ok()?;
    let lost = (value.is_infinite() || value == 0.0) && !spells(text, value.into());
    (!lost).then_some(value)
}

#[inline]
fn short(text: &[u8], limit: u64) -> Option<f64> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mantissa, fraction) = digits::with_point(unsigned)?;
    if mantissa >= limit {
        return None;
    }
    let value = mantissa as f64 / POWERS[fraction];
    Some(if negative { -value } else { value })
}

#[cold]
fn long(text: &[u8]) -> Option<f64> {
    let value: f64 = fast_float2::parse(without_plus(text)?).ok()?;
    let lost = (value.is_infinite() || value == 0.0) && !spells(text, value);
    (!lost).then_some(value)
}

#[cold]
fn long_exact(text: &[u8]) -> Option<f64> {
    let Some(number) = Number::parse(text) else {
        return match text {
            b"NaN" => Some(f64::NAN),
            b"inf" | b"Infinity" => Some(f64::INFINITY),
            b"-inf" | b"-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        };
    };
    let value: f64 = fast_float2::parse(without_plus(text)?).ok()?;
    if !value.is_finite() {
        return None;
    }
    let is = |spelling: &str| Number::parse(spelling.as_bytes()).is_some_and(|it| it == number);
    // Half-way between two spellings of the same length both are the shortest: 0.25 past a number
    // that leaves one digit behind the point is .2 to the one and .3 to the other.
    let same = is(ryu::Buffer::new().format_finite(value)) || is(&value.to_string());
    same.then_some(value)
}

fn without_plus(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'+', b'+' | b'-', ..] => None,
        [b'+', rest @ ..] => Some(rest),
        _ => Some(text),
    }
}

/// Says whether an infinity or a zero is what the text spells.
fn spells(text: &[u8], value: f64) -> bool {
    match Number::parse(text) {
        Some(number) => value == 0.0 && number.digits.is_empty(),
        // A mantissa without end of digits never comes here as infinity: it is a number.
        None => value.is_infinite() && !text.iter().any(u8::is_ascii_digit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn never_turns_a_number_into_infinity_or_zero() {
        for text in [
            "1e400",
            "-1e400",
            "1e-400",
            "1e99999999999",
            "",
            ".",
            "+-1",
            "++1",
            "1e",
            "0x1",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
            assert_eq!(parse_f64_exact(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_f32(b"1e39"), None);
        assert_eq!(parse_f32(b"1e-60"), None);
        assert_eq!(parse_f32(b"+0.1"), Some(0.1));
        assert_eq!(parse_f64(b"-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_f64(b"0e9"), Some(0.0));
        assert!(parse_f64(b"-0.0").unwrap().is_sign_negative());
    }

    #[test]
    fn both_shortest_spellings_are_exact() {
        for text in ["987668789055935.2", "987668789055935.3"] {
            assert_eq!(
                parse_f64_exact(text.as_bytes()),
                text.parse().ok(),
                "{text}"
            );
        }
        assert_eq!(parse_f64_exact(b"987668789055935.31"), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(value: f64, text in "[+-]?[0-9]{0,18}[.]?[0-9]{0,18}") {
            prop_assert_eq!(parse_f64(value.to_string().as_bytes()).map(f64::to_bits), Some(value.to_bits()));
            prop_assert_eq!(parse_f64_exact(value.to_string().as_bytes()).map(f64::to_bits), Some(value.to_bits()));
            prop_assert_eq!(parse_f64(text.as_bytes()), text.parse().ok());
            prop_assert_eq!(parse_f32(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn exact_means_the_same_number(text in "-?[1-9][0-9]{0,9}[.][0-9]{1,12}(e-?[0-9])?") {
            if let Some(value) = parse_f64_exact(text.as_bytes()) {
                prop_assert_eq!(Number::parse(value.to_string().as_bytes()), Number::parse(text.as_bytes()));
            }
        }
    }
}
