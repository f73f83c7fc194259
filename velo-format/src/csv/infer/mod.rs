//! Columns and their types from samples of the records.

pub(super) mod evidence;
mod resume;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use velo_core::{Error, ErrorKind, Result};

use self::evidence::Evidence;
use super::decoder::Settings;
use super::records::{Limits, Records};
use crate::{InferMode, Inference, Inferred};

/// Gathers evidence for the type of each column.
pub(super) struct CsvInference {
    settings: Arc<Settings>,
    names: Arc<[String]>,
    evidence: Vec<Evidence>,
    records: Records,
}

impl CsvInference {
    pub(super) fn new(settings: Arc<Settings>, names: Arc<[String]>) -> Self {
        Self {
            settings,
            evidence: names.iter().map(|_| Evidence::default()).collect(),
            names,
            records: Records::default(),
        }
    }

    fn limits(&self, last: bool) -> Limits {
        Limits {
            records: usize::MAX,
            record_bytes: self.settings.record_bytes,
            last,
        }
    }

    fn stride(&self) -> usize {
        self.names.len().max(1)
    }

    /// Says whether the type of a column is still open.
    fn is_open(&self, name: &str) -> bool {
        self.settings.infer_is_on() && self.settings.explicit.get(name).is_none()
    }

    fn observe(&mut self, bytes: &[u8]) {
        let dialect = &self.settings.dialect;
        for field in 0..self.names.len() {
            if !self.is_open(&self.names[field]) {
                continue;
            }
            let fields = self.records.fields(bytes, field);
            let evidence = &mut self.evidence[field];
            for row in 0..self.records.len() {
                if let Some((text, unquoted)) = fields.get(row) {
                    evidence.observe(dialect, text, unquoted);
                }
            }
        }
    }

    fn column(&self, field: usize) -> DataType {
        let name = &self.names[field];
        match self.settings.explicit.get(name) {
            Some(kind) => kind.clone(),
            None => self.evidence[field].data_type(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let open = |field: &usize| self.is_open(&self.names[*field]);
        let fields = (0..self.names.len()).filter(open);
        let notes = fields.filter_map(|field| self.evidence[field].note(&self.names[field]));
        self.settings.notes.iter().cloned().chain(notes).collect()
    }
}

impl Settings {
    fn infer_is_on(&self) -> bool {
        self.explicit.infer != InferMode::Off
    }
}

impl Inference for CsvInference {
    fn update(&mut self, bytes: &[u8], last: bool) -> Result<usize> {
        let (mut consumed, limits) = (0, self.limits(last));
        while consumed < bytes.len() {
            let (settings, rest) = (self.settings.clone(), &bytes[consumed..]);
            let stride = self.stride();
            let used = self.records.read(&settings.dialect, stride, rest, limits)?;
            if used == 0 {
                break;
            }
            self.observe(&rest[..used]);
            consumed += used;
        }
        Ok(consumed)
    }

    fn window(&mut self, bytes: &[u8], reaches_end: bool) {
        let (settings, stride) = (self.settings.clone(), self.stride());
        let limits = self.limits(reaches_end);
        let Some(start) = resume::record_start(&settings.dialect, stride, bytes, limits) else {
            return;
        };
        // What cannot be read is left out: a window is evidence and nothing else.
        let _ = self.update(&bytes[start..], reaches_end);
    }

    fn finish(self: Box<Self>) -> Result<Inferred> {
        if self.names.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidData,
                "input is empty: it has no columns",
            ));
        }
        self.settings.explicit.check(&self.names)?;
        let schema = match &self.settings.explicit.schema {
            Some(schema) => schema.clone(),
            None => {
                let names = self.names.iter().enumerate();
                let fields = names.map(|(at, name)| Field::new(name, self.column(at), true));
                Arc::new(Schema::new(fields.collect::<Vec<_>>()))
            }
        };
        Ok(Inferred {
            schema,
            notes: self.notes(),
            declared: false,
        })
    }
}
