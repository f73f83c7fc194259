//! The bytes that are being decoded: filled at the end, consumed at the front.

use std::sync::Arc;

use velo_core::Result;

use super::file::OpenFile;
use super::stream::{Blocks, broken};
use crate::error;

/// A part of an input that moves along with the decoder.
pub(super) struct Window {
    input: Input,
    buffer: Vec<u8>,
    /// The bytes of `buffer` that are not consumed yet.
    from: usize,
    until: usize,
    /// The place in the input of `buffer[from]`.
    place: u64,
    last: bool,
    lines: Option<Lines>,
}

enum Input {
    /// Bytes of a file up to `end`.
    File {
        file: Arc<OpenFile>,
        start: u64,
        end: u64,
    },
    Blocks {
        path: String,
        blocks: Blocks,
    },
}

impl Window {
    /// Reads a part of a file as it is.
    pub(super) fn of_file(file: Arc<OpenFile>, start: u64, end: u64, block: usize) -> Self {
        let small = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        Self {
            buffer: vec![0; block.min(small.max(1))],
            from: 0,
            until: 0,
            place: start,
            last: start >= end,
            lines: None,
            input: Input::File { file, start, end },
        }
    }

    /// Reads blocks that follow `head`, which starts at `place`.
    pub(super) fn of_blocks(path: String, blocks: Blocks, head: Vec<u8>, place: u64) -> Self {
        Self {
            from: 0,
            until: head.len(),
            buffer: head,
            place,
            last: false,
            lines: Some(Lines::default()),
            input: Input::Blocks { path, blocks },
        }
    }

    /// Gives the bytes to decode.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.from..self.until]
    }

    /// Says whether the input ends with these bytes.
    pub(super) fn is_last(&self) -> bool {
        self.last
    }

    /// Gives the place in the input of the next byte to decode.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    /// Gives how many bytes of the file itself have been read.
    pub(super) fn read(&self) -> u64 {
        match &self.input {
            Input::File { start, .. } => self.place - start,
            Input::Blocks { blocks, .. } => blocks.read(),
        }
    }

    /// Gives how many bytes there are behind those that were decoded; nobody knows what a compressed
    /// file or a pipe still holds.
    pub(super) fn left(&self) -> Option<u64> {
        match &self.input {
            Input::File { end, .. } => Some(end.saturating_sub(self.place)),
            Input::Blocks { .. } => None,
        }
    }

    /// Takes bytes off the front.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.until - self.from);
        if let Some(lines) = &mut self.lines {
            lines.pass(self.place, &self.buffer[self.from..self.from + count]);
        }
        self.from += count;
        self.place += count as u64;
    }

    /// Gives the line of a byte that was consumed since [`forget_lines`](Self::forget_lines), where
    /// lines are counted on the way.
    pub(super) fn line_of(&self, byte: u64) -> Option<u64> {
        let skipped = match &self.input {
            Input::File { .. } => 0,
            Input::Blocks { blocks, .. } => blocks.skipped_lines(),
        };
        self.lines.as_ref().map(|lines| skipped + lines.of(byte))
    }

    /// Says whether the bytes are those of a text that has another encoding in the input.
    pub(super) fn transcodes(&self) -> bool {
        match &self.input {
            Input::File { .. } => false,
            Input::Blocks { blocks, .. } => blocks.transcodes(),
        }
    }

    /// Ends the time in which lines of consumed bytes are known.
    pub(super) fn forget_lines(&mut self) {
        if let Some(lines) = &mut self.lines {
            lines.forget();
        }
    }

    /// Adds bytes at the end; cancel-safe, as nothing changes while it waits.
    pub(super) async fn fill(&mut self) -> Result<()> {
        let Self { input, .. } = self;
        match input {
            Input::File { .. } => self.fill_from_file(),
            Input::Blocks { path, blocks } => {
                let next = blocks.next().await;
                match next.map_err(|error| broken(path, error, Some(blocks.read())))? {
                    None => self.last = true,
                    Some(block) => self.append(block),
                }
                Ok(())
            }
        }
    }

    fn fill_from_file(&mut self) -> Result<()> {
        let Input::File { file, end, .. } = &self.input else {
            return Ok(());
        };
        self.buffer.copy_within(self.from..self.until, 0);
        (self.from, self.until) = (0, self.until - self.from);
        if self.until == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let at = self.place + self.until as u64;
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        let wanted = left.min(self.buffer.len() - self.until);
        let filled = file.fill(at, &mut self.buffer[self.until..self.until + wanted])?;
        if filled < wanted {
            return Err(error::changed(file.path()));
        }
        self.until += filled;
        self.last = filled == left;
        Ok(())
    }

    fn append(&mut self, block: Vec<u8>) {
        if self.from == self.until {
            (self.from, self.until) = (0, block.len());
            self.buffer = block;
            return;
        }
        self.buffer.truncate(self.until);
        self.buffer.drain(..self.from);
        self.buffer.extend_from_slice(&block);
        (self.from, self.until) = (0, self.buffer.len());
    }
}

/// Line feeds passed on the way, so that a line can be named without reading again.
#[derive(Default)]
struct Lines {
    before: u64,
    feeds: Vec<u64>,
}

impl Lines {
    fn pass(&mut self, place: u64, bytes: &[u8]) {
        let feeds = memchr::memchr_iter(b'\n', bytes);
        self.feeds.extend(feeds.map(|at| place + at as u64));
    }

    fn of(&self, byte: u64) -> u64 {
        self.before + self.feeds.partition_point(|feed| *feed < byte) as u64 + 1
    }

    fn forget(&mut self) {
        self.before += self.feeds.len() as u64;
        self.feeds.clear();
    }
}
