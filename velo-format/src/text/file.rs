//! Text files: a beginning, then chunks in order.

use velo_core::{Error, ErrorKind, Result};

use super::chunk::TextChunk;
use super::compression::TextCompression;
use crate::compression::Compressor;
use crate::{Chunk, FileEncoder, Format, Sink};

/// Lays chunks of text behind each other.
pub(crate) struct TextFile {
    format: Format,
    compressor: Option<Compressor>,
    out: Sink,
    bytes: u64,
    rows: u64,
}

impl TextFile {
    /// Starts a file with the text that stands before the first row.
    pub(crate) fn start(
        format: Format,
        compression: TextCompression,
        beginning: &[u8],
        out: Sink,
    ) -> Result<Self> {
        let encoder = compression.encoder();
        let mut start = encoder.mark().to_vec();
        start.extend_from_slice(&encoder.encode(beginning)?);
        let mut file = Self {
            format,
            compressor: compression.compressor()?,
            out,
            bytes: 0,
            rows: 0,
        };
        if !start.is_empty() {
            file.write_encoded(&start)?;
        }
        Ok(file)
    }

    fn write_encoded(&mut self, text: &[u8]) -> Result<()> {
        match &mut self.compressor {
            None => self.write(text),
            Some(compressor) => {
                let compressed = compressor.compress(text)?;
                self.write(&compressed)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(write_error)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl FileEncoder for TextFile {
    fn append(&mut self, chunk: Chunk) -> Result<()> {
        match chunk.body.downcast::<TextChunk>() {
            Ok(body) if body.format == self.format => {
                self.write(&body.bytes)?;
                self.rows += chunk.rows;
                Ok(())
            }
            _ => Err(
                Error::new(ErrorKind::Unexpected, "chunk is of another format")
                    .with("format", self.format.name()),
            ),
        }
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        // A compressed file of no bytes is no compressed file: even nothing has its frame.
        if self.bytes == 0 && self.compressor.is_some() {
            self.write_encoded(&[])?;
        }
        self.out.flush().map_err(write_error)?;
        Ok(self.bytes)
    }
}

fn write_error(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "write text").with_source(cause)
}
