//! Comma-separated values: RFC 4180 and what people make of it.

mod options;

pub use options::{CsvReadOptions, CsvWriteOptions, Ragged};
