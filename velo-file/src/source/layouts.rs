//! One decoder for each dialect of a format.

use velo_core::Result;
use velo_format::{Format, Layout, ReadOptions};

use super::{Settings, detect};
use crate::config::SchemaDrift;

/// One decoder for each dialect of a format that file names stand for.
pub(super) struct Layouts<'o> {
    format: Format,
    options: &'o ReadOptions,
    /// Fields of records that no column was found for are left out.
    ignore_unknown: bool,
    dialects: Vec<Option<&'static str>>,
    pub(super) made: Vec<Layout>,
}

impl<'o> Layouts<'o> {
    pub(super) fn new(format: Format, settings: &'o Settings) -> Self {
        Self {
            format,
            options: &settings.formats,
            ignore_unknown: settings.options.schema_drift == SchemaDrift::Ignore,
            dialects: Vec::new(),
            made: Vec::new(),
        }
    }

    pub(super) fn of(&mut self, path: &str) -> Result<usize> {
        let given = self.options.csv.delimiter.is_some() || self.format != Format::Csv;
        let dialect = if given { None } else { detect::delimiter(path) };
        if let Some(at) = self.dialects.iter().position(|known| *known == dialect) {
            return Ok(at);
        }
        let mut options = self.options.clone();
        options.json.ignore_unknown_fields |= self.ignore_unknown;
        if let Some(delimiter) = dialect {
            options.csv.delimiter = Some(delimiter.to_owned());
        }
        self.made.push(self.format.layout(&options)?);
        self.dialects.push(dialect);
        Ok(self.made.len() - 1)
    }
}
