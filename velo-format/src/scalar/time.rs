//! Times of day.

use arrow_schema::TimeUnit;

use super::digits;

/// A time of day, exact to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// Whole seconds since midnight.
    pub(super) seconds: u32,
    /// What is left.
    pub(super) nanoseconds: u32,
    /// How many digits of the fraction were needed.
    pub(super) fraction_digits: u8,
}

/// Reads `HH:MM:SS[.fraction]` or `HH:MM`; `None` rather than cutting the fraction.
///
/// ```
/// use arrow_schema::TimeUnit;
/// use velo_format::scalar::parse_time;
/// assert_eq!(parse_time(b"00:00:01.500", TimeUnit::Millisecond), Some(1500));
/// assert_eq!(parse_time(b"00:00:01.5", TimeUnit::Second), None);
/// ```
#[must_use]
pub fn parse_time(text: &[u8], unit: TimeUnit) -> Option<i64> {
    let (clock, rest) = clock(text)?;
    if !rest.is_empty() {
        return None;
    }
    count(clock.seconds.into(), clock.nanoseconds, unit)
}

/// Counts seconds and nanoseconds in a unit; `None` if something would be cut or overflow.
pub(super) fn count(seconds: i64, nanoseconds: u32, unit: TimeUnit) -> Option<i64> {
    let per_second: u32 = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let step = 1_000_000_000 / per_second;
    if !nanoseconds.is_multiple_of(step) {
        return None;
    }
    let whole = i128::from(seconds) * i128::from(per_second);
    i64::try_from(whole + i128::from(nanoseconds / step)).ok()
}

/// Reads a time of day from the front and gives what follows it.
pub(super) fn clock(text: &[u8]) -> Option<(Clock, &[u8])> {
    let (&[h1, h2, b':', m1, m2], rest) = text.split_first_chunk::<5>()? else {
        return None;
    };
    let (hours, minutes) = (digits::two([h1, h2])?, digits::two([m1, m2])?);
    let (seconds, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (digits::two([*s1, *s2])?, rest),
        [b':', ..] => return None,
        _ => (0, rest),
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let (nanoseconds, fraction_digits, rest) = match rest {
        [b'.', rest @ ..] => fraction(rest)?,
        _ => (0, 0, rest),
    };
    let clock = Clock {
        seconds: hours * 3600 + minutes * 60 + seconds,
        nanoseconds,
        fraction_digits,
    };
    Some((clock, rest))
}

/// Reads a fraction of a second behind its point: nanoseconds, digits needed, what follows.
pub(super) fn fraction(text: &[u8]) -> Option<(u32, u8, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (all, rest) = text.split_at(length);
    let needed = all
        .iter()
        .rposition(|digit| *digit != b'0')
        .map_or(0, |last| last + 1);
    if all.is_empty() || needed > 9 {
        return None;
    }
    let value = all[..needed]
        .iter()
        .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some((value * 10_u32.pow(9 - needed as u32), needed as u8, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_of_day_only() {
        use TimeUnit::{Microsecond as Us, Nanosecond as Ns, Second as S};
        for (text, unit, expected) in [
            ("23:59:59", S, Some(86_399)),
            ("12:34", S, Some(45_240)),
            ("00:00:00.000001", Us, Some(1)),
            ("00:00:00.0000001", Us, None),
            ("00:00:00.0000010000", Us, Some(1)),
            ("00:00:00.999999999", Ns, Some(999_999_999)),
            ("24:00:00", S, None),
            ("00:60:00", S, None),
            ("00:00:60", S, None),
            ("00:00:00.", S, None),
            ("1:00:00", S, None),
            ("00:00:00Z", S, None),
            ("00:00:", S, None),
        ] {
            assert_eq!(parse_time(text.as_bytes(), unit), expected, "{text}");
        }
    }
}
