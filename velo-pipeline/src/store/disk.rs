//! Files and directories that last: written whole, flushed, and named only then.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use velo_core::{Error, ErrorKind, Result};

const UNFINISHED: &str = ".new";

/// Lists what is in a directory; one that is missing is empty.
pub(super) fn names(directory: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|cause| failed(cause, "list directory", directory))?,
    };
    let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
    Ok(entries.flatten().filter_map(name).collect())
}

/// Writes a file whole or not at all: beside its place, flushed, renamed, the directory flushed.
pub(super) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let beside = directory.join(format!("{name}{UNFINISHED}"));
    let write = || -> io::Result<()> {
        let _ = fs::remove_file(&beside);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    if let Err(cause) = write() {
        // Its pages may be lost for good after a failed flush, so it is never tried again.
        let _ = fs::remove_file(&beside);
        let full = cause.kind() == io::ErrorKind::StorageFull;
        let error = failed(cause, "write the checkpoint", &beside);
        return Err(if full { error.retryable() } else { error });
    }
    let show = || fs::rename(&beside, directory.join(name)).and_then(|()| sync(directory));
    show().map_err(|cause| failed(cause, "show the checkpoint", &beside))
}

/// Creates a directory with those above it, so that it lasts.
pub(super) fn create(directory: &Path) -> io::Result<()> {
    let mut missing = directory;
    while !missing.exists() {
        match missing.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => missing = parent,
            _ => break,
        }
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    // The entries of new directories have to last as well.
    for created in directory.ancestors() {
        sync(created)?;
        if created == missing {
            break;
        }
    }
    Ok(())
}

/// Flushes a directory.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    File::open(directory)?.sync_all()
}

/// Says what failed, and on which file.
pub(super) fn failed(cause: io::Error, doing: &'static str, path: &Path) -> Error {
    let kind = match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ErrorKind::PermissionDenied
        }
        _ => ErrorKind::Io,
    };
    Error::new(kind, doing)
        .with("file", path.display())
        .with_source(cause)
}
