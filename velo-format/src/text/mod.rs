//! What the text formats share in writing: the buffer, typed views of columns, chunks and files.

mod buffer;
mod chunk;
mod column;
mod file;
#[cfg(test)]
mod tests;

pub(crate) use buffer::{Problem, Special, Text};
pub(crate) use chunk::{RowFormat, TextChunks, unsupported};
pub(crate) use column::{Scalar, Strings, indirect};
pub(crate) use file::TextFile;

use crate::Compression;

/// Gives the ending of the file's name, with the compression's own behind it.
pub(crate) fn extension(name: &str, compression: Compression) -> String {
    match compression {
        Compression::None => name.to_owned(),
        Compression::Gzip => format!("{name}.gz"),
        Compression::Zstd => format!("{name}.zst"),
        // The options refuse it for every format that has no pages.
        Compression::Snappy => format!("{name}.snappy"),
    }
}
