//! Appending to a file that everybody sees.
//!
//! Rows go straight into the file, so readers may see some that are not committed. What a
//! checkpoint keeps is the file's length; recovery cuts the file there. Before the first row a
//! note among the files under construction says where appending began: until a checkpoint is
//! stored nothing else does. A run that pauses or ends lets the file go: what others append from
//! then on is theirs, and if it goes on, it notes anew where.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use velo_core::{Error, ErrorKind, Result};

use super::Settings;
use super::claim::Claim;
use super::failure::failed;
use super::fence::{FENCE, busy, is_dead};
use super::inflight::{InflightFile, mark, sync_directory};
use super::leftovers::{
    KEPT_NOTE, Leftover, NOTE, fences, inflight_stem, leftovers, remove, same_file,
};
use super::parts::{CutFile, Place, Shown, of_text, to_text};
use super::recovery::{holds, lost};

/// A file at the moment when a run begins to append to it.
pub(super) struct Begun {
    pub(super) inflight: InflightFile,
    pub(super) note: Note,
}

/// Says where appending began.
pub(super) struct Note {
    path: PathBuf,
    /// The length of the file before this run.
    pub(super) length: u64,
    /// The file was not there.
    created: bool,
}

impl Note {
    /// Keeps the note from other runs: a checkpoint knows more than it.
    pub(super) fn keep(&mut self) -> Result<()> {
        let path = self.path.with_extension(KEPT_NOTE);
        if path != self.path {
            let renamed = fs::rename(&self.path, &path);
            renamed.map_err(|cause| failed(cause, "keep the note", &self.path))?;
            self.path = path;
        }
        Ok(())
    }

    /// Takes back what no checkpoint knows.
    pub(super) fn take_back(&self, inflight: &InflightFile) {
        let taken = if self.created && self.length == 0 {
            fs::remove_file(inflight.path())
        } else {
            inflight.file().set_len(self.length)
        };
        // Where this fails, the next run finds the note.
        if taken.is_ok() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens the destination behind its last byte.
pub(super) fn begin(settings: &Settings, claim: &Claim) -> Result<Begun> {
    let path = claim.destination.path();
    let (file, created) = open(&path).map_err(|cause| failed(cause, "open file", &path))?;
    let note = || -> io::Result<CutFile> {
        let found = file.metadata()?;
        let shown = Shown {
            device: found.dev(),
            inode: found.ino(),
            generation: claim.identity.generation,
            epoch: claim.last_epoch.load(Ordering::Acquire),
            closed: false,
        };
        Ok(CutFile {
            place: Place::Shown(shown),
            stream: String::new(),
            directory: String::new(),
            rows: 0,
            columns: 0,
            length: found.len(),
            mark: mark(&file, found.len())?,
            age: 0,
        })
    };
    let cut = note().map_err(|cause| failed(cause, "look at the file", &path))?;
    let number = claim.begun.fetch_add(1, Ordering::Relaxed);
    let stem = inflight_stem(&claim.scope, claim.identity.generation, number);
    let note = Note {
        path: claim.inflight().join(format!("{stem}.{NOTE}")),
        length: cut.length,
        created,
    };
    write_note(&note.path, &to_text(&cut)?, settings.options.sync)
        .map_err(|cause| failed(cause, "note where appending begins", &note.path))?;
    if settings.options.sync {
        claim.sync_directories()?;
    }
    let start = end_line(&file, cut.length, settings.line_end)
        .map_err(|cause| failed(cause, "write file", &path))?;
    Ok(Begun {
        inflight: InflightFile::go_on(file, path, start)?,
        note,
    })
}

fn open(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            Ok((options.create_new(true).open(path)?, true))
        }
        other => Ok((other?, false)),
    }
}

fn write_note(path: &Path, text: &str, sync: bool) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    if sync { file.sync_all() } else { Ok(()) }
}

/// Ends a last line that somebody left open; gives the length then.
fn end_line(file: &File, length: u64, line_end: &[u8]) -> io::Result<u64> {
    let size = line_end.len() as u64;
    if length < size || size == 0 {
        return Ok(length);
    }
    let mut last = vec![0; line_end.len()];
    file.read_exact_at(&mut last, length - size)?;
    if last == line_end {
        return Ok(length);
    }
    file.write_all_at(line_end, length)?;
    Ok(length + size)
}

/// Cuts the file where the last checkpoint or note says; gives what goes on, and names the notes
/// that keep others away from it. The caller holds the directory.
pub(super) fn recover(
    settings: &Settings,
    claim: &Claim,
    open: &[CutFile],
) -> Result<Option<(CutFile, Vec<String>)>> {
    let own = |left: &Leftover| left.scope == claim.scope && left.is_note();
    let found = leftovers(&claim.inflight())?;
    let notes = found.iter().filter(|left| own(left)).filter_map(read_note);
    let known = open.iter().cloned().map(|cut| (cut, false));
    let newest = known
        .chain(notes.map(|cut| (cut, true)))
        .filter_map(|(cut, noted)| match &cut.place {
            Place::Shown(shown) => Some(((shown.generation, shown.epoch, noted), cut)),
            Place::Hidden { .. } => None,
        })
        .max_by_key(|(when, _)| *when);
    let path = claim.destination.path();
    let goes_on = match newest {
        Some(((_, _, noted), cut)) if !is_closed(&cut) => {
            let is_new = noted && cut.length == 0 && !path.exists();
            if !is_new && let Some(what) = cut_back(&path, &cut, settings.options.sync)? {
                return Err(lost(path, what));
            }
            (!noted).then_some(cut)
        }
        _ => None,
    };
    if claim.destination.appends(&settings.options) {
        admit(settings, claim, &found, &path)?;
    }
    let notes = found.iter().filter(|left| own(left));
    let names = notes.map(|left| left.name.clone()).collect();
    Ok(goes_on.map(|cut| (cut, names)))
}

/// Refuses a file that another run appends to, or has not finished appending to; takes back what
/// a run wrote that can never come back.
fn admit(settings: &Settings, claim: &Claim, found: &[Leftover], path: &Path) -> Result<()> {
    let inflight = claim.inflight();
    let is_other = |scope: &str| scope != claim.scope && same_file(scope, &claim.scope);
    for scope in fences(&inflight)?.iter().filter(|scope| is_other(scope)) {
        if !is_dead(&inflight.join(format!("{scope}.{FENCE}"))) {
            return Err(busy().with("file", path.display()));
        }
    }
    for left in found.iter().filter(|left| is_other(&left.scope)) {
        if left.state == KEPT_NOTE {
            return Err(Error::new(
                ErrorKind::Conflict,
                "another pipeline has not finished appending to the file",
            )
            .with("file", path.display())
            .with("note", left.path.display())
            .with_hint("let it end first; if it never will, remove the note"));
        }
        if left.state == NOTE
            && let Some(cut) = read_note(left)
        {
            // Unless another file stands there now, which is none of its business.
            cut_back(path, &cut, settings.options.sync)?;
        }
    }
    Ok(())
}

/// Reads a note; one that is not whole was not followed by any row.
fn read_note(left: &Leftover) -> Option<CutFile> {
    of_text(&fs::read_to_string(&left.path).ok()?).ok()
}

fn is_closed(cut: &CutFile) -> bool {
    matches!(&cut.place, Place::Shown(shown) if shown.closed)
}

/// Cuts a file; says what is wrong with it if it is not the one that was appended to.
fn cut_back(path: &Path, cut: &CutFile, sync: bool) -> Result<Option<&'static str>> {
    let Place::Shown(shown) = &cut.place else {
        return Ok(None);
    };
    let cut_back = || -> io::Result<Option<&'static str>> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Ok(Some("file that was appended to is gone"));
            }
            other => other?,
        };
        let found = file.metadata()?;
        if (found.dev(), found.ino()) != (shown.device, shown.inode) {
            return Ok(Some("another file stands where rows were appended"));
        }
        if !holds(&file, cut.extent())? {
            return Ok(Some("file is not what rows were appended to"));
        }
        if found.len() > cut.length {
            file.set_len(cut.length)?;
            if sync {
                file.sync_all()?;
            }
        }
        Ok(None)
    };
    cut_back().map_err(|cause| failed(cause, "cut file", path))
}

/// Removes the notes that a commit has made needless: those from before it. The caller holds the
/// directory.
pub(super) fn let_go(settings: &Settings, claim: &Claim, open: &[CutFile]) -> Result<()> {
    for cut in open.iter().filter(|cut| is_closed(cut)) {
        let Place::Shown(closed) = &cut.place else {
            continue;
        };
        let older = |note: &CutFile| match &note.place {
            Place::Shown(shown) => {
                (shown.generation, shown.epoch) < (closed.generation, closed.epoch)
            }
            Place::Hidden { .. } => false,
        };
        let inflight = claim.inflight();
        let found = leftovers(&inflight)?.into_iter();
        let own = found.filter(|left| left.scope == claim.scope && left.is_note());
        for left in own.filter(|left| read_note(left).is_none_or(|note| older(&note))) {
            remove(&left.path)?;
        }
        if settings.options.sync {
            sync_directory(&inflight)?;
        }
    }
    Ok(())
}
