//! A complete connector of a third party, with the contract run against it.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use async_trait::async_trait;
use velo_core::simple::{self, BatchReader, BatchWriter, SimpleSink, SimpleSource};
use velo_core::{
    Batch, Error, ErrorKind, Offset, Replay, Result, Sink, Source, SourceCapabilities,
    SourceOffset, StreamInfo,
};
use velo_testkit::{Ability, Harness, Place};

/// A notebook: rows on numbered pages, in this process.
#[derive(Clone, Default)]
struct Notebook(Arc<Mutex<Vec<RecordBatch>>>);

impl Notebook {
    fn pages(&self) -> MutexGuard<'_, Vec<RecordBatch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many pages have been read.
#[derive(Debug, Clone)]
struct PageOffset(usize);

impl Offset for PageOffset {
    const KIND: &'static str = "notebook";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        self.0.to_string()
    }

    fn decode(_version: u32, text: &str) -> Result<Self> {
        let refused = |_| Error::new(ErrorKind::InvalidInput, "offset is not a page number");
        text.parse().map(Self).map_err(refused)
    }

    fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

#[async_trait]
impl SimpleSource for Notebook {
    fn capabilities(&self) -> SourceCapabilities {
        let (replay, bounded) = (Replay::Exact, true);
        SourceCapabilities { replay, bounded }
    }

    async fn stream(&self) -> Result<StreamInfo> {
        let pages = self.pages();
        let empty = || Error::new(ErrorKind::NotFound, "the notebook is empty");
        Ok(StreamInfo::new(
            "rows",
            pages.first().ok_or_else(empty)?.schema(),
        ))
    }

    async fn open(&self, start: Option<&SourceOffset>) -> Result<Box<dyn BatchReader>> {
        let page = start.map_or(Ok(PageOffset(0)), SourceOffset::open)?;
        Ok(Box::new(Pages(self.clone(), page.0)))
    }
}

struct Pages(Notebook, usize);

#[async_trait]
impl BatchReader for Pages {
    async fn next(&mut self) -> Result<Option<(RecordBatch, SourceOffset)>> {
        let Some(page) = self.0.pages().get(self.1).cloned() else {
            return Ok(None);
        };
        self.1 += 1;
        Ok(Some((page, SourceOffset::seal(PageOffset(self.1)))))
    }
}

#[async_trait]
impl SimpleSink for Notebook {
    async fn open(&self) -> Result<Box<dyn BatchWriter>> {
        Ok(Box::new(Pages(self.clone(), 0)))
    }
}

#[async_trait]
impl BatchWriter for Pages {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        self.0.pages().push(batch.rows().clone());
        Ok(())
    }
}

/// What the connector lends to the contract: notebooks by name.
#[derive(Default)]
pub(crate) struct NotebookHarness(Mutex<HashMap<String, Notebook>>);

impl NotebookHarness {
    fn notebook(&self, place: &Place) -> Notebook {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry(place.name.clone()).or_default().clone()
    }
}

#[async_trait]
impl Harness for NotebookHarness {
    fn abilities(&self) -> Vec<Ability> {
        vec![Ability::Source, Ability::Sink]
    }

    async fn fill(&self, place: &Place, _split: u32, batches: &[Batch]) -> Result<()> {
        let pages = batches.iter().map(|batch| batch.rows().clone());
        self.notebook(place).pages().extend(pages);
        Ok(())
    }

    fn source(&self, place: &Place) -> Result<Source> {
        Ok(simple::source(self.notebook(place)))
    }

    fn sink(&self, place: &Place) -> Result<Sink> {
        Ok(simple::sink(self.notebook(place)))
    }

    async fn visible(&self, place: &Place) -> Result<Vec<Batch>> {
        let notebook = self.notebook(place);
        let pages = notebook.pages();
        let batch = |page: &RecordBatch| {
            let stream = StreamInfo::new("rows", page.schema());
            Batch::new(Arc::new(stream), page.clone())
        };
        pages.iter().map(batch).collect()
    }
}

/// The whole test binary of a connector.
#[allow(
    dead_code,
    reason = "this crate's own tests include the file as a module"
)]
pub(crate) fn main() -> ExitCode {
    velo_testkit::run(NotebookHarness::default())
}
