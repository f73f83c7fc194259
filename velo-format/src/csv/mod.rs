//! Comma-separated values: RFC 4180 and what people make of it.

mod options;
mod write;

pub use options::{CsvReadOptions, CsvWriteOptions, Ragged};
pub use write::CsvOutput;
