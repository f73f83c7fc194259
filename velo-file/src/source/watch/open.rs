//! Opening a watched file: what it is now decides how it is read.

use std::fs::File;

use velo_core::{ReadRequest, Result};
use velo_format::{DecodeRequest, Prologue, StreamFormat};

use super::follow::{Follow, read_at};
use super::member::{Identity, Lines as Reading, Member, Reached};
use super::plan::Plan;
use super::scan;
use crate::error;
use crate::source::catalog::DataFile;
use crate::source::coding::Coding;
use crate::source::file::Found;
use crate::source::shape::Shape;
use crate::source::{detect, drift};

/// Looked at first for what stands before the first record; doubled up to the longest line.
const FIRST: usize = 16 << 10;

/// A file of lines that is being followed.
pub(super) struct Lines {
    pub(super) follow: Follow,
    pub(super) shape: Shape,
    /// As it was when it was opened.
    pub(super) found: Found,
}

/// What a file turned out to be.
pub(super) enum Opened {
    Lines(Box<Lines>),
    /// It has to be read as a whole.
    Whole,
    /// There is nothing in it yet that could be read.
    Empty,
    /// It does not hold what was read of it.
    Changed,
    /// It is not there any more, or no file.
    Gone,
}

/// Opens a member where reading stopped.
///
/// # Errors
/// What the file system answers, but for a file that is gone; `InvalidData` for a broken header.
pub(super) fn open(plan: &Plan, member: &Member, request: &ReadRequest) -> Result<Opened> {
    let path = member.path.as_str();
    let file = match scan::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Opened::Gone),
        Err(error) => return Err(error::on_file(path, error)),
    };
    let on_file = |error| error::on_file(path, error);
    let metadata = file.metadata().map_err(on_file)?;
    if !metadata.is_file() || !Identity::of(&metadata).is(member.identity) {
        return Ok(Opened::Gone);
    }
    let Reached::Lines(reached) = &member.reached else {
        return Ok(Opened::Whole);
    };
    if metadata.len() == 0 {
        return Ok(match reached.at {
            0 => Opened::Empty,
            _ => Opened::Changed,
        });
    }
    let magic = read_at(&file, 0, detect::MAGIC as usize).map_err(on_file)?;
    if !plan.is_of_lines() || !is_plain(plan, path, &magic)? {
        return Ok(Opened::Whole);
    }
    let found = Found::new(path.to_owned(), &metadata);
    let format = plan.stream_format()?;
    let prologue = match prologue(plan, format, &file, path)? {
        Some(prologue) => prologue,
        None if reached.at > 0 => return Ok(Opened::Changed),
        None => return Ok(Opened::Empty),
    };
    follow(plan, file, (*reached, prologue), found, request)
}

/// Goes on with a file of lines.
fn follow(
    plan: &Plan,
    file: File,
    (reached, prologue): (Reading, Prologue),
    found: Found,
    request: &ReadRequest,
) -> Result<Opened> {
    let path = found.path.clone();
    let shape = Shape::new(&plan.catalog, &DataFile::of_input(found.clone()), request)?;
    let columns = prologue.columns.clone();
    if let Some(columns) = columns.as_ref().filter(|columns| !columns.is_empty()) {
        let names = columns.iter().map(String::as_str);
        let policy = plan.settings.options.schema_drift;
        drift::check_file(&plan.catalog, policy, &path, names)?;
    }
    let format = plan.stream_format()?;
    let decoder = |start: u64| {
        format.decoder(DecodeRequest {
            schema: shape.read().clone(),
            columns: Some(columns.unwrap_or_else(|| plan.catalog.names())),
            header: prologue.header.clone(),
            batch_rows: plan.settings.batch_rows(shape.read().fields().len()),
            start,
            row_starts: shape.wants_metadata(),
        })
    };
    let followed = Follow::open(file, &path, (reached, prologue.bytes), decoder)?;
    Ok(match followed {
        Some(follow) => Opened::Lines(Box::new(Lines {
            follow,
            shape,
            found,
        })),
        None => Opened::Changed,
    })
}

fn is_plain(plan: &Plan, path: &str, magic: &[u8]) -> Result<bool> {
    let formats = &plan.settings.formats;
    let compression = detect::compression(formats, path, magic, &mut Vec::new())?;
    Ok(Coding::new(compression, magic, formats).is_plain())
}

/// Reads what stands before the first record; `None` while that is not all there.
fn prologue(
    plan: &Plan,
    format: &dyn StreamFormat,
    file: &File,
    path: &str,
) -> Result<Option<Prologue>> {
    let mut length = FIRST;
    loop {
        let head = read_at(file, 0, length).map_err(|error| error::on_file(path, error))?;
        let found = format.prologue(&head, false);
        let found = found.map_err(|error| error.within("file", path))?;
        if found.is_some() || head.len() < length || length > plan.longest {
            return Ok(found);
        }
        length *= 2;
    }
}
