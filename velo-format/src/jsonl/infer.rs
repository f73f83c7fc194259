//! Finding columns and types.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use velo_core::{Error, ErrorKind, Result};

use super::Settings;
use super::evidence::Members;
use super::problem::{Parsed, Problem};
use super::token;
use crate::{InferMode, Inference, Inferred};

/// Collects evidence record by record; what does not decode is none.
pub(super) struct JsonInference {
    settings: Arc<Settings>,
    members: Members,
    first_problem: Option<Box<Problem>>,
    records: u64,
}

impl JsonInference {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            members: Members::default(),
            first_problem: None,
            records: 0,
        }
    }

    fn observe_line(&mut self, line: &[u8]) {
        let start = token::skip_space(line, 0);
        if start == line.len() {
            return;
        }
        match check_record(line, start).and_then(|()| self.members.observe_record(line, start)) {
            Ok(_) => self.records += 1,
            Err(problem) => self.first_problem = self.first_problem.take().or(Some(problem)),
        }
    }

    /// Takes in whole lines; gives the place behind the last one.
    pub(super) fn observe_lines(&mut self, bytes: &[u8], last: bool) -> usize {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            self.observe_line(&bytes[start..end]);
            start = end + 1;
        }
        if last && start < bytes.len() {
            self.observe_line(&bytes[start..]);
            return bytes.len();
        }
        start
    }

    /// Takes in those lines whose keys have all been seen before.
    pub(super) fn observe_known_lines(&mut self, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n') {
            let start = token::skip_space(line, 0);
            if check_record(line, start).is_ok() && self.members.know_all(line, start) {
                self.observe_line(line);
            }
        }
    }

    /// Says whether any record was readable.
    pub(super) fn has_records(&self) -> bool {
        self.records > 0
    }

    fn given(&self, name: &str) -> Option<DataType> {
        match (self.settings.given(name), self.settings.infer) {
            (Some(given), _) => Some(given.clone()),
            (None, InferMode::Off) => Some(DataType::Utf8),
            (None, InferMode::Sample | InferMode::Full) => None,
        }
    }

    /// Adds columns that are named by `types=` alone: keys may be rare.
    fn add_unseen(&self, columns: &mut Vec<Field>, notes: &mut Vec<String>) {
        for (name, kind) in self.settings.types.iter() {
            if !columns.iter().any(|column| column.name() == name) {
                notes.push(format!("`{name}` of types= is in no sampled record"));
                columns.push(Field::new(name, kind.clone(), true));
            }
        }
    }

    fn nothing_read(&self, problem: &Problem) -> Error {
        let error = Error::new(
            ErrorKind::InvalidData,
            "find columns: no record is readable",
        )
        .with("first problem", &problem.what);
        match &problem.hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error.with_hint("is it JSON lines? format= names another format"),
        }
    }
}

impl Inference for JsonInference {
    fn update(&mut self, bytes: &[u8], last: bool) -> Result<usize> {
        if self.settings.schema.is_some() {
            return Ok(bytes.len());
        }
        let consumed = self.observe_lines(bytes, last);
        self.settings.check_length(bytes.len() - consumed, None)?;
        Ok(consumed)
    }

    fn window(&mut self, bytes: &[u8], reaches_end: bool) {
        if let (None, Some(first)) = (&self.settings.schema, memchr::memchr(b'\n', bytes)) {
            self.observe_lines(&bytes[first + 1..], reaches_end);
        }
    }

    fn finish(self: Box<Self>) -> Result<Inferred> {
        let mut notes = Vec::new();
        if let Some(schema) = &self.settings.schema {
            let schema = Arc::clone(schema);
            return Ok(Inferred {
                schema,
                notes,
                declared: false,
            });
        }
        if let (0, Some(problem)) = (self.records, &self.first_problem) {
            return Err(self.nothing_read(problem));
        }
        let columns = self.members.columns(|name| self.given(name), &mut notes);
        let mut columns = columns.map_err(|problem| {
            Error::new(ErrorKind::InvalidData, problem.what)
                .with_hint("schema= names the columns that are wanted")
        })?;
        self.add_unseen(&mut columns, &mut notes);
        let schema = Arc::new(Schema::new(columns));
        Ok(Inferred {
            schema,
            notes,
            declared: false,
        })
    }
}

/// Checks that a line is one JSON object, so that no part of a bad record is evidence.
fn check_record(line: &[u8], start: usize) -> Parsed<()> {
    super::decode::check_opening(line, start)?;
    if let Err(error) = simdutf8::compat::from_utf8(line) {
        return Err(Problem::new(error.valid_up_to(), "not valid UTF-8"));
    }
    let end = token::skip_value(line, start, 0)?;
    super::decode::check_end(line, end)?;
    Ok(())
}
