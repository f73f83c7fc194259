//! Apache ORC, version 1, for reading.
//!
//! Stripes are read by themselves and side by side, of each only the streams of the wanted columns.
//! They are decompressed here, chunk by chunk and each to the size that the file states for its
//! chunks, and their lengths of lists and text are added up; only then they are handed to the
//! `orc-rust` crate, as an uncompressed stripe, which makes the columns.
//!
//! A stripe may have 2 GiB of values once decompressed, and as many in its lists and maps.
//!
//! Refused are unions, decimals without a precision, files compressed by LZO and encrypted files.

mod chunks;
mod error;
mod footer;
mod lengths;
mod read;
mod stripe;
#[cfg(test)]
mod tests;
mod tree;

pub use read::Orc;
