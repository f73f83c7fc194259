//! What errors of the Arrow decoders mean.

use arrow_schema::ArrowError;
use velo_core::{Error, ErrorKind, Result};

/// Starts the error for damaged data.
pub(super) fn corrupt() -> Error {
    Error::new(ErrorKind::InvalidData, "arrow data are corrupt")
}

/// Says what a decoder's error means.
pub(super) fn unreadable(error: ArrowError) -> Error {
    match error {
        ArrowError::NotYetImplemented(_) => {
            Error::new(ErrorKind::Unsupported, "read arrow data").with_source(error)
        }
        _ => corrupt().with_source(error),
    }
}

/// Says what an encoder's error means.
pub(super) fn unwritable(error: ArrowError) -> Error {
    Error::new(ErrorKind::Unexpected, "write arrow data").with_source(error)
}

/// Runs a decoder over foreign bytes; a panic in it means that they are damaged.
pub(super) fn fenced<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    crate::fence::fenced(decode, corrupt)
}
