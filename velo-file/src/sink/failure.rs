//! Failures of the file system as errors that name the file.

use std::io;
use std::path::Path;

use velo_core::{Error, ErrorKind};

/// Says what failed on which file.
pub(super) fn failed(cause: io::Error, doing: &'static str, file: impl AsRef<Path>) -> Error {
    let kind = match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ErrorKind::PermissionDenied
        }
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        _ => ErrorKind::Io,
    };
    let error = Error::new(kind, doing).with("file", file.as_ref().display());
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            // A pipeline waits until somebody has freed space; a copy ends.
            error.with_hint("free space and run again").retryable()
        }
        _ => error,
    }
    .with_source(cause)
}

/// Refuses a call on a writer or a run that has failed before.
pub(super) fn spent() -> Error {
    Error::new(
        ErrorKind::Aborted,
        "an earlier failure ended the writing of this destination",
    )
}
