//! What the sampled values of one place have in common, and the type that follows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::number::Numbers;
use super::problem::{Parsed, Problem};
use super::string;
use super::token::{self, Next, StringToken};
use crate::scalar::{Timestamp, parse_date32};

/// Different keys of a nested object from which on it is a map in disguise and stays text.
const MAX_NESTED_FIELDS: usize = 1_000;
/// Different keys of the records at most.
const MAX_COLUMNS: usize = 100_000;

/// The values seen at one place.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    booleans: bool,
    numbers: Option<Numbers>,
    texts: Option<Texts>,
    items: Option<Box<Evidence>>,
    object: Option<Members>,
}

/// The fields of the objects seen at one place, in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Members {
    places: HashMap<String, usize>,
    fields: Vec<(String, Evidence)>,
    too_many: bool,
}

#[derive(Debug)]
struct Texts {
    dates: bool,
    timestamps: bool,
    /// One or more timestamps say how far they are from UTC.
    zoned: bool,
    /// One or more do not.
    local: bool,
    /// One or more need nanoseconds.
    fine: bool,
    fits_microseconds: bool,
    fits_nanoseconds: bool,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            dates: true,
            timestamps: true,
            zoned: false,
            local: false,
            fine: false,
            fits_microseconds: true,
            fits_nanoseconds: true,
        }
    }
}

impl Evidence {
    /// Takes in the value at `at`, which was checked before, and gives the place behind it.
    ///
    /// Recurses once for each level, of which the check allows 128.
    fn observe(&mut self, bytes: &[u8], at: usize) -> Parsed<usize> {
        match bytes.get(at) {
            Some(b'"') => {
                let token = token::string_token(bytes, at)?;
                self.observe_text(bytes, &token);
                Ok(token.end + 1)
            }
            Some(b'{') => self
                .object
                .get_or_insert_default()
                .observe(bytes, at, MAX_NESTED_FIELDS),
            Some(b'[') => self.observe_items(bytes, at),
            Some(b'n') => token::literal(bytes, at, "null"),
            Some(b't' | b'f') => {
                self.booleans = true;
                token::skip_value(bytes, at, 0)
            }
            _ => {
                let (end, whole) = token::number_token(bytes, at)?;
                let numbers = self.numbers.get_or_insert_default();
                numbers.observe(&bytes[at..end], whole);
                Ok(end)
            }
        }
    }

    fn observe_text(&mut self, bytes: &[u8], token: &StringToken) {
        let texts = self.texts.get_or_insert_default();
        if texts.dates || texts.timestamps {
            texts.observe(token.raw(bytes));
        }
    }

    fn observe_items(&mut self, bytes: &[u8], at: usize) -> Parsed<usize> {
        let items = self.items.get_or_insert_default();
        let mut at = token::skip_space(bytes, at + 1);
        if bytes.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
        loop {
            let end = items.observe(bytes, at)?;
            match token::next_element(bytes, end, b']')? {
                Next::Value(next) => at = next,
                Next::End(end) => return Ok(end),
            }
        }
    }

    /// Gives the type that keeps every value seen; `path` names the place in notes.
    fn data_type(&self, path: &str, notes: &mut Vec<String>) -> DataType {
        let kinds = self.kinds();
        match kinds.as_slice() {
            [] => {
                notes.push(format!("`{path}` is null in every sampled record: text"));
                DataType::Utf8
            }
            [_] => self.single_type(path, notes),
            several => {
                notes.push(format!(
                    "`{path}` holds {}: text, what is no string as JSON",
                    several.join(" and ")
                ));
                DataType::Utf8
            }
        }
    }

    fn kinds(&self) -> Vec<&'static str> {
        let seen = [
            (self.booleans, "booleans"),
            (self.numbers.is_some(), "numbers"),
            (self.texts.is_some(), "strings"),
            (self.items.is_some(), "arrays"),
            (self.object.is_some(), "objects"),
        ];
        let kinds = seen.into_iter().filter(|(seen, _)| *seen);
        kinds.map(|(_, name)| name).collect()
    }

    fn single_type(&self, path: &str, notes: &mut Vec<String>) -> DataType {
        if let Some(numbers) = &self.numbers {
            return numbers.data_type().unwrap_or_else(|| {
                notes.push(format!("`{path}` holds numbers of too many digits: text"));
                DataType::Utf8
            });
        }
        if let Some(texts) = &self.texts {
            return texts.data_type();
        }
        if let Some(items) = &self.items {
            let item = items.data_type(&format!("{path}[]"), notes);
            return DataType::List(Arc::new(Field::new("item", item, true)));
        }
        match &self.object {
            Some(members) => members.data_type(path, notes),
            None => DataType::Boolean,
        }
    }
}

impl Members {
    /// Takes in a record, which was checked before.
    pub(super) fn observe_record(&mut self, bytes: &[u8], at: usize) -> Parsed<usize> {
        self.observe(bytes, at, MAX_COLUMNS)
    }

    fn observe(&mut self, bytes: &[u8], at: usize, most: usize) -> Parsed<usize> {
        let mut at = token::skip_space(bytes, at + 1);
        if bytes.get(at) == Some(&b'}') {
            return Ok(at + 1);
        }
        let mut expected = 0;
        loop {
            let (name, value) = token::key(bytes, at)?;
            let end = match self.place(&name, bytes, expected, most)? {
                Some(place) => {
                    expected = place + 1;
                    self.fields[place].1.observe(bytes, value)?
                }
                None => token::skip_value(bytes, value, 0)?,
            };
            match token::next_element(bytes, end, b'}')? {
                Next::Value(next) => at = next,
                Next::End(end) => return Ok(end),
            }
        }
    }

    /// Says whether every key of a record, which was checked before, was seen before.
    pub(super) fn know_all(&self, bytes: &[u8], at: usize) -> bool {
        let known = |at: usize| -> Parsed<Option<usize>> {
            let (name, value) = token::key(bytes, at)?;
            let known = self
                .places
                .contains_key(string::name(bytes, &name)?.as_ref());
            Ok(known.then_some(value))
        };
        let mut at = token::skip_space(bytes, at + 1);
        while let Ok(Some(value)) = known(at) {
            let behind = token::skip_value(bytes, value, 1);
            match behind.and_then(|end| token::next_element(bytes, end, b'}')) {
                Ok(Next::Value(next)) => at = next,
                Ok(Next::End(_)) => return true,
                Err(_) => return false,
            }
        }
        false
    }

    /// Finds a field's place, or makes one.
    fn place(
        &mut self,
        token: &StringToken,
        bytes: &[u8],
        expected: usize,
        most: usize,
    ) -> Parsed<Option<usize>> {
        let raw = token.raw(bytes);
        let is_expected = |(name, _): &(String, Evidence)| name.as_bytes() == raw;
        if !token.escaped && self.fields.get(expected).is_some_and(is_expected) {
            return Ok(Some(expected));
        }
        let name = string::name(bytes, token)?;
        if let Some(&place) = self.places.get(name.as_ref()) {
            return Ok(Some(place));
        }
        self.too_many |= self.fields.len() == most;
        if self.too_many {
            return Ok(None);
        }
        let place = self.fields.len();
        self.places.insert(name.clone().into_owned(), place);
        self.fields.push((name.into_owned(), Evidence::default()));
        Ok(Some(place))
    }

    fn data_type(&self, path: &str, notes: &mut Vec<String>) -> DataType {
        if self.too_many || self.fields.is_empty() {
            notes.push(match self.too_many {
                true => format!("`{path}` holds objects of over {MAX_NESTED_FIELDS} keys: text"),
                false => format!("`{path}` holds empty objects: text"),
            });
            return DataType::Utf8;
        }
        let mut fields = Vec::with_capacity(self.fields.len());
        for (name, evidence) in &self.fields {
            let kind = evidence.data_type(&format!("{path}.{name}"), notes);
            fields.push(Field::new(name, kind, true));
        }
        DataType::Struct(Fields::from(fields))
    }

    /// Gives the columns; `given` is the type of a column whose values don't decide.
    pub(super) fn columns(
        &self,
        given: impl Fn(&str) -> Option<DataType>,
        notes: &mut Vec<String>,
    ) -> Parsed<Vec<Field>> {
        if self.too_many {
            return Err(Problem::new(0, "too many columns"));
        }
        let columns = self.fields.iter().map(|(name, evidence)| {
            let kind = given(name).unwrap_or_else(|| evidence.data_type(name, notes));
            Field::new(name, kind, true)
        });
        Ok(columns.collect())
    }
}

impl Texts {
    fn observe(&mut self, raw: &[u8]) {
        self.dates = self.dates && parse_date32(raw).is_some();
        if !self.timestamps {
            return;
        }
        let Some(stamp) = Timestamp::parse(raw) else {
            self.timestamps = false;
            return;
        };
        match stamp.offset_seconds {
            Some(_) => self.zoned = true,
            None => self.local = true,
        }
        let utc = Timestamp {
            offset_seconds: stamp.offset_seconds.or(Some(0)),
            ..stamp
        };
        self.fine |= stamp.fraction_digits > 6;
        self.fits_nanoseconds &= utc.utc(TimeUnit::Nanosecond).is_some();
        let coarse = Timestamp {
            nanoseconds: 0,
            ..utc
        };
        self.fits_microseconds &= coarse.utc(TimeUnit::Microsecond).is_some();
    }

    fn data_type(&self) -> DataType {
        if self.dates {
            return DataType::Date32;
        }
        let (unit, fits) = match self.fine {
            true => (TimeUnit::Nanosecond, self.fits_nanoseconds),
            false => (TimeUnit::Microsecond, self.fits_microseconds),
        };
        // A clock time without a zone is another thing than a point in time.
        match (self.timestamps && fits, self.zoned, self.local) {
            (true, true, false) => DataType::Timestamp(unit, Some("UTC".into())),
            (true, false, true) => DataType::Timestamp(unit, None),
            _ => DataType::Utf8,
        }
    }
}
