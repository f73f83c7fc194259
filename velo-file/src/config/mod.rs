//! Where files are and how they are read: paths and options out of a URI.

pub(crate) mod path;
mod read;

pub use read::{BadRowPolicy, FileReadOptions, HivePartitioning, SchemaDrift};
