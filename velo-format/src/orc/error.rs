//! What errors of the ORC decoder mean.

use orc_rust::error::OrcError;
use velo_core::{Error, ErrorKind, Result};

/// Starts the error for damaged data.
pub(super) fn corrupt() -> Error {
    Error::new(ErrorKind::InvalidData, "orc file is corrupt")
}

/// Says that a file is damaged, and how.
pub(super) fn wrong(what: &'static str) -> Error {
    corrupt().with_source(what)
}

/// Says what the decoder's error means.
pub(super) fn unreadable(error: OrcError) -> Error {
    match error {
        OrcError::UnsupportedTypeVariant { .. } => {
            Error::new(ErrorKind::Unsupported, "read an orc file").with_source(error)
        }
        // Its text has the value.
        OrcError::DecodeTimestamp { .. } => Error::new(
            ErrorKind::InvalidData,
            "a timestamp does not fit its column's unit",
        ),
        _ => corrupt().with_source(error),
    }
}

/// Runs a decoder over foreign bytes; a panic in it means that they are damaged.
pub(super) fn fenced<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    crate::fence::fenced(decode, corrupt)
}
