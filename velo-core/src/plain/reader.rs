//! All splits of a source behind one `read_batch`.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use crate::{
    Batch, Budget, DataReader, DataSource, Error, ErrorKind, Event, Mark, Progress, ReadRequest,
    Result, SourceOffset, Split, SplitChange, SplitEnumerator, SplitId, StreamRecord,
};

const BUDGET: u64 = 64 << 20;

/// Reads a source: all its splits, those of a bounded source one after the other.
///
/// It keeps no state of its own: [`commit`](Self::commit) tells the source how far the batches
/// go that were read so far, and a source with a memory (a consumer group) goes on there. A row
/// that does not decode is an error; [`read_event`](Self::read_event) shows it instead.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use velo_core::{Source, memory::Memory};
/// let mut reader = Source::new(Memory::new("orders").source()).reader().await?;
/// while let Some(batch) = reader.read_batch().await? {
///     println!("{} rows", batch.num_rows());
/// }
/// reader.commit().await?;
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
pub struct Reader {
    source: Arc<dyn DataSource>,
    splits: Box<dyn SplitEnumerator>,
    all_found: bool,
    waiting: VecDeque<Arc<Split>>,
    open: Vec<Open>,
    progress: Progress,
    budget: Budget,
}

struct Open {
    split: Arc<Split>,
    reader: Box<dyn DataReader>,
}

enum Happened {
    Splits(Option<SplitChange>),
    Event(usize, Option<Event>),
}

impl Reader {
    pub(super) async fn open(source: Arc<dyn DataSource>) -> Result<Self> {
        let splits = source.splits(None).await?;
        Ok(Self {
            source,
            splits,
            all_found: false,
            waiting: VecDeque::new(),
            open: Vec::new(),
            progress: Progress::default(),
            budget: Budget::new(BUDGET),
        })
    }

    /// Waits for the next batch; `None` when a bounded source has ended.
    ///
    /// # Errors
    /// What reading reports; `InvalidData` for a row that does not decode.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let mut reader = velo_core::Source::new(velo_core::memory::Memory::new("o").source()).reader().await?;
    /// assert!(reader.read_batch().await?.is_none());
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_batch(&mut self) -> Result<Option<Batch>> {
        loop {
            match self.read_event().await? {
                None => return Ok(None),
                Some(Event::Rows(batch)) if batch.num_rows() > 0 => return Ok(Some(batch)),
                Some(Event::Rejected(rejected)) => return Err(rejected_error(&rejected)),
                Some(_) => {}
            }
        }
    }

    /// Waits for the next batch and gives its rows with names; an empty list at the end.
    ///
    /// # Errors
    /// As [`read_batch`](Self::read_batch).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let mut reader = velo_core::Source::new(velo_core::memory::Memory::new("o").source()).reader().await?;
    /// for record in reader.read_records().await? {
    ///     println!("{:?}", record.get("id"));
    /// }
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_records(&mut self) -> Result<Vec<StreamRecord<'static>>> {
        match self.read_batch().await? {
            None => Ok(Vec::new()),
            Some(batch) => batch
                .records()
                .map(|row| row.map(StreamRecord::into_owned))
                .collect(),
        }
    }

    /// Waits for the next event of any split; `None` when a bounded source has ended.
    ///
    /// # Errors
    /// What reading reports.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let mut reader = velo_core::Source::new(velo_core::memory::Memory::new("o").source()).reader().await?;
    /// assert!(reader.read_event().await?.is_none());
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_event(&mut self) -> Result<Option<Event>> {
        loop {
            self.open_waiting().await?;
            if self.open.is_empty() && self.all_found {
                return Ok(None);
            }
            match self.next().await? {
                Happened::Splits(Some(change)) => self.follow(change).await?,
                Happened::Splits(None) => self.all_found = true,
                Happened::Event(at, None) => {
                    let ended = self.open.remove(at);
                    self.progress.ended.push(ended.split);
                }
                Happened::Event(_, Some(Event::Mark(mark))) => {
                    self.progress.advance(mark.clone());
                    return Ok(Some(Event::Mark(mark)));
                }
                Happened::Event(_, Some(event)) => return Ok(Some(event)),
            }
        }
    }

    /// Tells the source that everything read so far is safely elsewhere.
    ///
    /// # Errors
    /// What the source reports; reading can go on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let mut reader = velo_core::Source::new(velo_core::memory::Memory::new("o").source()).reader().await?;
    /// reader.commit().await?;
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn commit(&mut self) -> Result<()> {
        self.source.acknowledge(&self.progress).await?;
        self.progress.ended.clear();
        Ok(())
    }

    /// Gives the last mark of every split that moved.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let mut reader = velo_core::Source::new(velo_core::memory::Memory::new("o").source()).reader().await?;
    /// assert!(reader.marks().is_empty());
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.progress.marks
    }

    /// Goes on elsewhere in a split, by a new reader underneath.
    ///
    /// # Errors
    /// `NotFound` when the split was not handed out yet or has ended; what opening it reports.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use velo_core::{SourceOffset, SplitId, memory::MemoryOffset};
    /// # let mut reader = velo_core::Source::new(velo_core::memory::Memory::new("o").source()).reader().await?;
    /// let start = SourceOffset::seal(MemoryOffset { partition: 0, row: 0 });
    /// assert!(reader.seek(&SplitId::from("none"), start).await.is_err());
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn seek(&mut self, split: &SplitId, offset: SourceOffset) -> Result<()> {
        while !self.all_found && !self.knows(split) {
            match self.splits.next().await? {
                Some(change) => self.follow(change).await?,
                None => self.all_found = true,
            }
        }
        let waiting = self.waiting.iter().position(|waiting| waiting.id == *split);
        if let Some(split) = waiting.and_then(|at| self.waiting.remove(at)) {
            return self.open_split(split, Some(offset)).await;
        }
        let Some(at) = self.open.iter().position(|open| open.split.id == *split) else {
            return Err(
                Error::new(ErrorKind::NotFound, "seek in a split that is not open")
                    .with("split", split),
            );
        };
        let split = self.open.remove(at).split;
        self.open_split(split, Some(offset)).await
    }

    fn knows(&self, split: &SplitId) -> bool {
        let open = self.open.iter().any(|open| open.split.id == *split);
        open || self.waiting.iter().any(|waiting| waiting.id == *split)
    }

    /// Opens the next split of a bounded source, or every waiting one of an unbounded source.
    async fn open_waiting(&mut self) -> Result<()> {
        let one_by_one = self.source.capabilities().bounded;
        while !one_by_one || self.open.is_empty() {
            let Some(split) = self.waiting.pop_front() else {
                break;
            };
            self.open_split(split, None).await?;
        }
        Ok(())
    }

    async fn open_split(&mut self, split: Arc<Split>, start: Option<SourceOffset>) -> Result<()> {
        let request = ReadRequest {
            start,
            ..ReadRequest::new(split.clone(), self.budget.clone())
        };
        let reader = self.source.create_reader(request).await?;
        self.open.push(Open { split, reader });
        Ok(())
    }

    async fn follow(&mut self, change: SplitChange) -> Result<()> {
        match change {
            SplitChange::Added { splits, .. } => self.waiting.extend(splits),
            SplitChange::Revoked { splits, .. } => {
                self.forget(&splits);
                self.splits.release(&splits).await?;
            }
            SplitChange::Lost(splits) => self.forget(&splits),
        }
        Ok(())
    }

    fn forget(&mut self, splits: &[SplitId]) {
        self.open.retain(|open| !splits.contains(&open.split.id));
        self.waiting.retain(|waiting| !splits.contains(&waiting.id));
        self.progress
            .marks
            .retain(|mark| !splits.contains(&mark.split));
    }

    /// Waits for whatever comes first; both kinds of futures are cancel-safe.
    async fn next(&mut self) -> Result<Happened> {
        let reads = self.open.iter_mut().map(|open| open.reader.read());
        let mut reads: Vec<_> = reads.collect();
        let mut splits: Option<Pin<Box<dyn Future<Output = _> + Send + '_>>> =
            if self.all_found || (self.source.capabilities().bounded && !reads.is_empty()) {
                None
            } else {
                Some(self.splits.next())
            };
        poll_fn(|context| {
            for (at, read) in reads.iter_mut().enumerate() {
                if let Poll::Ready(event) = read.as_mut().poll(context) {
                    return Poll::Ready(event.map(|event| Happened::Event(at, event)));
                }
            }
            match splits.as_mut().map(|splits| splits.as_mut().poll(context)) {
                Some(Poll::Ready(change)) => Poll::Ready(change.map(Happened::Splits)),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

fn rejected_error(rejected: &crate::Rejected) -> Error {
    let reason = &rejected.error;
    let mut error = Error::new(reason.kind(), reason.message().to_owned());
    for key in ["file", "line", "column", "byte"] {
        if let Some(value) = reason.context(key) {
            error = error.with(key, value);
        }
    }
    match reason.hint() {
        Some(hint) => error.with_hint(hint.to_owned()),
        None => error,
    }
}
