//! Who may commit here: the highest generation, remembered in a file.
//!
//! The fence file holds the highest generation that recovered. Every claim keeps the file open,
//! so that a run which was overtaken learns it from its own descriptor even after the overtaker
//! has tidied up; that is why a finished run may remove the file, and `velo copy` leaves nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use velo_core::{Error, ErrorKind, Identity, Result};

use super::failure::failed;

/// How a fence file's name ends.
const FENCE: &str = "fence";

/// Digits of a generation in the file.
const LENGTH: usize = 20;

/// The right of one generation to commit.
pub(super) struct Fence {
    path: PathBuf,
    file: File,
    identity: Identity,
}

/// Keeps every other generation out while it lives.
pub(super) struct Held {
    file: File,
}

impl Fence {
    /// Raises the fence to this generation.
    pub(super) fn raise(
        directory: &Path,
        scope: &str,
        identity: &Identity,
        sync: bool,
    ) -> Result<Self> {
        let path = directory.join(format!("{scope}.{FENCE}"));
        let raise = || -> io::Result<Result<File>> {
            let held = hold(&path, true)?;
            let highest = generation(&held.file)?;
            if highest > identity.generation {
                return Ok(Err(fenced(identity, highest)));
            }
            let text = format!("{:0LENGTH$}", identity.generation);
            held.file.write_all_at(text.as_bytes(), 0)?;
            if sync {
                held.file.sync_all()?;
            }
            Ok(Ok(held.file.try_clone()?))
        };
        let file = raise().map_err(|cause| failed(cause, "raise the fence", &path))??;
        Ok(Self {
            path,
            file,
            identity: identity.clone(),
        })
    }

    /// Makes sure that no higher generation has come, and keeps it out for a while.
    pub(super) fn hold(&self) -> Result<Option<Held>> {
        let check = || -> io::Result<(u64, Option<Held>)> {
            let own = generation(&self.file)?;
            match hold(&self.path, false) {
                Ok(held) => Ok((own.max(generation(&held.file)?), Some(held))),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok((own, None)),
                Err(cause) => Err(cause),
            }
        };
        let checked = check().map_err(|cause| failed(cause, "read the fence", &self.path));
        let (highest, held) = checked?;
        if highest > self.identity.generation {
            return Err(fenced(&self.identity, highest));
        }
        Ok(held)
    }

    /// Removes the fence unless somebody else has raised it.
    pub(super) fn lower(&self) {
        if let Ok(held) = hold(&self.path, false)
            && matches!(generation(&held.file), Ok(highest) if highest == self.identity.generation)
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens and locks the fence file that the path names at this moment.
fn hold(path: &Path, create: bool) -> io::Result<Held> {
    loop {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(path)?;
        file.lock()?;
        let same = |named: &fs::Metadata| -> io::Result<bool> {
            let open = file.metadata()?;
            Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
        };
        match fs::metadata(path) {
            Ok(named) if same(&named)? => return Ok(Held { file }),
            // Removed between the opening and the lock.
            Ok(_) => {}
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(cause),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A clone of the descriptor may live on, and would keep the lock.
        let _ = self.file.unlock();
    }
}

/// Reads the generation; a file that nobody has written yet stands for the lowest.
fn generation(file: &File) -> io::Result<u64> {
    if file.metadata()?.len() == 0 {
        return Ok(0);
    }
    let mut digits = [0; LENGTH];
    file.read_exact_at(&mut digits, 0)?;
    let number = str::from_utf8(&digits)
        .ok()
        .and_then(|text| text.parse().ok());
    number.ok_or_else(|| io::Error::other("fence file is damaged"))
}

/// Says that a higher generation has come.
pub(super) fn fenced(identity: &Identity, highest: u64) -> Error {
    Error::new(ErrorKind::Fenced, "a later run has taken over")
        .with("run", identity)
        .with("generation", highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raise(directory: &Path, generation: u64) -> Result<Fence> {
        Fence::raise(directory, "p=0", &Identity::new("p", 0, generation), false)
    }

    #[test]
    fn a_lower_generation_is_kept_out() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (
            raise(directory.path(), 1).unwrap(),
            raise(directory.path(), 2),
        );
        assert_eq!(first.hold().err().unwrap().kind(), ErrorKind::Fenced);
        assert!(second.unwrap().hold().unwrap().is_some());
        assert_eq!(
            raise(directory.path(), 1).err().unwrap().kind(),
            ErrorKind::Fenced
        );
    }

    #[test]
    fn one_that_was_overtaken_learns_it_after_the_fence_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let first = raise(directory.path(), 1).unwrap();
        raise(directory.path(), 2).unwrap().lower();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(first.hold().err().unwrap().kind(), ErrorKind::Fenced);
    }

    #[test]
    fn only_the_highest_lowers_the_fence() {
        let directory = tempfile::tempdir().unwrap();
        let first = raise(directory.path(), 1).unwrap();
        let second = raise(directory.path(), 2).unwrap();
        first.lower();
        assert!(second.hold().unwrap().is_some());
    }
}
