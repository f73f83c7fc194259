//! The formats by name, by ending and by first bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::Result;

#[cfg(feature = "avro")]
use crate::avro;
use crate::csv::{Csv, CsvOutput};
use crate::jsonl::{JsonLines, JsonLinesOutput};
use crate::parquet::{Parquet, ParquetOutput};
use crate::{Compression, Layout, OutputFormat, ReadOptions, WriteOptions};

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values (RFC 4180) and their relatives.
    #[serde(alias = "tsv")]
    Csv,
    /// One JSON object on each line.
    #[serde(alias = "ndjson", alias = "json")]
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// Apache Avro: object container files.
    Avro,
}

/// What a name or the first bytes say of an input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detected {
    /// The format, where it shows.
    pub format: Option<Format>,
    /// The compression around it, where it shows.
    pub compression: Option<Compression>,
}

impl Format {
    /// Gives the name that options and errors use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Avro => "avro",
        }
    }

    /// Says whether files of the format are text, which has a character encoding.
    #[must_use]
    pub fn is_text(self) -> bool {
        match self {
            Self::Csv | Self::Jsonl => true,
            Self::Parquet | Self::Avro => false,
        }
    }

    /// Says whether the format compresses its parts by itself when it is written.
    #[must_use]
    pub fn compresses_itself(self) -> bool {
        matches!(self, Self::Parquet | Self::Avro)
    }

    /// Opens the format for reading.
    ///
    /// # Errors
    /// `Config` for options that contradict each other or the format, `Unsupported` for a format
    /// that was left out when velo was built.
    pub fn layout(self, options: &ReadOptions) -> Result<Layout> {
        options.check(self)?;
        Ok(match self {
            Self::Csv => Layout::Stream(Box::new(Csv::new(options)?)),
            Self::Jsonl => Layout::Stream(Box::new(JsonLines::new(options)?)),
            Self::Parquet => Layout::Random(Box::new(Parquet::new(options)?)),
            #[cfg(feature = "avro")]
            Self::Avro => Layout::Stream(Box::new(avro::Avro::new(options)?)),
            #[cfg(not(feature = "avro"))]
            Self::Avro => return Err(self.left_out()),
        })
    }

    /// Opens the format for writing.
    ///
    /// # Errors
    /// As [`layout`](Self::layout).
    pub fn output(self, options: &WriteOptions) -> Result<Box<dyn OutputFormat>> {
        options.check(self)?;
        Ok(match self {
            Self::Csv => Box::new(CsvOutput::new(options)?),
            Self::Jsonl => Box::new(JsonLinesOutput::new(options)?),
            Self::Parquet => Box::new(ParquetOutput::new(options)?),
            #[cfg(feature = "avro")]
            Self::Avro => Box::new(avro::AvroOutput::new(options)?),
            #[cfg(not(feature = "avro"))]
            Self::Avro => return Err(self.left_out()),
        })
    }

    #[cfg(not(feature = "avro"))]
    fn left_out(self) -> velo_core::Error {
        velo_core::Error::new(
            velo_core::ErrorKind::Unsupported,
            "format was left out of this build",
        )
        .with("format", self.name())
        .with_hint("build with the cargo feature of its name")
    }
}

/// Reads format and compression off a file name's endings: `orders.csv.gz`.
#[must_use]
pub fn detect_name(name: &str) -> Detected {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let (stem, compression) = Compression::split_name(&name);
    let format = match stem.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv" | "tsv" | "tab" | "psv") => Some(Format::Csv),
        Some("jsonl" | "ndjson" | "json") => Some(Format::Jsonl),
        Some("parquet" | "pq" | "parq") => Some(Format::Parquet),
        Some("avro") => Some(Format::Avro),
        _ => None,
    };
    Detected {
        format,
        compression,
    }
}

/// Reads format and compression off an input's first bytes (eight are enough).
#[must_use]
pub fn detect(head: &[u8]) -> Detected {
    let format = match head {
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        [b'O', b'b', b'j', 1, ..] => Format::Avro,
        _ => {
            return Detected {
                format: None,
                compression: Compression::detect(head),
            };
        }
    };
    Detected {
        format: Some(format),
        compression: Some(Compression::None),
    }
}
