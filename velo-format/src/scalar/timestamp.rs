//! Points in time.

use arrow_schema::TimeUnit;

use super::time::{clock, count};
use super::{date::parse_date32, digits};

/// A date with a time of day, and how far its clock is from UTC if it says so.
///
/// ```
/// use arrow_schema::TimeUnit;
/// use velo_format::scalar::Timestamp;
/// let stamp = Timestamp::parse(b"1970-01-01T01:00:00.5+01:00").unwrap();
/// assert_eq!(stamp.offset_seconds, Some(3600));
/// assert_eq!(stamp.utc(TimeUnit::Millisecond), Some(500));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Whole seconds from 1970-01-01 00:00:00 to it, by its own clock.
    pub seconds: i64,
    /// Nanoseconds after that second.
    pub nanoseconds: u32,
    /// How many digits of a fraction of a second it needs.
    pub fraction_digits: u8,
    /// How far its clock is ahead of UTC; `None` when it does not say.
    pub offset_seconds: Option<i32>,
}

impl Timestamp {
    /// Reads `YYYY-MM-DD[T ]HH:MM[:SS[.fraction]][Z|±HH[[:]MM]]`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let between = match text {
            [b'+' | b'-', ..] => text.iter().position(|byte| matches!(byte, b'T' | b' '))?,
            _ => 10,
        };
        let (date, rest) = text.split_at_checked(between)?;
        let days = parse_date32(date)?;
        let [b'T' | b' ', rest @ ..] = rest else {
            return None;
        };
        let (clock, zone) = clock(rest)?;
        Some(Self {
            seconds: i64::from(days) * 86_400 + i64::from(clock.seconds),
            nanoseconds: clock.nanoseconds,
            fraction_digits: clock.fraction_digits,
            offset_seconds: offset(zone)?,
        })
    }

    /// Counts from 1970-01-01 00:00:00 by its own clock, whatever its zone.
    #[must_use]
    pub fn local(&self, unit: TimeUnit) -> Option<i64> {
        count(self.seconds, self.nanoseconds, unit)
    }

    /// Counts from 1970-01-01 00:00:00 UTC; `None` when it does not say how far it is from UTC.
    #[must_use]
    pub fn utc(&self, unit: TimeUnit) -> Option<i64> {
        let offset = i64::from(self.offset_seconds?);
        count(self.seconds - offset, self.nanoseconds, unit)
    }
}

/// Reads a timestamp that names no zone; `None` rather than cutting the fraction or overflowing.
///
/// ```
/// use arrow_schema::TimeUnit;
/// use velo_format::scalar::parse_timestamp;
/// assert_eq!(parse_timestamp(b"1970-01-01 00:00:01", TimeUnit::Second), Some(1));
/// assert_eq!(parse_timestamp(b"1970-01-01T00:00:01Z", TimeUnit::Second), None);
/// ```
#[must_use]
#[inline]
pub fn parse_timestamp(text: &[u8], unit: TimeUnit) -> Option<i64> {
    let stamp = Timestamp::parse(text)?;
    match stamp.offset_seconds {
        None => stamp.local(unit),
        Some(_) => None,
    }
}

/// Reads a timestamp for a column whose zone is `offset_seconds` ahead of UTC (`None` where only
/// a calendar of zones would know): text without a zone is in the column's.
///
/// ```
/// use arrow_schema::TimeUnit;
/// use velo_format::scalar::parse_timestamp_in;
/// let hour = |text: &str, zone| parse_timestamp_in(text.as_bytes(), TimeUnit::Second, zone);
/// assert_eq!(hour("1970-01-01 01:00:00", Some(3600)), Some(0));
/// assert_eq!(hour("1970-01-01 01:00:00Z", Some(3600)), Some(3600));
/// assert_eq!(hour("1970-01-01 01:00:00", None), None);
/// ```
#[must_use]
#[inline]
pub fn parse_timestamp_in(text: &[u8], unit: TimeUnit, offset_seconds: Option<i32>) -> Option<i64> {
    let mut stamp = Timestamp::parse(text)?;
    stamp.offset_seconds = stamp.offset_seconds.or(offset_seconds);
    stamp.utc(unit)
}

/// Gives how far a zone is ahead of UTC; `None` where only a calendar of zones would know.
///
/// ```
/// use velo_format::scalar::zone_offset;
/// assert_eq!(zone_offset("UTC"), Some(0));
/// assert_eq!(zone_offset("-08:00"), Some(-28_800));
/// assert_eq!(zone_offset("Europe/Berlin"), None);
/// ```
#[must_use]
pub fn zone_offset(zone: &str) -> Option<i32> {
    match zone {
        "UTC" | "Etc/UTC" | "GMT" => Some(0),
        _ => offset(zone.as_bytes())?,
    }
}

/// Reads what stands behind the time; the outer `None` means that it is no zone.
fn offset(text: &[u8]) -> Option<Option<i32>> {
    let (sign, hours, minutes) = match text {
        [] => return Some(None),
        b"Z" => return Some(Some(0)),
        [sign, h1, h2] => (sign, [*h1, *h2], *b"00"),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, [*h1, *h2], [*m1, *m2]),
        _ => return None,
    };
    let (hours, minutes) = (digits::two(hours)?, digits::two(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = (hours * 3600 + minutes * 60) as i32;
    match sign {
        b'+' => Some(Some(seconds)),
        b'-' => Some(Some(-seconds)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TimeUnit::{Microsecond as Us, Nanosecond as Ns, Second as S};

    #[test]
    fn reads_without_a_zone() {
        for (text, unit, expected) in [
            ("1970-01-01 00:00:00", S, Some(0)),
            ("1970-01-02T00:00", S, Some(86_400)),
            ("1969-12-31 23:59:59.999999", Us, Some(-1)),
            ("1969-12-31 23:59:59.9999995", Us, None),
            ("1677-09-21 00:12:43.145224192", Ns, Some(i64::MIN)),
            ("1677-09-21 00:12:43.145224191", Ns, None),
            ("2262-04-11 23:47:16.854775807", Ns, Some(i64::MAX)),
            ("2262-04-11 23:47:16.854775808", Ns, None),
            ("+12345-01-01 00:00:00", S, Some(327_403_382_400)),
            ("1970-01-01", S, None),
            ("1970-01-01 ", S, None),
            ("1970-01-01x00:00:00", S, None),
            ("1970-01-01 00:00:00 ", S, None),
            ("", S, None),
        ] {
            assert_eq!(parse_timestamp(text.as_bytes(), unit), expected, "{text}");
        }
    }

    #[test]
    fn reads_zones() {
        for (zone, expected) in [
            ("Z", Some(0)),
            ("+00", Some(0)),
            ("+02:30", Some(-9000)),
            ("-0800", Some(28_800)),
            ("+24:00", None),
            ("+02:60", None),
            ("UTC", None),
            ("*02", None),
        ] {
            let text = format!("1970-01-01 00:00:00{zone}");
            assert_eq!(
                parse_timestamp_in(text.as_bytes(), S, None),
                expected,
                "{zone}"
            );
        }
    }
}
