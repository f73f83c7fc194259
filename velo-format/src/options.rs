//! Options of formats, as URIs spell them; each is described here and nowhere else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{ByteSize, Error, ErrorKind, OptionInfo, Query, Result, describe};

use crate::avro::AvroWriteOptions;
use crate::csv::{CsvReadOptions, CsvWriteOptions};
use crate::jsonl::{JsonReadOptions, JsonWriteOptions};
use crate::lines::TextReadOptions;
use crate::parquet::ParquetWriteOptions;
use crate::{CodecOptions, Format};

/// Compression of a whole file; for Parquet of its pages, for Avro of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// None.
    None,
    /// Gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames.
    Zstd,
    /// Snappy in its framing format.
    Snappy,
    /// LZ4 in its frame format, any number of frames.
    Lz4,
    /// Bzip2, any number of streams.
    #[serde(alias = "bz2")]
    Bzip2,
    /// Xz, any number of streams.
    Xz,
}

/// Character encoding of text formats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    #[serde(rename = "utf-8", alias = "UTF-8", alias = "utf8", alias = "UTF8")]
    Utf8,
    /// UTF-16 with a byte order mark; little endian where it has none.
    #[serde(rename = "utf-16", alias = "UTF-16", alias = "utf16", alias = "UTF16")]
    Utf16,
    /// UTF-16, little endian.
    #[serde(rename = "utf-16le", alias = "UTF-16LE", alias = "utf16le")]
    Utf16Le,
    /// UTF-16, big endian.
    #[serde(rename = "utf-16be", alias = "UTF-16BE", alias = "utf16be")]
    Utf16Be,
    /// ISO 8859-1: each byte is the code point of its number.
    #[serde(
        rename = "latin1",
        alias = "iso-8859-1",
        alias = "ISO-8859-1",
        alias = "latin-1"
    )]
    Latin1,
    /// Windows-1252, western European, which is often called latin1.
    #[serde(
        rename = "windows-1252",
        alias = "cp1252",
        alias = "CP1252",
        alias = "ansi"
    )]
    Windows1252,
}

/// What becomes of what cannot be in a text of its encoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvalidBytes {
    /// Reading, the row is a bad one; writing, it is an error.
    #[default]
    Fail,
    /// Reading, it becomes U+FFFD; writing, a question mark.
    Replace,
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
    /// Character encoding of text formats; UTF-16 with a byte order mark is found without it.
    pub encoding: Encoding,
    /// What becomes of bytes of a text format that are not valid in its encoding: a bad row, or
    /// U+FFFD for each.
    pub invalid_bytes: InvalidBytes,
    /// How the types of text formats are found.
    pub infer: InferMode,
    /// All columns with their types, as `id:int64,price:decimal(10,2),note:text`; nothing is inferred.
    pub schema: Option<String>,
    /// Types of some columns, as `zip:text,price:decimal(10,2)`; the rest is inferred.
    pub types: Option<String>,
    /// Rows in a batch at most.
    pub batch_size: usize,
    /// Longest record of a text format; a longer one is an error. So is a block of Avro that is
    /// longer, compressed or not, and a page of Parquet that is longer and over 128 MiB.
    pub max_line_length: ByteSize,
}

impl Default for CommonReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            compression: None,
            encoding: Encoding::Utf8,
            invalid_bytes: InvalidBytes::Fail,
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
    /// For Parquet and Avro the codec of pages and blocks, as `codec`.
    pub compression: Option<Compression>,
    /// Level of the compression, in the algorithm's own scale: gzip and bzip2 1 to 9, zstd 1 to
    /// 22, xz 0 to 9.
    pub compression_level: Option<i32>,
    /// Character encoding of text formats; utf-16 is little endian with a byte order mark, utf-16le
    /// and utf-16be have none.
    pub encoding: Encoding,
    /// What becomes of characters that the encoding does not have: an error, or `?` for each.
    pub invalid_bytes: InvalidBytes,
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
    /// Of the formats that compress their parts by themselves.
    pub codec: CodecOptions,
    /// Parquet's own.
    pub parquet: ParquetWriteOptions,
    /// Avro's own.
    pub avro: AvroWriteOptions,
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
        refuse_encoding(self.common.encoding, self.common.invalid_bytes, format)?;
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
        options.extend(describe::<CodecOptions>());
        options.extend(describe::<ParquetWriteOptions>());
        options.extend(describe::<AvroWriteOptions>());
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
            codec: read_own(query, CODECS, &mut given)?,
            parquet: read_own(query, &[Format::Parquet], &mut given)?,
            avro: read_own(query, &[Format::Avro], &mut given)?,
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
        refuse_encoding(self.common.encoding, self.common.invalid_bytes, format)?;
        refuse_foreign(&self.given, format)
    }
}

/// The formats whose records are JSON.
const JSON: &[Format] = &[Format::Jsonl, Format::JsonArray];
/// The formats that compress their parts by themselves.
const CODECS: &[Format] = &[
    Format::Parquet,
    Format::Avro,
    Format::Arrow,
    Format::ArrowStream,
];

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

fn refuse_encoding(encoding: Encoding, invalid: InvalidBytes, format: Format) -> Result<()> {
    let option = match (encoding, invalid) {
        (Encoding::Utf8, InvalidBytes::Fail) => return Ok(()),
        (Encoding::Utf8, InvalidBytes::Replace) => "invalid_bytes",
        _ => "encoding",
    };
    if format.is_text() {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::Config, "encodings are for text formats")
            .with("option", option)
            .with("format", format.name())
            .with_hint("leave it out: the format's text is UTF-8"),
    )
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
