//! Times of day, timestamps, durations and intervals.

use arrow_schema::TimeUnit;

use super::date::{Dates, date};
use super::integer::{eight_digits, fraction, signed, unsigned};
use crate::text::{Problem, Text};

const SECONDS_OF_DAY: i64 = 86_400;

/// The three parts that Arrow's interval types have, each where the type has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    months: Option<i32>,
    days: Option<i32>,
    nanoseconds: Option<i64>,
}

impl Interval {
    /// Takes all three.
    pub(crate) fn new(months: i32, days: i32, nanoseconds: i64) -> Self {
        Self {
            months: Some(months),
            days: Some(days),
            nanoseconds: Some(nanoseconds),
        }
    }

    /// Takes months alone.
    pub(crate) fn of_months(months: i32) -> Self {
        Self {
            months: Some(months),
            ..Self::default()
        }
    }

    /// Takes days and milliseconds.
    pub(crate) fn of_days(days: i32, milliseconds: i32) -> Self {
        Self {
            days: Some(days),
            nanoseconds: Some(i64::from(milliseconds) * 1_000_000),
            ..Self::default()
        }
    }
}

/// Writes a time of day, `05:06:07.123`.
pub(crate) fn time_of_day(value: i64, unit: TimeUnit, text: &mut Text) {
    let (seconds, rest) = split(value, unit);
    if (0..SECONDS_OF_DAY).contains(&seconds) {
        clock(seconds as u64, rest, unit, text);
    } else {
        text.refuse(Problem::TimeOfDay);
    }
}

/// Writes a timestamp, `2013-01-31T05:06:07.123456`, and a `Z` when it is an instant.
#[inline(always)]
pub(crate) fn timestamp(value: i64, unit: TimeUnit, instant: bool, dates: Dates, text: &mut Text) {
    let (seconds, rest) = split(value, unit);
    date(seconds.div_euclid(SECONDS_OF_DAY), dates, text);
    text.byte(b'T');
    clock(seconds.rem_euclid(SECONDS_OF_DAY) as u64, rest, unit, text);
    if instant {
        text.byte(b'Z');
    }
}

/// Writes a duration, `PT1.500S`, `-PT0.250S`.
pub(crate) fn duration(value: i64, unit: TimeUnit, text: &mut Text) {
    if value < 0 {
        text.byte(b'-');
    }
    text.put(*b"PT\0\0", 2);
    seconds(value.unsigned_abs(), unit, text);
}

/// Writes an interval, `P14M3DT-1.500000000S`.
pub(crate) fn interval(value: Interval, text: &mut Text) {
    text.byte(b'P');
    if let Some(months) = value.months {
        signed(months.into(), text);
        text.byte(b'M');
    }
    if let Some(days) = value.days {
        signed(days.into(), text);
        text.byte(b'D');
    }
    if let Some(nanoseconds) = value.nanoseconds {
        text.byte(b'T');
        if nanoseconds < 0 {
            text.byte(b'-');
        }
        seconds(nanoseconds.unsigned_abs(), TimeUnit::Nanosecond, text);
    }
}

/// Writes `05:06:07` and the digits of the unit behind a point.
#[inline(always)]
fn clock(seconds: u64, rest: u64, unit: TimeUnit, text: &mut Text) {
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    // Two digits, a zero, two digits, a zero, two digits: the zeros then become colons.
    let digits = eight_digits(hours * 1_000_000 + minutes * 1_000 + seconds);
    let ascii = digits + u64::from_le_bytes(*b"00:00:00");
    text.put(ascii.to_le_bytes(), 8);
    point_and_digits(rest, unit, text);
}

#[inline(always)]
fn point_and_digits(rest: u64, unit: TimeUnit, text: &mut Text) {
    match unit {
        TimeUnit::Second => return,
        TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond => text.byte(b'.'),
    }
    match unit {
        TimeUnit::Second => {}
        TimeUnit::Millisecond => fraction(rest, 3, text),
        TimeUnit::Microsecond => fraction(rest, 6, text),
        TimeUnit::Nanosecond => {
            fraction(rest / 10, 8, text);
            text.byte(b'0' + (rest % 10) as u8);
        }
    }
}

fn seconds(value: u64, unit: TimeUnit, text: &mut Text) {
    let one = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    unsigned(value / one, text);
    point_and_digits(value % one, unit, text);
    text.byte(b'S');
}

/// Divides into seconds, rounded down, and what is left of the unit.
///
/// One arm for each unit, because dividing by a constant is several times faster.
#[inline(always)]
fn split(value: i64, unit: TimeUnit) -> (i64, u64) {
    let (seconds, rest) = match unit {
        TimeUnit::Second => (value, 0),
        TimeUnit::Millisecond => (value.div_euclid(1_000), value.rem_euclid(1_000)),
        TimeUnit::Microsecond => (value.div_euclid(1_000_000), value.rem_euclid(1_000_000)),
        TimeUnit::Nanosecond => (
            value.div_euclid(1_000_000_000),
            value.rem_euclid(1_000_000_000),
        ),
    };
    (seconds, rest as u64)
}

#[cfg(test)]
mod tests {
    use TimeUnit::{Microsecond as Us, Millisecond as Ms, Nanosecond as Ns, Second as S};

    use super::*;

    fn written(write: impl FnOnce(&mut Text)) -> String {
        let mut text = Text::new(0);
        write(&mut text);
        String::from_utf8(text.into_vec()).unwrap()
    }

    #[test]
    fn timestamps_have_the_digits_of_their_unit() {
        for (value, unit, instant, expected) in [
            (0, S, false, "1970-01-01T00:00:00"),
            (-1, Ms, false, "1969-12-31T23:59:59.999"),
            (
                1_359_608_767_123_456,
                Us,
                true,
                "2013-01-31T05:06:07.123456Z",
            ),
            (i64::MIN, Ns, false, "1677-09-21T00:12:43.145224192"),
            (i64::MAX, Ns, true, "2262-04-11T23:47:16.854775807Z"),
            (i64::MAX, S, false, "+292277026596-12-04T15:30:07"),
            (i64::MIN, S, false, "-292277022657-01-27T08:29:52"),
        ] {
            let text = written(|text| timestamp(value, unit, instant, Dates::new(), text));
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn times_lie_within_the_day() {
        for (value, unit, expected) in [
            (86_399, S, "23:59:59"),
            (1, Ms, "00:00:00.001"),
            (86_399_999_999, Us, "23:59:59.999999"),
            (18_367_000_000_012, Ns, "05:06:07.000000012"),
        ] {
            assert_eq!(written(|text| time_of_day(value, unit, text)), expected);
        }
        for value in [-1, 86_400, i64::MAX] {
            let mut text = Text::new(0);
            time_of_day(value, S, &mut text);
            assert_eq!(text.take_problem(), Some(Problem::TimeOfDay));
        }
    }

    #[test]
    fn durations_and_intervals_are_iso_8601() {
        for (value, unit, expected) in [
            (0, S, "PT0S"),
            (-250, Ms, "-PT0.250S"),
            (90_000_001, Us, "PT90.000001S"),
            (i64::MIN, Ns, "-PT9223372036.854775808S"),
        ] {
            assert_eq!(written(|text| duration(value, unit, text)), expected);
        }
        let text = written(|text| interval(Interval::new(-14, 3, -5), text));
        assert_eq!(text, "P-14M3DT-0.000000005S");
    }
}
