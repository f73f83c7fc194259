//! Where files are and how they are read and written: paths and options out of a URI.

pub(crate) mod path;
mod read;
pub(crate) mod watch;
mod write;

pub use read::{BadRowPolicy, FileReadOptions, HivePartitioning, SchemaDrift};
pub use watch::{Watch, WatchOptions, WatchStart};
pub use write::{FileWriteOptions, IfExists, SchemaPolicy};
