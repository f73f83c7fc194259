//! file://, stdin: and stdout: for velo: globs, Hive partitions, splits, atomic sinks

pub mod config;
mod sink;

pub use sink::FileSink;
