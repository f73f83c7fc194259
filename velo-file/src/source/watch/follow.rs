//! Reading a file of lines as it grows: whole lines alone, and only while the file is the same.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use velo_core::Result;
use velo_format::Decoder;

use super::member::Lines;
use crate::error;
use crate::source::file::hash;

/// Bytes of a file's start that a position remembers.
pub(super) const HEAD: usize = 1 << 10;
/// Bytes before a position that it remembers.
pub(super) const TAIL: usize = 4 << 10;
/// Passed over in one turn of a line that is too long.
const PASSED: u64 = 8 << 20;
/// Kept of a line that is too long.
const KEPT: usize = 1 << 10;

/// What a turn came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// There is more to do.
    More,
    /// Records wait to be taken from the decoder.
    Ready,
    /// A line without an end in sight was passed over.
    TooLong(TooLong),
    /// Everything up to the last line feed has been read.
    Idle,
    /// The file is not what it was before the place.
    Changed,
}

/// A line over the longest allowed length.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong {
    pub(super) start: u64,
    /// Its bytes without the line feed.
    pub(super) length: u64,
    /// Its first bytes.
    pub(super) first: Vec<u8>,
}

/// An open file of lines.
pub(super) struct Follow {
    pub(super) file: File,
    pub(super) path: String,
    pub(super) decoder: Box<dyn Decoder>,
    head: Vec<u8>,
    /// The last bytes before the place, then those that are not decoded.
    bytes: Vec<u8>,
    from: usize,
    at: u64,
    passing: Option<Passing>,
}

/// A line that is too long, as far as its end was looked for.
struct Passing {
    scanned: u64,
    first: Vec<u8>,
}

impl Follow {
    /// Goes on at a place; `None` if the file is not the one that the place was noted for.
    pub(super) fn open(
        file: File,
        path: &str,
        (known, first): (Lines, u64),
        decoder: impl FnOnce(u64) -> Result<Box<dyn Decoder>>,
    ) -> Result<Option<Self>> {
        let read =
            |at, length| read_at(&file, at, length).map_err(|error| error::on_file(path, error));
        if known.at > 0 && !holds(&file, known).map_err(|error| error::on_file(path, error))? {
            return Ok(None);
        }
        let at = known.at.max(first);
        let before = at.min(TAIL as u64);
        let bytes = read(at - before, before as usize)?;
        let head = read(0, at.min(HEAD as u64) as usize)?;
        if (bytes.len() as u64) < before {
            return Ok(None);
        }
        Ok(Some(Self {
            decoder: decoder(at)?,
            path: path.to_owned(),
            head,
            from: bytes.len(),
            bytes,
            at,
            passing: None,
            file,
        }))
    }

    /// Gives the number of bytes behind the place that make no line yet.
    pub(super) fn begun(&self) -> usize {
        self.bytes.len() - self.from
    }

    /// Notes the place with what stands before it.
    pub(super) fn lines(&mut self, record: u64) -> Lines {
        let wanted = HEAD.min(usize::try_from(self.at).unwrap_or(HEAD));
        if self.head.len() < wanted
            && let Ok(head) = read_at(&self.file, 0, wanted)
            && head.starts_with(&self.head)
        {
            self.head = head;
        }
        let tail = &self.bytes[..self.from];
        Lines {
            at: self.at,
            record,
            head: hash(&self.head[..wanted.min(self.head.len())]),
            tail: hash(&tail[tail.len().saturating_sub(TAIL)..]),
        }
    }

    /// Reads and decodes up to `block` bytes; no line has more than `limit`.
    pub(super) fn advance(&mut self, block: usize, limit: usize) -> Result<Turn> {
        if self.passing.is_some() {
            return self.pass(block);
        }
        if self.feed()? {
            return Ok(Turn::Ready);
        }
        if self.begun() > limit {
            if self.decoder.records() > 0 {
                return Ok(Turn::Ready);
            }
            self.begin_passing();
            return Ok(Turn::More);
        }
        let room = block.min(limit + 1 - self.begun());
        match self.fill(room)? {
            None => Ok(Turn::Changed),
            Some(0) if self.decoder.records() > 0 => Ok(Turn::Ready),
            Some(0) => {
                self.bytes.shrink_to(TAIL);
                Ok(Turn::Idle)
            }
            Some(read) => match self.feed()? || (read < room && self.decoder.records() > 0) {
                true => Ok(Turn::Ready),
                false => Ok(Turn::More),
            },
        }
    }

    /// Takes what is left for whole, since nothing follows; says whether that made records.
    pub(super) fn finish(&mut self) -> Result<bool> {
        let decoded = self.decoder.decode(&self.bytes[self.from..], true);
        let consumed = decoded.map_err(|error| error.within("file", &self.path))?;
        self.consume(consumed);
        Ok(self.decoder.records() > 0)
    }

    /// Decodes whole lines; says whether the batch is full.
    fn feed(&mut self) -> Result<bool> {
        let Some(last) = memchr::memrchr(b'\n', &self.bytes[self.from..]) else {
            return Ok(self.decoder.is_full());
        };
        let lines = &self.bytes[self.from..=self.from + last];
        let decoded = self.decoder.decode(lines, false);
        let consumed = decoded.map_err(|error| error.within("file", &self.path))?;
        self.consume(consumed);
        Ok(self.decoder.is_full())
    }

    fn consume(&mut self, count: usize) {
        self.from += count;
        self.at += count as u64;
    }

    /// Adds bytes; `None` if the file has changed before them, and nothing is to be trusted.
    fn fill(&mut self, room: usize) -> Result<Option<usize>> {
        let old = self.from.saturating_sub(TAIL);
        if old > 0 && self.from > self.bytes.len() / 2 {
            self.bytes.drain(..old);
            self.from -= old;
        }
        let known = self.bytes.len();
        let end = self.at + self.begun() as u64;
        self.bytes.resize(known + room, 0);
        let read = read_into(&self.file, end, &mut self.bytes[known..]);
        let read = read.map_err(|error| error::on_file(&self.path, error))?;
        self.bytes.truncate(known + read);
        // Looked at after the reading: what was read then follows what was known.
        let same = self.is_same(known, end);
        let same = same.map_err(|error| error::on_file(&self.path, error))?;
        if !same {
            self.bytes.truncate(known);
            return Ok(None);
        }
        Ok(Some(read))
    }

    /// Says whether the file still holds what was read of it before `end`.
    fn is_same(&self, known: usize, end: u64) -> io::Result<bool> {
        let tail = &self.bytes[known.saturating_sub(TAIL)..known];
        Ok(is_at(&self.file, end - tail.len() as u64, tail)? && is_at(&self.file, 0, &self.head)?)
    }

    fn begin_passing(&mut self) {
        let begun = &self.bytes[self.from..];
        self.passing = Some(Passing {
            scanned: self.at + begun.len() as u64,
            first: begun[..begun.len().min(KEPT)].to_vec(),
        });
        self.bytes.truncate(self.from);
        self.bytes.shrink_to(TAIL);
    }

    /// Looks for the end of a line that is too long.
    fn pass(&mut self, block: usize) -> Result<Turn> {
        let same = self.is_same(self.from, self.at);
        if !same.map_err(|error| error::on_file(&self.path, error))? {
            return Ok(Turn::Changed);
        }
        let Some(passing) = &mut self.passing else {
            return Ok(Turn::More);
        };
        let (mut buffer, until) = (vec![0; block], passing.scanned + PASSED);
        while passing.scanned < until {
            let read = read_into(&self.file, passing.scanned, &mut buffer);
            let read = read.map_err(|error| error::on_file(&self.path, error))?;
            if read == 0 {
                return Ok(Turn::Idle);
            }
            if let Some(feed) = memchr::memchr(b'\n', &buffer[..read]) {
                let end = passing.scanned + feed as u64;
                return Ok(Turn::TooLong(TooLong {
                    start: self.at,
                    length: end - self.at,
                    first: std::mem::take(&mut passing.first),
                }));
            }
            passing.scanned += read as u64;
        }
        Ok(Turn::More)
    }
}

/// Says whether a file holds what was read of it before a place.
pub(super) fn holds(file: &File, lines: Lines) -> io::Result<bool> {
    let before = lines.at.min(TAIL as u64);
    let tail = read_at(file, lines.at - before, before as usize)?;
    if (tail.len() as u64) < before || hash(&tail) != lines.tail {
        return Ok(false);
    }
    let head = read_at(file, 0, lines.at.min(HEAD as u64) as usize)?;
    Ok(hash(&head) == lines.head)
}

fn is_at(file: &File, at: u64, bytes: &[u8]) -> io::Result<bool> {
    Ok(bytes.is_empty() || read_at(file, at, bytes.len())? == bytes)
}

/// Reads so many bytes, fewer only where the file ends.
pub(super) fn read_at(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let read = read_into(file, at, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

fn read_into(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Describes a place in a file by what stands before it.
pub(super) fn lines_at(file: &File, at: u64, record: u64) -> io::Result<Lines> {
    let before = at.min(TAIL as u64);
    Ok(Lines {
        at,
        record,
        head: hash(&read_at(file, 0, at.min(HEAD as u64) as usize)?),
        tail: hash(&read_at(file, at - before, before as usize)?),
    })
}

/// Gives the place behind the last line feed of a file.
pub(super) fn last_line_end(file: &File, size: u64) -> io::Result<u64> {
    const BLOCK: u64 = 64 << 10;
    let mut end = size;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let bytes = read_at(file, start, (end - start) as usize)?;
        if let Some(feed) = memchr::memrchr(b'\n', &bytes) {
            return Ok(start + feed as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
