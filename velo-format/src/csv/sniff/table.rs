//! An input's beginning, read under one dialect.

use arrow_schema::DataType;

use crate::csv::dialect::Dialect;
use crate::csv::header::first_record;
use crate::csv::infer::evidence::Evidence;
use crate::csv::records::{Limits, Records};
use crate::scalar;

/// The bytes to look at.
pub(super) struct Sample<'b> {
    pub(super) bytes: &'b [u8],
    /// They are all there are.
    pub(super) whole: bool,
    pub(super) record_bytes: usize,
}

/// What a dialect makes of a sample.
#[derive(Debug)]
pub(super) struct Table {
    /// The fields of the first record, without quotes.
    pub(super) first: Vec<Vec<u8>>,
    /// What stands in each column below it.
    pub(super) below: Vec<Column>,
    /// Records below the first, bad ones included.
    pub(super) records: usize,
    /// The part of the bytes that are records with as many fields as the first, 0 to 1.
    pub(super) share: f64,
}

/// What stands in one column.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    /// Fractions behind a point.
    pub(super) point: Evidence,
    /// Fractions behind a comma.
    pub(super) comma: Evidence,
    /// A value with a comma that does not stand between thousands.
    pub(super) has_decimal_comma: bool,
    /// A value with a point that does not stand between thousands.
    pub(super) has_decimal_point: bool,
    /// A value holds another delimiter.
    pub(super) holds_rival: bool,
    /// A value begins with a blank.
    pub(super) starts_blank: bool,
    /// Values, and those between quotes.
    pub(super) values: usize,
    pub(super) quoted: usize,
}

/// The bytes that may be delimiters.
pub(super) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Table {
    /// Reads a sample; `None` when the first record is not sound.
    pub(super) fn read(dialect: &Dialect, sample: &Sample<'_>) -> Option<Self> {
        let (bytes, limit) = (sample.bytes, sample.record_bytes);
        let found = first_record(dialect, limit, bytes, sample.whole).ok()??;
        let (first, mut at) = found?;
        let mut table = Self {
            below: vec![Column::default(); first.len()],
            first,
            records: 0,
            share: 0.0,
        };
        let comma = dialect.with_decimal_comma();
        let (mut sound, mut unsound) = (at, 0);
        let mut records = Records::default();
        let limits = Limits {
            records: usize::MAX,
            record_bytes: limit,
            last: sample.whole,
        };
        while at < bytes.len() {
            let rest = &bytes[at..];
            let used = records.read(dialect, table.first.len(), rest, limits);
            let Some(used) = used.ok().filter(|used| *used > 0) else {
                break;
            };
            let lengths = (0..records.len()).map(|row| records.raw(records.row(row), rest).len());
            sound += lengths.map(|length| length + 1).sum::<usize>();
            unsound += records
                .faults
                .iter()
                .map(|fault| fault.end - fault.start + 1)
                .sum::<usize>();
            table.records += records.count;
            table.observe(&records, &rest[..used], dialect, &comma);
            at += used;
        }
        // What no record ends in: only whole lines count, as the sample may end within one.
        let ended = match sample.whole {
            true => bytes.len(),
            false => memchr::memrchr(b'\n', bytes).map_or(0, |feed| feed + 1),
        };
        unsound += ended.saturating_sub(at);
        table.share = sound as f64 / (sound + unsound) as f64;
        Some(table)
    }

    fn observe(&mut self, records: &Records, bytes: &[u8], dialect: &Dialect, comma: &Dialect) {
        for (field, column) in self.below.iter_mut().enumerate() {
            let fields = records.fields(bytes, field);
            for row in 0..records.len() {
                if let Some((text, unquoted)) = fields.get(row) {
                    column.point.observe(dialect, text, unquoted);
                    column.comma.observe(comma, text, unquoted);
                    column.observe(dialect, text, unquoted);
                }
            }
        }
    }

    /// Gives the number of columns with another type than text.
    pub(super) fn typed(&self, commas: bool) -> usize {
        let typed = self.below.iter().filter(|column| column.is_typed(commas));
        typed.count()
    }
}

impl Column {
    fn observe(&mut self, dialect: &Dialect, text: &[u8], unquoted: bool) {
        if unquoted && text.is_empty() {
            return;
        }
        self.values += 1;
        self.quoted += usize::from(!unquoted);
        self.starts_blank |= text.first() == Some(&b' ');
        let rival = |byte: &u8| *byte != dialect.delimiter && DELIMITERS.contains(byte);
        self.holds_rival |= unquoted && text.iter().any(rival);
        self.has_decimal_comma |= is_fraction(text, b',', b'.');
        self.has_decimal_point |= is_fraction(text, b'.', b',');
    }

    /// Says whether the values have another type than text in common; with `commas` also where
    /// that takes a decimal comma.
    pub(super) fn is_typed(&self, commas: bool) -> bool {
        let typed = |evidence: &Evidence| evidence.data_type() != DataType::Utf8;
        typed(&self.point) || (commas && typed(&self.comma))
    }

    /// Says whether the values are numbers with a decimal comma and not without.
    pub(super) fn needs_comma(&self) -> bool {
        self.point.data_type() == DataType::Utf8 && self.comma.data_type() != DataType::Utf8
    }
}

/// Says whether a text is a number whose `separator` cannot stand between thousands: other than
/// three digits behind it, none or too many before it, or groups divided by the `other` before it.
fn is_fraction(text: &[u8], separator: u8, other: u8) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let Some(at) = memchr::memchr(separator, unsigned) else {
        return false;
    };
    let (whole, fraction) = (&unsigned[..at], &unsigned[at + 1..]);
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if whole.contains(&other) {
        let plain: Vec<u8> = whole
            .iter()
            .copied()
            .filter(|byte| *byte != other)
            .collect();
        return digits(&plain) && digits(fraction);
    }
    let certain = fraction.len() != 3 || whole.len() > 3 || whole.first() == Some(&b'0');
    certain && digits(whole) && digits(fraction) && scalar::parse_i64(whole).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_fractions_from_thousands() {
        for (text, expected) in [
            ("1,5", true),
            ("-0,125", true),
            ("1.234,567", true),
            ("1234,567", true),
            ("1,234", false),
            ("12,345,678", false),
            ("a,5", false),
            ("15", false),
            (",5", false),
            ("", false),
        ] {
            assert_eq!(is_fraction(text.as_bytes(), b',', b'.'), expected, "{text}");
        }
    }
}
