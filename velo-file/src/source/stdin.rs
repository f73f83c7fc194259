//! Standard input: read once, from front to back, in a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use velo_core::{Error, ErrorKind, Result};

use super::catalog::Catalog;
use super::coding::Coding;
use super::file::OpenFile;
use super::stream::{Blocks, broken, fill};
use super::{Settings, blocking, detect};

/// What standard input is called where a file has a path.
pub(super) const NAME: &str = "stdin:";
/// Kept of the beginning, to find columns and types.
const HEAD: usize = 256 << 10;

/// Standard input whose first bytes were looked at.
pub(super) struct Pipe {
    head: Vec<u8>,
    whole: bool,
    blocks: Blocks,
}

impl Pipe {
    pub(super) fn path(&self) -> &'static str {
        NAME
    }

    /// Gives the first bytes of the text.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Says whether the input ends with its first bytes.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Gives the first bytes and what follows them.
    pub(super) fn into_parts(self) -> (Vec<u8>, Blocks) {
        (self.head, self.blocks)
    }
}

/// Waits for the first bytes of standard input and describes it.
///
/// # Errors
/// `NotFound` when nothing comes; `Config` when nothing tells the format.
pub(super) async fn open(settings: &Arc<Settings>) -> Result<Catalog> {
    if io::stdin().is_terminal() {
        return Err(
            Error::new(ErrorKind::InvalidInput, "standard input is a terminal")
                .with_hint("pipe data into it: velo copy - … < file"),
        );
    }
    let first = blocking(first_bytes).await??;
    let formats = &settings.formats;
    let known = formats
        .common
        .format
        .or_else(|| velo_format::detect(&first).format);
    if let Some(format) = known.filter(|format| format.is_random()) {
        let spooled = blocking(move || spool(first)).await??;
        return Catalog::of_spooled(format, spooled, settings);
    }
    let compression = detect::compression(formats, NAME, &first, &mut Vec::new())?;
    let block = usize::try_from(settings.options.buffer_size.0).unwrap_or(HEAD);
    let coding = Coding::new(compression, &first, formats);
    let pipe = start(first.clone(), coding, block).await?;
    let text = || Ok(pipe.head().to_vec());
    let format = detect::format(formats, NAME, &first, text, &mut Vec::new())?;
    Catalog::of_pipe(format, pipe, settings)
}

fn first_bytes() -> Result<Vec<u8>> {
    let mut first = vec![0; usize::try_from(detect::MAGIC).unwrap_or_default()];
    let filled = fill(&mut io::stdin(), &mut first).map_err(|error| broken(NAME, error, None))?;
    first.truncate(filled);
    if first.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "standard input is empty")
            .with_hint("the program that should write to it wrote nothing"));
    }
    Ok(first)
}

async fn start(first: Vec<u8>, coding: Coding, block: usize) -> Result<Pipe> {
    let read = Arc::new(AtomicU64::new(first.len() as u64));
    let rest = Counted {
        input: io::stdin(),
        read: read.clone(),
    };
    let input = coding.open(Box::new(Cursor::new(first).chain(rest)))?;
    let mut blocks = Blocks::of_input(input, read, block)?;
    let (mut head, mut whole) = (Vec::new(), false);
    while head.len() < HEAD && !whole {
        let next = blocks.next().await;
        match next.map_err(|error| broken(NAME, error, Some(blocks.read())))? {
            Some(bytes) => head.extend(bytes),
            None => whole = true,
        }
    }
    Ok(Pipe {
        head,
        whole,
        blocks,
    })
}

struct Counted<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Copies standard input to a file without a name, which is gone with its last handle.
fn spool(first: Vec<u8>) -> Result<OpenFile> {
    let spool = || -> io::Result<File> {
        let mut file = nameless()?;
        file.write_all(&first)?;
        io::copy(&mut io::stdin(), &mut file)?;
        Ok(file)
    };
    let file = spool().map_err(|error| {
        let message = "keep standard input in a temporary file";
        Error::from(error)
            .within("directory", std::env::temp_dir().display())
            .with("doing", message)
    })?;
    OpenFile::new(file, NAME)
}

fn nameless() -> io::Result<File> {
    let directory = std::env::temp_dir();
    let flags = rustix::fs::OFlags::TMPFILE.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let without_name = options.clone().custom_flags(flags).open(&directory);
    without_name.or_else(|_| {
        // Not every file system has files without names: make one and take its name away.
        let path = directory.join(format!(".velo-stdin-{}", std::process::id()));
        let file = options.create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    })
}
