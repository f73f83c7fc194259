//! The format of a destination: how its files begin, go on and end their lines.

use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result};
use velo_format::{Compression, Encoding, Format, OutputFormat, WriteOptions, detect_name};

use super::target::Target;
use crate::config::FileWriteOptions;

pub(super) struct Layout {
    pub(super) format: Arc<dyn OutputFormat>,
    /// For what follows behind an earlier epoch; none where a file has an end of its own.
    pub(super) continuation: Option<Arc<dyn OutputFormat>>,
    /// Empty where the end of a line cannot be seen without decoding.
    pub(super) line_end: &'static [u8],
}

impl Layout {
    /// Finds the format that the options or the names say.
    pub(super) fn find(
        target: &Target,
        options: &FileWriteOptions,
        mut format_options: WriteOptions,
    ) -> Result<Self> {
        let format = find_format(target, options, &mut format_options)?;
        let begin = format.output(&format_options)?.into();
        let line_end = line_end(&format_options);
        let continuation = match format {
            Format::Parquet
            | Format::Avro
            | Format::Orc
            | Format::JsonArray
            | Format::Arrow
            | Format::ArrowStream => None,
            Format::Csv | Format::Jsonl | Format::Text => {
                format_options.csv.header = false;
                // What goes on has neither a second header nor a second byte order mark.
                if format_options.common.encoding == Encoding::Utf16 {
                    format_options.common.encoding = Encoding::Utf16Le;
                }
                Some(format.output(&format_options)?.into())
            }
        };
        Ok(Self {
            format: begin,
            continuation,
            line_end,
        })
    }
}

/// Gives how a line ends in a file that is not compressed.
fn line_end(options: &WriteOptions) -> &'static [u8] {
    let common = &options.common;
    if common
        .compression
        .is_some_and(|kind| kind != Compression::None)
    {
        return b"";
    }
    match common.encoding {
        Encoding::Utf16 | Encoding::Utf16Le => b"\n\0",
        Encoding::Utf16Be => b"\0\n",
        _ => b"\n",
    }
}

/// Finds the format, from the option or from a name, and the compression that the name shows.
fn find_format(
    target: &Target,
    options: &FileWriteOptions,
    format_options: &mut WriteOptions,
) -> Result<Format> {
    let by_path = target.name().map(detect_name).unwrap_or_default();
    let detected = if by_path.format.is_some() {
        by_path
    } else {
        detect_name(&options.file_name)
    };
    // Standard output has no name; JSON lines say by themselves what they are.
    let unnamed = matches!(target, Target::Stdout).then_some(Format::Jsonl);
    let named = format_options.common.format.or(detected.format);
    let Some(format) = named.or(unnamed) else {
        return Err(Error::new(
            ErrorKind::Config,
            "format does not show from the destination's name",
        )
        .with("file", target.shown())
        .with_hint("add format=csv, jsonl, parquet or another"));
    };
    let compression = detected
        .compression
        .filter(|kind| *kind != Compression::None);
    if let Some(compression) = compression
        && format_options.common.compression.is_none()
    {
        if format.compresses_itself() {
            let message = format!("{} compresses its own parts", format.name());
            return Err(Error::new(ErrorKind::Config, message)
                .with("file", target.shown())
                .with_hint("leave the second ending out of the name and say codec="));
        }
        format_options.common.compression = Some(compression);
    }
    Ok(format)
}
