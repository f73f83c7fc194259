//! One open file: finished chunks behind each other, and a begun one that small splits share.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arrow_array::RecordBatch;
use velo_core::{Error, ErrorKind, Result};
use velo_format::{Chunk, ChunkEncoder, FileEncoder};

use super::Settings;
use super::claim::Claim;
use super::destination::Kind;
use super::failure::failed;
use super::inflight::{Failure, Finished, InflightFile};
use super::piece::Route;
use super::publish::inflight_stem;
use super::through;

pub(super) struct OpenFile {
    pub(super) route: Arc<Route>,
    pub(super) opened: Instant,
    /// When it was used last, counted in pieces.
    pub(super) used: u64,
    begun: Option<Box<dyn ChunkEncoder>>,
    encoder: Box<dyn FileEncoder>,
    /// None where bytes cannot be hidden.
    inflight: Option<InflightFile>,
    failure: Failure,
    shown: Arc<str>,
}

impl OpenFile {
    /// Begins a file under construction.
    pub(super) fn hidden(settings: &Settings, claim: &Claim, route: &Arc<Route>) -> Result<Self> {
        let old = match claim.destination.kind {
            Kind::File { old, .. } => old,
            _ => None,
        };
        let number = claim.begun.fetch_add(1, Ordering::Relaxed);
        let stem = inflight_stem(&claim.scope, claim.identity.generation, number);
        let inflight = InflightFile::create(&claim.inflight(), &stem, old)?;
        let (failure, shown) = (
            inflight.failure().clone(),
            Arc::from(claim.destination.shown()),
        );
        let encoder = settings
            .format
            .file(&route.schema, inflight.writer(settings.options.sync));
        let encoder = encoder.map_err(|error| blame(&failure, &shown, error))?;
        Ok(Self::new(route, encoder, Some(inflight), failure, shown))
    }

    /// Begins what goes straight through; behind an earlier epoch without another header.
    pub(super) fn through(
        settings: &Settings,
        route: &Arc<Route>,
        out: &Arc<File>,
        goes_on: bool,
    ) -> Result<Self> {
        let format = match &settings.continuation {
            Some(continuation) if goes_on => continuation,
            _ => &settings.format,
        };
        let failure = Failure::default();
        let shown = Arc::from(settings.target.shown());
        let encoder = format.file(&route.schema, through::writer(out, &failure));
        let encoder = encoder.map_err(|error| blame(&failure, &shown, error))?;
        Ok(Self::new(route, encoder, None, failure, shown))
    }

    fn new(
        route: &Arc<Route>,
        encoder: Box<dyn FileEncoder>,
        inflight: Option<InflightFile>,
        failure: Failure,
        shown: Arc<str>,
    ) -> Self {
        Self {
            route: route.clone(),
            opened: Instant::now(),
            used: 0,
            begun: None,
            encoder,
            inflight,
            failure,
            shown,
        }
    }

    /// Gives the rows, those of the begun chunk included.
    pub(super) fn rows(&self) -> u64 {
        self.encoder.rows() + self.begun.as_ref().map_or(0, |chunk| chunk.rows())
    }

    /// Gives the bytes, those of the begun chunk as far as they can be told.
    pub(super) fn bytes(&self) -> u64 {
        self.encoder.bytes() + self.memory() as u64
    }

    /// Gives the memory of the begun chunk.
    pub(super) fn memory(&self) -> usize {
        let begun = self.begun.as_ref().filter(|chunk| chunk.rows() > 0);
        begun.map_or(0, |chunk| chunk.memory())
    }

    /// Writes rows into the begun chunk.
    pub(super) fn write(&mut self, settings: &Settings, rows: &RecordBatch) -> Result<()> {
        let mut chunk = match self.begun.take() {
            Some(chunk) => chunk,
            None => settings.format.chunks(&self.route.schema)?,
        };
        self.watch(|file| {
            chunk.write(rows)?;
            while chunk.is_full() {
                file.encoder.append(chunk.finish()?)?;
            }
            file.begun = Some(chunk);
            Ok(())
        })
    }

    /// Appends a finished chunk.
    pub(super) fn append(&mut self, chunk: Chunk) -> Result<()> {
        self.finish_chunk()?;
        self.watch(|file| file.encoder.append(chunk))
    }

    /// Goes on with a chunk that was begun elsewhere.
    pub(super) fn go_on_with(&mut self, chunk: Box<dyn ChunkEncoder>) -> Result<()> {
        self.finish_chunk()?;
        self.begun = Some(chunk);
        Ok(())
    }

    /// Finishes the begun chunk, however small it is.
    pub(super) fn finish_chunk(&mut self) -> Result<()> {
        let Some(mut chunk) = self.begun.take() else {
            return Ok(());
        };
        self.watch(|file| {
            while chunk.rows() > 0 {
                file.encoder.append(chunk.finish()?)?;
            }
            Ok(())
        })
    }

    /// Writes the file's end; where bytes are hidden, the file is then whole and durable.
    pub(super) fn finish(mut self, sync: bool) -> Result<Option<Finished>> {
        self.finish_chunk()?;
        let Self {
            encoder,
            inflight,
            failure,
            shown,
            ..
        } = self;
        encoder
            .finish()
            .map_err(|error| blame(&failure, &shown, error))?;
        inflight.map(|inflight| inflight.finish(sync)).transpose()
    }

    fn watch(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        work(self).map_err(|error| blame(&self.failure, &self.shown, error))
    }
}

/// Says what the operating system said, rather than how a format put it.
fn blame(failure: &Failure, shown: &str, error: Error) -> Error {
    match failure.take() {
        Some(cause) if cause.kind() == io::ErrorKind::BrokenPipe => {
            Error::new(ErrorKind::Io, "nobody reads any more")
                .with("file", shown)
                .with_source(cause)
        }
        Some(cause) => failed(cause, "write file", shown),
        None => error.with("file", shown),
    }
}
