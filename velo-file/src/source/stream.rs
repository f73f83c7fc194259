//! Bytes from front to back: of a file, decompressed or as they are, or of standard input.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::mpsc;
use velo_core::{Error, ErrorKind, Result};
use velo_format::encoding::TextReader;
use velo_format::{Prologue, ReadAt, Settled, StreamFormat};

use super::coding::Coding;
use super::file::OpenFile;
use crate::error;

/// Blocks that a thread may be ahead.
const AHEAD: usize = 4;
/// Where looking for the header starts; doubled until it is there.
const HEAD: usize = 68 << 10;

/// Reads a file from front to back and counts.
pub(super) struct Sequential {
    file: Arc<OpenFile>,
    at: u64,
    read: Arc<AtomicU64>,
}

impl Sequential {
    pub(super) fn new(file: Arc<OpenFile>, at: u64) -> Self {
        Self {
            file,
            at,
            read: Arc::default(),
        }
    }
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.at, buffer)?;
        self.at += read as u64;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Fills a buffer as far as there are bytes.
pub(super) fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// How an input begins: what its first bytes settle, and what stands before its first record.
#[derive(Clone)]
pub(super) struct Beginning {
    pub(super) prologue: Prologue,
    /// The format with the dialect of this input, where it was open.
    settled: Option<Arc<dyn StreamFormat>>,
    /// The dialect as options, and why it is so.
    pub(super) dialect: Option<(String, String)>,
}

impl Beginning {
    /// Looks at the first bytes; `None` asks for more of them.
    pub(super) fn of(format: &dyn StreamFormat, head: &[u8], whole: bool) -> Result<Option<Self>> {
        let (settled, dialect) = match format.settle(head, whole)? {
            Settled::More => return Ok(None),
            Settled::AsItIs => (None, None),
            Settled::To {
                format,
                dialect,
                reason,
            } => (Some(format), Some((dialect, reason))),
        };
        let prologue = settled.as_deref().unwrap_or(format).prologue(head, whole)?;
        Ok(prologue.map(|prologue| Self {
            prologue,
            settled,
            dialect,
        }))
    }

    /// Looks at the first bytes of a file.
    pub(super) fn of_file(
        file: &Arc<OpenFile>,
        coding: Coding,
        format: &dyn StreamFormat,
    ) -> Result<Self> {
        let mut input = coding.contents(file)?;
        let (mut head, mut filled) = (vec![0; HEAD], 0);
        loop {
            let read = fill(&mut input, &mut head[filled..])
                .map_err(|error| broken(file.path(), error, None))?;
            filled += read;
            let whole = filled < head.len();
            let found = Self::of(format, &head[..filled], whole);
            match found.map_err(|error| error.within("file", file.path()))? {
                Some(beginning) => return Ok(beginning),
                None if whole => {
                    let message = "file ends before its first record";
                    let error = Error::new(ErrorKind::InvalidData, message);
                    return Err(error.with("file", file.path()));
                }
                None => head.resize(head.len() * 2, 0),
            }
        }
    }

    /// Gives the format to read the input with, which is `by_options` where that left nothing open.
    pub(super) fn format<'f>(&'f self, by_options: &'f dyn StreamFormat) -> &'f dyn StreamFormat {
        self.settled.as_deref().unwrap_or(by_options)
    }
}

/// Says what is wrong with bytes that cannot be read or decompressed.
pub(super) fn broken(path: &str, error: io::Error, byte: Option<u64>) -> Error {
    match error.kind() {
        io::ErrorKind::Unsupported => {
            Error::new(ErrorKind::Unsupported, error.to_string()).with("file", path)
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
            let broken = Error::new(ErrorKind::InvalidData, error.to_string()).with("file", path);
            match byte {
                Some(byte) => broken.with("byte", byte),
                None => broken,
            }
            .with_hint("the file is damaged or incomplete; get it again")
        }
        _ => error::on_file(path, error),
    }
}

/// Blocks that a thread reads ahead.
pub(super) struct Blocks {
    receiver: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// Length of every block but the last, in bytes.
    block: usize,
    /// The last block came.
    ended: bool,
    /// Bytes read of the file itself.
    read: Arc<AtomicU64>,
    /// Line feeds passed over before the first block.
    skipped_lines: Arc<AtomicU64>,
    transcodes: Arc<AtomicBool>,
}

impl Blocks {
    /// Starts to read a file from `skip` bytes of its text on.
    pub(super) fn of_file(
        file: &Arc<OpenFile>,
        coding: Coding,
        skip: u64,
        block: usize,
    ) -> Result<Self> {
        let input = Sequential::new(file.clone(), 0);
        let read = input.read.clone();
        let input = coding.open(Box::new(input))?;
        Self::start(input, read, skip, block, "velo-decompress")
    }

    /// Starts to read an input that can be read only once.
    pub(super) fn of_input(input: TextReader, read: Arc<AtomicU64>, block: usize) -> Result<Self> {
        Self::start(input, read, 0, block, "velo-stdin")
    }

    fn start(
        mut input: TextReader,
        read: Arc<AtomicU64>,
        skip: u64,
        block: usize,
        name: &str,
    ) -> Result<Self> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let skipped_lines = Arc::new(AtomicU64::new(0));
        let lines = skipped_lines.clone();
        let transcodes = input.transcodes();
        let run = move || {
            if let Err(error) = pass_over(&mut input, skip, block, &lines) {
                let _ = sender.blocking_send(Err(error));
                return;
            }
            loop {
                let mut bytes = vec![0; block];
                let filled = fill(&mut input, &mut bytes);
                let ended = filled.as_ref().is_ok_and(|filled| *filled < block);
                let message = filled.map(|filled| {
                    bytes.truncate(filled);
                    bytes
                });
                // Whoever reads is gone when this fails.
                let failed = message.is_err();
                if sender.blocking_send(message).is_err() || ended || failed {
                    return;
                }
            }
        };
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        spawned.map_err(|error| Error::new(ErrorKind::Io, "start a thread").with_source(error))?;
        Ok(Self {
            receiver,
            block,
            ended: false,
            read,
            skipped_lines,
            transcodes,
        })
    }

    /// Waits for the next block; `None` at the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.receiver.recv().await.transpose()? {
            Some(bytes) => {
                self.ended = bytes.len() < self.block;
                Ok(Some(bytes))
            }
            None if self.ended => Ok(None),
            // Never taken for the end: rows would be missing.
            None => Err(io::Error::other("the thread that reads it gave up")),
        }
    }

    /// Gives the bytes read of the file itself.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Says whether the blocks are of another encoding's text, once the first is there.
    pub(super) fn transcodes(&self) -> bool {
        self.transcodes.load(Ordering::Acquire)
    }

    /// Gives the line feeds before the first block, once that is there.
    pub(super) fn skipped_lines(&self) -> u64 {
        self.skipped_lines.load(Ordering::Acquire)
    }
}

fn pass_over(input: &mut dyn Read, skip: u64, block: usize, lines: &AtomicU64) -> io::Result<()> {
    let mut left = skip;
    let mut bytes = vec![0; block];
    while left > 0 {
        let wanted = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let filled = fill(input, &mut bytes[..wanted])?;
        if filled == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "data end before the place to go on from",
            ));
        }
        let feeds = memchr::memchr_iter(b'\n', &bytes[..filled]).count();
        lines.fetch_add(feeds as u64, Ordering::Release);
        left -= filled as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use velo_format::{Encoding, InvalidBytes};

    use super::*;

    /// Gives as much as it is asked for so many times; the thread that asks once more dies.
    struct Fatal(usize);

    impl Read for Fatal {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).expect("no more bytes");
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }

    fn blocks(input: impl Read + Send + 'static) -> Blocks {
        let text = TextReader::new(Encoding::Utf8, InvalidBytes::Fail, Box::new(input));
        Blocks::of_input(text, Arc::default(), 4).unwrap()
    }

    #[tokio::test]
    async fn a_thread_that_died_is_not_the_end() {
        let mut dying = blocks(Fatal(3));
        let mut read = 0;
        let error = loop {
            match dying.next().await {
                Ok(block) => read += block.expect("no end is in sight").len(),
                Err(error) => break error,
            }
        };
        assert!(read > 0 && read % 4 == 0, "{read}");
        assert_eq!(error.to_string(), "the thread that reads it gave up");
        assert!(dying.next().await.is_err(), "nor is it later");
    }

    #[tokio::test]
    async fn an_end_at_the_end_of_a_block_is_the_end() {
        let mut whole = blocks(&b"xxxxyyyy"[..]);
        let mut text = Vec::new();
        while let Some(block) = whole.next().await.unwrap() {
            text.extend(block);
        }
        assert_eq!(text, b"xxxxyyyy");
        assert!(whole.next().await.unwrap().is_none());
    }
}
