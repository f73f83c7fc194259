//! Dividing files into splits, one step at a time, so that readers work meanwhile.

use std::sync::Arc;

use async_trait::async_trait;
use velo_core::{Error, ErrorKind, Result, SourceOffset, Split, SplitChange, SplitEnumerator};
use velo_format::{Layout, ReadAt, Splitting, StreamFormat};

use super::Settings;
use super::catalog::{Catalog, DataFile};
use super::count;
use super::file::OpenFile;
use super::piece::{Part, Piece};
use super::stream::Beginning;
use crate::error;
use crate::offset::{DiscoveryOffset, Place};

/// Splits in one answer at most.
const AT_ONCE: usize = 64;
/// Read at once while looking for the end of a record.
const BLOCK: u64 = 256 << 10;
/// Rows and decoded bytes of a row group that one split takes at most.
const ROWS: u64 = 122_880;
const DECODED: u64 = 16 << 20;

/// Divides the files of a catalog in their order.
pub(super) struct Division {
    catalog: Arc<Catalog>,
    settings: Arc<Settings>,
    /// The file to divide next, and how far it is divided.
    file: usize,
    inside: Option<Inside>,
    /// Where the first file is to be entered, after a restart.
    enter: Option<(Place, u64)>,
    order: u64,
    /// Records handed out, where they are counted for `max_records`.
    records: u64,
    done: bool,
}

/// A large text file that is being divided.
struct Inside {
    file: Arc<OpenFile>,
    beginning: Arc<Beginning>,
    start: u64,
    row: u64,
}

impl Division {
    /// Starts at the first file, or behind what was handed out before.
    pub(super) fn new(
        catalog: Arc<Catalog>,
        settings: Arc<Settings>,
        resume: Option<&SourceOffset>,
    ) -> Result<Self> {
        let mut division = Self {
            catalog,
            settings,
            file: 0,
            inside: None,
            enter: None,
            order: 0,
            records: 0,
            done: false,
        };
        if let Some(resume) = resume {
            let resume = resume.open::<DiscoveryOffset>()?;
            let found = division
                .catalog
                .files
                .binary_search_by(|file| file.found.path.as_bytes().cmp(resume.path.as_bytes()));
            division.file = match (found, resume.next) {
                (Ok(at), None) => at + 1,
                (Ok(at) | Err(at), _) => at,
            };
            division.enter = resume
                .next
                .filter(|_| found.is_ok())
                .map(|next| (next, resume.row));
            division.order = resume.order;
            division.records = resume.records;
        }
        Ok(division)
    }

    fn step(&mut self) -> Result<Option<SplitChange>> {
        let (mut pieces, mut path, mut next) = (Vec::new(), String::new(), None);
        while pieces.len() < AT_ONCE && !self.done {
            let catalog = self.catalog.clone();
            let Some(file) = catalog.files.get(self.file) else {
                break;
            };
            let simple = self.inside.is_none() && self.enter.is_none() && self.is_simple(file);
            if !simple && !pieces.is_empty() {
                break;
            }
            path = file.found.path.clone();
            if simple {
                self.whole(file, &mut pieces)?;
                self.file += 1;
                continue;
            }
            next = match catalog.layout(file) {
                Layout::Random(_) => self.groups(file, &mut pieces)?,
                Layout::Stream(format) => self.part(file, &**format, &mut pieces)?,
            };
            if next.is_none() {
                self.file += 1;
            }
            if !pieces.is_empty() {
                break;
            }
        }
        if pieces.is_empty() {
            self.done = true;
            return Ok(None);
        }
        let numbered = |(piece, order): (Piece, u64)| Arc::new(piece.split(order));
        let splits: Vec<Arc<Split>> = pieces.into_iter().zip(self.order..).map(numbered).collect();
        self.order += splits.len() as u64;
        let resume = DiscoveryOffset {
            path,
            order: self.order,
            records: self.records,
            row: next.map_or(0, |(_, row)| row),
            next: next.map(|(place, _)| place),
        };
        Ok(Some(SplitChange::Added {
            splits,
            resume: Some(SourceOffset::seal(resume)),
        }))
    }

    /// Says whether a file is handed out whole without being opened.
    fn is_simple(&self, file: &DataFile) -> bool {
        let size = file.found.size;
        let is_small = size <= self.largest() || self.settings.options.max_records.is_some();
        let is_text = matches!(self.catalog.layout(file), Layout::Stream(_));
        size == 0 || (is_text && is_small) || self.catalog.pipe.is_some()
    }

    /// Gives the size up to which a file, or the rest of one, is not divided.
    fn largest(&self) -> u64 {
        let split = self.settings.options.split_size.0;
        split.saturating_add(split / 2)
    }

    fn whole(&mut self, file: &DataFile, pieces: &mut Vec<Piece>) -> Result<()> {
        if file.found.size == 0 && self.catalog.pipe.is_none() {
            return Ok(());
        }
        let mut piece = Piece::new(&file.found, Part::Whole, Some(0));
        if let Some(most) = self.settings.options.max_records {
            let left = most - self.records;
            piece.limit = Some(left);
            if self.file + 1 < self.catalog.files.len() {
                self.records += count::records(&self.catalog, &self.settings, file, left)?;
            }
            self.done = self.records == most;
        }
        pieces.push(piece);
        Ok(())
    }

    /// Divides the next part off a large text file; gives where the one after it starts.
    fn part(
        &mut self,
        file: &DataFile,
        format: &dyn StreamFormat,
        pieces: &mut Vec<Piece>,
    ) -> Result<Option<(Place, u64)>> {
        let inside = match self.inside.take() {
            Some(inside) => inside,
            None => {
                let entered = self.enter.take();
                match self.enter_file(file, format, entered)? {
                    Some(inside) => inside,
                    None => {
                        pieces.push(Piece::new(&file.found, Part::Whole, Some(0)));
                        return Ok(None);
                    }
                }
            }
        };
        let (start, size) = (inside.start, inside.file.size());
        let prologue = &inside.beginning.prologue;
        let splitting = inside.beginning.format(format).splitting(prologue);
        let counted = matches!(splitting, Splitting::Scan(_));
        let (end, rows) = match splitting {
            _ if size - start <= self.largest() => (size, 0),
            Splitting::Whole => (size, 0),
            Splitting::Newline => (self.next_line(&inside.file, start)?, 0),
            Splitting::Scan(mut splitter) => {
                let target = self.settings.options.split_size.0;
                scan(&inside.file, &mut *splitter, start, target)?
            }
        };
        let part = Part::Bytes { start, end };
        let row = (counted || start == inside.beginning.prologue.bytes).then_some(inside.row);
        pieces.push(Piece::new(&file.found, part, row));
        if end == size {
            return Ok(None);
        }
        let next = (Place::Byte(end), inside.row + rows);
        self.inside = Some(Inside {
            start: end,
            row: next.1,
            ..inside
        });
        Ok(Some(next))
    }

    /// Opens a large text file; `None` if it cannot be divided.
    fn enter_file(
        &self,
        file: &DataFile,
        format: &dyn StreamFormat,
        entered: Option<(Place, u64)>,
    ) -> Result<Option<Inside>> {
        let (opened, coding) = self.catalog.open_stream(file, &self.settings.formats)?;
        if !coding.is_plain() {
            return Ok(None);
        }
        let beginning = self.catalog.beginning(file, &opened, coding)?;
        let prologue = &beginning.prologue;
        let divides = match beginning.format(format).splitting(prologue) {
            Splitting::Whole => false,
            // Rows are counted by whoever reads them all.
            Splitting::Newline => !self.settings.options.metadata,
            Splitting::Scan(_) => true,
        };
        let (start, row) = match entered {
            Some((Place::Byte(at), _)) if at > opened.size() => {
                return Err(
                    Error::new(ErrorKind::Gap, "file is shorter than when it was divided")
                        .with("file", &file.found.path)
                        .with("byte", at)
                        .with("size", opened.size()),
                );
            }
            Some((Place::Byte(at), row)) => (at, row),
            _ => (prologue.bytes, 0),
        };
        Ok(divides.then_some(Inside {
            file: opened,
            beginning,
            start,
            row,
        }))
    }

    /// Finds the place behind the first line feed that is far enough.
    fn next_line(&self, file: &OpenFile, start: u64) -> Result<u64> {
        // A line feed right before the target ends a record there.
        let mut at = start + self.settings.options.split_size.0 - 1;
        loop {
            let bytes = file.range(at, BLOCK / 16)?;
            if bytes.is_empty() {
                return Ok(file.size());
            }
            if let Some(feed) = memchr::memchr(b'\n', &bytes) {
                return Ok(at + feed as u64 + 1);
            }
            at += bytes.len() as u64;
        }
    }

    /// Divides the row groups of a file; gives where the rest starts if they are many.
    fn groups(&mut self, file: &DataFile, pieces: &mut Vec<Piece>) -> Result<Option<(Place, u64)>> {
        let index = self.catalog.index(file)?;
        let from = match self.enter.take() {
            Some((Place::Row { group, row }, _)) => (group, row),
            _ => (0, 0),
        };
        let mut before = 0;
        for (group, unit) in (0_u64..).zip(&index.units().units) {
            let step = match index.units().starts_anywhere {
                true => rows_at_once(unit),
                false => unit.rows,
            };
            let mut start = 0;
            while start < unit.rows {
                let end = (start + step).min(unit.rows);
                if (group, start) >= from {
                    if pieces.len() == AT_ONCE {
                        let next = (Place::Row { group, row: start }, before + start);
                        self.enter = Some(next);
                        return Ok(Some(next));
                    }
                    let part = Part::Rows { group, start, end };
                    let mut piece = Piece::new(&file.found, part, Some(before + start));
                    if !self.limit(&mut piece, end - start) {
                        return Ok(None);
                    }
                    pieces.push(piece);
                }
                start = end;
            }
            before += unit.rows;
        }
        Ok(None)
    }

    /// Counts rows towards `max_records`; says whether any of the piece are wanted.
    fn limit(&mut self, piece: &mut Piece, rows: u64) -> bool {
        let Some(most) = self.settings.options.max_records else {
            return true;
        };
        let left = most - self.records;
        if left == 0 {
            self.done = true;
            return false;
        }
        piece.limit = (rows > left).then_some(left);
        self.records += rows.min(left);
        true
    }
}

/// Divides the rows of a group evenly.
fn rows_at_once(unit: &velo_format::Unit) -> u64 {
    let bytes = (unit.decoded_bytes / unit.rows.max(1)).max(1);
    let most = (DECODED / bytes).clamp(1024, ROWS);
    let parts = unit.rows.div_ceil(most).max(1);
    unit.rows.div_ceil(parts).max(1)
}

/// Follows records until one ends far enough; gives that end and how many records there were.
fn scan(
    file: &OpenFile,
    splitter: &mut dyn velo_format::Splitter,
    start: u64,
    target: u64,
) -> Result<(u64, u64)> {
    let size = file.size();
    let (mut at, mut records) = (start, 0);
    let block = usize::try_from(BLOCK.min(target)).unwrap_or(usize::MAX);
    let mut buffer = vec![0; block];
    while at < size {
        let filled = file.fill(at, &mut buffer)?;
        if filled == 0 {
            return Err(error::changed(file.path()));
        }
        let (ended, end) = splitter.scan(&buffer[..filled]);
        records += ended;
        match end {
            Some(end) if at + end as u64 >= start + target => {
                return Ok((at + end as u64, records));
            }
            _ => at += filled as u64,
        }
    }
    Ok((size, records))
}

#[async_trait]
impl SplitEnumerator for Division {
    /// Looks for record ends as part of the call, some milliseconds for each split.
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        if self.done {
            return Ok(None);
        }
        self.step()
    }
}
