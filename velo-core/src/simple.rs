//! Adapters for simple connectors: one batch reader or one batch writer is enough.
//!
//! A source that hands out batches with an offset becomes a whole [`Source`] with one split and a
//! mark after every batch; a sink that writes batches becomes a whole [`Sink`] that promises
//! at-least-once.

use std::sync::Arc;

use arrow_array::RecordBatch;
use async_trait::async_trait;

use crate::{
    Action, Barrier, Batch, Commit, CommitKind, DataReader, DataSink, DataSource, DataWriter,
    Error, ErrorKind, Event, Identity, Mark, Prepared, Progress, ReadRequest, Recovered, Result,
    SchemaChange, Sink, SinkCapabilities, Source, SourceCapabilities, SourceOffset, Split,
    SplitChange, SplitEnumerator, SplitId, StreamInfo, WriteRequest,
};

/// A source of one stream and one split.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use arrow_schema::{DataType, Field, Schema};
/// use velo_core::memory::MemoryOffset;
/// use velo_core::simple::{self, BatchReader, SimpleSource};
/// use velo_core::{Replay, Result, SourceCapabilities, SourceOffset, StreamInfo};
///
/// struct Countdown;
/// struct From(u64);
///
/// #[async_trait::async_trait]
/// impl SimpleSource for Countdown {
///     fn capabilities(&self) -> SourceCapabilities {
///         SourceCapabilities { replay: Replay::Exact, bounded: true }
///     }
///     async fn stream(&self) -> Result<StreamInfo> {
///         let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
///         Ok(StreamInfo::new("countdown", Arc::new(schema)))
///     }
///     async fn open(&self, start: Option<&SourceOffset>) -> Result<Box<dyn BatchReader>> {
///         let done = start.map(|start| start.open::<MemoryOffset>()).transpose()?;
///         Ok(Box::new(From(done.map_or(3, |done| 3 - done.row))))
///     }
/// }
///
/// #[async_trait::async_trait]
/// impl BatchReader for From {
///     async fn next(&mut self) -> Result<Option<(RecordBatch, SourceOffset)>> {
///         if self.0 == 0 { return Ok(None) }
///         let n: ArrayRef = Arc::new(Int64Array::from(vec![self.0 as i64]));
///         let rows = RecordBatch::try_from_iter([("n", n)])?;
///         self.0 -= 1;
///         let offset = MemoryOffset { partition: 0, row: 3 - self.0 };
///         Ok(Some((rows, SourceOffset::seal(offset))))
///     }
/// }
///
/// let mut reader = simple::source(Countdown).reader().await?;
/// let mut rows = 0;
/// while let Some(batch) = reader.read_batch().await? { rows += batch.num_rows(); }
/// assert_eq!(rows, 3);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait SimpleSource: Send + Sync + 'static {
    /// States how well it repeats and whether it ends.
    fn capabilities(&self) -> SourceCapabilities;

    /// Names the stream and its columns.
    ///
    /// # Errors
    /// What a first contact shows.
    async fn stream(&self) -> Result<StreamInfo>;

    /// Starts to read at an offset that an earlier reader gave, or at the beginning.
    ///
    /// # Errors
    /// `Gap` when the source no longer holds the start.
    async fn open(&self, start: Option<&SourceOffset>) -> Result<Box<dyn BatchReader>>;
}

/// Hands out batches, each with the offset behind it.
///
/// See [`SimpleSource`] for an example.
#[async_trait]
pub trait BatchReader: Send {
    /// Waits for the next rows and the offset from which to go on after them.
    ///
    /// Cancel-safe: change the state only behind the last `await`.
    ///
    /// # Errors
    /// `InvalidData` with the place; `Unavailable`.
    async fn next(&mut self) -> Result<Option<(RecordBatch, SourceOffset)>>;
}

/// A sink that writes whatever it is given at once: at-least-once.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use velo_core::simple::{self, BatchWriter, SimpleSink};
/// use velo_core::{Batch, Result};
///
/// struct Count;
///
/// #[async_trait::async_trait]
/// impl SimpleSink for Count {
///     async fn open(&self) -> Result<Box<dyn BatchWriter>> { Ok(Box::new(Count)) }
/// }
///
/// #[async_trait::async_trait]
/// impl BatchWriter for Count {
///     async fn write(&mut self, batch: &Batch) -> Result<()> {
///         println!("{} rows of {}", batch.num_rows(), batch.stream().name());
///         Ok(())
///     }
/// }
///
/// simple::sink(Count).writer().await?.commit().await?;
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait SimpleSink: Send + Sync + 'static {
    /// Connects.
    ///
    /// # Errors
    /// What a first contact shows.
    async fn open(&self) -> Result<Box<dyn BatchWriter>>;
}

/// Writes batches. See [`SimpleSink`] for an example.
#[async_trait]
pub trait BatchWriter: Send {
    /// Writes rows; an empty batch announces its stream.
    ///
    /// # Errors
    /// What the destination refuses.
    async fn write(&mut self, batch: &Batch) -> Result<()>;

    /// Makes everything written durable.
    ///
    /// # Errors
    /// When it is not.
    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Makes a whole source of a simple one.
///
/// See [`SimpleSource`] for an example.
pub fn source(source: impl SimpleSource) -> Source {
    Source::new(OneSplit(source))
}

/// Makes a whole sink of a simple one.
///
/// See [`SimpleSink`] for an example.
pub fn sink(sink: impl SimpleSink) -> Sink {
    Sink::new(WriteThrough(sink))
}

struct OneSplit<S>(S);

#[async_trait]
impl<S: SimpleSource> DataSource for OneSplit<S> {
    fn capabilities(&self) -> SourceCapabilities {
        self.0.capabilities()
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        Ok(vec![Arc::new(self.0.stream().await?)])
    }

    async fn splits(&self, _resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        Ok(Box::new(Once(Some(Arc::new(Split::new("all", 0))))))
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        let stream = self.0.stream().await?;
        let start = request.start.as_ref().or(request.split.start.as_ref());
        let (stream, columns) = match &request.projection {
            None => (stream, None),
            Some(names) => (stream.project(names)?, Some(stream.positions(names)?)),
        };
        let reader = self.0.open(start).await?;
        let stream = Arc::new(stream);
        Ok(Box::new(Marking {
            reader,
            stream,
            columns,
            split: request.split.id.clone(),
            mark: None,
        }))
    }
}

struct Once(Option<Arc<Split>>);

#[async_trait]
impl SplitEnumerator for Once {
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        let split = self.0.take();
        Ok(split.map(|split| SplitChange::Added {
            splits: vec![split],
            resume: None,
        }))
    }
}

/// Puts a mark behind every batch. It gives no spans: after a resume it cannot know how many rows
/// came before, and the same rows must never come once with a span and once without.
struct Marking {
    reader: Box<dyn BatchReader>,
    stream: Arc<StreamInfo>,
    columns: Option<Vec<usize>>,
    split: SplitId,
    mark: Option<Mark>,
}

#[async_trait]
impl DataReader for Marking {
    async fn read(&mut self) -> Result<Option<Event>> {
        if let Some(mark) = self.mark.take() {
            return Ok(Some(Event::Mark(mark)));
        }
        let Some((rows, offset)) = self.reader.next().await? else {
            return Ok(None);
        };
        let rows = match &self.columns {
            Some(columns) => rows.project(columns)?,
            None => rows,
        };
        self.mark = Some(Mark::new(self.split.clone(), offset));
        Ok(Some(Event::Rows(Batch::new(self.stream.clone(), rows)?)))
    }
}

struct WriteThrough<S>(S);

#[async_trait]
impl<S: SimpleSink> DataSink for WriteThrough<S> {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities {
            commit: CommitKind::None,
            positions: false,
            max_writers: 1,
        }
    }

    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        Ok(streams
            .iter()
            .map(|stream| Action::new("append to", stream.name()))
            .collect())
    }

    async fn recover(&self, _: &Identity, _: Option<&Commit>) -> Result<Recovered> {
        Ok(Recovered::default())
    }

    async fn create_writer(&self, _: WriteRequest) -> Result<Box<dyn DataWriter>> {
        Ok(Box::new(Flushing {
            writer: self.0.open().await?,
            dirty: false,
            poisoned: false,
        }))
    }

    async fn commit(&self, _: &Commit) -> Result<()> {
        Ok(())
    }
}

struct Flushing {
    writer: Box<dyn BatchWriter>,
    dirty: bool,
    poisoned: bool,
}

impl Flushing {
    /// Poisons the writer until the call is over (W1).
    fn begin(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.poisoned, true) {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "writer was poisoned by an earlier failed or dropped call",
            ));
        }
        Ok(())
    }
}

#[async_trait]
impl DataWriter for Flushing {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        self.begin()?;
        self.dirty = true;
        self.writer.write(&batch).await?;
        self.poisoned = false;
        Ok(())
    }

    async fn change_schema(&mut self, _: &SchemaChange) -> Result<()> {
        Ok(())
    }

    async fn prepare(&mut self, _: u64, _: Barrier, _: &Progress) -> Result<Prepared> {
        self.begin()?;
        if std::mem::take(&mut self.dirty) {
            self.writer.flush().await?;
        }
        self.poisoned = false;
        Ok(Prepared::default())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
