#![doc = include_str!("../README.md")]

pub mod config;
mod sink;

use velo_core::{Connector, OptionInfo, Result, Sink, Uri, describe};
use velo_format::WriteOptions;

pub use sink::FileSink;

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
            ("stdin:?format=csv", "standard input, also -"),
            ("stdout:?format=jsonl", "standard output, also -"),
        ],
        source: None,
        sink: Some(create_sink),
        source_options: Vec::new,
        sink_options,
    }
}

fn create_sink(uri: &Uri) -> Result<Sink> {
    Ok(Sink::new(FileSink::from_uri(uri)?))
}

fn sink_options() -> Vec<OptionInfo> {
    let mut options = describe::<config::FileWriteOptions>();
    options.extend(WriteOptions::describe());
    options
}
