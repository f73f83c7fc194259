//! Apache Parquet, both directions.
//!
//! Reading is by row group, or any range of rows in one, page by page: only the pages of the
//! moment are in memory. Writing makes one row group of each chunk; the chunks of several workers
//! are laid into one file. Types are kept: the Arrow schema stands in the file's metadata beside
//! the Parquet one, as Arrow's own libraries write it. Only dictionary-encoded columns come back as
//! plain values.

mod batches;
mod bloom;
mod bounds;
mod chunk;
mod column;
mod dictionary;
mod error;
mod footer;
mod input;
mod nesting;
mod options;
mod pages;
mod properties;
mod prune;
mod read;
mod rows;
mod schema;
mod thrift;
mod write;

pub use options::{Dictionary, PageVersion, ParquetWriteOptions, Statistics};
pub use read::Parquet;
#[cfg(feature = "arrow-ipc")]
pub(crate) use schema::plain as plain_schema;
pub use write::ParquetOutput;

#[cfg(test)]
mod tests;
