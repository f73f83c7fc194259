//! From prepared files to visible ones, once, however often it is asked for.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use velo_core::{Error, ErrorKind, Result};

use super::claim::Claim;
use super::failure::failed;
use super::inflight::{INFLIGHT, mark, sync_directory};
use super::parts::{PreparedFile, PreparedFiles};

/// Shows every file of a commit, or none if one is lost; a second call finds them shown. The caller
/// holds the directory.
pub(super) fn publish(
    claim: &Claim,
    parts: &[PreparedFiles],
    epoch: u64,
    sync: bool,
) -> Result<(), Unshown> {
    let root = &claim.destination.root;
    let known = claim.epoch()?.is_some_and(|known| known >= epoch);
    let mut hidden = Vec::new();
    for prepared in parts {
        for file in &prepared.files {
            if is_hidden(root, file, known)? {
                hidden.push((file, prepared.replace));
            }
        }
    }
    if !parts.is_empty() {
        claim.note(epoch)?;
    }
    for (file, replace) in hidden {
        show(root, file, replace)?;
    }
    let mut directories = BTreeSet::new();
    for prepared in parts {
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

/// Why a commit shows nothing.
pub(super) enum Unshown {
    /// A file of it is gone.
    Lost(PathBuf),
    Failed(Error),
}

impl From<Error> for Unshown {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Unshown {
    /// Makes an error of it, of this kind where a file is gone.
    pub(super) fn into_error(self, lost: ErrorKind) -> Error {
        match self {
            Self::Lost(path) => Error::new(lost, "prepared file is lost")
                .with("file", path.display())
                .with("state", "STATE_LOST")
                .with_hint("rows of its epoch must be read again from an earlier position"),
            Self::Failed(error) => error,
        }
    }
}

/// Says whether a file is still to be shown.
///
/// The prepared file is asked first: as long as it is there, nothing was shown, whatever else
/// stands under its name. If it is gone, and the commit was `known` to have every file, somebody
/// has taken away what was shown.
fn is_hidden(root: &Path, file: &PreparedFile, known: bool) -> Result<bool, Unshown> {
    let hidden = root.join(INFLIGHT).join(&file.inflight);
    if is(&hidden, file)? {
        return Ok(true);
    }
    let to = root.join(&file.path);
    let taken = known && !hidden.exists();
    if taken || is(&to, file)? {
        return Ok(false);
    }
    Err(Unshown::Lost(to))
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
