//! What there is to read: the files, their columns together, and how each is opened.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::{Field, Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result, StreamInfo};
use velo_format::{
    Format, InferMode, Layout, RandomFormat, RandomInput, ReadOptions, StreamFormat, parse_columns,
};

use super::coding::Coding;
use super::columns::{Columns, together};
use super::drift::{self, FileSchema};
use super::file::{Found, OpenFile};
use super::hive::{self, Values};
use super::layouts::Layouts;
use super::listing;
use super::metadata;
use super::sample::{Sampled, Sampler, columns_without_rows};
use super::stdin::Pipe;
use super::stream::Beginning;
use super::{Settings, detect};
use crate::config::path::PathPattern;

/// At most so many files are looked at before reading starts.
const SAMPLED_FILES: usize = 8;
/// Files whose index or beginning is kept; each index holds a file handle.
const FILES_IN_USE: usize = 8;

/// Everything that discovery found out.
pub(super) struct Catalog {
    pub(super) files: Vec<DataFile>,
    /// All columns, as readers yield them.
    pub(super) stream: Arc<StreamInfo>,
    /// The columns that come out of the files themselves.
    pub(super) data: SchemaRef,
    /// The columns that come out of the paths.
    pub(super) partitions: Vec<Field>,
    /// Standard input, until a reader takes it.
    pub(super) pipe: Option<Mutex<Option<Pipe>>>,
    /// Files may become longer while they are looked at.
    growing: bool,
    layouts: Vec<Layout>,
    spooled: Option<Arc<OpenFile>>,
    indexes: Mutex<VecDeque<(String, Arc<dyn RandomInput>)>>,
    beginnings: Mutex<VecDeque<(String, Arc<Beginning>)>>,
}

/// A file to read.
pub(super) struct DataFile {
    pub(super) found: Found,
    pub(super) values: Values,
    layout: usize,
}

impl Catalog {
    /// Finds the files of a path and looks at some of them.
    pub(super) fn of_files(pattern: &PathPattern, settings: &Settings) -> Result<Self> {
        let format = settings.formats.common.format;
        let listing = listing::list(pattern, &settings.options, format)?;
        let mode = settings.options.hive_partitioning;
        let partitions = hive::partitions(&listing.files, listing.root.as_deref(), mode)?;
        let found = Self::of_found(listing.files, &listing.name, partitions, settings, false)?;
        Ok(found.0)
    }

    /// Looks at some of the files that were found; gives their format as well. `growing`: that they
    /// become longer meanwhile is no fault.
    pub(super) fn of_found(
        found: Vec<Found>,
        name: &str,
        (partitions, values): (Vec<Field>, Vec<Values>),
        settings: &Settings,
        growing: bool,
    ) -> Result<(Self, Format)> {
        let mut notes = Vec::new();
        let format = detect::of_files(&found, &settings.formats, &mut notes)?;
        let mut layouts = Layouts::new(format, settings);
        let files: Vec<DataFile> = found
            .into_iter()
            .zip(values)
            .map(|(found, values)| {
                let layout = layouts.of(&found.path)?;
                Ok(DataFile {
                    found,
                    values,
                    layout,
                })
            })
            .collect::<Result<_>>()?;
        let mut catalog = Self::empty(files, layouts.made, partitions);
        catalog.growing = growing;
        let data = catalog.look(settings, &mut notes)?;
        catalog.describe(name, data, settings, notes)?;
        Ok((catalog, format))
    }

    /// Describes one file that has the columns of this catalog, to be read as a whole.
    pub(super) fn of_one(&self, found: Found, format: Format, settings: &Settings) -> Result<Self> {
        let mut layouts = Layouts::new(format, settings);
        layouts.of(&found.path)?;
        let mut catalog = Self::empty(vec![DataFile::of_input(found)], layouts.made, Vec::new());
        catalog.stream = self.stream.clone();
        catalog.data = self.data.clone();
        Ok(catalog)
    }

    /// Describes standard input by its first bytes; what is read by its index was spooled to a file.
    pub(super) fn of_pipe(format: Format, pipe: Pipe, settings: &Settings) -> Result<Self> {
        let mut layouts = Layouts::new(format, settings);
        layouts.of(pipe.path())?;
        let files = vec![DataFile::of_input(Found {
            path: pipe.path().to_owned(),
            size: 0,
            modified: 0,
        })];
        let mut catalog = Self::empty(files, layouts.made, Vec::new());
        let Some(Layout::Stream(stream)) = catalog.layouts.first() else {
            return Err(not_here());
        };
        let mut sampler = Sampler::new(false);
        let looked = sampler.look_at_head(&**stream, pipe.path(), pipe.head(), pipe.is_whole());
        looked.map_err(|error| error.within("file", pipe.path()))?;
        let mut notes = Vec::new();
        let found = together(sampler.finish()?, settings, &mut notes)?;
        catalog.pipe = Some(Mutex::new(Some(pipe)));
        catalog.describe("stdin", found, settings, notes)?;
        Ok(catalog)
    }

    /// Describes standard input that was spooled to a file.
    pub(super) fn of_spooled(format: Format, file: OpenFile, settings: &Settings) -> Result<Self> {
        let mut layouts = Layouts::new(format, settings);
        layouts.of(file.path())?;
        let files = vec![DataFile::of_input(file.found().clone())];
        let mut catalog = Self::empty(files, layouts.made, Vec::new());
        catalog.spooled = Some(Arc::new(file));
        let mut notes = Vec::new();
        let data = catalog.look(settings, &mut notes)?;
        catalog.describe("stdin", data, settings, notes)?;
        Ok(catalog)
    }

    fn empty(files: Vec<DataFile>, layouts: Vec<Layout>, partitions: Vec<Field>) -> Self {
        let nothing = Arc::new(Schema::empty());
        Self {
            files,
            stream: Arc::new(StreamInfo::new("", nothing.clone())),
            data: nothing,
            partitions,
            pipe: None,
            growing: false,
            layouts,
            spooled: None,
            indexes: Mutex::default(),
            beginnings: Mutex::default(),
        }
    }

    /// Looks at some files, or at all of them with `infer=full`, for the columns of the data.
    fn look(&self, settings: &Settings, notes: &mut Vec<String>) -> Result<Columns> {
        let full = settings.formats.common.infer == InferMode::Full;
        let chosen: Vec<&DataFile> = self
            .files
            .iter()
            .filter(|file| file.found.size > 0)
            .collect();
        if chosen.is_empty() {
            return self.columns_of_nothing(&settings.formats).map(Columns::of);
        }
        let chosen = if full { chosen } else { spread(&chosen) };
        if let Layout::Random(_) = &self.layouts[0] {
            let mut schemas = Vec::new();
            for file in &chosen {
                let schema = self.index(file)?.units().schema.clone();
                let path = &file.found.path;
                schemas.push(FileSchema { path, schema });
            }
            let merged = drift::merge(settings.options.schema_drift, &schemas, false);
            return merged.map(Columns::of);
        }
        let mut sampler = Sampler::new(full);
        for file in chosen {
            let (format, opened) = (self.stream_format(file)?, Arc::new(self.open(file)?));
            let head = opened.range(0, detect::MAGIC)?;
            let path = &file.found.path;
            let compression = detect::compression(&settings.formats, path, &head, notes)?;
            sampler.look_at(&Sampled {
                file: opened,
                coding: Coding::new(compression, &head, &settings.formats),
                format,
                dialect: file.layout,
            })?;
        }
        together(sampler.finish()?, settings, notes)
    }

    fn columns_of_nothing(&self, formats: &ReadOptions) -> Result<SchemaRef> {
        if let Some(Layout::Stream(format)) = self.layouts.first()
            && let Some(schema) = columns_without_rows(&**format)
        {
            return Ok(schema);
        }
        let Some(schema) = &formats.common.schema else {
            let first = self.files.first().map_or("", |file| &file.found.path);
            return Err(Error::new(
                ErrorKind::InvalidData,
                "file is empty: it has no header and no rows",
            )
            .with("file", first)
            .with_hint("schema= names the columns of an input without rows"));
        };
        let fields = parse_columns(schema)?.into_iter();
        let fields = fields.map(|(name, kind)| Field::new(name, kind, true));
        Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
    }

    /// Puts the columns of the data, the paths and the metadata together.
    fn describe(
        &mut self,
        name: &str,
        Columns { data, details }: Columns,
        settings: &Settings,
        mut notes: Vec<String>,
    ) -> Result<()> {
        let in_path = |field: &&Arc<Field>| {
            self.partitions
                .iter()
                .any(|partition| partition.name() == field.name())
        };
        for field in data.fields().iter().filter(in_path) {
            notes.push(format!(
                "column {} is taken from the path, not from the files",
                field.name()
            ));
        }
        let own: Vec<Field> = data
            .fields()
            .iter()
            .filter(|field| !in_path(field))
            .map(|field| (**field).clone())
            .collect();
        let mut all = own.clone();
        all.extend(self.partitions.iter().cloned());
        if settings.options.metadata {
            if all.iter().any(|field| field.name() == metadata::COLUMN) {
                let message = "metadata=true needs a column name that the data have";
                return Err(Error::new(ErrorKind::Config, message).with("column", metadata::COLUMN));
            }
            all.push(metadata::field());
        }
        self.data = Arc::new(Schema::new(own));
        let stream = StreamInfo::new(name, Arc::new(Schema::new(all)));
        self.stream = Arc::new(stream.with_notes(notes).with_details(details));
        Ok(())
    }

    /// Gives the file of a path.
    pub(super) fn file(&self, path: &str) -> Result<&DataFile> {
        let found = self
            .files
            .binary_search_by(|file| file.found.path.as_bytes().cmp(path.as_bytes()));
        found.map(|at| &self.files[at]).map_err(|_| {
            Error::new(ErrorKind::Gap, "file is not there any more")
                .with("file", path)
                .with_hint("put it back, or start anew")
        })
    }

    /// Lists the columns that the files may have, those that the path replaces included.
    pub(super) fn names(&self) -> Arc<[String]> {
        let data = self.data.fields().iter().map(|field| field.name());
        let partitions = self.partitions.iter().map(Field::name);
        data.chain(partitions).cloned().collect()
    }

    pub(super) fn layout(&self, file: &DataFile) -> &Layout {
        &self.layouts[file.layout]
    }

    pub(super) fn stream_format(&self, file: &DataFile) -> Result<&dyn StreamFormat> {
        match self.layout(file) {
            Layout::Stream(stream) => Ok(&**stream),
            Layout::Random(_) => Err(not_here()),
        }
    }

    /// Gives the file that standard input was kept in.
    pub(super) fn spooled(&self) -> Option<&Arc<OpenFile>> {
        self.spooled.as_ref()
    }

    /// Opens a file as it was found.
    pub(super) fn open(&self, file: &DataFile) -> Result<OpenFile> {
        let opened = OpenFile::open(&file.found.path)?;
        if !self.growing {
            opened.check_unchanged(&file.found)?;
        }
        Ok(opened)
    }

    /// Gives the index of a file, read once while it is in use.
    pub(super) fn index(&self, file: &DataFile) -> Result<Arc<dyn RandomInput>> {
        kept(&self.indexes, &file.found.path, || self.read_index(file))
    }

    /// Says how a text file begins, looked at once while it is in use.
    pub(super) fn beginning(
        &self,
        file: &DataFile,
        opened: &Arc<OpenFile>,
        coding: Coding,
    ) -> Result<Arc<Beginning>> {
        kept(&self.beginnings, &file.found.path, || {
            let format = self.stream_format(file)?;
            Beginning::of_file(opened, coding, format).map(Arc::new)
        })
    }

    fn read_index(&self, file: &DataFile) -> Result<Arc<dyn RandomInput>> {
        let opened = match &self.spooled {
            Some(spooled) => spooled.clone(),
            None => Arc::new(self.open(file)?),
        };
        let index = self.random_format(file)?.open(opened);
        index.map_err(|error| error.within("file", &file.found.path))
    }

    fn random_format(&self, file: &DataFile) -> Result<&dyn RandomFormat> {
        match self.layout(file) {
            Layout::Random(random) => Ok(&**random),
            Layout::Stream(_) => Err(not_here()),
        }
    }

    /// Opens a text file and finds out how it is compressed and encoded.
    pub(super) fn open_stream(
        &self,
        file: &DataFile,
        formats: &ReadOptions,
    ) -> Result<(Arc<OpenFile>, Coding)> {
        let opened = self.open(file)?;
        let head = opened.range(0, detect::MAGIC)?;
        let compression = detect::compression(formats, opened.path(), &head, &mut Vec::new())?;
        let coding = Coding::new(compression, &head, formats);
        Ok((Arc::new(opened), coding))
    }
}

impl DataFile {
    /// Describes a file outside any listing.
    pub(super) fn of_input(found: Found) -> Self {
        Self {
            found,
            values: Vec::new(),
            layout: 0,
        }
    }
}

/// Chooses files to look at: all, or the first, the last and some between.
fn spread<'f>(files: &[&'f DataFile]) -> Vec<&'f DataFile> {
    if files.len() <= SAMPLED_FILES {
        return files.to_vec();
    }
    let last = files.len() - 1;
    let at = |n: usize| files[n * last / (SAMPLED_FILES - 1)];
    (0..SAMPLED_FILES).map(at).collect()
}

fn not_here() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "file is of another layout than its format",
    )
}

/// Gives what is known of a file, found out once while the file is in use.
fn kept<T: ?Sized>(
    known: &Mutex<VecDeque<(String, Arc<T>)>>,
    path: &str,
    find: impl FnOnce() -> Result<Arc<T>>,
) -> Result<Arc<T>> {
    if let Some((_, known)) = lock(known).iter().find(|(known, _)| known == path) {
        return Ok(known.clone());
    }
    let found = find()?;
    let mut known = lock(known);
    if known.len() >= FILES_IN_USE {
        known.pop_front();
    }
    known.push_back((path.to_owned(), found.clone()));
    Ok(found)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
