//! The plain face of any source and sink: read batches, write batches, commit.

mod reader;
mod writer;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::{DataSink, DataSource, Result};

pub use reader::Reader;
pub use writer::Writer;

/// A source behind an `Arc`, with the plain face.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use velo_core::{Source, memory::Memory};
/// let source = Source::new(Memory::new("orders").source());
/// let mut reader = source.reader().await?;
/// assert!(reader.read_batch().await?.is_none());
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Source(Arc<dyn DataSource>);

impl Source {
    /// Wraps a connector's source.
    ///
    /// ```
    /// # use velo_core::{Source, memory::Memory};
    /// let source = Source::new(Memory::new("orders").source());
    /// assert!(source.capabilities().bounded);
    /// ```
    pub fn new(source: impl DataSource) -> Self {
        Self(Arc::new(source))
    }

    /// Opens a reader over all splits, present and to come.
    ///
    /// # Errors
    /// What the first contact with the source shows.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use velo_core::{Source, memory::Memory};
    /// let reader = Source::new(Memory::new("orders").source()).reader().await?;
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn reader(&self) -> Result<Reader> {
        Reader::open(self.0.clone()).await
    }

    /// Shares the source itself, for a pipeline.
    ///
    /// ```
    /// # use velo_core::{Source, memory::Memory};
    /// let shared = Source::new(Memory::new("orders").source()).shared();
    /// ```
    #[must_use]
    pub fn shared(&self) -> Arc<dyn DataSource> {
        self.0.clone()
    }
}

impl From<Arc<dyn DataSource>> for Source {
    fn from(shared: Arc<dyn DataSource>) -> Self {
        Self(shared)
    }
}

impl Deref for Source {
    type Target = dyn DataSource;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?})", self.capabilities())
    }
}

/// A sink behind an `Arc`, with the plain face.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use velo_core::{Sink, memory::Memory};
/// let mut writer = Sink::new(Memory::new("orders").sink()).writer().await?;
/// writer.commit().await?;
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Sink(Arc<dyn DataSink>);

impl Sink {
    /// Wraps a connector's sink.
    ///
    /// ```
    /// # use velo_core::{Sink, memory::Memory};
    /// let sink = Sink::new(Memory::new("orders").sink());
    /// assert_eq!(sink.capabilities().max_writers, 16);
    /// ```
    pub fn new(sink: impl DataSink) -> Self {
        Self(Arc::new(sink))
    }

    /// Opens a writer; nothing is visible before its `commit`.
    ///
    /// # Errors
    /// What the first contact with the sink shows.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use velo_core::{Sink, memory::Memory};
    /// let writer = Sink::new(Memory::new("orders").sink()).writer().await?;
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn writer(&self) -> Result<Writer> {
        Writer::open(self.0.clone()).await
    }

    /// Shares the sink itself, for a pipeline.
    ///
    /// ```
    /// # use velo_core::{Sink, memory::Memory};
    /// let shared = Sink::new(Memory::new("orders").sink()).shared();
    /// ```
    #[must_use]
    pub fn shared(&self) -> Arc<dyn DataSink> {
        self.0.clone()
    }
}

impl From<Arc<dyn DataSink>> for Sink {
    fn from(shared: Arc<dyn DataSink>) -> Self {
        Self(shared)
    }
}

impl Deref for Sink {
    type Target = dyn DataSink;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sink({:?})", self.capabilities())
    }
}
