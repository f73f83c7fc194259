//! What parquet's errors mean, and the fence around its decoders.

use std::io;

use ::parquet::errors::ParquetError;
use velo_core::{Error, ErrorKind, Result};

/// Says what a failure to read means.
pub(super) fn unreadable(error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => Error::from(*cause),
            Err(cause) => corrupt().with_source(cause),
        },
        ParquetError::NYI(_) => {
            Error::new(ErrorKind::Unsupported, "read a parquet file").with_source(error)
        }
        _ => corrupt().with_source(error),
    }
}

/// Says what a failure to write means.
pub(super) fn unwritable(error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => Error::from(*cause),
            Err(cause) => {
                Error::new(ErrorKind::Unexpected, "write a parquet file").with_source(cause)
            }
        },
        ParquetError::NYI(_) => {
            Error::new(ErrorKind::Unsupported, "write a parquet file").with_source(error)
        }
        _ => Error::new(ErrorKind::Unexpected, "write a parquet file").with_source(error),
    }
}

/// Starts the error for a damaged file.
pub(super) fn corrupt() -> Error {
    Error::new(ErrorKind::InvalidData, "parquet file is corrupt")
}

/// Runs a decoder over foreign bytes; a panic in it means that they are damaged.
pub(super) fn fenced<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    crate::fence::fenced(decode, corrupt)
}
