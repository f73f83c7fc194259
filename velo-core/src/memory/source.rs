//! Reading a memory place: one split for each partition.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::store::{Store, lock};
use super::{MemoryOffset, MemoryOptions};
use crate::{
    Batch, DataReader, DataSource, Error, ErrorKind, Event, Mark, Predicate, Progress, Pushdown,
    ReadRequest, Replay, Result, SchemaChange, SourceCapabilities, SourceOffset, Span, Split,
    SplitChange, SplitEnumerator, StreamInfo,
};

/// The source of a memory place.
///
/// ```
/// use velo_core::{DataSource, Replay, memory::Memory};
/// assert_eq!(Memory::new("a").source().capabilities().replay, Replay::Exact);
/// ```
#[derive(Debug)]
pub struct MemorySource {
    store: Arc<Mutex<Store>>,
    options: MemoryOptions,
}

impl MemorySource {
    pub(super) fn new(store: Arc<Mutex<Store>>, options: MemoryOptions) -> Self {
        Self { store, options }
    }
}

#[async_trait]
impl DataSource for MemorySource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            replay: Replay::Exact,
            bounded: true,
        }
    }

    fn pushdown(&self, _predicate: &Predicate) -> Pushdown {
        Pushdown::Exact
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        Ok(lock(&self.store).streams.clone())
    }

    async fn splits(&self, resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        let found = match resume {
            Some(offset) => offset.open::<MemoryOffset>()?.partition as usize,
            None => 0,
        };
        let partitions = lock(&self.store).partitions.len();
        let split = |order: u64| Arc::new(Split::new(order.to_string(), order));
        let splits: Vec<_> = (found as u64..partitions as u64).map(split).collect();
        let after = MemoryOffset {
            partition: u32::try_from(partitions).unwrap_or(u32::MAX),
            row: 0,
        };
        Ok(Box::new(Partitions { splits, after }))
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        let partition: u32 = request.split.id.as_str().parse().map_err(|_| {
            Error::new(ErrorKind::InvalidInput, "no such partition")
                .with("split", &request.split.id)
        })?;
        let start = match request.start.as_ref().or(request.split.start.as_ref()) {
            None => 0,
            Some(offset) => row_in(partition, offset)?,
        };
        let store = lock(&self.store);
        if let Some(names) = &request.projection {
            check_projection(&store.streams, names)?;
        }
        let mut batches: VecDeque<Batch> = store
            .partitions
            .get(partition as usize)
            .cloned()
            .unwrap_or_default()
            .into();
        let mut row = 0;
        while let Some(batch) = batches.pop_front() {
            let rows = batch.num_rows() as u64;
            if row + rows > start {
                let skip = usize::try_from(start.saturating_sub(row)).unwrap_or(usize::MAX);
                batches.push_front(batch.slice(skip, batch.num_rows() - skip));
                break;
            }
            row += rows;
        }
        if batches.is_empty() && row < start {
            return Err(
                Error::new(ErrorKind::Gap, "partition has fewer rows than the offset")
                    .with("split", &request.split.id)
                    .with("rows", row),
            );
        }
        let batch_size = self.options.batch_size;
        Ok(Box::new(MemoryReader {
            request,
            partition,
            batches,
            row: start,
            batch_size,
            mark: None,
            store: self.store.clone(),
            seen: Vec::new(),
        }))
    }

    async fn acknowledge(&self, progress: &Progress) -> Result<()> {
        let acknowledged = &mut lock(&self.store).acknowledged;
        for mark in &progress.marks {
            let known = acknowledged
                .marks
                .iter()
                .find(|known| known.split == mark.split);
            if known.is_none_or(|known| known.offset < mark.offset) {
                acknowledged.advance(mark.clone());
            }
        }
        Ok(())
    }
}

fn row_in(partition: u32, offset: &SourceOffset) -> Result<u64> {
    let offset = offset.open::<MemoryOffset>()?;
    if offset.partition != partition {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "offset belongs to another partition",
        )
        .with("split", partition)
        .with("offset of", offset.partition));
    }
    Ok(offset.row)
}

/// Refuses columns that no stream has, before anything is read.
fn check_projection(streams: &[Arc<StreamInfo>], names: &[String]) -> Result<()> {
    let mut refusals = streams.iter().map(|stream| stream.positions(names).err());
    match refusals.next().flatten() {
        Some(refusal) if refusals.all(|other| other.is_some()) => Err(refusal),
        _ => Ok(()),
    }
}

struct Partitions {
    splits: Vec<Arc<Split>>,
    after: MemoryOffset,
}

#[async_trait]
impl SplitEnumerator for Partitions {
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        if self.splits.is_empty() {
            return Ok(None);
        }
        let splits = std::mem::take(&mut self.splits);
        Ok(Some(SplitChange::Added {
            splits,
            resume: Some(SourceOffset::seal(self.after)),
        }))
    }
}

struct MemoryReader {
    request: ReadRequest,
    partition: u32,
    batches: VecDeque<Batch>,
    row: u64,
    batch_size: usize,
    mark: Option<Mark>,
    store: Arc<Mutex<Store>>,
    /// Each stream in the version last yielded.
    seen: Vec<Arc<StreamInfo>>,
}

impl MemoryReader {
    /// Filters and projects; the span stays that of all rows, wanted or not.
    fn wanted(&self, mut batch: Batch) -> Result<Batch> {
        if let Some(filter) = &self.request.filter {
            batch = batch.filter(&filter.evaluate(batch.rows())?)?;
        }
        match &self.request.projection {
            Some(names) => batch.project(names),
            None => Ok(batch),
        }
    }

    /// Gives the schema change that stands before a batch of a version not seen yet (R5).
    fn schema_change(&mut self, batch: &Batch) -> Result<Option<SchemaChange>> {
        let stream = batch.stream();
        let known = self
            .seen
            .iter_mut()
            .find(|known| known.name() == stream.name());
        let Some(known) = known else {
            self.seen.push(stream.clone());
            return Ok(None);
        };
        if known.version() == stream.version() {
            return Ok(None);
        }
        let before = std::mem::replace(known, stream.clone());
        let mut change = lock(&self.store).schema_change(&before, stream);
        if let Some(names) = &self.request.projection {
            change.stream = Arc::new(change.stream.project(names)?);
        }
        Ok(Some(change))
    }
}

#[async_trait]
impl DataReader for MemoryReader {
    async fn read(&mut self) -> Result<Option<Event>> {
        if let Some(mark) = self.mark.take() {
            return Ok(Some(Event::Mark(mark)));
        }
        let Some(mut batch) = self.batches.pop_front() else {
            return Ok(None);
        };
        if let Some(change) = self.schema_change(&batch)? {
            self.batches.push_front(batch);
            return Ok(Some(Event::Schema(change)));
        }
        if batch.num_rows() > self.batch_size {
            let rest = batch.slice(self.batch_size, batch.num_rows() - self.batch_size);
            self.batches.push_front(rest);
            batch = batch.slice(0, self.batch_size);
        }
        let first = self.row;
        self.row += batch.num_rows() as u64;
        let split = &self.request.split;
        let span = Span {
            split: split.id.clone(),
            order: split.order,
            first,
            last: self.row - 1,
        };
        let offset = MemoryOffset {
            partition: self.partition,
            row: self.row,
        };
        let lag = self
            .batches
            .iter()
            .map(|batch| batch.num_rows() as u64)
            .sum();
        let mark = Mark::new(split.id.clone(), SourceOffset::seal(offset));
        self.mark = Some(Mark {
            lag: Some(lag),
            ..mark
        });
        Ok(Some(Event::Rows(self.wanted(batch)?.with_span(span))))
    }
}
