//! file://, stdin: and stdout: for velo: globs, Hive partitions, splits, atomic sinks

pub mod config;
mod error;
mod offset;
mod source;

pub use config::{BadRowPolicy, FileReadOptions, HivePartitioning, SchemaDrift};
pub use offset::{DiscoveryOffset, FileOffset, Fingerprint, Place};
pub use source::FileSource;
