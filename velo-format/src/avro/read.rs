//! Avro as a format to read.

use velo_core::{Error, ErrorKind, Result};

use super::decode::AvroDecoder;
use super::header;
use super::infer::Declared;
use super::splitter::BlockSplitter;
use crate::{DecodeRequest, Decoder, Inference, Prologue, ReadOptions, Splitting, StreamFormat};

/// Longest `max_line_length`: the text of a batch has 32-bit offsets.
const LONGEST: u64 = 1 << 30;

/// Avro, for reading.
#[derive(Debug)]
pub struct Avro {
    longest: usize,
}

impl Avro {
    /// Prepares to read Avro.
    ///
    /// # Errors
    /// `Config` for a `max_line_length` over 1 GiB, and for `schema` and `types`: files have
    /// theirs.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        let common = &options.common;
        if common.max_line_length.0 > LONGEST {
            return Err(Error::new(ErrorKind::Config, "longest block is too long")
                .with("option", "max_line_length")
                .with("value", common.max_line_length)
                .with_hint("1GiB is the most"));
        }
        for (option, given) in [("schema", &common.schema), ("types", &common.types)] {
            if given.is_some() {
                return Err(
                    Error::new(ErrorKind::Config, "avro files have types of their own")
                        .with("option", option)
                        .with_hint("leave it out"),
                );
            }
        }
        Ok(Self {
            longest: common.max_line_length.0 as usize,
        })
    }
}

impl StreamFormat for Avro {
    fn prologue(&self, head: &[u8], whole: bool) -> Result<Option<Prologue>> {
        let Some(header) = header::read(head, whole)? else {
            return Ok(None);
        };
        Ok(Some(Prologue {
            bytes: header.bytes as u64,
            columns: Some(header.columns.into_iter().map(|(name, _)| name).collect()),
            header: head[..header.bytes].into(),
        }))
    }

    fn infer(&self, prologue: &Prologue) -> Box<dyn Inference> {
        Box::new(Declared::new(prologue.header.clone()))
    }

    fn splitting(&self, prologue: &Prologue) -> Splitting {
        match header::read_whole(&prologue.header) {
            Ok(header) => Splitting::Scan(Box::new(BlockSplitter::new(header.sync))),
            // Whoever decodes it says what is wrong.
            Err(_) => Splitting::Whole,
        }
    }

    fn decoder(&self, request: DecodeRequest) -> Result<Box<dyn Decoder>> {
        let header = header::read_whole(&request.header)?;
        Ok(Box::new(AvroDecoder::new(header, self.longest, request)?))
    }
}
