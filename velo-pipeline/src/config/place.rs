//! Where something stands: file, line and column.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use velo_core::{Error, Result};

/// A file of a configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Its name for messages; empty for text that is no file.
    pub(super) shown: String,
    /// What relative paths in it start from.
    pub(super) folder: PathBuf,
}

/// A place in a file; lines and columns are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) origin: Arc<Origin>,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    /// Says where an error is.
    pub(super) fn put(&self, error: Error) -> Error {
        let error = error.within("column", self.column);
        self.origin.put(error.within("line", self.line))
    }
}

impl Origin {
    /// Says which file an error is about.
    pub(super) fn put(&self, error: Error) -> Error {
        match self.shown.is_empty() {
            true => error,
            false => error.within("file", &self.shown),
        }
    }
}

/// Where the keys of a pipeline file stand, by dotted path: `checkpoint.store`, `transform.0`.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(pub(super) BTreeMap<String, Place>);

impl Places {
    /// Says where an error about a key is: at the option that it names, the key, or the nearest key
    /// around it.
    pub(super) fn at<T>(&self, path: &str, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| {
            let option = error.context("option").map(|option| {
                let name = option.split('=').next().unwrap_or(option);
                format!("{path}.{name}")
            });
            let exact = option.and_then(|option| self.0.get(&option));
            match exact.or_else(|| self.nearest(path)) {
                Some(place) => place.put(error),
                None => error,
            }
        })
    }

    fn nearest(&self, mut path: &str) -> Option<&Place> {
        loop {
            if let Some(place) = self.0.get(path) {
                return Some(place);
            }
            path = path.rsplit_once('.').map_or("", |(before, _)| before);
            if path.is_empty() {
                return self.0.get("");
            }
        }
    }
}
