//! The copier's checkpoint.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::bug::Bug;
use super::sync_directory;

/// Where the copier stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) epoch: u64,
    /// The input file, and the byte in it.
    pub(super) file: u64,
    pub(super) offset: u64,
    /// The open part, its bytes and its rows.
    pub(super) part: u64,
    pub(super) length: u64,
    pub(super) rows: u64,
    /// A whole part that may not have been renamed yet.
    pub(super) pending: Option<u64>,
}

impl Place {
    /// Loads what is stored; `None` when nothing is.
    pub(super) fn load(state: &Path) -> io::Result<Option<Self>> {
        let bytes = match std::fs::read(state.join("checkpoint")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let value: Value = serde_json::from_slice(&bytes)?;
        let number = |name: &str| {
            let number = value[name].as_u64();
            number.ok_or_else(|| io::Error::other("the checkpoint is damaged"))
        };
        Ok(Some(Self {
            epoch: number("epoch")?,
            file: number("file")?,
            offset: number("offset")?,
            part: number("part")?,
            length: number("length")?,
            rows: number("rows")?,
            pending: value["pending"].as_u64(),
        }))
    }

    /// Stores it so that a power loss leaves either this or what was before.
    pub(super) fn store(&self, state: &Path, bug: Option<Bug>) -> io::Result<()> {
        let text = json!({
            "epoch": self.epoch,
            "file": self.file,
            "offset": self.offset,
            "part": self.part,
            "length": self.length,
            "rows": self.rows,
            "pending": self.pending,
        });
        let new = state.join("checkpoint.new");
        let mut file = File::create(&new)?;
        file.write_all(text.to_string().as_bytes())?;
        if bug != Some(Bug::CheckpointNotSynced) {
            file.sync_all()?;
        }
        std::fs::rename(&new, state.join("checkpoint"))?;
        sync_directory(state, bug)
    }
}
