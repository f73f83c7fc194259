//! Decoding blocks of an array into batches.

use velo_core::{Error, ErrorKind, Result};

use super::elements::{Broken, Elements, is_blank};
use crate::jsonl::decode::JsonDecoder;
use crate::{Decoded, Decoder};

/// Bytes are made into lines and decoded in portions of this size, while they are in the cache.
const PORTION: usize = 64 << 10;

/// Decodes the elements of an array as if they were lines.
pub(super) struct ArrayDecoder {
    lines: JsonDecoder,
    elements: Elements,
}

impl ArrayDecoder {
    pub(super) fn new(lines: JsonDecoder) -> Self {
        Self {
            lines,
            elements: Elements::default(),
        }
    }

    /// Gives bad rows that were found in lines the bytes that stand in the input; `start` is where
    /// that begins.
    fn restore(&mut self, first: usize, input: &[u8], start: u64) {
        for bad in self.lines.bad_from(first) {
            let from = usize::try_from(bad.record_start - start).unwrap_or(usize::MAX);
            let length = bad.raw.len();
            let raw = input.get(from..from + length).unwrap_or_default();
            let blanks = raw.iter().rev().take_while(|byte| is_blank(**byte)).count();
            bad.raw = raw[..length - blanks].to_vec();
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        let start = self.lines.position();
        let fed = self.elements.feed(bytes);
        fed.map_err(|broken| refuse(broken, start))?;
        let begun = start + self.elements.lines().len() as u64;
        let unfinished = self.elements.unfinished();
        self.lines.check_length(unfinished, begun)
    }
}

/// Says what is wrong with an array; `start` is where the bytes begin that were looked at.
pub(super) fn refuse(broken: Broken, start: u64) -> Error {
    Error::new(
        ErrorKind::InvalidData,
        format!("not a valid JSON array: {}", broken.what),
    )
    .with("byte", start + broken.at as u64)
    .with_hint("mend it, or write the rows as JSON lines")
}

/// Says that there is no `]` up to `end`.
pub(super) fn endless(end: u64) -> Error {
    Error::new(
        ErrorKind::InvalidData,
        "the JSON array has no end: `]` is missing",
    )
    .with("byte", end)
    .with_hint("the file is incomplete; get it again")
}

impl Decoder for ArrayDecoder {
    /// Consumes up to a separator and never behind it, so that another decoder can go on from
    /// there: a comma in front says that the next element follows, a bracket that none does.
    fn decode(&mut self, input: &[u8], last: bool) -> Result<usize> {
        let (start, mut done) = (self.lines.position(), 0);
        loop {
            let known = self.lines.bad_rows();
            let consumed = self.lines.decode(self.elements.lines(), true)?;
            self.elements.consume(consumed);
            done += consumed;
            self.restore(known, input, start);
            let seen = done + self.elements.pending();
            if self.lines.is_full() {
                return Ok(done);
            }
            if seen >= input.len() {
                break;
            }
            let portion = &input[seen..input.len().min(seen + PORTION)];
            self.feed(portion)?;
        }
        match last {
            true if !self.elements.may_end() => Err(endless(start + input.len() as u64)),
            // White space behind the array, from where nothing else is left.
            true => Ok(input.len()),
            false => Ok(done),
        }
    }

    fn records(&self) -> usize {
        self.lines.records()
    }

    fn is_full(&self) -> bool {
        self.lines.is_full()
    }

    fn take(&mut self) -> Result<Decoded> {
        self.lines.take()
    }
}
