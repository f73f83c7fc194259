//! Reading one record into the columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use velo_core::Result;

use super::Settings;
use super::column::{Column, Reading};
use super::predict::Prediction;
use super::problem::{Parsed, Problem};
use super::token::{self, Next, StringToken};
use super::{decode, string};
use crate::DecodeRequest;

/// Names of ignored fields that are remembered, so that they too are predicted.
const MAX_IGNORED: usize = 1_000;

/// The columns, and the fields of records that go there or nowhere.
///
/// Fields are numbered: first the columns, then those that are checked and skipped.
pub(super) struct Rows {
    settings: Arc<Settings>,
    columns: Vec<Column>,
    fields: HashMap<String, usize>,
    prediction: Prediction,
    rows: usize,
    /// How many columns the current record has filled.
    filled: usize,
    /// For each field that is skipped, the last record that had it.
    skipped: Vec<u64>,
    record: u64,
}

impl Rows {
    pub(super) fn new(settings: &Arc<Settings>, request: &DecodeRequest) -> Result<Self> {
        let mut fields = HashMap::new();
        let mut columns = Vec::new();
        for field in request.schema.fields() {
            fields.insert(field.name().clone(), columns.len());
            let reading = Reading {
                explicit: settings.is_explicit(field.name()),
                ignore_unknown_fields: settings.ignore_unknown_fields,
            };
            columns.push(Column::new(field, reading)?);
        }
        for name in request.columns.iter().flat_map(|names| names.iter()) {
            let number = fields.len();
            fields.entry(name.clone()).or_insert(number);
        }
        Ok(Self {
            settings: Arc::clone(settings),
            skipped: vec![0; fields.len() - columns.len()],
            columns,
            fields,
            prediction: Prediction::default(),
            rows: 0,
            filled: 0,
            record: 0,
        })
    }

    /// Gives the number of rows since the last `finish`.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Reads the record at `start`; gives the place behind its closing brace.
    ///
    /// `accept` or `discard` must come next.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], start: usize) -> Parsed<usize> {
        self.prediction.start();
        self.filled = 0;
        self.record += 1;
        let mut at = start;
        loop {
            let (field, value) = match self.prediction.hit(bytes, at) {
                Some(hit) => hit,
                None if at > start && bytes.get(at) == Some(&b'}') => break,
                None => match self.unexpected(bytes, at, at == start)? {
                    Found::Field(field, value) => (field, value),
                    Found::Brace(brace) => {
                        at = brace;
                        break;
                    }
                },
            };
            at = self.read_value(field, bytes, value)?;
        }
        if self.filled < self.columns.len() {
            self.fill_missing(start)?;
        }
        Ok(at + 1)
    }

    #[inline]
    fn read_value(&mut self, field: usize, bytes: &[u8], at: usize) -> Parsed<usize> {
        match self.columns.get_mut(field) {
            Some(column) => {
                self.filled += 1;
                let read = column.read(bytes, at, 1);
                read.map_err(|problem| with_types_hint(problem, column.name()))
            }
            None => {
                let last = field.wrapping_sub(self.columns.len());
                if let Some(last) = self.skipped.get_mut(last) {
                    *last = self.record;
                }
                token::skip_value(bytes, token::skip_space(bytes, at), 1)
            }
        }
    }

    /// Reads the next key where it is not the expected one.
    #[inline(never)]
    fn unexpected(&mut self, bytes: &[u8], at: usize, first: bool) -> Parsed<Found> {
        let key_at = if first {
            decode::check_opening(bytes, at)?;
            let inside = token::skip_space(bytes, at + 1);
            if bytes.get(inside) == Some(&b'}') {
                return Ok(Found::Brace(inside));
            }
            inside
        } else {
            match token::next_element(bytes, at, b'}')? {
                Next::Value(key) => key,
                Next::End(end) => return Ok(Found::Brace(end - 1)),
            }
        };
        let (key, value) = token::key(bytes, key_at)?;
        let Some(field) = self.field(bytes, &key)? else {
            return Ok(Found::Field(usize::MAX, value));
        };
        let twice = match self.columns.get(field) {
            Some(column) => column.len() > self.rows,
            None => self.skipped[field - self.columns.len()] == self.record,
        };
        if twice {
            return Err(duplicate(key_at).in_column(&string::name(bytes, &key)?));
        }
        self.prediction.learn(field, &bytes[at..value]);
        Ok(Found::Field(field, value))
    }

    /// Finds the field of a key; `None` for one that is ignored and not worth remembering.
    fn field(&mut self, bytes: &[u8], key: &StringToken) -> Parsed<Option<usize>> {
        let name = string::name(bytes, key)?;
        if let Some(&field) = self.fields.get(name.as_ref()) {
            return Ok(Some(field));
        }
        if !self.settings.ignore_unknown_fields {
            return Err(unknown(key.start - 1).in_column(&name));
        }
        if self.skipped.len() >= MAX_IGNORED {
            return Ok(None);
        }
        let field = self.columns.len() + self.skipped.len();
        self.skipped.push(0);
        self.fields.insert(name.into_owned(), field);
        Ok(Some(field))
    }

    fn fill_missing(&mut self, at: usize) -> Parsed<()> {
        for column in &mut self.columns {
            if column.len() == self.rows {
                column.push_null(at)?;
            }
        }
        Ok(())
    }

    /// Keeps the record that was read last.
    #[inline]
    pub(super) fn accept(&mut self) {
        self.rows += 1;
    }

    /// Forgets the record that was read last, as far as it came.
    pub(super) fn discard(&mut self) {
        for column in &mut self.columns {
            column.truncate(self.rows);
        }
    }

    /// Takes the rows.
    pub(super) fn finish(&mut self) -> Result<Vec<ArrayRef>> {
        self.rows = 0;
        self.columns.iter_mut().map(Column::finish).collect()
    }
}

/// What stands where another key was expected.
enum Found {
    /// A field, and the place of its value.
    Field(usize, usize),
    /// The closing brace.
    Brace(usize),
}

/// Says which option mends a value of the wrong type.
#[cold]
fn with_types_hint(problem: Box<Problem>, column: &str) -> Box<Problem> {
    if problem.column.is_none() || problem.hint.is_some() {
        return problem;
    }
    problem.with_hint(format!("types={column}:text, or infer=full"))
}

/// A key that stands twice in one object.
#[cold]
pub(super) fn duplicate(at: usize) -> Box<Problem> {
    Problem::new(at, "the key stands twice")
}

/// A key that no column was found for.
#[cold]
pub(super) fn unknown(at: usize) -> Box<Problem> {
    Problem::new(at, "an unknown field")
        .with_hint("infer=full finds every field, ignore_unknown_fields=true leaves it out")
}
