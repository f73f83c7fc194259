//! What the values of one column have in common.

use arrow_schema::{DataType, TimeUnit};

use super::super::dialect::Dialect;
use crate::scalar::{self, Number, Timestamp};

/// Digits that a `Decimal128` holds.
const MAX_DIGITS: u64 = 38;

/// The types under which every value so far means the same as its text.
///
/// Every part is a count, an extreme or a conjunction, so that the order of values is of no
/// influence.
#[derive(Debug, Clone)]
pub(in crate::csv) struct Evidence {
    values: u64,
    boolean: bool,
    number: bool,
    date: bool,
    timestamp: bool,
    numbers: Numbers,
    stamps: Stamps,
    /// The usual spellings of null that occurred.
    nulls: Vec<String>,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            values: 0,
            boolean: true,
            number: true,
            date: true,
            timestamp: true,
            numbers: Numbers::default(),
            stamps: Stamps::default(),
            nulls: Vec::new(),
        }
    }
}

impl Evidence {
    /// Takes in one value.
    pub(in crate::csv) fn observe(&mut self, dialect: &Dialect, text: &[u8], unquoted: bool) {
        if unquoted {
            match dialect.nulls() {
                Some(spellings) if spellings.iter().any(|spelling| spelling == text) => return,
                None if text.is_empty() => return,
                _ if dialect.is_usual_null(text) => return self.note_null(text),
                _ => {}
            }
        }
        self.values += 1;
        self.number = self.number && self.observe_number(dialect, text).is_some();
        self.boolean = self.boolean && scalar::parse_bool(text).is_some();
        self.date = self.date && scalar::parse_date32(text).is_some();
        self.timestamp = self.timestamp && self.stamps.observe(text).is_some();
    }

    fn observe_number(&mut self, dialect: &Dialect, text: &[u8]) -> Option<()> {
        match dialect.decimal_comma {
            true => self.numbers.observe(&scalar::with_point(text, false)?),
            false => self.numbers.observe(text),
        }
    }

    fn note_null(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        if !self.nulls.iter().any(|known| *known == text) {
            self.nulls.push(text.into_owned());
        }
    }

    /// Gives the type, text where no other is left.
    pub(in crate::csv) fn data_type(&self) -> DataType {
        if self.values == 0 {
            return DataType::Utf8;
        }
        let found = if self.number {
            self.numbers.data_type()
        } else if self.boolean {
            Some(DataType::Boolean)
        } else if self.date {
            Some(DataType::Date32)
        } else if self.timestamp {
            self.stamps.data_type()
        } else {
            None
        };
        found.unwrap_or(DataType::Utf8)
    }

    /// Gives the number of values that are not null.
    pub(in crate::csv) fn values(&self) -> u64 {
        self.values
    }

    /// Says what a user should know about the column.
    pub(in crate::csv) fn note(&self, name: &str) -> Option<String> {
        if self.values == 0 {
            return Some(format!(
                "column {name} has no values in the sample: read as text"
            ));
        }
        if self.nulls.is_empty() || self.data_type() == DataType::Utf8 {
            return None;
        }
        let mut nulls = self.nulls.clone();
        nulls.sort_unstable();
        Some(format!("column {name}: {} taken as null", nulls.join(", ")))
    }
}

/// Numbers of one column.
#[derive(Debug, Clone)]
struct Numbers {
    integers: bool,
    fits_i64: bool,
    fits_u64: bool,
    /// Whether doubles hold all of them.
    doubles: bool,
    decimals: bool,
    finite: bool,
    integer_digits: u64,
    fraction_digits: u64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            integers: true,
            fits_i64: true,
            fits_u64: true,
            doubles: true,
            decimals: true,
            finite: false,
            integer_digits: 0,
            fraction_digits: 0,
        }
    }
}

impl Numbers {
    fn observe(&mut self, text: &[u8]) -> Option<()> {
        if scalar::has_padding(text) {
            return None;
        }
        let whole = scalar::parse_i64(text).filter(|value| *value != 0 || text == b"0");
        if let Some(value) = whole {
            self.finite = true;
            self.fits_u64 &= value >= 0;
            // Below 2^53 a double holds every integer.
            self.doubles &=
                value.unsigned_abs() < 1 << 53 || scalar::parse_f64_exact(text).is_some();
            let digits = value
                .unsigned_abs()
                .checked_ilog10()
                .map_or(0, |log| u64::from(log) + 1);
            self.integer_digits = self.integer_digits.max(digits);
            return Some(());
        }
        self.doubles &= scalar::parse_f64_exact(text).is_some();
        let Some(number) = Number::parse(text) else {
            // What is no number but a double: NaN and the infinities.
            (self.integers, self.decimals) = (false, false);
            return scalar::parse_f64_exact(text).map(|_| ());
        };
        self.finite = true;
        let unsigned = text.strip_prefix(b"-").unwrap_or(text);
        self.integers &= unsigned.iter().all(u8::is_ascii_digit) && !is_negative_zero(&number);
        self.fits_i64 = false;
        self.fits_u64 &= scalar::parse_u64(text).is_some();
        self.decimals &= !is_negative_zero(&number);
        self.integer_digits = self.integer_digits.max(number.integer_digits());
        self.fraction_digits = self.fraction_digits.max(number.fraction_digits());
        Some(())
    }

    fn data_type(&self) -> Option<DataType> {
        let fits = self.decimals && self.integer_digits + self.fraction_digits <= MAX_DIGITS;
        let decimal = DataType::Decimal128(MAX_DIGITS as u8, self.fraction_digits as i8);
        match (self.integers, self.finite) {
            (_, false) => None,
            (true, _) if self.fits_i64 => Some(DataType::Int64),
            (true, _) if self.fits_u64 => Some(DataType::UInt64),
            (false, _) if self.doubles => Some(DataType::Float64),
            _ => fits.then_some(decimal),
        }
    }
}

fn is_negative_zero(number: &Number) -> bool {
    number.negative && number.digits.is_empty()
}

/// Timestamps of one column.
#[derive(Debug, Clone, Default)]
struct Stamps {
    zoned: bool,
    local: bool,
    /// Whether microseconds are too coarse for one of them.
    fine: bool,
    /// Whether one of them is too far away for nanoseconds, or microseconds.
    far: bool,
    too_far: bool,
}

impl Stamps {
    fn observe(&mut self, text: &[u8]) -> Option<()> {
        let mut stamp = Timestamp::parse(text)?;
        match stamp.offset_seconds {
            Some(_) => self.zoned = true,
            None => self.local = true,
        }
        self.fine |= stamp.fraction_digits > 6;
        stamp.offset_seconds = stamp.offset_seconds.or(Some(0));
        self.far |= stamp.utc(TimeUnit::Nanosecond).is_none();
        stamp.nanoseconds = 0;
        self.too_far |= stamp.utc(TimeUnit::Microsecond).is_none();
        Some(())
    }

    fn data_type(&self) -> Option<DataType> {
        let unit = match (self.fine, self.far) {
            (true, true) => return None,
            (true, false) => TimeUnit::Nanosecond,
            (false, _) => TimeUnit::Microsecond,
        };
        match (self.zoned, self.local) {
            _ if self.too_far => None,
            // A clock time without a zone is another thing than a point in time.
            (true, true) => None,
            (true, false) => Some(DataType::Timestamp(unit, Some("UTC".into()))),
            (false, _) => Some(DataType::Timestamp(unit, None)),
        }
    }
}
