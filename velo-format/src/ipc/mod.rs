//! Arrow's own formats (Arrow IPC), both directions: files with an index at their end, and streams.
//!
//! # Reading
//! Every type comes back as it was written. Of files the record batches are read by themselves and
//! side by side; a record batch is the least that can be read, so one is held whole. Messages are
//! decoded by the `arrow-ipc` crate with all of its checks, behind our own of every length. Refused
//! are big-endian data, types that velo does not carry, and what was written before Arrow 0.15.
//!
//! A record batch may have 2 GiB of values once decompressed.
//!
//! # Writing
//! Every chunk is one record batch; buffers are aligned to 64 bytes. Dictionaries are written as
//! their values: chunks are made side by side and a file may have only one dictionary for a column.

mod carried;
mod check;
mod error;
mod file;
mod message;
mod options;
mod stream;
#[cfg(test)]
mod tests;

mod write;

pub use file::ArrowFile;
pub use stream::ArrowStream;
pub use write::{ArrowFileOutput, ArrowStreamOutput};
