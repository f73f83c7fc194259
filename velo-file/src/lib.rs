#![doc = include_str!("../README.md")]

pub mod config;
mod error;
mod offset;
mod sink;
mod source;

use velo_core::{Connector, OptionInfo, Result, Sink, Source, Uri, describe};
use velo_format::{ReadOptions, WriteOptions};

pub use config::{
    BadRowPolicy, FileReadOptions, FileWriteOptions, HivePartitioning, SchemaDrift, Watch,
    WatchOptions, WatchStart,
};
pub use offset::{DiscoveryOffset, FileOffset, Fingerprint, Place};
pub use sink::FileSink;
pub use source::FileSource;

/// Describes `file://`, `stdin:` and `stdout:` for a registry.
///
/// ```
/// assert!(velo_file::connector().schemes.contains(&"file"));
/// ```
#[must_use]
pub fn connector() -> Connector {
    Connector {
        name: "file",
        summary: "Files, directories and globs on this machine; standard input and output.",
        schemes: &["file", "stdin", "stdout"],
        uris: &[
            ("file:///data/orders.csv", "one file"),
            (
                "data/orders.csv",
                "a path as it stands, also a relative one",
            ),
            ("file:///data/**/*.parquet", "a glob: ?, *, **, [ab], {a,b}"),
            ("data/", "a directory, read or written"),
            (
                "/var/log/app.jsonl?watch=tail",
                "a file that grows and is rotated",
            ),
            (
                "in/?watch=directory",
                "every file that comes up in a directory",
            ),
            ("stdin:?format=csv", "standard input, also -"),
            ("stdout:?format=jsonl", "standard output, also -"),
        ],
        source: Some(create_source),
        sink: Some(create_sink),
        source_options,
        sink_options,
    }
}

fn create_source(uri: &Uri) -> Result<Source> {
    Ok(Source::new(FileSource::from_uri(uri)?))
}

fn create_sink(uri: &Uri) -> Result<Sink> {
    Ok(Sink::new(FileSink::from_uri(uri)?))
}

fn source_options() -> Vec<OptionInfo> {
    let mut options = describe::<FileReadOptions>();
    options.extend(describe::<WatchOptions>());
    options.extend(ReadOptions::describe());
    options
}

fn sink_options() -> Vec<OptionInfo> {
    let mut options = describe::<FileWriteOptions>();
    options.extend(WriteOptions::describe());
    options
}
