//! Codecs inside a file: of Parquet's pages, of Avro's blocks, of Arrow's buffers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{Error, ErrorKind, Result};

use crate::{Compression, WriteOptions};

/// Codec of the parts that a format compresses by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// None.
    #[serde(alias = "null", alias = "none")]
    Uncompressed,
    /// Snappy: fast.
    Snappy,
    /// Zstandard: small.
    #[serde(alias = "zstandard")]
    Zstd,
    /// LZ4, in Parquet without frames: Parquet and Arrow.
    #[serde(alias = "lz4")]
    Lz4Raw,
    /// Gzip: Parquet.
    Gzip,
    /// Brotli: Parquet.
    Brotli,
    /// Deflate: Avro.
    Deflate,
    /// Bzip2: Avro.
    Bzip2,
    /// Xz: Avro.
    Xz,
}

/// Options of writing formats that compress their parts by themselves.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CodecOptions {
    /// Codec of Parquet's pages, Avro's blocks (snappy when neither this nor `compression` is set)
    /// or Arrow's buffers (uncompressed, lz4 or zstd).
    pub codec: Option<Codec>,
    /// Level of the codec, in its own scale: zstd 1 to 22, gzip, deflate and bzip2 1 to 9, xz 0 to
    /// 9, brotli 0 to 11.
    pub codec_level: Option<i32>,
}

/// A codec and its level, whichever of two names said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) codec: Codec,
    codec_option: &'static str,
    level: Option<i32>,
    level_option: &'static str,
}

impl Codec {
    /// Gives the name that the option has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uncompressed => "uncompressed",
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
            Self::Lz4Raw => "lz4_raw",
            Self::Gzip => "gzip",
            Self::Brotli => "brotli",
            Self::Deflate => "deflate",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }
}

impl Chosen {
    /// Finds the codec and its level among the options of two names for each; `default` where
    /// nothing is said.
    ///
    /// # Errors
    /// `Config` when the two say different things.
    pub(crate) fn of(options: &WriteOptions, default: Codec) -> Result<Self> {
        let (common, own) = (&options.common, &options.codec);
        let named = match common.compression {
            None => None,
            Some(Compression::None) => Some(Codec::Uncompressed),
            Some(Compression::Gzip) => Some(Codec::Gzip),
            Some(Compression::Zstd) => Some(Codec::Zstd),
            Some(Compression::Snappy) => Some(Codec::Snappy),
            Some(Compression::Lz4) => Some(Codec::Lz4Raw),
            Some(Compression::Bzip2) => Some(Codec::Bzip2),
            Some(Compression::Xz) => Some(Codec::Xz),
        };
        let codec = one_of("codec", own.codec, "compression", named)?;
        let level = one_of(
            "codec_level",
            own.codec_level,
            "compression_level",
            common.compression_level,
        )?;
        Ok(Self {
            codec: codec.unwrap_or(default),
            codec_option: match own.codec {
                Some(_) => "codec",
                None => "compression",
            },
            level,
            level_option: match own.codec_level {
                Some(_) => "codec_level",
                None => "compression_level",
            },
        })
    }

    /// Gives the level if it is one of the codec's.
    ///
    /// # Errors
    /// `Config` naming the option and the range.
    pub(crate) fn level(&self, least: i32, most: i32, default: i32) -> Result<i32> {
        let level = self.level.unwrap_or(default);
        if (least..=most).contains(&level) {
            return Ok(level);
        }
        let codec = self.codec.name();
        Err(self.refuse_level(format!("levels of {codec} are {least} to {most}")))
    }

    /// Refuses a level for a codec that has none.
    ///
    /// # Errors
    /// `Config` naming the option.
    pub(crate) fn no_level(&self) -> Result<()> {
        match self.level {
            None => Ok(()),
            Some(_) => Err(self.refuse_level(format!("{} has no levels", self.codec.name()))),
        }
    }

    /// Starts the error for a level that the codec does not know.
    pub(crate) fn refuse_level(&self, hint: String) -> Error {
        Error::new(ErrorKind::Config, "level is out of range for the codec")
            .with("option", self.level_option)
            .with("value", self.level.unwrap_or_default())
            .with_hint(hint)
    }

    /// Refuses a codec that a format does not have.
    pub(crate) fn refuse(&self, format: &'static str, hint: &'static str) -> Error {
        Error::new(ErrorKind::Config, "format does not have this codec")
            .with("option", self.codec_option)
            .with("value", self.codec.name())
            .with("format", format)
            .with_hint(hint)
    }
}

fn one_of<T: PartialEq>(
    name: &'static str,
    value: Option<T>,
    other_name: &'static str,
    other: Option<T>,
) -> Result<Option<T>> {
    if value.is_some() && other.is_some() && value != other {
        return Err(Error::new(
            ErrorKind::Config,
            "two options say different things of the codec",
        )
        .with("option", name)
        .with("other option", other_name)
        .with_hint(format!(
            "for this format they are the same: set {name} only"
        )));
    }
    Ok(value.or(other))
}
