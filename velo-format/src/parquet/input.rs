//! Positional reads as parquet's decoders ask for them, page by page.

use std::io::{self, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::errors::{ParquetError, Result as ParquetResult};
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;
use velo_core::Error;

use crate::ReadAt;

/// Read for a page's header, whose length nobody knows beforehand; mostly under 100 bytes. The
/// page itself is then read in one piece.
const HEADER_BLOCK: usize = 4 * 1024;

/// A file, and why it could not be read.
///
/// Parquet's decoders turn errors into text on their way up, so the failure itself is kept here.
#[derive(Clone)]
pub(super) struct ParquetBytes {
    input: Arc<dyn ReadAt>,
    failure: Arc<Mutex<Option<Error>>>,
}

impl ParquetBytes {
    pub(super) fn new(input: Arc<dyn ReadAt>) -> Self {
        Self {
            input,
            failure: Arc::default(),
        }
    }

    /// Gives the same file with its own place for a failure.
    pub(super) fn another(&self) -> Self {
        Self::new(self.input.clone())
    }

    /// Takes the failure that lies behind a decoder's error, if one does.
    pub(super) fn take_failure(&self) -> Option<Error> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Keeps a failure, and gives what a decoder can carry instead.
    pub(super) fn fail(&self, failure: Error) -> ParquetError {
        let told = ParquetError::General(failure.to_string());
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        told
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.input.read_at(offset, buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let told = io::Error::new(error.kind(), error.to_string());
                    self.fail(error.into());
                    return Err(told);
                }
                read => return read,
            }
        }
    }
}

impl Length for ParquetBytes {
    fn len(&self) -> u64 {
        self.input.size()
    }
}

impl ChunkReader for ParquetBytes {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let from = From {
            bytes: self.clone(),
            offset: start,
        };
        Ok(BufReader::with_capacity(HEADER_BLOCK, from))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let beyond = || ParquetError::EOF(format!("{length} bytes at {start} are beyond the end"));
        // Before memory is taken: the length may be a lie.
        let end = start.checked_add(length as u64).ok_or_else(beyond)?;
        if end > self.input.size() {
            return Err(beyond());
        }
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match self.read_at(start + filled as u64, &mut bytes[filled..])? {
                0 => return Err(beyond()),
                read => filled += read,
            }
        }
        Ok(bytes.into())
    }
}

/// Reads on from a place.
pub(super) struct From {
    bytes: ParquetBytes,
    offset: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read_at(self.offset, buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}
