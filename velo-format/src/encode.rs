//! The writing interfaces: chunks made side by side, laid into a file in order.
//!
//! One worker turns batches into a finished [`Chunk`] (a compressed row group, a compressed piece
//! of text) while they are in its cache; chunks of several workers are then appended to the file
//! one after the other, which is only copying.

use std::any::Any;
use std::fmt;
use std::io::Write;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use velo_core::Result;

/// Where a file's bytes go.
pub type Sink = Box<dyn Write + Send>;

/// A format to write, with its options.
pub trait OutputFormat: Send + Sync {
    /// Refuses columns that the format cannot hold.
    ///
    /// # Errors
    /// `Unsupported` naming the column, its type and what to do.
    fn check(&self, schema: &Schema) -> Result<()>;

    /// Starts a chunk maker; it makes any number of chunks, one after the other.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>>;

    /// Starts a file.
    ///
    /// # Errors
    /// `Io` when its beginning cannot be written.
    fn file(&self, schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>>;

    /// Gives the file name's ending, without a leading dot: `csv`, `csv.gz`, `parquet`.
    fn extension(&self) -> String;
}

/// Encodes batches into chunks.
///
/// A chunk can end within a batch: then the rest of the batch opens the next chunk. So `finish`
/// until [`rows`](Self::rows) is 0 to have everything.
pub trait ChunkEncoder: Send {
    /// Adds rows to the open chunk.
    ///
    /// # Errors
    /// `InvalidData` for a value that the format cannot hold.
    fn write(&mut self, rows: &RecordBatch) -> Result<()>;

    /// Gives the rows that were written and not yet finished.
    fn rows(&self) -> u64;

    /// Gives the memory that these rows hold, in bytes.
    fn memory(&self) -> usize;

    /// Says whether the chunk has the size that the format likes and `finish` should come next.
    fn is_full(&self) -> bool;

    /// Finishes the open chunk; what was written beyond it opens the next.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn finish(&mut self) -> Result<Chunk>;
}

/// A finished piece of a file, for the [`FileEncoder`] of the same format.
pub struct Chunk {
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The encoded rows.
    pub body: Box<dyn Any + Send>,
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} rows, {} bytes)", self.rows, self.bytes)
    }
}

/// Lays chunks into a file.
pub trait FileEncoder: Send {
    /// Appends a chunk.
    ///
    /// # Errors
    /// `Io`; `Unexpected` for another format's chunk.
    fn append(&mut self, chunk: Chunk) -> Result<()>;

    /// Gives the bytes written so far.
    fn bytes(&self) -> u64;

    /// Gives the rows written so far.
    fn rows(&self) -> u64;

    /// Writes the file's end and flushes; returns its length in bytes.
    ///
    /// # Errors
    /// `Io`.
    fn finish(self: Box<Self>) -> Result<u64>;
}
