//! Positional reads, lent by whoever holds the file.

use std::io;

/// Bytes that can be read at any place, from several threads at once.
pub trait ReadAt: Send + Sync {
    /// Fills `buffer` from `offset` on, as far as there are bytes; returns how many.
    ///
    /// # Errors
    /// What the system reports.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Gives the length in bytes.
    fn size(&self) -> u64;
}

impl ReadAt for bytes::Bytes {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).map_or(self.len(), |offset| offset.min(self.len()));
        let count = buffer.len().min(self.len() - from);
        buffer[..count].copy_from_slice(&self[from..from + count]);
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }
}
