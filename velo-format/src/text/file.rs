//! Text files: a beginning, then chunks in order.

use velo_core::{Error, ErrorKind, Result};

use super::chunk::TextChunk;
use super::compression::TextCompression;
use crate::compression::Compressor;
use crate::encoding::TextEncoder;
use crate::{Chunk, FileEncoder, Format, Sink};

/// What stands around the chunks of a file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Frame {
    /// Before the first chunk.
    pub(crate) first: &'static [u8],
    /// Between two chunks.
    pub(crate) between: &'static [u8],
    /// Behind the last chunk.
    pub(crate) last: &'static [u8],
    /// Instead of all this where there is no chunk.
    pub(crate) empty: &'static [u8],
}

/// Lays chunks of text behind each other.
pub(crate) struct TextFile {
    format: Format,
    compressor: Option<Compressor>,
    encoder: TextEncoder,
    frame: Frame,
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
        let mut file = Self::framed(format, compression, Frame::default(), out)?;
        if !start.is_empty() {
            file.write_encoded(&start)?;
        }
        Ok(file)
    }

    /// Starts a file whose chunks have something around them.
    pub(crate) fn framed(
        format: Format,
        compression: TextCompression,
        frame: Frame,
        out: Sink,
    ) -> Result<Self> {
        Ok(Self {
            format,
            compressor: compression.compressor()?,
            encoder: compression.encoder(),
            frame,
            out,
            bytes: 0,
            rows: 0,
        })
    }

    /// Writes text that is no chunk, if there is any.
    fn write_text(&mut self, text: &[u8]) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let mut encoded = match self.bytes {
            0 => self.encoder.mark().to_vec(),
            _ => Vec::new(),
        };
        encoded.extend_from_slice(&self.encoder.encode(text)?);
        self.write_encoded(&encoded)
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
                if chunk.rows > 0 {
                    self.write_text(match self.rows {
                        0 => self.frame.first,
                        _ => self.frame.between,
                    })?;
                }
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
        self.write_text(match self.rows {
            0 => self.frame.empty,
            _ => self.frame.last,
        })?;
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
