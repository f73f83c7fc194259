//! `memory://name`: tables in this process, the reference for every other connector.
//!
//! The source is `Exact` and bounded: a reader sees what was committed when it was made. The sink
//! is `TwoPhase` and keeps positions with the rows, under the same lock.

mod sink;
mod source;
mod store;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Batch, Connector, Error, ErrorKind, Mark, Offset, Result, SchemaChange, Sink, Source,
    SourceOffset, Uri,
};

pub use sink::MemorySink;
pub use source::MemorySource;
use store::Store;

/// A named place for batches within this process.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use velo_core::{Batch, Source, StreamInfo, memory::Memory};
/// let id: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// let rows = RecordBatch::try_from_iter([("id", id)])?;
/// let stream = Arc::new(StreamInfo::new("orders", rows.schema()));
///
/// let memory = Memory::new("orders");
/// memory.put(0, Batch::new(stream, rows)?);
/// let mut reader = Source::new(memory.source()).reader().await?;
/// assert_eq!(reader.read_batch().await?.unwrap().num_rows(), 3);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Memory {
    name: Arc<str>,
    store: Arc<Mutex<Store>>,
    options: MemoryOptions,
}

/// Options of `memory://`.
///
/// ```
/// assert_eq!(velo_core::memory::MemoryOptions::default().batch_size, 8192);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryOptions {
    /// Rows in a batch at most.
    pub batch_size: usize,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { batch_size: 8192 }
    }
}

/// A position in a partition: how many of its rows came before.
///
/// ```
/// use velo_core::memory::MemoryOffset;
/// assert_eq!(MemoryOffset { partition: 1, row: 2 }.row, 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryOffset {
    /// The partition.
    pub partition: u32,
    /// The number of rows before.
    pub row: u64,
}

impl Memory {
    /// Makes an empty place that only clones of this value share.
    ///
    /// ```
    /// assert_eq!(velo_core::memory::Memory::new("a").num_rows(), 0);
    /// ```
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            store: Arc::default(),
            options: MemoryOptions::default(),
        }
    }

    /// Gives the place of a URI; the same name is the same place everywhere in the process.
    ///
    /// # Errors
    /// `InvalidInput` without a name; `Config` for unknown options.
    ///
    /// ```
    /// use velo_core::{Uri, memory::Memory};
    /// let memory = Memory::open(&Uri::parse("memory://orders?batch_size=10")?)?;
    /// assert!(Memory::open(&Uri::parse("memory://")?).is_err());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn open(uri: &Uri) -> Result<Self> {
        static PLACES: LazyLock<Mutex<HashMap<String, Arc<Mutex<Store>>>>> =
            LazyLock::new(Mutex::default);
        let name = format!("{}{}", uri.authority(), uri.path());
        if name.is_empty() || name == "/" {
            return Err(
                Error::new(ErrorKind::InvalidInput, "memory URI has no name")
                    .with_hint("write memory://name"),
            );
        }
        let mut query = uri.query()?;
        let options: MemoryOptions = query.read()?;
        query.finish()?;
        if options.batch_size == 0 {
            return Err(Error::new(ErrorKind::Config, "expected a number from 1 up")
                .with("option", "batch_size=0"));
        }
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        let store = places.entry(name.clone()).or_default().clone();
        Ok(Self {
            name: name.into(),
            store,
            options,
        })
    }

    /// Describes `memory://` for a registry.
    ///
    /// ```
    /// assert_eq!(velo_core::memory::Memory::connector().name, "memory");
    /// ```
    #[must_use]
    pub fn connector() -> Connector {
        Connector {
            name: "memory",
            summary: "Tables in this process, for tests.",
            schemes: &["memory"],
            uris: &[("memory://orders", "the place `orders` of this process")],
            source: Some(Self::create_source),
            sink: Some(Self::create_sink),
            source_options: crate::describe::<MemoryOptions>,
            sink_options: crate::describe::<MemoryOptions>,
        }
    }

    /// Opens a URI for reading.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// ```
    /// use velo_core::{Uri, memory::Memory};
    /// let source = Memory::create_source(&Uri::parse("memory://orders")?)?;
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn create_source(uri: &Uri) -> Result<Source> {
        Ok(Source::new(Self::open(uri)?.source()))
    }

    /// Opens a URI for writing.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// ```
    /// use velo_core::{Uri, memory::Memory};
    /// let sink = Memory::create_sink(&Uri::parse("memory://orders")?)?;
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn create_sink(uri: &Uri) -> Result<Sink> {
        Ok(Sink::new(Self::open(uri)?.sink()))
    }

    /// Reads this place.
    ///
    /// ```
    /// use velo_core::{DataSource, memory::Memory};
    /// assert!(Memory::new("a").source().capabilities().bounded);
    /// ```
    #[must_use]
    pub fn source(&self) -> MemorySource {
        MemorySource::new(self.store.clone(), self.options.clone())
    }

    /// Writes to this place.
    ///
    /// ```
    /// use velo_core::{DataSink, memory::Memory};
    /// assert!(Memory::new("a").sink().capabilities().positions);
    /// ```
    #[must_use]
    pub fn sink(&self) -> MemorySink {
        MemorySink::new(self.name.clone(), self.store.clone())
    }

    /// Adds a batch to a partition; each partition is a split of the source.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo, memory::Memory};
    /// let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// Memory::new("a").put(3, Batch::empty(stream));
    /// ```
    pub fn put(&self, partition: u32, batch: Batch) {
        store::lock(&self.store).put(partition, batch);
    }

    /// States what became of a stream's columns in its newest version, for readers to repeat
    /// before the first batch of that version; what is not stated is told from the schemas.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use arrow_schema::Schema;
    /// # use velo_core::{ColumnChange, SchemaChange, StreamInfo, memory::Memory};
    /// let before = StreamInfo::new("t", Arc::new(Schema::empty()));
    /// let stream = Arc::new(before.next_version(Arc::new(Schema::empty())));
    /// let columns = vec![ColumnChange::Renamed { from: "a".into(), to: "b".into() }];
    /// Memory::new("a").change_schema(SchemaChange { stream, columns });
    /// ```
    pub fn change_schema(&self, change: SchemaChange) {
        store::lock(&self.store).keep_change(change);
    }

    /// Gives all visible batches, partition after partition.
    ///
    /// ```
    /// assert!(velo_core::memory::Memory::new("a").batches().is_empty());
    /// ```
    #[must_use]
    pub fn batches(&self) -> Vec<Batch> {
        store::lock(&self.store)
            .partitions
            .iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// Counts all visible rows.
    ///
    /// ```
    /// assert_eq!(velo_core::memory::Memory::new("a").num_rows(), 0);
    /// ```
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.batches().iter().map(Batch::num_rows).sum()
    }

    /// Gives the last acknowledged mark of every split.
    ///
    /// ```
    /// assert!(velo_core::memory::Memory::new("a").acknowledged().is_empty());
    /// ```
    #[must_use]
    pub fn acknowledged(&self) -> Vec<Mark> {
        store::lock(&self.store).acknowledged.marks.clone()
    }

    /// Gives how many batches are prepared and not committed.
    ///
    /// ```
    /// assert_eq!(velo_core::memory::Memory::new("a").prepared(), 0);
    /// ```
    #[must_use]
    pub fn prepared(&self) -> usize {
        store::lock(&self.store).prepared.len()
    }

    /// Gives the position of a split that was committed together with rows.
    ///
    /// ```
    /// assert!(velo_core::memory::Memory::new("a").position("split").is_none());
    /// ```
    #[must_use]
    pub fn position(&self, split: &str) -> Option<SourceOffset> {
        store::lock(&self.store).positions.get(split).cloned()
    }
}

impl Offset for MemoryOffset {
    const KIND: &'static str = "memory";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        format!("{}/{}", self.partition, self.row)
    }

    fn decode(_version: u32, text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(partition, row)| {
            Some(Self {
                partition: partition.parse().ok()?,
                row: row.parse().ok()?,
            })
        });
        numbers.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                "stored memory offset is not partition/row",
            )
        })
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        (self.partition == other.partition).then(|| self.row.cmp(&other.row))
    }
}
