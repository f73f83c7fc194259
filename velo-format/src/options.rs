//! Options of formats, as URIs spell them; each is described here and nowhere else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{ByteSize, Error, ErrorKind, OptionInfo, Query, Result, describe};

use crate::Format;
use crate::csv::{CsvReadOptions, CsvWriteOptions};
use crate::jsonl::{JsonReadOptions, JsonWriteOptions};
use crate::lines::TextReadOptions;
use crate::parquet::ParquetWriteOptions;

/// Compression of a whole file; for Parquet of its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// None.
    None,
    /// Gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames.
    Zstd,
    /// Snappy: pages of Parquet only.
    Snappy,
}

/// Character encoding of text formats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    #[serde(rename = "utf-8", alias = "UTF-8", alias = "utf8", alias = "UTF8")]
    Utf8,
}

/// How types of text formats are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InferMode {
    /// From a sample of the start, the middle and the end.
    #[default]
    Sample,
    /// From everything: a bounded input is read twice.
    Full,
    /// Not at all: every column is text.
    Off,
}

/// Options of reading that every format shares.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommonReadOptions {
    /// The format; found from the file's name or first bytes when it is not set.
    pub format: Option<Format>,
    /// The compression; found from the file's name or first bytes when it is not set.
    pub compression: Option<Compression>,
    /// Character encoding of text formats.
    pub encoding: Encoding,
    /// How the types of text formats are found.
    pub infer: InferMode,
    /// All columns with their types, as `id:int64,price:decimal(10,2),note:text`; nothing is inferred.
    pub schema: Option<String>,
    /// Types of some columns, as `zip:text,price:decimal(10,2)`; the rest is inferred.
    pub types: Option<String>,
    /// Rows in a batch at most.
    pub batch_size: usize,
    /// Longest record of a text format; a longer one is an error.
    pub max_line_length: ByteSize,
}

impl Default for CommonReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            compression: None,
            encoding: Encoding::Utf8,
            infer: InferMode::Sample,
            schema: None,
            types: None,
            batch_size: 8192,
            max_line_length: ByteSize(64 << 20),
        }
    }
}

/// Everything that can be said about reading a format.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// What every format shares.
    pub common: CommonReadOptions,
    /// CSV's own.
    pub csv: CsvReadOptions,
    /// JSON's own, lines and arrays.
    pub json: JsonReadOptions,
    /// Plain text's own.
    pub text: TextReadOptions,
    given: Vec<Given>,
}

/// Options of writing that every format shares.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommonWriteOptions {
    /// The format; found from the destination's name when it is not set.
    pub format: Option<Format>,
    /// The compression of the whole file; found from the destination's name when it is not set.
    /// For Parquet the codec of its pages, as `codec`.
    pub compression: Option<Compression>,
    /// Level of the compression, in the algorithm's own scale: gzip 1 to 9, zstd 1 to 22.
    pub compression_level: Option<i32>,
    /// Character encoding of text formats.
    pub encoding: Encoding,
}

/// Everything that can be said about writing a format.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// What every format shares.
    pub common: CommonWriteOptions,
    /// CSV's own.
    pub csv: CsvWriteOptions,
    /// JSON's own, lines and arrays.
    pub json: JsonWriteOptions,
    /// Parquet's own.
    pub parquet: ParquetWriteOptions,
    given: Vec<Given>,
}

impl ReadOptions {
    /// Describes the options of reading, of every format.
    #[must_use]
    pub fn describe() -> Vec<OptionInfo> {
        let mut options = describe::<CommonReadOptions>();
        options.extend(describe::<CsvReadOptions>());
        options.extend(describe::<JsonReadOptions>());
        options.extend(describe::<TextReadOptions>());
        options
    }

    /// Takes the options of reading out of a query.
    ///
    /// # Errors
    /// `Config` naming the option.
    pub fn take(query: &mut Query<'_>) -> Result<Self> {
        let mut given = Vec::new();
        Ok(Self {
            common: query.read()?,
            csv: read_own(query, &[Format::Csv], &mut given)?,
            json: read_own(query, JSON, &mut given)?,
            text: read_own(query, &[Format::Text], &mut given)?,
            given,
        })
    }

    /// Refuses options that belong to another format than the one that was found.
    ///
    /// # Errors
    /// `Config` naming the option and its format.
    pub fn check(&self, format: Format) -> Result<()> {
        refuse_snappy(self.common.compression, format)?;
        refuse_foreign(&self.given, format)
    }
}

impl WriteOptions {
    /// Describes the options of writing, of every format.
    #[must_use]
    pub fn describe() -> Vec<OptionInfo> {
        let mut options = describe::<CommonWriteOptions>();
        options.extend(describe::<CsvWriteOptions>());
        options.extend(describe::<JsonWriteOptions>());
        options.extend(describe::<ParquetWriteOptions>());
        options
    }

    /// Takes the options of writing out of a query.
    ///
    /// # Errors
    /// `Config` naming the option.
    pub fn take(query: &mut Query<'_>) -> Result<Self> {
        let mut given = Vec::new();
        let mut options = Self {
            common: query.read()?,
            csv: read_own(query, &[Format::Csv], &mut given)?,
            json: read_own(query, JSON, &mut given)?,
            parquet: read_own(query, &[Format::Parquet], &mut given)?,
            given,
        };
        // Arrow has codecs by the same names.
        let codec = options.given.iter().any(|(_, name)| *name == "codec");
        let arrow = [Format::Arrow, Format::ArrowStream].map(|format| (format, "codec"));
        options.given.extend(arrow.into_iter().filter(|_| codec));
        Ok(options)
    }

    /// Refuses options that belong to another format than the one that was found.
    ///
    /// # Errors
    /// `Config` naming the option and its format.
    pub fn check(&self, format: Format) -> Result<()> {
        refuse_snappy(self.common.compression, format)?;
        refuse_foreign(&self.given, format)
    }
}

/// The formats whose records are JSON.
const JSON: &[Format] = &[Format::Jsonl, Format::JsonArray];

/// An option that was set, and a format that it belongs to.
type Given = (Format, &'static str);

/// Reads the options of these formats and remembers which of them were set.
fn read_own<T: for<'de> Deserialize<'de>>(
    query: &mut Query<'_>,
    formats: &[Format],
    given: &mut Vec<Given>,
) -> Result<T> {
    let options = query.read()?;
    let set = query.last_read();
    given.extend(set.flat_map(|name| formats.iter().map(move |format| (*format, name))));
    Ok(options)
}

fn refuse_snappy(compression: Option<Compression>, format: Format) -> Result<()> {
    if compression != Some(Compression::Snappy) || format == Format::Parquet {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, "snappy is for parquet alone")
        .with("option", "compression")
        .with("format", format.name())
        .with_hint("use gzip or zstd"))
}

fn refuse_foreign(given: &[Given], format: Format) -> Result<()> {
    let own = |name: &str| {
        given
            .iter()
            .any(|(of, known)| *of == format && *known == name)
    };
    match given.iter().find(|(_, name)| !own(name)) {
        None => Ok(()),
        Some((owner, name)) => Err(Error::new(ErrorKind::Config, "option is of another format")
            .with("option", name)
            .with("its format", owner.name())
            .with("this format", format.name())
            .with_hint("leave it out, or set format=")),
    }
}
