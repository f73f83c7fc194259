//! Apache Parquet.

mod options;

pub use options::{Codec, ParquetWriteOptions};
