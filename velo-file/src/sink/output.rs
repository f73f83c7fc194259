//! The open files of a run, and the order in which pieces go into them.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use velo_core::{Error, ErrorKind, Result};

use super::Settings;
use super::claim::Claim;
use super::destination::Kind;
use super::inflight::Finished;
use super::open::{OpenFile, Resting};
use super::parts::{CutFile, columns};
use super::piece::{Content, Piece, Route};
use crate::config::SchemaPolicy;

/// Files that are open at a time; the one unused for longest is finished when another is needed.
const MOST_OPEN: usize = 128;

/// Memory of all begun chunks; the largest is finished when they hold more.
const MOST_BEGUN: usize = 24 << 20;

pub(super) struct Output {
    pub(super) settings: Arc<Settings>,
    pub(super) claim: Arc<Claim>,
    /// By stream and directory, so that names are given in an order that does not change.
    pub(super) files: BTreeMap<Key, OpenFile>,
    /// Files of earlier runs that no row has come for yet.
    pub(super) resting: BTreeMap<Key, Resting>,
    pub(super) finished: Vec<WholeFile>,
    /// The names of files have changed since the directory was flushed.
    pub(super) renamed: bool,
    era: u64,
    through: Option<Arc<File>>,
    /// The stream of a destination that holds only one.
    stream: Option<Arc<str>>,
    /// Pieces appended so far.
    appended: u64,
}

/// A file that is whole and waits for the end of an epoch.
pub(super) struct WholeFile {
    pub(super) key: Key,
    pub(super) opened: Instant,
    pub(super) file: Finished,
    /// What the last checkpoint says of it, from when it was open.
    cut: Option<CutFile>,
}

impl Output {
    pub(super) fn new(settings: Arc<Settings>, claim: Arc<Claim>, through: Option<File>) -> Self {
        let (resting, era) = claim.wake();
        let resting = resting.into_iter().map(|cut| {
            let key = (Arc::from(&*cut.stream), cut.directory.clone());
            (key, Resting::new(cut))
        });
        let resting: BTreeMap<Key, Resting> = resting.collect();
        let single = !matches!(claim.destination.kind, Kind::Directory);
        let first = resting.keys().next().filter(|_| single);
        Self {
            stream: first.map(|(stream, _)| stream.clone()),
            settings,
            claim,
            files: BTreeMap::new(),
            resting,
            finished: Vec::new(),
            renamed: false,
            era,
            through: through.map(Arc::new),
            appended: 0,
        }
    }

    /// Puts a piece behind those before it.
    pub(super) fn append(&mut self, piece: Piece) -> Result<()> {
        self.appended += 1;
        match piece.content {
            Content::Rows(rows) => {
                for rows in rows {
                    self.append_rows(&piece.route, rows)?;
                }
            }
            Content::Chunk(chunk) => {
                let mut file = self.file_with_room(&piece.route, chunk.rows)?;
                file.append(chunk)?;
                self.keep(file)?;
            }
            Content::Begun(encoder) => {
                let mut file = self.file_with_room(&piece.route, encoder.rows())?;
                file.go_on_with(encoder)?;
                self.keep(file)?;
            }
        }
        self.limit_memory()
    }

    /// Makes sure that a stream's file is there, even if no row ever comes.
    pub(super) fn announce(&mut self, route: &Arc<Route>) -> Result<()> {
        let file = self.file(route)?;
        self.files.insert(key(route), file);
        Ok(())
    }

    fn append_rows(&mut self, route: &Arc<Route>, mut rows: RecordBatch) -> Result<()> {
        while rows.num_rows() > 0 {
            let mut file = self.file_with_room(route, 1)?;
            let room = self.settings.options.roll_rows.unwrap_or(u64::MAX) - file.rows();
            let count = usize::try_from(room)
                .unwrap_or(usize::MAX)
                .min(rows.num_rows());
            file.write(&self.settings, &rows.slice(0, count))?;
            rows = rows.slice(count, rows.num_rows() - count);
            self.keep(file)?;
        }
        Ok(())
    }

    /// Takes the open file of a route, or a new one if so many rows would be too many for it.
    fn file_with_room(&mut self, route: &Arc<Route>, rows: u64) -> Result<OpenFile> {
        let file = self.file(route)?;
        let limit = self.settings.options.roll_rows.unwrap_or(u64::MAX);
        if file.rows() == 0 || file.rows() + rows <= limit {
            return Ok(file);
        }
        self.finish(file)?;
        self.begin(route)
    }

    /// Takes the open file of a route out of the others, or begins one.
    fn file(&mut self, route: &Arc<Route>) -> Result<OpenFile> {
        let Some(mut file) = self.files.remove(&key(route)) else {
            return self.begin(route);
        };
        file.used = self.appended;
        if same_columns(&file.route.schema, &route.schema) {
            return Ok(file);
        }
        self.check_schema_policy(route)?;
        self.finish(file)?;
        self.begin(route)
    }

    /// Puts a file back, or finishes it when it has grown large or old enough.
    fn keep(&mut self, file: OpenFile) -> Result<()> {
        let options = &self.settings.options;
        let large = options
            .roll_bytes
            .is_some_and(|limit| file.bytes() >= limit.0);
        let old = options
            .roll_age
            .is_some_and(|limit| file.opened.elapsed() >= limit.0);
        if large || old {
            return self.finish(file);
        }
        self.files.insert(key(&file.route), file);
        Ok(())
    }

    fn begin(&mut self, route: &Arc<Route>) -> Result<OpenFile> {
        self.check_stream(route)?;
        if self.files.len() >= MOST_OPEN {
            let oldest = self.files.iter().min_by_key(|(_, file)| file.used);
            let oldest = oldest.map(|(key, _)| key.clone());
            if let Some(file) = oldest.and_then(|key| self.files.remove(&key)) {
                self.finish(file)?;
            }
        }
        let mut file = match self.resting.remove(&key(route)) {
            Some(resting) if resting.cut.columns == columns(&route.schema) => {
                OpenFile::go_on(&self.settings, &self.claim, route, resting)?
            }
            other => {
                if let Some(resting) = other {
                    self.check_schema_policy(route)?;
                    self.finish_resting(key(route), resting)?;
                }
                self.create(route)?
            }
        };
        file.used = self.appended;
        Ok(file)
    }

    fn create(&mut self, route: &Arc<Route>) -> Result<OpenFile> {
        if let Some(through) = &self.through {
            return OpenFile::through(&self.settings, route, through, self.was_prepared());
        }
        if self.appends() {
            return OpenFile::appended(&self.settings, &self.claim, route);
        }
        OpenFile::hidden(&self.settings, &self.claim, route)
    }

    /// Says whether rows go straight behind what a single file has.
    pub(super) fn appends(&self) -> bool {
        self.claim.destination.appends(&self.settings.options)
    }

    /// Refuses what does not fit into a destination that is one file.
    fn check_stream(&mut self, route: &Arc<Route>) -> Result<()> {
        if matches!(self.claim.destination.kind, Kind::Directory) {
            return Ok(());
        }
        let refused = |what: &'static str| {
            Error::new(ErrorKind::Unsupported, what)
                .with("file", self.claim.destination.shown())
                .with("stream", &route.stream)
                .with_hint("write into a directory: end the path in /")
        };
        if self.stream.get_or_insert(route.stream.clone()) != &route.stream {
            return Err(refused("a single file holds a single stream"));
        }
        let goes_on = self.through.is_some() && self.settings.continuation.is_some();
        if self.was_prepared() && !goes_on {
            return Err(refused(
                "a single file takes no more rows once it has its end",
            ));
        }
        Ok(())
    }

    fn was_prepared(&self) -> bool {
        self.claim.prepared.load(Ordering::Acquire)
    }

    /// Finishes a file; it waits for the end of the epoch.
    pub(super) fn finish(&mut self, mut file: OpenFile) -> Result<()> {
        let (key, opened, cut) = (key(&file.route), file.opened, file.cut.take());
        if let Some(file) = file.finish(self.settings.options.sync)? {
            self.whole(key, opened, file, cut);
        }
        Ok(())
    }

    /// Finishes a file of an earlier run that no row came for.
    pub(super) fn finish_resting(&mut self, key: Key, resting: Resting) -> Result<()> {
        let (opened, cut) = (resting.opened, resting.cut());
        let file = resting.finish(&self.claim, self.settings.options.sync)?;
        self.whole(key, opened, file, Some(cut));
        Ok(())
    }

    fn whole(&mut self, key: Key, opened: Instant, file: Finished, cut: Option<CutFile>) {
        self.renamed = true;
        self.finished.push(WholeFile {
            key,
            opened,
            file,
            cut,
        });
    }

    fn check_schema_policy(&self, route: &Route) -> Result<()> {
        if self.schema_policy() == SchemaPolicy::NewFile {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unsupported, "columns have changed")
            .with("stream", &route.stream)
            .with("file", self.claim.destination.shown())
            .with_hint("write into a directory with schema_policy=new_file"))
    }

    /// Finishes the largest begun chunks when all of them hold too much memory.
    fn limit_memory(&mut self) -> Result<()> {
        let memory = |files: &BTreeMap<Key, OpenFile>| files.values().map(OpenFile::memory).sum();
        let mut held: usize = memory(&self.files);
        while self.files.len() > 1 && held > MOST_BEGUN {
            let largest = self.files.values_mut().max_by_key(|file| file.memory());
            let Some(file) = largest.filter(|file| file.memory() > 0) else {
                break;
            };
            file.finish_chunk()?;
            held = memory(&self.files);
        }
        Ok(())
    }

    fn schema_policy(&self) -> SchemaPolicy {
        match self.claim.destination.kind {
            Kind::Directory => self
                .settings
                .options
                .schema_policy
                .unwrap_or(SchemaPolicy::NewFile),
            _ => SchemaPolicy::Fail,
        }
    }
}

impl Drop for Output {
    /// Leaves what a checkpoint may know to the next writers; what it does not know goes.
    fn drop(&mut self) {
        let open = self.files.values().filter_map(|file| file.cut.clone());
        let resting = self.resting.values().map(Resting::cut);
        let whole = self.finished.iter().filter_map(|whole| whole.cut.clone());
        let left = open.chain(resting).chain(whole).collect();
        let is_mine = self.claim.settle(left, self.era);
        if is_mine && self.appends() && self.claim.hold().is_ok() {
            self.files.values().for_each(OpenFile::take_back);
        }
    }
}

/// A stream and a directory.
pub(super) type Key = (Arc<str>, String);

fn key(route: &Route) -> Key {
    (route.stream.clone(), route.directory.clone())
}

/// Says whether rows of both fit into one file.
pub(super) fn same_columns(a: &Schema, b: &Schema) -> bool {
    let same = |(a, b): (&Arc<Field>, &Arc<Field>)| {
        (a.name(), a.data_type(), a.is_nullable()) == (b.name(), b.data_type(), b.is_nullable())
    };
    a.fields().len() == b.fields().len() && a.fields().iter().zip(b.fields()).all(same)
}
