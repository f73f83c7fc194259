//! A change stream in memory: one split, many tables, transactions of any size.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;
use velo_core::{
    Batch, DataReader, DataSource, Error, ErrorKind, Event, Mark, Offset, Progress, ReadRequest,
    Replay, Result, SchemaChange, SourceCapabilities, SourceOffset, Span, Split, SplitChange,
    SplitEnumerator, StreamInfo,
};

use super::shown;

/// Inside a transaction a mark comes after so many entries.
const MARK_EVERY: u64 = 3;
const SPLIT: &str = "changes";

/// The log of a database; clones share it.
///
/// ```
/// use velo_testkit::{data, models::ChangeStream};
/// let log = ChangeStream::default();
/// log.transaction([data::numbered("orders", 0, 10)?, data::numbered("items", 0, 30)?]);
/// log.keep_alive();
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ChangeStream(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Log>,
    grown: Notify,
}

#[derive(Debug, Default)]
struct Log {
    entries: Vec<Entry>,
    acknowledged: Option<u64>,
}

#[derive(Debug, Clone)]
enum Entry {
    Begin,
    Rows(Batch),
    Schema(SchemaChange),
    Commit,
    KeepAlive,
}

/// A place in the log: how many entries came before.
///
/// ```
/// assert!(velo_testkit::models::ChangeOffset { lsn: 7 }.lsn > 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeOffset {
    /// The number of entries before.
    pub lsn: u64,
}

impl Offset for ChangeOffset {
    const KIND: &'static str = "testkit-changes";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        self.lsn.to_string()
    }

    fn decode(_version: u32, text: &str) -> Result<Self> {
        let refused = |_| Error::new(ErrorKind::InvalidInput, "offset is not a number");
        Ok(Self {
            lsn: text.parse().map_err(refused)?,
        })
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        self.lsn.partial_cmp(&other.lsn)
    }
}

impl ChangeStream {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, entries: impl IntoIterator<Item = Entry>) {
        self.lock().entries.extend(entries);
        self.0.grown.notify_waiters();
    }

    /// Commits one transaction with these rows, in this order.
    ///
    /// ```
    /// velo_testkit::models::ChangeStream::default().transaction([]);
    /// ```
    pub fn transaction(&self, rows: impl IntoIterator<Item = Batch>) {
        let rows = rows.into_iter().map(Entry::Rows);
        let begin = std::iter::once(Entry::Begin);
        self.append(begin.chain(rows).chain([Entry::Commit]));
    }

    /// Changes a table's columns in the middle of a transaction between these rows.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use velo_core::{SchemaChange, StreamInfo};
    /// let before = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// let stream = Arc::new(before.next_version(Arc::new(arrow_schema::Schema::empty())));
    /// let change = SchemaChange { stream, columns: Vec::new() };
    /// velo_testkit::models::ChangeStream::default().schema_change([], change, []);
    /// ```
    pub fn schema_change(
        &self,
        before: impl IntoIterator<Item = Batch>,
        change: SchemaChange,
        after: impl IntoIterator<Item = Batch>,
    ) {
        let before = before.into_iter().map(Entry::Rows);
        let after = after.into_iter().map(Entry::Rows);
        let begin = std::iter::once(Entry::Begin).chain(before);
        let change = std::iter::once(Entry::Schema(change));
        self.append(begin.chain(change).chain(after).chain([Entry::Commit]));
    }

    /// Moves the log on without rows, as a database does for tables that nobody subscribed to.
    ///
    /// ```
    /// velo_testkit::models::ChangeStream::default().keep_alive();
    /// ```
    pub fn keep_alive(&self) {
        self.append([Entry::KeepAlive]);
    }

    /// Makes a source of the whole log.
    ///
    /// ```
    /// use velo_core::DataSource;
    /// let source = velo_testkit::models::ChangeStream::default().source();
    /// assert!(!source.capabilities().bounded);
    /// ```
    #[must_use]
    pub fn source(&self) -> ChangeStreamSource {
        ChangeStreamSource(self.clone())
    }

    /// Gives all rows of the log.
    ///
    /// ```
    /// assert!(velo_testkit::models::ChangeStream::default().batches().is_empty());
    /// ```
    #[must_use]
    pub fn batches(&self) -> Vec<Batch> {
        let log = self.lock();
        let rows = log.entries.iter().filter_map(|entry| match entry {
            Entry::Rows(batch) => Some(batch.clone()),
            _ => None,
        });
        rows.collect()
    }
}

/// The source of a [`ChangeStream`].
///
/// ```
/// let source = velo_testkit::models::ChangeStream::default().source();
/// ```
#[derive(Debug)]
pub struct ChangeStreamSource(ChangeStream);

#[async_trait]
impl DataSource for ChangeStreamSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            replay: Replay::Exact,
            bounded: false,
        }
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        let mut streams: Vec<Arc<StreamInfo>> = Vec::new();
        for batch in self.0.batches() {
            let stream = batch.stream();
            if !streams.iter().any(|known| known.name() == stream.name()) {
                streams.push(stream.clone());
            }
        }
        Ok(streams)
    }

    async fn splits(&self, _resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        let lsn = self.0.lock().acknowledged;
        let split = Split {
            start: lsn.map(|lsn| SourceOffset::seal(ChangeOffset { lsn })),
            ..Split::new(SPLIT, 0)
        };
        Ok(Box::new(OnlySplit(Some(Arc::new(split)))))
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        if let Some(names) = &request.projection {
            let streams = self.streams().await?;
            let refusals = streams.iter().map(|stream| stream.positions(names));
            if let Some(refusal) = refusals.filter_map(Result::err).next() {
                return Err(refusal);
            }
        }
        let at = match request.start.as_ref().or(request.split.start.as_ref()) {
            None => 0,
            Some(offset) => offset.open::<ChangeOffset>()?.lsn,
        };
        Ok(Box::new(LogReader::new(&self.0, request, at)))
    }

    async fn acknowledge(&self, progress: &Progress) -> Result<()> {
        let mut log = self.0.lock();
        for mark in &progress.marks {
            let lsn = mark.offset.open::<ChangeOffset>()?.lsn;
            log.acknowledged = log.acknowledged.max(Some(lsn));
        }
        Ok(())
    }
}

struct OnlySplit(Option<Arc<Split>>);

#[async_trait]
impl SplitEnumerator for OnlySplit {
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        let added = |split| SplitChange::Added {
            splits: vec![split],
            resume: None,
        };
        Ok(self.0.take().map(added))
    }
}

struct LogReader {
    stream: ChangeStream,
    request: ReadRequest,
    /// The next entry.
    at: u64,
    marked: u64,
    /// How many rows came before, from the start of the log.
    row: u64,
    in_transaction: bool,
    mark_now: bool,
}

impl LogReader {
    fn new(stream: &ChangeStream, request: ReadRequest, at: u64) -> Self {
        let (mut row, mut in_transaction) = (0, false);
        for entry in stream.lock().entries.iter().take(at as usize) {
            match entry {
                Entry::Begin => in_transaction = true,
                Entry::Commit => in_transaction = false,
                Entry::Rows(batch) => row += batch.num_rows() as u64,
                Entry::Schema(_) | Entry::KeepAlive => {}
            }
        }
        Self {
            stream: stream.clone(),
            request,
            at,
            marked: at,
            row,
            in_transaction,
            mark_now: false,
        }
    }

    fn mark(&mut self) -> Event {
        (self.marked, self.mark_now) = (self.at, false);
        let offset = SourceOffset::seal(ChangeOffset { lsn: self.at });
        Event::Mark(Mark {
            at_boundary: !self.in_transaction,
            ..Mark::new(self.request.split.id.clone(), offset)
        })
    }

    fn rows(&mut self, batch: Batch) -> Result<Event> {
        let first = self.row;
        self.row += batch.num_rows() as u64;
        let span = Span {
            split: self.request.split.id.clone(),
            order: self.request.split.order,
            first,
            last: self.row.saturating_sub(1),
        };
        Ok(Event::Rows(shown(batch, &self.request)?.with_span(span)))
    }

    fn schema(&self, mut change: SchemaChange) -> Result<Event> {
        if let Some(names) = &self.request.projection {
            change.stream = Arc::new(change.stream.project(names)?);
        }
        Ok(Event::Schema(change))
    }
}

#[async_trait]
impl DataReader for LogReader {
    async fn read(&mut self) -> Result<Option<Event>> {
        let stream = self.stream.clone();
        loop {
            if self.mark_now || self.at >= self.marked + MARK_EVERY {
                return Ok(Some(self.mark()));
            }
            let grown = stream.0.grown.notified();
            let entry = stream.lock().entries.get(self.at as usize).cloned();
            let Some(entry) = entry else {
                grown.await;
                continue;
            };
            self.at += 1;
            match entry {
                Entry::Begin => self.in_transaction = true,
                Entry::Rows(batch) => return self.rows(batch).map(Some),
                Entry::Schema(change) => return self.schema(change).map(Some),
                Entry::Commit => (self.in_transaction, self.mark_now) = (false, true),
                Entry::KeepAlive => self.mark_now = true,
            }
        }
    }
}
