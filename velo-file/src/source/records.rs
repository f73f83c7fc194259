//! Reading a split of a format of records.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use velo_core::{
    Batch, Budget, DataReader, Error, ErrorKind, Event, Lease, Mark, ReadRequest, Rejected, Result,
    SourceOffset, Span, Split,
};
use velo_format::{BadRow, DecodeRequest, Decoded, Decoder};

use super::catalog::{Catalog, DataFile};
use super::file::{Found, OpenFile};
use super::limit::{cut, leave_out};
use super::metadata;
use super::opening::{Opening, start};
use super::piece::Piece;
use super::prune::{Verdict, decide};
use super::shape::Shape;
use super::window::Window;
use super::{Nothing, Settings, known_columns, share};
use crate::config::BadRowPolicy;
use crate::offset::{FileOffset, Fingerprint, Place};

/// Up to here in a file the line of every row that is left out is counted.
const COUNTED_LINES: u64 = 64 << 20;
/// Memory asked for before the first batch is there.
const FIRST_LEASE: u64 = 1 << 20;

/// Reads records of a file or of standard input.
pub(super) struct RecordReader {
    split: Arc<Split>,
    piece: Piece,
    found: Found,
    /// `None` for standard input.
    file: Option<Arc<OpenFile>>,
    /// Places are bytes of the file itself.
    plain: bool,
    window: Window,
    decoder: Box<dyn Decoder>,
    shape: Shape,
    policy: BadRowPolicy,
    /// Records of the split before those that are being decoded.
    record: u64,
    /// Records to leave out, which were yielded before reading stopped.
    known: u64,
    lines: (u64, u64),
    events: VecDeque<Event>,
    budget: Budget,
    lease: Option<Lease>,
    batch_bytes: u64,
    ended: bool,
    buffer_bytes: u64,
    /// Taken by the first read: making a reader waits for nobody's memory.
    buffers: Option<Lease>,
}

/// Opens a split.
pub(super) async fn open(
    catalog: &Catalog,
    settings: &Settings,
    request: ReadRequest,
    piece: Piece,
) -> Result<Box<dyn DataReader>> {
    let file = catalog.file(&piece.path)?;
    let start = start(&request, &piece)?;
    let done = |start: &FileOffset| piece.limit.is_some_and(|limit| start.record >= limit);
    if start.as_ref().is_some_and(done) {
        return Ok(Box::new(Nothing));
    }
    let shape = Shape::new(catalog, file, &request)?;
    if nothing_wanted(catalog, file, &request)? {
        return Ok(Box::new(Nothing));
    }
    let block = usize::try_from(settings.options.buffer_size.0).unwrap_or(usize::MAX);
    let opening = Opening {
        catalog,
        settings,
        file,
        piece: &piece,
        start: start.as_ref(),
        block,
    };
    let (opened, window, beginning) = match &catalog.pipe {
        Some(_) => opening.pipe()?,
        None => opening.file()?,
    };
    // Where records carry their names, those of the columns that nobody wants are known as well.
    let columns = beginning.prologue.columns.clone();
    let columns = columns.unwrap_or_else(|| catalog.names());
    let format = beginning.format(catalog.stream_format(file)?);
    let decoder = format.decoder(DecodeRequest {
        schema: shape.read().clone(),
        columns: Some(columns),
        header: beginning.prologue.header.clone(),
        batch_rows: settings.batch_rows(shape.read().fields().len()),
        start: window.place(),
        row_starts: shape.wants_metadata(),
    })?;
    Ok(Box::new(RecordReader {
        split: request.split,
        found: file.found.clone(),
        plain: opened.as_ref().is_some_and(|(_, coding)| coding.is_plain()),
        file: opened.map(|(file, _)| file),
        window,
        decoder,
        shape,
        policy: settings.options.on_bad_row,
        known: match (&start, format.starts_anywhere()) {
            (Some(start), false) => start.record,
            _ => 0,
        },
        record: start.map_or(0, |start| start.record),
        piece,
        lines: (0, 0),
        events: VecDeque::new(),
        budget: request.budget,
        lease: None,
        batch_bytes: FIRST_LEASE,
        ended: false,
        buffer_bytes: 2 * block as u64,
        buffers: None,
    }))
}

/// Says whether the file's partition values alone rule out every row.
fn nothing_wanted(catalog: &Catalog, file: &DataFile, request: &ReadRequest) -> Result<bool> {
    let Some(filter) = &request.filter else {
        return Ok(false);
    };
    let verdict = decide(filter, &known_columns(catalog, file)?)?;
    Ok(matches!(verdict, Verdict::Known(None | Some(false))))
}

#[async_trait]
impl DataReader for RecordReader {
    /// Reads and decodes as part of the call: it takes some milliseconds of the thread. What is
    /// waited for (memory, a block) changes nothing while it is waited for, so that a dropped call
    /// loses nothing.
    async fn read(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            if self.buffers.is_none() {
                self.buffers = Some(self.budget.reserve(self.buffer_bytes).await);
            }
            if self.lease.is_none() {
                self.lease = Some(
                    self.budget
                        .reserve(share(&self.budget, self.batch_bytes))
                        .await,
                );
            }
            if !self.decode()? {
                self.window.fill().await?;
            }
        }
    }
}

impl RecordReader {
    /// Decodes what is there; says whether that gave a batch or the end.
    fn decode(&mut self) -> Result<bool> {
        let (bytes, last) = (self.window.bytes(), self.window.is_last());
        let decoded = self.decoder.decode(bytes, last);
        let consumed = decoded.map_err(|error| error.within("file", &self.piece.path))?;
        self.window.consume(consumed);
        let ended = last && self.window.bytes().is_empty();
        if !self.decoder.is_full() && !ended {
            return match last && consumed == 0 {
                true => Err(
                    Error::new(ErrorKind::Unexpected, "decoder leaves a record undecoded")
                        .with("file", &self.piece.path),
                ),
                false => Ok(false),
            };
        }
        self.ended = ended;
        self.emit()?;
        if self.ended {
            self.finish()?;
        }
        Ok(true)
    }

    fn emit(&mut self) -> Result<()> {
        let mut records = self.decoder.records() as u64;
        let mut decoded = self.decoder.take()?;
        let known = self.known.min(records);
        if known > 0 {
            leave_out(&mut decoded, usize::try_from(known).unwrap_or(usize::MAX));
            self.known -= known;
            records -= known;
        }
        if records == 0 {
            return Ok(());
        }
        let resumable = decoded.resumable;
        if let Some(limit) = self.piece.limit {
            let left = limit - self.record;
            if records >= left {
                cut(&mut decoded, usize::try_from(left).unwrap_or(usize::MAX));
                records = left;
                self.ended = true;
            }
        }
        for bad in &decoded.bad {
            let rejected = self.reject(bad)?;
            self.events.push_back(Event::Rejected(rejected));
        }
        if decoded.rows.num_rows() > 0 {
            self.rows(decoded, records)?;
        }
        self.record += records;
        self.window.forget_lines();
        if !resumable && !self.ended {
            return Ok(());
        }
        let mark = Mark::new(
            self.split.id.clone(),
            self.offset(self.window.place(), self.record)?,
        );
        self.events.push_back(Event::Mark(Mark {
            lag_bytes: self.window.left(),
            bytes_read: self.window.read(),
            ..mark
        }));
        Ok(())
    }

    fn rows(&mut self, decoded: Decoded, records: u64) -> Result<()> {
        let metadata = self.shape.wants_metadata().then(|| {
            let first = self.piece.first_row.unwrap_or_default() + self.record + 1;
            let count = usize::try_from(records).unwrap_or(usize::MAX);
            let numbers = good(&decoded.bad, count).map(|record| first + record as u64);
            metadata::column(&self.found, numbers.collect(), decoded.row_starts)
        });
        let (rows, metadata) = self.shape.apply(decoded.rows, metadata)?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let bytes = rows.get_array_memory_size() as u64;
        self.batch_bytes = self.batch_bytes.max(bytes);
        let mut batch = Batch::new(self.shape.stream().clone(), rows)?.with_span(Span {
            split: self.split.id.clone(),
            order: self.split.order,
            first: self.record,
            last: self.record + records - 1,
        });
        if let Some(metadata) = metadata {
            batch = batch.with_metadata(metadata)?;
        }
        if let Some(mut lease) = self.lease.take() {
            // Many small batches must not hold the whole budget.
            lease.shrink_to(bytes);
            batch = batch.with_lease(Arc::new(lease));
        }
        self.events.push_back(Event::Rows(batch));
        Ok(())
    }

    /// Refuses a file that changed under the reader; what was read of it is not to be trusted.
    fn finish(&self) -> Result<()> {
        match &self.file {
            Some(file) => file.check_unchanged(&self.found),
            None => Ok(()),
        }
    }

    fn offset(&self, at: u64, record: u64) -> Result<SourceOffset> {
        let place = match self.plain {
            true => Place::Byte(at),
            false => Place::Decompressed(at),
        };
        let fingerprint = match &self.file {
            Some(file) => file.fingerprint(place)?,
            None => Fingerprint::default(),
        };
        Ok(SourceOffset::seal(FileOffset {
            path: self.piece.path.clone(),
            place,
            record,
            fingerprint,
        }))
    }

    /// Applies the policy to a row that does not decode.
    fn reject(&mut self, bad: &BadRow) -> Result<Rejected> {
        let line = match bad.block {
            None => self.line(bad.byte)?,
            Some(_) => None,
        };
        let mut error = Error::new(ErrorKind::InvalidData, bad.problem.clone());
        error = error.with("file", &self.piece.path);
        if let Some(line) = line {
            error = error.with("line", line);
        }
        if let Some(column) = &bad.column {
            error = error.with("column", column);
        }
        let byte = match self.window.transcodes() {
            // The place in the text as UTF-8 is not one in the file, not even decompressed.
            true => "byte of the text in utf-8",
            false => "byte",
        };
        error = error.with(byte, bad.byte);
        if let Some(block) = bad.block {
            error = error.with("record of the block", block.record);
        }
        let mends = "on_bad_row=skip leaves such rows out";
        error = match &bad.hint {
            Some(hint) => error.with_hint(format!("{hint}, or {mends}")),
            None => error.with_hint(mends),
        };
        let ordinal = self.record + bad.record as u64;
        let kept = match self.policy {
            BadRowPolicy::Fail => return Err(error),
            BadRowPolicy::Skip => None,
            BadRowPolicy::DeadLetter => Some(self.offset(bad.record_start, ordinal)?),
        };
        Ok(Rejected {
            stream: self.shape.stream().name().into(),
            split: self.split.id.clone(),
            ordinal,
            raw: if kept.is_some() {
                bad.raw.as_slice().into()
            } else {
                Arc::from([])
            },
            offset: kept,
            error: Arc::new(error),
        })
    }

    /// Finds the line of a byte: counted on the way, or now from the file's start. Deep inside a
    /// large file the latter is done for the one row that ends the reading and not for each row
    /// that is left out.
    fn line(&mut self, byte: u64) -> Result<Option<u64>> {
        if let Some(line) = self.window.line_of(byte) {
            return Ok(Some(line));
        }
        let Some(file) = self.file.clone() else {
            return Ok(None);
        };
        if self.policy != BadRowPolicy::Fail && byte > COUNTED_LINES {
            return Ok(None);
        }
        let (mut at, mut feeds) = self.lines;
        if at > byte {
            (at, feeds) = (0, 0);
        }
        while at < byte {
            let bytes = file.range(at, (byte - at).min(1 << 20))?;
            if bytes.is_empty() {
                break;
            }
            feeds += memchr::memchr_iter(b'\n', &bytes).count() as u64;
            at += bytes.len() as u64;
        }
        self.lines = (at, feeds);
        Ok(Some(feeds + 1))
    }
}

/// Gives which of so many records are good.
pub(super) fn good(bad: &[BadRow], records: usize) -> impl Iterator<Item = usize> {
    let mut bad = bad.iter().peekable();
    (0..records).filter(move |record| {
        while bad
            .next_if(|bad| bad.record + bad.records() <= *record)
            .is_some()
        {}
        bad.peek().is_none_or(|bad| bad.record > *record)
    })
}
