//! The open files of a run, and the order in which pieces go into them.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use velo_core::{Committable, Error, ErrorKind, Result};

use super::Settings;
use super::claim::Claim;
use super::destination::{Kind, has_entries};
use super::inflight::Finished;
use super::name::Named;
use super::open::OpenFile;
use super::piece::{Content, Piece, Route};
use super::publish::{PreparedFile, PreparedFiles};
use crate::config::SchemaPolicy;

/// Files that are open at a time; the one unused for longest is finished when another is needed.
const MOST_OPEN: usize = 128;

/// Memory of all begun chunks; the largest is finished when they hold more.
const MOST_BEGUN: usize = 24 << 20;

pub(super) struct Output {
    settings: Arc<Settings>,
    claim: Arc<Claim>,
    /// By stream and directory, so that names are given in an order that does not change.
    files: BTreeMap<Key, OpenFile>,
    finished: Vec<(Arc<Route>, Finished)>,
    through: Option<Arc<File>>,
    /// The stream of a destination that holds only one.
    stream: Option<Arc<str>>,
    /// Pieces appended so far.
    appended: u64,
}

impl Output {
    pub(super) fn new(settings: Arc<Settings>, claim: Arc<Claim>, through: Option<File>) -> Self {
        Self {
            settings,
            claim,
            files: BTreeMap::new(),
            finished: Vec::new(),
            through: through.map(Arc::new),
            stream: None,
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

    /// Finishes every file and gives what a commit needs.
    pub(super) fn prepare(&mut self, epoch: u64) -> Result<Option<Committable>> {
        let files = std::mem::take(&mut self.files).into_values();
        let (with_rows, announced): (Vec<_>, Vec<_>) = files.partition(|file| file.rows() > 0);
        if !with_rows.is_empty() || !announced.is_empty() {
            self.claim.prepared.store(true, Ordering::Release);
        }
        for file in with_rows {
            self.finish(file)?;
        }
        for file in announced {
            if self.is_missing_a_file() {
                self.finish(file)?;
            }
        }
        if self.finished.is_empty() {
            return Ok(None);
        }
        if self.settings.options.sync {
            self.claim.sync_directories()?;
        }
        let files = self.name_files(epoch);
        let replace = self.claim.destination.replaces(&self.settings.options);
        PreparedFiles { replace, files }.seal().map(Some)
    }

    /// Says whether nothing else will tell a reader the columns of this destination.
    fn is_missing_a_file(&self) -> bool {
        !matches!(self.claim.destination.kind, Kind::Directory)
            || (self.finished.is_empty() && !has_entries(&self.claim.destination.root))
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
        if self.schema_policy() == SchemaPolicy::Fail {
            return Err(Error::new(ErrorKind::Unsupported, "columns have changed")
                .with("stream", &route.stream)
                .with("file", self.claim.destination.shown())
                .with_hint("write into a directory with schema_policy=new_file"));
        }
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
        let mut file = match &self.through {
            Some(through) => {
                OpenFile::through(&self.settings, route, through, self.was_prepared())?
            }
            None => OpenFile::hidden(&self.settings, &self.claim, route)?,
        };
        file.used = self.appended;
        Ok(file)
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
                "a single file holds a single epoch, which is prepared already",
            ));
        }
        Ok(())
    }

    fn was_prepared(&self) -> bool {
        self.claim.prepared.load(Ordering::Acquire)
    }

    fn finish(&mut self, file: OpenFile) -> Result<()> {
        let route = file.route.clone();
        if let Some(finished) = file.finish(self.settings.options.sync)? {
            self.finished.push((route, finished));
        }
        Ok(())
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

    /// Gives the finished files their names, which are not taken yet.
    fn name_files(&mut self, epoch: u64) -> Vec<PreparedFile> {
        let mut numbers: HashMap<String, u64> = HashMap::new();
        let finished = std::mem::take(&mut self.finished).into_iter();
        let prepared = finished.map(|(route, finished)| {
            let number = numbers.entry(route.directory.clone()).or_default();
            PreparedFile {
                path: self.path_of(&route, epoch, number),
                length: finished.length,
                mark: finished.mark,
                inflight: finished.keep(),
            }
        });
        prepared.collect()
    }

    fn path_of(&self, route: &Route, epoch: u64, number: &mut u64) -> String {
        if let Kind::File { name, .. } = &self.claim.destination.kind {
            return name.clone();
        }
        let (stream, identity) = (&*route.stream, &self.claim.identity);
        loop {
            let named = Named {
                stream,
                identity,
                epoch,
                number: *number,
            };
            let name = self.settings.template.name(named);
            let path = if route.directory.is_empty() {
                name
            } else {
                format!("{}/{name}", route.directory)
            };
            *number += 1;
            if !self.claim.destination.root.join(&path).exists() {
                return path;
            }
        }
    }
}

type Key = (Arc<str>, String);

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
