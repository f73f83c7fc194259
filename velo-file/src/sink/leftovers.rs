//! What is left among the files under construction, and whose it is.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use velo_core::Result;

use super::failure::failed;
use super::fence::{FENCE, is_dead, remove_dead};
use super::inflight::{INFLIGHT, KEPT, OPEN, READY};
use super::name::file_of;

/// How the name of a note ends that says where a run has begun to append.
pub(super) const NOTE: &str = "append";

/// How a note's name ends when a checkpoint knows more than it.
pub(super) const KEPT_NOTE: &str = "appended";

const STATES: [&str; 5] = [OPEN, KEPT, READY, NOTE, KEPT_NOTE];

pub(super) struct Leftover {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) scope: String,
    pub(super) generation: u64,
    pub(super) number: u64,
    pub(super) state: &'static str,
}

impl Leftover {
    /// Says whether it tells where somebody has begun to append.
    pub(super) fn is_note(&self) -> bool {
        [NOTE, KEPT_NOTE].contains(&self.state)
    }
}

/// Names a file under construction, without the ending that gives its state.
pub(super) fn inflight_stem(scope: &str, generation: u64, number: u64) -> String {
    format!("{scope}.{generation}.{number}")
}

/// Removes what earlier runs of this scope left and no checkpoint names, and what dead runs of
/// others never finished. What others have prepared is theirs to recover, unless it is the same
/// single file: this run replaces it anyway. The caller holds the directory.
pub(super) fn discard(root: &Path, scope: &str, named: &BTreeSet<String>) -> Result<()> {
    let directory = root.join(INFLIGHT);
    let fence_of = |scope: &str| directory.join(format!("{scope}.{FENCE}"));
    for leftover in leftovers(&directory)? {
        let stale = if leftover.scope == scope {
            !named.contains(&leftover.name)
        } else {
            let may_go = match leftover.state {
                OPEN => true,
                READY | NOTE => same_file(scope, &leftover.scope),
                _ => false,
            };
            may_go && is_dead(&fence_of(&leftover.scope))
        };
        if stale {
            remove(&leftover.path)?;
        }
    }
    let left = leftovers(&directory)?;
    let has_left = |of: &str| of == scope || left.iter().any(|leftover| leftover.scope == of);
    for fence in fences(&directory)?.iter().filter(|fence| !has_left(fence)) {
        let path = fence_of(fence);
        // What a run of another name remembers of this single file is over: it is replaced now.
        if same_file(scope, fence) && is_dead(&path) {
            remove(&path)?;
        } else {
            remove_dead(&path);
        }
    }
    Ok(())
}

/// Says whether two scopes are about the same single file.
pub(super) fn same_file(a: &str, b: &str) -> bool {
    file_of(a).is_some() && file_of(a) == file_of(b)
}

/// Says whether files of this scope are under construction or wait for their commit.
pub(super) fn has_leftovers(root: &Path, scope: &str) -> bool {
    match leftovers(&root.join(INFLIGHT)) {
        Ok(found) => found.iter().any(|leftover| leftover.scope == scope),
        Err(_) => true,
    }
}

/// Gives the lowest number that no file of this scope and generation has.
pub(super) fn next_number(directory: &Path, scope: &str, generation: u64) -> Result<u64> {
    let found = leftovers(directory)?.into_iter();
    let own = found.filter(|left| left.scope == scope && left.generation == generation);
    Ok(own.map(|left| left.number + 1).max().unwrap_or(0))
}

pub(super) fn leftovers(directory: &Path) -> Result<Vec<Leftover>> {
    let leftover = |name: String| -> Option<Leftover> {
        let mut parts = name.rsplitn(4, '.');
        let state = parts.next()?;
        let state = STATES.into_iter().find(|known| *known == state)?;
        let number = parts.next()?.parse().ok()?;
        let generation = parts.next()?.parse().ok()?;
        let scope = parts.next()?.to_owned();
        Some(Leftover {
            path: directory.join(&name),
            generation,
            scope,
            number,
            state,
            name,
        })
    };
    Ok(names(directory)?.into_iter().filter_map(leftover).collect())
}

/// Lists the scopes that have a fence.
pub(super) fn fences(directory: &Path) -> Result<Vec<String>> {
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

pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(failed(cause, "remove an unfinished file", path))
        }
        _ => Ok(()),
    }
}
