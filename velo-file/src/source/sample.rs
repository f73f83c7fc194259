//! Columns and types of text formats, from samples of some files.

use std::io::Read;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use velo_core::{Error, ErrorKind, Result};
use velo_format::{Inference, Inferred, Prologue, ReadAt, StreamFormat};

use super::coding::Coding;
use super::file::OpenFile;
use super::stream::{Beginning, broken, fill};

/// Sampled of each file: its start, and a window in its middle and at its end.
const START: usize = 256 << 10;
const WINDOW: usize = 64 << 10;
/// How much of a compressed or transcoded file is read to take the sample from.
const DECOMPRESSED: usize = 8 << 20;
/// Read at once when everything is looked at.
const BLOCK: usize = 1 << 20;

/// A file to look at.
pub(super) struct Sampled<'f> {
    pub(super) file: Arc<OpenFile>,
    pub(super) coding: Coding,
    pub(super) format: &'f dyn StreamFormat,
    /// Files of one dialect have the same number.
    pub(super) dialect: usize,
}

/// Looks at files one by one; those with the same header are evidence for the same columns.
pub(super) struct Sampler {
    groups: Vec<Group>,
    full: bool,
}

struct Group {
    dialect: usize,
    /// The dialect that the first bytes settled, and why.
    settled: Option<(String, String)>,
    prologue: Prologue,
    first: String,
    inference: Box<dyn Inference>,
}

/// What was found, and the first file that it was found in.
pub(super) struct Finding {
    pub(super) path: String,
    /// The dialect that its first bytes settled, and why.
    pub(super) dialect: Option<(String, String)>,
    pub(super) inferred: Inferred,
}

impl Sampler {
    /// `full`: everything is looked at, not only samples.
    pub(super) fn new(full: bool) -> Self {
        Self {
            groups: Vec::new(),
            full,
        }
    }

    /// Looks at a file.
    ///
    /// # Errors
    /// `InvalidData` for a malformed header or compressed data.
    pub(super) fn look_at(&mut self, sampled: &Sampled<'_>) -> Result<()> {
        let path = sampled.file.path();
        let sample = Sample::of(sampled)?;
        self.take(sampled, sample)
            .map_err(|error| error.within("file", path))
    }

    /// Looks at the first bytes of an input that has no file.
    ///
    /// # Errors
    /// `InvalidData` for a malformed header.
    pub(super) fn look_at_head(
        &mut self,
        format: &dyn StreamFormat,
        path: &str,
        head: &[u8],
        whole: bool,
    ) -> Result<()> {
        let Some(beginning) = Beginning::of(format, head, whole)? else {
            return Err(no_record(START));
        };
        let at = usize::try_from(beginning.prologue.bytes).unwrap_or(usize::MAX);
        let group = self.group(0, format, &beginning, path);
        group.inference.update(&head[at.min(head.len())..], whole)?;
        Ok(())
    }

    fn take(&mut self, sampled: &Sampled<'_>, mut sample: Sample) -> Result<()> {
        let beginning = loop {
            match Beginning::of(sampled.format, &sample.start, sample.whole)? {
                Some(beginning) => break beginning,
                None => sample.grow(sampled)?,
            }
        };
        let full = self.full;
        let group = self.group(
            sampled.dialect,
            sampled.format,
            &beginning,
            sampled.file.path(),
        );
        let inference = &mut *group.inference;
        let from = usize::try_from(beginning.prologue.bytes).unwrap_or(usize::MAX);
        if full && !sample.whole {
            return feed_all(inference, sampled, from);
        }
        loop {
            let from = from.min(sample.start.len());
            let consumed = inference.update(&sample.start[from..], sample.whole)?;
            if consumed > 0 || sample.whole {
                break;
            }
            sample.grow(sampled)?;
        }
        for (window, reaches_end) in &sample.windows {
            inference.window(window, *reaches_end);
        }
        Ok(())
    }

    fn group(
        &mut self,
        dialect: usize,
        format: &dyn StreamFormat,
        beginning: &Beginning,
        path: &str,
    ) -> &mut Group {
        let prologue = &beginning.prologue;
        let settled =
            |dialect: &Option<(String, String)>| dialect.clone().map(|(spelled, _)| spelled);
        let same = |group: &Group| {
            let known = &group.prologue;
            group.dialect == dialect
                && known.columns == prologue.columns
                && known.header == prologue.header
                && settled(&group.settled) == settled(&beginning.dialect)
        };
        let at = self.groups.iter().position(same).unwrap_or_else(|| {
            self.groups.push(Group {
                dialect,
                settled: beginning.dialect.clone(),
                prologue: prologue.clone(),
                first: path.to_owned(),
                inference: beginning.format(format).infer(prologue),
            });
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }

    /// Gives the columns of each header found, in the order of the files.
    ///
    /// # Errors
    /// `InvalidData` when no columns can be made out.
    pub(super) fn finish(self) -> Result<Vec<Finding>> {
        let several = self.groups.len() > 1;
        let nameless = |group: &Group| {
            let columns = &group.prologue.columns;
            columns.as_ref().is_some_and(|names| names.is_empty())
        };
        // A file without even a header says nothing beside others that have one.
        let telling = self
            .groups
            .into_iter()
            .filter(|group| !(several && nameless(group)));
        telling
            .map(|group| {
                let inferred = group.inference.finish();
                let inferred = inferred.map_err(|error| error.within("file", &group.first))?;
                Ok(Finding {
                    path: group.first,
                    dialect: group.settled,
                    inferred,
                })
            })
            .collect()
    }
}

/// Gives the columns of a format that has them without any input.
pub(super) fn columns_without_rows(format: &dyn StreamFormat) -> Option<SchemaRef> {
    let prologue = format.prologue(b"", true).ok()??;
    let schema = format.infer(&prologue).finish().ok()?.schema;
    (!schema.fields().is_empty()).then_some(schema)
}

/// Parts of a file's contents.
struct Sample {
    start: Vec<u8>,
    /// `start` is everything.
    whole: bool,
    windows: Vec<(Vec<u8>, bool)>,
}

impl Sample {
    fn of(sampled: &Sampled<'_>) -> Result<Self> {
        if !sampled.coding.is_plain() {
            let bytes = decompressed(sampled, DECOMPRESSED)?;
            let whole = bytes.len() < DECOMPRESSED;
            return Ok(Self::cut(bytes, whole));
        }
        let (file, size) = (&sampled.file, sampled.file.size());
        if size <= (START + 2 * WINDOW) as u64 {
            return Ok(Self {
                start: file.range(0, size)?,
                whole: true,
                windows: Vec::new(),
            });
        }
        let window = WINDOW as u64;
        Ok(Self {
            start: file.range(0, START as u64)?,
            whole: false,
            windows: vec![
                (file.range(size / 2, window)?, false),
                (file.range(size - window, window)?, true),
            ],
        })
    }

    /// Takes the same parts of bytes in memory as of a file of that length.
    fn cut(mut bytes: Vec<u8>, whole: bool) -> Self {
        let size = bytes.len();
        if size <= START + 2 * WINDOW {
            return Self {
                start: bytes,
                whole,
                windows: Vec::new(),
            };
        }
        let windows = vec![
            (bytes[size / 2..size / 2 + WINDOW].to_vec(), false),
            (bytes[size - WINDOW..].to_vec(), whole),
        ];
        bytes.truncate(START);
        Self {
            start: bytes,
            whole: false,
            windows,
        }
    }

    /// Takes twice as many bytes from the start: no record ends within them.
    fn grow(&mut self, sampled: &Sampled<'_>) -> Result<()> {
        if self.whole {
            return Err(no_record(self.start.len()));
        }
        let wanted = self.start.len().max(START) * 2;
        self.start = decompressed(sampled, wanted)?;
        self.whole = self.start.len() < wanted;
        Ok(())
    }
}

pub(super) fn no_record(bytes: usize) -> Error {
    Error::new(
        ErrorKind::InvalidData,
        "no record ends within the first bytes",
    )
    .with("bytes", bytes)
}

fn decompressed(sampled: &Sampled<'_>, wanted: usize) -> Result<Vec<u8>> {
    let mut input = sampled.coding.contents(&sampled.file)?.take(wanted as u64);
    let mut bytes = Vec::new();
    let read = input.read_to_end(&mut bytes);
    read.map_err(|error| broken(sampled.file.path(), error, None))?;
    Ok(bytes)
}

fn feed_all(inference: &mut dyn Inference, sampled: &Sampled<'_>, skip: usize) -> Result<()> {
    let path = sampled.file.path();
    let mut input = sampled.coding.contents(&sampled.file)?;
    let (mut buffer, mut filled, mut skip) = (vec![0; BLOCK], 0, skip);
    loop {
        let read =
            fill(&mut input, &mut buffer[filled..]).map_err(|error| broken(path, error, None))?;
        filled += read;
        let last = filled < buffer.len();
        let from = skip.min(filled);
        let consumed = from + inference.update(&buffer[from..filled], last)?;
        skip -= from;
        if last {
            return Ok(());
        }
        buffer.copy_within(consumed..filled, 0);
        filled -= consumed;
        if consumed == 0 {
            buffer.resize(buffer.len() * 2, 0);
        }
    }
}
