//! Opening a split of records: where it starts, and what stands before the first record.

use std::sync::Arc;

use velo_core::{Error, ErrorKind, ReadRequest, Result};
use velo_format::ReadAt;

use super::Settings;
use super::catalog::{Catalog, DataFile};
use super::coding::Coding;
use super::drift;
use super::file::OpenFile;
use super::piece::{Part, Piece};
use super::sample::no_record;
use super::stdin;
use super::stream::{Beginning, Blocks};
use super::window::Window;
use crate::offset::{FileOffset, Place};

/// Finds where to start, if not at the split's beginning.
pub(super) fn start(request: &ReadRequest, piece: &Piece) -> Result<Option<FileOffset>> {
    let Some(start) = request.start.as_ref().or(request.split.start.as_ref()) else {
        return Ok(None);
    };
    let start = start.open::<FileOffset>()?;
    if start.path != piece.path {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "position is in another file than the split",
        )
        .with("file", &piece.path)
        .with("position in", &start.path));
    }
    Ok(Some(start))
}

/// What is looked at before the first record.
pub(super) struct Opening<'o> {
    pub(super) catalog: &'o Catalog,
    pub(super) settings: &'o Settings,
    pub(super) file: &'o DataFile,
    pub(super) piece: &'o Piece,
    pub(super) start: Option<&'o FileOffset>,
    pub(super) block: usize,
}

pub(super) type Opened = (Option<(Arc<OpenFile>, Coding)>, Window, Arc<Beginning>);

impl Opening<'_> {
    /// Opens a file where reading starts.
    pub(super) fn file(&self) -> Result<Opened> {
        let (opened, coding) = self
            .catalog
            .open_stream(self.file, &self.settings.formats)?;
        self.piece.check(opened.found())?;
        let beginning = self.catalog.beginning(self.file, &opened, coding)?;
        let format = beginning.format(self.catalog.stream_format(self.file)?);
        let prologue = &beginning.prologue;
        self.check_columns(prologue.columns.as_ref())?;
        let (first, end) = match self.piece.part {
            Part::Bytes { start, end } => (start, end),
            _ => (prologue.bytes, opened.size()),
        };
        // Otherwise the records are counted from the first one on.
        let start = |from: u64| match format.starts_anywhere() {
            true => from,
            false => first,
        };
        let window = if coding.is_plain() {
            let from = self.resume(&opened, first, |place| match place {
                Place::Byte(at) => Some(at),
                _ => None,
            })?;
            Window::of_file(opened.clone(), start(from), end, self.block)
        } else {
            let from = self.resume(&opened, first, |place| match place {
                Place::Decompressed(at) => Some(at),
                _ => None,
            })?;
            let from = start(from);
            let blocks = Blocks::of_file(&opened, coding, from, self.block)?;
            Window::of_blocks(self.piece.path.clone(), blocks, Vec::new(), from)
        };
        Ok((Some((opened, coding)), window, beginning))
    }

    /// Gives the place to start from, once it is certain that the file is the same.
    fn resume(
        &self,
        opened: &OpenFile,
        first: u64,
        own: impl Fn(Place) -> Option<u64>,
    ) -> Result<u64> {
        let Some(start) = self.start else {
            return Ok(first);
        };
        opened.check_same(start.place, &start.fingerprint)?;
        own(start.place).ok_or_else(|| {
            Error::new(
                ErrorKind::Gap,
                "file is compressed or encoded in another way than when reading stopped",
            )
            .with("file", opened.path())
        })
    }

    /// Takes standard input over, which can be done once.
    pub(super) fn pipe(&self) -> Result<Opened> {
        let taken = self.catalog.pipe.as_ref().and_then(|pipe| {
            let mut pipe = pipe
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            pipe.take()
        });
        let (Some(pipe), None) = (taken, self.start) else {
            return Err(
                Error::new(ErrorKind::Gap, "standard input can be read only once")
                    .with("file", stdin::NAME)
                    .with_hint("write it to a file first"),
            );
        };
        let format = self.catalog.stream_format(self.file)?;
        let Some(beginning) = Beginning::of(format, pipe.head(), pipe.is_whole())? else {
            return Err(no_record(pipe.head().len()));
        };
        let (head, blocks) = pipe.into_parts();
        let mut window = Window::of_blocks(stdin::NAME.to_owned(), blocks, head, 0);
        window.consume(usize::try_from(beginning.prologue.bytes).unwrap_or(usize::MAX));
        Ok((None, window, Arc::new(beginning)))
    }

    fn check_columns(&self, columns: Option<&Arc<[String]>>) -> Result<()> {
        let Some(columns) = columns.filter(|columns| !columns.is_empty()) else {
            return Ok(());
        };
        let names = columns.iter().map(String::as_str);
        let (policy, path) = (self.settings.options.schema_drift, &self.piece.path);
        drift::check_file(self.catalog, policy, path, names)
    }
}
