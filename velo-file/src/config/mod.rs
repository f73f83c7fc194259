//! Options of files, as URIs spell them.

mod write;

pub use write::{FileWriteOptions, IfExists, SchemaPolicy};
