//! One open file: finished chunks behind each other, and a begun one that small splits share.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use velo_core::{Error, ErrorKind, Result};
use velo_format::{Chunk, ChunkEncoder, FileEncoder, OutputFormat};

use super::Settings;
use super::append::{self, Note};
use super::claim::Claim;
use super::destination::Kind;
use super::failure::failed;
use super::inflight::{Failure, Finished, InflightFile};
use super::leftovers::inflight_stem;
use super::parts::{CutFile, Place, Shown, columns};
use super::piece::Route;
use super::through;

pub(super) struct OpenFile {
    pub(super) route: Arc<Route>,
    pub(super) opened: Instant,
    /// When it was used last, counted in pieces.
    pub(super) used: u64,
    /// What the last checkpoint says of it.
    pub(super) cut: Option<CutFile>,
    /// Rows of earlier runs.
    rows_before: u64,
    begun: Option<Box<dyn ChunkEncoder>>,
    encoder: Box<dyn FileEncoder>,
    /// None where bytes can be neither hidden nor taken back.
    inflight: Option<InflightFile>,
    /// Where it is appended to.
    note: Option<Note>,
    failure: Failure,
    shown: Arc<str>,
}

/// A file that goes on when rows come for it.
pub(super) struct Resting {
    pub(super) cut: CutFile,
    pub(super) opened: Instant,
}

impl Resting {
    /// Makes the age a time of this run's own clock.
    pub(super) fn new(cut: CutFile) -> Self {
        let now = Instant::now();
        let opened = now.checked_sub(Duration::from_millis(cut.age));
        Self {
            cut,
            opened: opened.unwrap_or(now),
        }
    }

    /// Describes it for another checkpoint.
    pub(super) fn cut(&self) -> CutFile {
        CutFile {
            age: age(self.opened),
            ..self.cut.clone()
        }
    }

    /// Describes a file of the destination itself that is let go.
    pub(super) fn let_go(self, when: &When) -> CutFile {
        let mut cut = self.cut();
        if let Place::Shown(shown) = &mut cut.place {
            when.tell(shown);
        }
        cut
    }

    /// Opens it, without what was written behind the cut.
    fn open(&self, claim: &Claim) -> Result<InflightFile> {
        let path = match &self.cut.place {
            Place::Hidden { inflight } => claim.inflight().join(inflight),
            Place::Shown(_) => claim.destination.path(),
        };
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let cut = opened.and_then(|file| {
            file.set_len(self.cut.length)?;
            Ok(file)
        });
        let file = cut.map_err(|cause| failed(cause, "open file", &path))?;
        InflightFile::go_on(file, path, self.cut.length)
    }

    /// Makes a whole file of it as it is.
    pub(super) fn finish(self, claim: &Claim, sync: bool) -> Result<Finished> {
        self.open(claim)?.finish(sync)
    }
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
        Self::start(settings, claim, route, inflight, &*settings.format)
    }

    /// Begins behind what a single file has.
    pub(super) fn appended(settings: &Settings, claim: &Claim, route: &Arc<Route>) -> Result<Self> {
        let begun = append::begin(settings, claim)?;
        let format = match &settings.continuation {
            Some(continuation) if begun.inflight.start() > 0 => continuation,
            _ => &settings.format,
        };
        let file = Self::start(settings, claim, route, begun.inflight, &**format)?;
        Ok(Self {
            note: Some(begun.note),
            ..file
        })
    }

    /// Goes on with a file of an earlier run.
    pub(super) fn go_on(
        settings: &Settings,
        claim: &Claim,
        route: &Arc<Route>,
        resting: Resting,
    ) -> Result<Self> {
        let inflight = resting.open(claim)?;
        let format = match &settings.continuation {
            Some(continuation) if inflight.start() > 0 => continuation,
            _ => &settings.format,
        };
        let file = Self::start(settings, claim, route, inflight, &**format)?;
        Ok(Self {
            opened: resting.opened,
            rows_before: resting.cut.rows,
            cut: Some(resting.cut),
            ..file
        })
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

    fn start(
        settings: &Settings,
        claim: &Claim,
        route: &Arc<Route>,
        inflight: InflightFile,
        format: &dyn OutputFormat,
    ) -> Result<Self> {
        let (failure, shown) = (
            inflight.failure().clone(),
            Arc::from(claim.destination.shown()),
        );
        let encoder = format.file(&route.schema, inflight.writer(settings.options.sync));
        let encoder = encoder.map_err(|error| blame(&failure, &shown, error))?;
        Ok(Self::new(route, encoder, Some(inflight), failure, shown))
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
            cut: None,
            rows_before: 0,
            begun: None,
            encoder,
            inflight,
            note: None,
            failure,
            shown,
        }
    }

    /// Gives the rows, those of the begun chunk included.
    pub(super) fn rows(&self) -> u64 {
        self.rows_before + self.encoder.rows() + self.begun.as_ref().map_or(0, |chunk| chunk.rows())
    }

    /// Gives the bytes, those of the begun chunk as far as they can be told.
    pub(super) fn bytes(&self) -> u64 {
        let before = self.inflight.as_ref().map_or(0, InflightFile::start);
        before + self.encoder.bytes() + self.memory() as u64
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

    /// Makes what is there durable, to go on behind it; a file of the destination itself is let
    /// go if it is `closed`. Says whether a name was given that the directory has to keep.
    ///
    /// Nothing is done where nothing came since the last time.
    pub(super) fn cut(&mut self, settings: &Settings, when: &When) -> Result<bool> {
        let rows = self.rows();
        if let Some(cut) = &mut self.cut
            && cut.rows == rows
            && !when.closed
        {
            cut.age = age(self.opened);
            return Ok(false);
        }
        self.finish_chunk()?;
        let Some(inflight) = &mut self.inflight else {
            return Ok(false);
        };
        let extent = inflight.cut(settings.options.sync)?;
        let place = match &mut self.note {
            None if !self.cut.as_ref().is_some_and(CutFile::is_shown) => Place::Hidden {
                inflight: inflight.name(),
            },
            note => {
                if let Some(note) = note.as_mut().filter(|_| when.may_return) {
                    note.keep()?;
                }
                let found = inflight.file().metadata();
                let found =
                    found.map_err(|cause| failed(cause, "look at the file", &*self.shown))?;
                let mut shown = Shown {
                    device: found.dev(),
                    inode: found.ino(),
                    ..Shown::default()
                };
                when.tell(&mut shown);
                Place::Shown(shown)
            }
        };
        let is_new = self.cut.is_none();
        self.cut = Some(CutFile {
            place,
            stream: self.route.stream.to_string(),
            directory: self.route.directory.clone(),
            rows,
            columns: columns(&self.route.schema),
            length: extent.length,
            mark: extent.mark,
            age: age(self.opened),
        });
        Ok(is_new)
    }

    /// Takes back what no checkpoint knows from a file that everybody sees; the caller has made
    /// sure that nobody else is at work on it.
    pub(super) fn take_back(&self) {
        let Some(inflight) = &self.inflight else {
            return;
        };
        match (&self.cut, &self.note) {
            (Some(cut), _) if cut.is_shown() => {
                // The next run cuts it if this fails.
                let _ = inflight.file().set_len(cut.length);
            }
            (None, Some(note)) => note.take_back(inflight),
            _ => {}
        }
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
        // What goes on has no end of its own, and nothing to frame where nothing came.
        let nothing = |inflight: &InflightFile| inflight.start() > 0 && encoder.rows() == 0;
        if !inflight.as_ref().is_some_and(nothing) {
            encoder
                .finish()
                .map_err(|error| blame(&failure, &shown, error))?;
        }
        inflight.map(|inflight| inflight.finish(sync)).transpose()
    }

    fn watch(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        work(self).map_err(|error| blame(&self.failure, &self.shown, error))
    }
}

/// At which point a file is cut.
pub(super) struct When {
    pub(super) generation: u64,
    pub(super) epoch: u64,
    /// The run lets a file of the destination itself go.
    pub(super) closed: bool,
    /// The run may be followed by one that starts from its checkpoint.
    pub(super) may_return: bool,
}

impl When {
    fn tell(&self, shown: &mut Shown) {
        shown.generation = self.generation;
        shown.epoch = self.epoch;
        shown.closed = self.closed;
    }
}

/// Gives the age of a file in milliseconds.
fn age(opened: Instant) -> u64 {
    u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX)
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
