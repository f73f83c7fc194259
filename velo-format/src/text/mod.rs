//! What the text formats share in writing: the buffer, typed views of columns, chunks and files.

mod buffer;
mod chunk;
mod column;
mod compression;
mod file;
#[cfg(test)]
mod tests;

pub(crate) use buffer::{Problem, Special, Text, find_equal, find_less, repeat};
pub(crate) use chunk::{RowFormat, TextChunks, unsupported};
pub(crate) use column::{Scalar, Strings, indirect};
pub(crate) use compression::TextCompression;
pub(crate) use file::{Frame, TextFile};
