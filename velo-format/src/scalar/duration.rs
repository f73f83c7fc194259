//! Lengths of time.

use arrow_schema::TimeUnit;

use super::time::{count, fraction};
use super::{digits, parse_i64};

/// Reads a number of units (`1500`), or `[-]P[nD][T[nH][nM][n[.fraction]S]]` of ISO 8601.
///
/// ```
/// use arrow_schema::TimeUnit;
/// use velo_format::scalar::parse_duration;
/// assert_eq!(parse_duration(b"PT1.5S", TimeUnit::Millisecond), Some(1500));
/// assert_eq!(parse_duration(b"-1500", TimeUnit::Millisecond), Some(-1500));
/// ```
#[must_use]
pub fn parse_duration(text: &[u8], unit: TimeUnit) -> Option<i64> {
    match text {
        [b'P', rest @ ..] => iso(rest, unit, 1),
        [b'-', b'P', rest @ ..] => iso(rest, unit, -1),
        _ => parse_i64(text),
    }
}

fn iso(text: &[u8], unit: TimeUnit, sign: i128) -> Option<i64> {
    const PARTS: [(u8, i128); 4] = [(b'D', 86_400), (b'H', 3600), (b'M', 60), (b'S', 1)];
    let (mut rest, mut seconds, mut nanoseconds) = (text, 0_i128, 0);
    let (mut next, mut in_time) = (0, false);
    while !rest.is_empty() {
        if let ([b'T', after @ ..], false) = (rest, in_time) {
            (rest, in_time) = (after, true);
            next = next.max(1);
            (!rest.is_empty()).then_some(())?;
        }
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = i128::from(digits::whole(&rest[..length])?);
        rest = &rest[length..];
        if let [b'.', after @ ..] = rest {
            (nanoseconds, _, rest) = fraction(after)?;
            matches!(rest, b"S").then_some(())?;
        }
        let (letter, after) = rest.split_first()?;
        let part = PARTS.iter().position(|(known, _)| known == letter)?;
        if part < next || (part > 0) != in_time {
            return None;
        }
        seconds += value * PARTS[part].1;
        (rest, next) = (after, part + 1);
    }
    if next == 0 {
        return None;
    }
    if sign < 0 && nanoseconds > 0 {
        let seconds = (-seconds - 1).try_into().ok()?;
        return count(seconds, 1_000_000_000 - nanoseconds, unit);
    }
    count((sign * seconds).try_into().ok()?, nanoseconds, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_iso_and_counts() {
        use TimeUnit::{Nanosecond as Ns, Second as S};
        for (text, unit, expected) in [
            ("P1DT2H3M4S", S, Some(93_784)),
            ("P1D", S, Some(86_400)),
            ("-PT0.000000001S", Ns, Some(-1)),
            ("-PT1.25S", Ns, Some(-1_250_000_000)),
            ("PT1.5S", S, None),
            ("PT1.5M", Ns, None),
            ("-PT9223372036.854775808S", Ns, Some(i64::MIN)),
            ("-PT9223372036854775808S", S, Some(i64::MIN)),
            ("P", S, None),
            ("PT", S, None),
            ("P1DT", S, None),
            ("P1H", S, None),
            ("PT1S1M", S, None),
            ("P1Y", S, None),
            ("PT9223372036854775807H", S, None),
            ("+5", S, Some(5)),
            ("1.5", S, None),
        ] {
            assert_eq!(parse_duration(text.as_bytes(), unit), expected, "{text}");
        }
    }
}
