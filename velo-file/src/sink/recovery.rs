//! Taking over from earlier runs: what they committed is shown, what they left open goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use velo_core::{Commit, Error, ErrorKind, Result};

use super::Settings;
use super::append;
use super::claim::Claim;
use super::destination::{Kind, Old};
use super::failure::failed;
use super::inflight::{Extent, INFLIGHT, InflightFile, mark};
use super::leftovers::{discard, inflight_stem};
use super::parts::{CutFile, Place, PreparedFiles};
use super::publish::publish;

/// Does what `recover` promises, the same again if it is called again. The caller holds the
/// directory; `alone` says that nobody else can write to the files of this scope.
pub(super) fn recover(
    settings: &Settings,
    claim: &Claim,
    pending: Option<&Commit>,
    alone: bool,
) -> Result<()> {
    let (root, sync) = (&claim.destination.root, settings.options.sync);
    let mut open = Vec::new();
    if let Some(pending) = pending {
        let parts = PreparedFiles::of(pending)?;
        let shown = publish(claim, &parts, pending.epoch, sync);
        shown.map_err(|unshown| unshown.into_error(ErrorKind::StateLost))?;
        claim.learn(&parts);
        open = open_files(parts);
    }
    let appends = claim.destination.appends(&settings.options);
    let mut named = BTreeSet::new();
    for cut in &open {
        let Place::Hidden { inflight } = &cut.place else {
            continue;
        };
        if appends {
            return Err(changed(claim));
        }
        let path = root.join(INFLIGHT).join(inflight);
        take_up(settings, claim, cut, &path, alone)?;
        named.insert(inflight.clone());
    }
    if matches!(claim.destination.kind, Kind::File { .. }) {
        let shown = append::recover(settings, claim, &open)?;
        open.retain(|cut| !cut.is_shown());
        if let Some((cut, notes)) = shown {
            if !appends {
                return Err(changed(claim));
            }
            open.push(cut);
            named.extend(notes);
        }
    }
    discard(root, &claim.scope, &named)?;
    claim.rest(pending.map_or(0, |pending| pending.epoch), open);
    Ok(())
}

/// Gives the files that go on: as the last part says that knows them, unless it shows them.
fn open_files(parts: Vec<PreparedFiles>) -> Vec<CutFile> {
    let mut open = BTreeMap::new();
    for part in parts {
        for file in part.files {
            open.remove(&Some(file.inflight));
        }
        for cut in part.open {
            let name = match &cut.place {
                Place::Hidden { inflight } => Some(inflight.clone()),
                Place::Shown(_) => None,
            };
            open.insert(name, cut);
        }
    }
    open.into_values().collect()
}

/// Makes sure that a file has what was committed, and that nobody else writes to it.
fn take_up(
    settings: &Settings,
    claim: &Claim,
    cut: &CutFile,
    path: &Path,
    alone: bool,
) -> Result<()> {
    let file = match File::open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(lost(path, "open file is gone"));
        }
        other => other.map_err(|cause| failed(cause, "open file", path))?,
    };
    let looked = holds(&file, cut.extent());
    if !looked.map_err(|cause| failed(cause, "look at the open file", path))? {
        return Err(lost(path, "open file has other bytes than were committed"));
    }
    if alone {
        // What stands behind the cut goes when the file is opened to go on.
        return Ok(());
    }
    let old = match claim.destination.kind {
        Kind::File { old, .. } => old,
        _ => None,
    };
    move_away(settings, claim, old, &Moved { file, path, cut })
}

/// A file that somebody else may still write to.
struct Moved<'a> {
    file: File,
    path: &'a Path,
    cut: &'a CutFile,
}

/// Puts a copy into a file's place, so that a run that does not know yet that it was overtaken
/// writes where nobody looks.
fn move_away(
    settings: &Settings,
    claim: &Claim,
    old: Option<Old>,
    moved: &Moved<'_>,
) -> Result<()> {
    let number = claim.begun.fetch_add(1, Ordering::Relaxed);
    let stem = inflight_stem(&claim.scope, claim.identity.generation, number);
    let copy = InflightFile::create(&claim.inflight(), &stem, old)?;
    let length = moved.cut.length;
    let copied = || -> io::Result<()> {
        let count = io::copy(&mut (&moved.file).take(length), &mut copy.file())?;
        if count < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if settings.options.sync {
            copy.file().sync_all()?;
        }
        Ok(())
    };
    copied().map_err(|cause| failed(cause, "copy file", moved.path))?;
    copy.replace(moved.path)
}

/// Says whether a file has what it had when it was cut, whatever it has besides.
pub(super) fn holds(file: &File, extent: Extent) -> io::Result<bool> {
    let Extent { length, mark: is } = extent;
    Ok(file.metadata()?.len() >= length && mark(file, length)? == is)
}

pub(super) fn lost(path: impl Into<PathBuf>, what: &'static str) -> Error {
    Error::new(ErrorKind::StateLost, what)
        .with("file", path.into().display())
        .with("state", "STATE_LOST")
        .with_hint("bring it back as it was, or start over without the checkpoint")
}

fn changed(claim: &Claim) -> Error {
    Error::new(
        ErrorKind::Config,
        "the file was begun with another if_exists",
    )
    .with("file", claim.destination.shown())
    .with_hint("go on with the one of before, or start over without the checkpoint")
}
