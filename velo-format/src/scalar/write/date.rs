//! Dates.

use std::sync::LazyLock;

use super::integer::unsigned;
use crate::text::Text;

/// The days of a hundred years, written beforehand: 1970-01-01 to 2069-12-31.
const TABLE_DAYS: i64 = 36_525;

static TABLE: LazyLock<Vec<[u8; 16]>> =
    LazyLock::new(|| (0..TABLE_DAYS).map(|day| common_era(civil(day))).collect());

/// Dates written beforehand, fetched once per column.
#[derive(Clone, Copy)]
pub(crate) struct Dates(&'static [[u8; 16]]);

impl Dates {
    /// Fetches the table; the first call fills it.
    pub(crate) fn new() -> Self {
        Self(&TABLE)
    }
}

/// Writes the date that lies `day` days after 1970-01-01.
#[inline(always)]
pub(crate) fn date(day: i64, dates: Dates, text: &mut Text) {
    let place = usize::try_from(day).ok();
    match place.and_then(|place| dates.0.get(place)) {
        Some(date) => text.put(*date, 10),
        None => any_date(day, text),
    }
}

fn any_date(day: i64, text: &mut Text) {
    let (year, month, day) = civil(day);
    if (0..10_000).contains(&year) {
        return text.put(common_era((year, month, day)), 10);
    }
    text.byte(if year < 0 { b'-' } else { b'+' });
    let year = year.unsigned_abs();
    let zeros = [1000, 100, 10].iter().filter(|power| year < **power);
    zeros.for_each(|_| text.byte(b'0'));
    unsigned(year, text);
    let rest = common_era((0, month, day));
    text.bytes(&rest[4..10]);
}

fn common_era((year, month, day): (i64, u8, u8)) -> [u8; 16] {
    let mut date = *b"0000-00-00\0\0\0\0\0\0";
    let year = year as u16;
    let digits = [year / 1000, year / 100 % 10, year / 10 % 10, year % 10];
    for (place, digit) in digits.into_iter().enumerate() {
        date[place] += digit as u8;
    }
    for (place, number) in [(5, month), (8, day)] {
        date[place] += number / 10;
        date[place + 1] += number % 10;
    }
    date
}

/// Gives year, month and day of the proleptic Gregorian calendar.
///
/// Years are counted from March, so that the leap day comes last, in eras of 400 years.
fn civil(day: i64) -> (i64, u8, u8) {
    const DAYS_OF_ERA: i64 = 146_097;
    const FROM_YEAR_ZERO: i64 = 719_468;
    let (era, day) = {
        let day = day + FROM_YEAR_ZERO;
        (day.div_euclid(DAYS_OF_ERA), day.rem_euclid(DAYS_OF_ERA))
    };
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (year + era * 400 + next, month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(day: i64) -> String {
        let mut text = Text::new(0);
        date(day, Dates::new(), &mut text);
        String::from_utf8(text.into_vec()).unwrap()
    }

    #[test]
    fn dates_are_iso_8601() {
        for (day, expected) in [
            (0, "1970-01-01"),
            (15_736, "2013-01-31"),
            (36_524, "2069-12-31"),
            (36_525, "2070-01-01"),
            (-1, "1969-12-31"),
            (-25_508, "1900-03-01"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+10000-01-01"),
            (-719_528, "0000-01-01"),
            (-719_529, "-0001-12-31"),
            (i64::from(i32::MAX), "+5881580-07-11"),
            (i64::from(i32::MIN), "-5877641-06-23"),
        ] {
            assert_eq!(written(day), expected);
        }
    }

    #[test]
    fn days_follow_each_other() {
        let (mut year, mut month, mut day) = (-400_i64, 1_u8, 1_u8);
        for number in -865_625..865_625 {
            assert_eq!(civil(number), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }
}
