//! From prepared files to visible ones, once, however often it is asked for.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use velo_core::{Commit, Committable, Error, ErrorKind, Result};

use super::failure::failed;
use super::fence::{FENCE, is_dead, remove_dead};
use super::inflight::{INFLIGHT, OPEN, READY, mark, sync_directory};
use super::name::file_of;

const KIND: &str = "file";
const VERSION: u32 = 1;

/// The prepared files of one epoch, as the checkpoint keeps them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct PreparedFiles {
    /// Whether a file of the same name is replaced.
    pub(super) replace: bool,
    pub(super) files: Vec<PreparedFile>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PreparedFile {
    /// The name among the files under construction.
    pub(super) inflight: String,
    /// The path below the root that it gets.
    pub(super) path: String,
    pub(super) length: u64,
    pub(super) mark: u64,
}

impl PreparedFiles {
    pub(super) fn seal(&self) -> Result<Committable> {
        let body = serde_json::to_string(self).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "describe prepared files").with_source(cause)
        })?;
        Ok(Committable {
            kind: KIND.to_owned(),
            version: VERSION,
            body,
        })
    }

    fn open(committable: &Committable) -> Result<Self> {
        let foreign =
            |what| Error::new(ErrorKind::InvalidInput, what).with("kind", &committable.kind);
        if committable.kind != KIND {
            return Err(foreign("committable belongs to another connector"));
        }
        if committable.version > VERSION {
            return Err(foreign("committable has a newer format").with_hint("use the newer velo"));
        }
        let opened: Self = serde_json::from_str(&committable.body)
            .map_err(|cause| foreign("committable is damaged").with_source(cause))?;
        let inside = |path: &str| {
            let mut parts = Path::new(path).components();
            parts.all(|part| matches!(part, Component::Normal(_)))
        };
        let mut paths = opened.files.iter();
        if !paths.all(|file| inside(&file.path) && inside(&file.inflight)) {
            return Err(foreign("committable points outside of the destination"));
        }
        Ok(opened)
    }
}

/// Shows every file of a commit, or none if one is lost; a second call finds them shown.
pub(super) fn publish(root: &Path, commit: &Commit, sync: bool) -> Result<()> {
    let parts = commit.parts.iter();
    let parts = parts.map(|(_, committable)| PreparedFiles::open(committable));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let mut hidden = Vec::new();
    for prepared in &parts {
        for file in &prepared.files {
            if is_hidden(root, file)? {
                hidden.push((file, prepared.replace));
            }
        }
    }
    for (file, replace) in hidden {
        show(root, file, replace)?;
    }
    let mut directories = BTreeSet::new();
    for prepared in &parts {
        for file in &prepared.files {
            let path = Path::new(&file.path);
            // The directories on the way may be new as well.
            directories.extend(path.ancestors().skip(1).map(|below| root.join(below)));
        }
    }
    if sync {
        directories
            .iter()
            .rev()
            .try_for_each(|directory| sync_directory(directory))?;
    }
    Ok(())
}

/// Says whether a file is still to be shown.
///
/// The prepared file is asked first: as long as it is there, nothing was shown, whatever else
/// stands under its name.
fn is_hidden(root: &Path, file: &PreparedFile) -> Result<bool> {
    if is(&root.join(INFLIGHT).join(&file.inflight), file)? {
        return Ok(true);
    }
    let to = root.join(&file.path);
    match is(&to, file)? {
        true => Ok(false),
        false => Err(lost(&to)),
    }
}

/// Shows one file that is hidden.
fn show(root: &Path, file: &PreparedFile, replace: bool) -> Result<()> {
    let (from, to) = (
        root.join(INFLIGHT).join(&file.inflight),
        root.join(&file.path),
    );
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|cause| failed(cause, "create directory", parent))?;
    }
    if replace {
        return fs::rename(&from, &to).map_err(|cause| failed(cause, "show the file", &to));
    }
    match rename_new(&from, &to) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Err(Error::new(
            ErrorKind::AlreadyExists,
            "destination was created meanwhile",
        )
        .with("file", to.display())
        .with_hint("move it away and run again")),
        other => other.map_err(|cause| failed(cause, "show the file", &to)),
    }
}

/// Renames without replacing.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Not every file system knows the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            other => return Ok(other?),
        }
    }
    match fs::hard_link(from, to) {
        // A crash between the two calls leaves both names.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && same_file(from, to)? => {}
        other => other?,
    }
    fs::remove_file(from)
}

fn same_file(a: &Path, b: &Path) -> io::Result<bool> {
    let (a, b) = (fs::metadata(a)?, fs::metadata(b)?);
    Ok((a.dev(), a.ino()) == (b.dev(), b.ino()))
}

/// Says whether this is the file that was prepared.
fn is(path: &Path, prepared: &PreparedFile) -> Result<bool> {
    let look = || -> io::Result<bool> {
        let file = match File::open(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        let found = file.metadata()?;
        Ok(found.is_file()
            && found.len() == prepared.length
            && mark(&file, prepared.length)? == prepared.mark)
    };
    look().map_err(|cause| failed(cause, "look at the prepared file", path))
}

fn lost(path: &Path) -> Error {
    Error::new(ErrorKind::Aborted, "prepared file is lost")
        .with("file", path.display())
        .with("state", "STATE_LOST")
        .with_hint("rows of its epoch must be read again from an earlier position")
}

/// Removes what earlier generations of this scope left, and what dead runs of others never
/// finished. What others have prepared is theirs to recover, unless it is the same single file:
/// this run replaces it anyway. The caller holds the directory.
pub(super) fn discard(root: &Path, scope: &str, generation: u64) -> Result<()> {
    let directory = root.join(INFLIGHT);
    let fence_of = |scope: &str| directory.join(format!("{scope}.{FENCE}"));
    for leftover in leftovers(&directory)? {
        let stale = if leftover.scope == scope {
            leftover.generation < generation
        } else {
            let same_file = file_of(scope).is_some() && file_of(scope) == file_of(&leftover.scope);
            (leftover.state == OPEN || same_file) && is_dead(&fence_of(&leftover.scope))
        };
        if stale {
            remove(&leftover.path)?;
        }
    }
    let left = leftovers(&directory)?;
    let has_left = |of: &str| of == scope || left.iter().any(|leftover| leftover.scope == of);
    for fence in fences(&directory)?.iter().filter(|fence| !has_left(fence)) {
        remove_dead(&fence_of(fence));
    }
    Ok(())
}

/// Says whether files of this scope are under construction or wait for their commit.
pub(super) fn has_leftovers(root: &Path, scope: &str) -> bool {
    match leftovers(&root.join(INFLIGHT)) {
        Ok(found) => found.iter().any(|leftover| leftover.scope == scope),
        Err(_) => true,
    }
}

/// Names a file under construction, without the ending that gives its state.
pub(super) fn inflight_stem(scope: &str, generation: u64, number: u64) -> String {
    format!("{scope}.{generation}.{number}")
}

struct Leftover {
    path: PathBuf,
    scope: String,
    generation: u64,
    state: &'static str,
}

fn leftovers(directory: &Path) -> Result<Vec<Leftover>> {
    let leftover = |name: String| -> Option<Leftover> {
        let mut parts = name.rsplitn(4, '.');
        let state = parts.next()?;
        let state = [OPEN, READY].into_iter().find(|known| *known == state)?;
        let _number: u64 = parts.next()?.parse().ok()?;
        Some(Leftover {
            path: directory.join(&name),
            generation: parts.next()?.parse().ok()?,
            scope: parts.next()?.to_owned(),
            state,
        })
    };
    Ok(names(directory)?.into_iter().filter_map(leftover).collect())
}

/// Lists the scopes that have a fence.
fn fences(directory: &Path) -> Result<Vec<String>> {
    let scope = |name: String| {
        let (scope, ending) = name.rsplit_once('.')?;
        (ending == FENCE).then(|| scope.to_owned())
    };
    Ok(names(directory)?.into_iter().filter_map(scope).collect())
}

fn names(directory: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|cause| failed(cause, "list directory", directory))?,
    };
    let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
    Ok(entries.flatten().filter_map(name).collect())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(failed(cause, "remove an unfinished file", path))
        }
        _ => Ok(()),
    }
}
