//! The formats by name, by ending and by first bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{Error, ErrorKind, Result};

#[cfg(feature = "avro")]
use crate::avro;
use crate::csv::{Csv, CsvOutput};
#[cfg(feature = "arrow-ipc")]
use crate::ipc::{ArrowFile, ArrowFileOutput, ArrowStream, ArrowStreamOutput};
use crate::jsonl::{JsonArray, JsonArrayOutput, JsonLines, JsonLinesOutput};
use crate::lines::{TextLines, TextOutput};
#[cfg(feature = "orc")]
use crate::orc::Orc;
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
    /// One JSON array of objects.
    #[serde(alias = "json-array")]
    JsonArray,
    /// Lines of plain text.
    Text,
    /// Arrow files (Arrow IPC, Feather version 2).
    Arrow,
    /// Arrow streams (Arrow IPC).
    #[serde(alias = "arrow-stream")]
    ArrowStream,
    /// Apache Parquet.
    Parquet,
    /// Apache Avro: object container files.
    Avro,
    /// Apache ORC, for reading.
    Orc,
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
            Self::JsonArray => "json_array",
            Self::Text => "text",
            Self::Arrow => "arrow",
            Self::ArrowStream => "arrow_stream",
            Self::Parquet => "parquet",
            Self::Avro => "avro",
            Self::Orc => "orc",
        }
    }

    /// Says whether files of the format are text, which has a character encoding.
    #[must_use]
    pub fn is_text(self) -> bool {
        match self {
            Self::Csv | Self::Jsonl | Self::JsonArray | Self::Text => true,
            Self::Parquet | Self::Avro | Self::Orc | Self::Arrow | Self::ArrowStream => false,
        }
    }

    /// Says whether the format is read by an index that stands elsewhere in the file.
    #[must_use]
    pub fn is_random(self) -> bool {
        matches!(self, Self::Parquet | Self::Orc | Self::Arrow)
    }

    /// Says whether the format compresses parts of its files and not the whole.
    #[must_use]
    pub fn compresses_itself(self) -> bool {
        matches!(
            self,
            Self::Parquet | Self::Avro | Self::Orc | Self::Arrow | Self::ArrowStream
        )
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
            Self::JsonArray => Layout::Stream(Box::new(JsonArray::new(options)?)),
            Self::Text => Layout::Stream(Box::new(TextLines::new(options)?)),
            #[cfg(feature = "arrow-ipc")]
            Self::Arrow => Layout::Random(Box::new(ArrowFile::new(options)?)),
            #[cfg(feature = "arrow-ipc")]
            Self::ArrowStream => Layout::Stream(Box::new(ArrowStream::new(options)?)),
            #[cfg(not(feature = "arrow-ipc"))]
            Self::Arrow | Self::ArrowStream => return Err(left_out(self)),
            Self::Parquet => Layout::Random(Box::new(Parquet::new(options)?)),
            #[cfg(feature = "avro")]
            Self::Avro => Layout::Stream(Box::new(avro::Avro::new(options)?)),
            #[cfg(not(feature = "avro"))]
            Self::Avro => return Err(self.left_out()),
            #[cfg(feature = "orc")]
            Self::Orc => Layout::Random(Box::new(Orc::new(options)?)),
            #[cfg(not(feature = "orc"))]
            Self::Orc => return Err(self.left_out()),
        })
    }

    /// Opens the format for writing.
    ///
    /// # Errors
    /// As [`layout`](Self::layout); `Unsupported` for ORC, which is only read.
    pub fn output(self, options: &WriteOptions) -> Result<Box<dyn OutputFormat>> {
        options.check(self)?;
        Ok(match self {
            Self::Csv => Box::new(CsvOutput::new(options)?),
            Self::Jsonl => Box::new(JsonLinesOutput::new(options)?),
            Self::JsonArray => Box::new(JsonArrayOutput::new(options)?),
            Self::Text => Box::new(TextOutput::new(options)?),
            #[cfg(feature = "arrow-ipc")]
            Self::Arrow => Box::new(ArrowFileOutput::new(options)?),
            #[cfg(feature = "arrow-ipc")]
            Self::ArrowStream => Box::new(ArrowStreamOutput::new(options)?),
            #[cfg(not(feature = "arrow-ipc"))]
            Self::Arrow | Self::ArrowStream => return Err(left_out(self)),
            Self::Parquet => Box::new(ParquetOutput::new(options)?),
            #[cfg(feature = "avro")]
            Self::Avro => Box::new(avro::AvroOutput::new(options)?),
            #[cfg(not(feature = "avro"))]
            Self::Avro => return Err(self.left_out()),
            Self::Orc => {
                return Err(
                    Error::new(ErrorKind::Unsupported, "orc is read and not written")
                        .with("format", self.name())
                        .with_hint("format=parquet holds the same columns"),
                );
            }
        })
    }

    #[cfg(not(all(feature = "avro", feature = "orc")))]
    fn left_out(self) -> Error {
        Error::new(ErrorKind::Unsupported, "format was left out of this build")
            .with("format", self.name())
            .with_hint("build with the cargo feature of its name")
    }
}

/// Says that this build has a format's name only.
#[cfg(not(feature = "arrow-ipc"))]
fn left_out(format: Format) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "format is not in this build of velo",
    )
    .with("format", format.name())
    .with_hint("build it with the feature arrow-ipc")
}

/// Reads format and compression off a file name's endings: `orders.csv.gz`.
///
/// `.json` means JSON lines here; see [`detect_json`] for what is in such a file.
#[must_use]
pub fn detect_name(name: &str) -> Detected {
    let format = match ending(name).as_str() {
        "csv" | "tsv" | "tab" | "psv" => Some(Format::Csv),
        "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
        "txt" | "log" => Some(Format::Text),
        "avro" => Some(Format::Avro),
        "orc" => Some(Format::Orc),
        "arrow" | "feather" | "ipc" => Some(Format::Arrow),
        "arrows" => Some(Format::ArrowStream),
        "parquet" | "pq" | "parq" => Some(Format::Parquet),
        _ => None,
    };
    Detected {
        format,
        compression: Compression::split_name(&name.to_ascii_lowercase()).1,
    }
}

/// Gives the ending of a file's name, that of a compression apart, in lower case.
fn ending(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let (stem, _) = Compression::split_name(&name);
    let ending = stem.rsplit_once('.').map(|(_, ending)| ending);
    ending.unwrap_or_default().to_owned()
}

/// Tells JSON lines from a JSON array by the first bytes of an input, decompressed, whose name
/// ends in `.json` or says nothing of a format; `None` for other names and other bytes.
#[must_use]
pub fn detect_json(name: &str, head: &[u8]) -> Option<Format> {
    if !may_be_array(name) {
        return None;
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    match head.trim_ascii_start().first()? {
        b'[' => Some(Format::JsonArray),
        b'{' => Some(Format::Jsonl),
        _ => None,
    }
}

fn may_be_array(name: &str) -> bool {
    match detect_name(name).format {
        None => true,
        Some(Format::Jsonl) => ending(name) == "json",
        Some(_) => false,
    }
}

/// Reads format and compression off an input's first bytes (eight are enough).
#[must_use]
pub fn detect(head: &[u8]) -> Detected {
    let format = match head {
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        [b'O', b'b', b'j', 1, ..] => Format::Avro,
        // Words begin like this too; what is behind it in a file is no text.
        [b'O', b'R', b'C', rest @ ..] if !rest.iter().take(5).all(is_text) => Format::Orc,
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Format::Arrow,
        // The first message has metadata of some length.
        [0xff, 0xff, 0xff, 0xff, _, _, _, 0..=0x7f, ..] => Format::ArrowStream,
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

fn is_text(byte: &u8) -> bool {
    *byte >= b' ' || byte.is_ascii_whitespace()
}
