//! Calendar dates.

use super::digits;

/// Reads `YYYY-MM-DD` into days since 1970-01-01.
///
/// A year of more than four digits needs its sign, as in ISO 8601: `+12345-01-01`, `-0001-12-31`.
///
/// ```
/// use velo_format::scalar::parse_date32;
/// assert_eq!(parse_date32(b"1970-01-02"), Some(1));
/// assert_eq!(parse_date32(b"2023-02-29"), None);
/// ```
#[must_use]
#[inline]
pub fn parse_date32(text: &[u8]) -> Option<i32> {
    match text.first_chunk::<10>() {
        Some(plain) if text.len() == 10 => plain_date(plain),
        _ => extended_date(text),
    }
}

#[inline]
fn plain_date(text: &[u8; 10]) -> Option<i32> {
    // `YYYY-MM-` as eight digits, the hyphens made zeros: YYYY0MM0.
    const HYPHENS_TO_ZEROS: u64 = 0x1d00_001d_0000_0000;
    let (head, day) = (text.first_chunk::<8>()?, text.last_chunk::<2>()?);
    let number = digits::eight(u64::from_le_bytes(*head) ^ HYPHENS_TO_ZEROS)? as u32;
    let month = number % 10_000;
    if head[4] != b'-' || head[7] != b'-' {
        return None;
    }
    days((number / 10_000).into(), month / 10, digits::two(*day)?)
}

#[cold]
fn extended_date(text: &[u8]) -> Option<i32> {
    let (year, rest) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, year) = match year {
        [b'+', year @ ..] => (1, year),
        [b'-', year @ ..] => (-1, year),
        _ => return None,
    };
    let &[b'-', m1, m2, b'-', d1, d2] = rest else {
        return None;
    };
    if !(4..=8).contains(&year.len()) {
        return None;
    }
    let year = sign * digits::whole(year)? as i64;
    days(year, digits::two([m1, m2])?, digits::two([d1, d2])?)
}

/// Counts the days from 1970-01-01 in the proleptic Gregorian calendar.
fn days(year: i64, month: u32, day: u32) -> Option<i32> {
    const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = *DAYS.get((month as usize).wrapping_sub(1))? + u32::from(leap && month == 2);
    if day == 0 || day > last {
        return None;
    }
    // Years that start in March have the leap day at their end; eras of 400 years are all alike.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = i64::from((153 * ((month + 9) % 12) + 2) / 5 + day - 1);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_calendar() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-1)),
            ("2000-02-29", Some(11_016)),
            ("1900-02-29", None),
            ("2024-13-01", None),
            ("2024-00-01", None),
            ("2024-01-00", None),
            ("2024-04-31", None),
            ("2024/01/01", None),
            ("2024001001", None),
            ("2024-1-1", None),
            ("24-01-01", None),
            ("12345-01-01", None),
            ("0001-01-01", Some(-719_162)),
            ("-0001-12-31", Some(-719_529)),
            ("+5881580-07-11", Some(i32::MAX)),
            ("+5881580-07-12", None),
            ("-5877641-06-23", Some(i32::MIN)),
            ("-5877641-06-22", None),
            ("", None),
        ] {
            assert_eq!(parse_date32(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn every_day_of_eight_centuries_follows_the_last() {
        let mut expected = parse_date32(b"1600-01-01").unwrap();
        for year in 1600..2400 {
            for (month, day) in (1..=12).flat_map(|m| (1..=31).map(move |d| (m, d))) {
                if let Some(days) = parse_date32(format!("{year}-{month:02}-{day:02}").as_bytes()) {
                    assert_eq!(days, expected);
                    expected += 1;
                }
            }
        }
        assert_eq!(expected, parse_date32(b"2400-01-01").unwrap());
    }
}
