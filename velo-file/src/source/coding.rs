//! How the bytes of a file become those of its text: decompressed, and turned into UTF-8.

use std::io::Read;
use std::sync::Arc;

use velo_core::Result;
use velo_format::compression::decompressor;
use velo_format::encoding::TextReader;
use velo_format::{Compression, Encoding, InvalidBytes, ReadOptions};

use super::file::OpenFile;
use super::stream::Sequential;

/// Compression and encoding of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coding {
    compression: Compression,
    /// As the option and, without compression, the first bytes say; inside a compressed file a
    /// byte order mark can still tell that it is UTF-16.
    encoding: Encoding,
    invalid: InvalidBytes,
}

impl Coding {
    /// Puts together what the options say and what a file's first bytes show.
    pub(super) fn new(compression: Compression, head: &[u8], options: &ReadOptions) -> Self {
        let (encoding, invalid) = (options.common.encoding, options.common.invalid_bytes);
        Self {
            compression,
            encoding: match compression {
                Compression::None => encoding.of_text(head),
                _ => encoding,
            },
            invalid,
        }
    }

    /// Says whether the file's bytes are those of its text, so that it can be entered anywhere.
    pub(super) fn is_plain(self) -> bool {
        self.compression == Compression::None
            && self.encoding == Encoding::Utf8
            && self.invalid == InvalidBytes::Fail
    }

    /// Reads the text that an input holds.
    pub(super) fn open(self, input: Box<dyn Read + Send>) -> Result<TextReader> {
        let input = decompressor(self.compression, input)?;
        Ok(TextReader::new(self.encoding, self.invalid, input))
    }

    /// Reads the text that a file holds.
    pub(super) fn contents(self, file: &Arc<OpenFile>) -> Result<Box<dyn Read + Send>> {
        let input = Box::new(Sequential::new(file.clone(), 0));
        match self.is_plain() {
            true => Ok(input),
            false => Ok(Box::new(self.open(input)?)),
        }
    }
}
