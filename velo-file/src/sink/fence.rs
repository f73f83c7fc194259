//! Who may commit here: the highest generation, remembered in a file.
//!
//! The fence file holds the highest generation that recovered, and the highest epoch that was
//! committed. Every claim keeps the file open, so that a run which was overtaken learns it from its
//! own descriptor even after the overtaker has tidied up; that is why a finished run may remove the
//! file, and `velo copy` leaves nothing. A run with checkpoints leaves it: the next one is told of
//! a commit that it cannot see any more, because somebody has taken the files away.
//!
//! The shared lock on it says that somebody of this scope is alive. Whatever must not be done by
//! two at a time is done under the directory's own lock.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use velo_core::{Error, ErrorKind, Identity, Result};

use super::failure::failed;

/// How a fence file's name ends.
pub(super) const FENCE: &str = "fence";

/// The name of the directory's lock.
const LOCK: &str = "lock";

/// Digits of a number in the file.
const LENGTH: usize = 20;

/// Where the epoch stands, behind the generation and a space.
const EPOCH_AT: u64 = LENGTH as u64 + 1;

/// The right of one generation to commit.
pub(super) struct Fence {
    directory: PathBuf,
    path: PathBuf,
    file: File,
    identity: Identity,
    /// Nobody else of the scope lived when the fence was raised.
    pub(super) alone: bool,
}

/// Keeps everybody else out of a directory for files under construction while it lives.
pub(super) struct Held(#[expect(dead_code, reason = "closing it lets others in")] File);

impl Fence {
    /// Raises the fence to this generation; one that has to be the `sole` run of its scope leaves
    /// it alone while another lives.
    pub(super) fn raise(
        directory: &Path,
        scope: &str,
        identity: &Identity,
        sync: bool,
        sole: bool,
    ) -> Result<Self> {
        let path = directory.join(format!("{scope}.{FENCE}"));
        let raise = || -> io::Result<Result<(File, bool)>> {
            let _held = hold(directory, true)?;
            let file = open(&path, true)?;
            let highest = generation(&file)?;
            if highest > identity.generation {
                return Ok(Err(fenced(identity, highest)));
            }
            let alone = file.try_lock().is_ok();
            if sole && !alone && highest < identity.generation {
                return Ok(Err(busy().with("generation", highest)));
            }
            let epoch = epoch(&file)?.unwrap_or(0);
            let text = format!("{:0LENGTH$} {epoch:0LENGTH$}", identity.generation);
            file.write_all_at(text.as_bytes(), 0)?;
            if sync {
                file.sync_all()?;
            }
            // A lock is not changed into another; the directory's keeps everybody out meanwhile.
            file.unlock()?;
            file.lock_shared()?;
            Ok(Ok((file, alone)))
        };
        let (file, alone) = raise().map_err(|cause| failed(cause, "raise the fence", &path))??;
        Ok(Self {
            directory: directory.to_owned(),
            path,
            file,
            identity: identity.clone(),
            alone,
        })
    }

    /// Gives the highest epoch that was committed, where that is known.
    pub(super) fn epoch(&self) -> Result<Option<u64>> {
        epoch(&self.file).map_err(|cause| failed(cause, "read the fence", &self.path))
    }

    /// Notes that every file of an epoch was there before the first is shown: what is neither
    /// hidden nor shown from now on was taken away by somebody else. The caller holds the
    /// directory. Not flushed: after a power failure a note too few is an error too many.
    pub(super) fn note(&self, committed: u64) -> Result<()> {
        let note = || -> io::Result<()> {
            if epoch(&self.file)?.is_some_and(|known| known >= committed) {
                return Ok(());
            }
            let text = format!("{committed:0LENGTH$}");
            self.file.write_all_at(text.as_bytes(), EPOCH_AT)
        };
        note().map_err(|cause| failed(cause, "note the commit", &self.path))
    }

    /// Makes sure that no higher generation has come, and keeps everybody out for a while.
    pub(super) fn hold(&self) -> Result<Option<Held>> {
        let check = || -> io::Result<(u64, Option<Held>)> {
            let held = unless_missing(hold(&self.directory, false))?;
            let now = unless_missing(open(&self.path, false))?;
            let now = now.map_or(Ok(0), |file| generation(&file))?;
            Ok((generation(&self.file)?.max(now), held))
        };
        let checked = check().map_err(|cause| failed(cause, "read the fence", &self.path));
        let (highest, held) = checked?;
        if highest > self.identity.generation {
            return Err(fenced(&self.identity, highest));
        }
        Ok(held)
    }

    /// Removes the fence unless a higher generation has come; removes the directory if nothing
    /// else is in it. The caller holds the directory.
    pub(super) fn lower(&self, held: Held) {
        let own =
            |file: File| matches!(generation(&file), Ok(now) if now == self.identity.generation);
        if open(&self.path, false).is_ok_and(own) {
            let _ = fs::remove_file(&self.path);
        }
        remove_if_empty(&self.directory, held);
    }
}

/// Removes the fence of a scope that has nothing left and nothing to remember, if nobody of it
/// lives.
pub(super) fn remove_dead(path: &Path) {
    let remembers = |file: File| !matches!(epoch(&file), Ok(None));
    if is_dead(path) && !File::open(path).is_ok_and(remembers) {
        let _ = fs::remove_file(path);
    }
}

/// Says whether nobody of a scope lives.
pub(super) fn is_dead(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => file.try_lock().is_ok(),
        Err(cause) => cause.kind() == io::ErrorKind::NotFound,
    }
}

/// Removes the directory with its lock, if only that is left.
fn remove_if_empty(directory: &Path, held: Held) {
    let lock = directory.join(LOCK);
    let only_lock = |entries: fs::ReadDir| entries.flatten().all(|entry| entry.file_name() == LOCK);
    if fs::read_dir(directory).is_ok_and(only_lock) {
        let _ = fs::remove_file(lock);
        let _ = fs::remove_dir(directory);
    }
    drop(held);
}

/// Locks a directory, by the lock file that it has at this moment.
fn hold(directory: &Path, create: bool) -> io::Result<Held> {
    let path = directory.join(LOCK);
    loop {
        let file = open(&path, create)?;
        file.lock()?;
        let same = |named: &fs::Metadata| -> io::Result<bool> {
            let open = file.metadata()?;
            Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
        };
        // It may have been removed between the opening and the lock.
        if let Some(named) = unless_missing(fs::metadata(&path))?
            && same(&named)?
        {
            return Ok(Held(file));
        }
    }
}

fn open(path: &Path, create: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(create)
        .truncate(false)
        .open(path)
}

fn unless_missing<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
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

/// Reads the epoch; none where it was never noted, or where the note is damaged.
fn epoch(file: &File) -> io::Result<Option<u64>> {
    let mut digits = [0; LENGTH];
    match file.read_exact_at(&mut digits, EPOCH_AT) {
        Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let text = str::from_utf8(&digits).unwrap_or_default();
    Ok(text.parse().ok().filter(|epoch| *epoch > 0))
}

/// Says that somebody else is at work on a file which only one may append to.
pub(super) fn busy() -> Error {
    Error::new(ErrorKind::Fenced, "another run appends to the file")
        .with_hint("wait until it has ended, or stop it")
}

/// Says that a higher generation has come.
pub(super) fn fenced(identity: &Identity, highest: u64) -> Error {
    Error::new(ErrorKind::Fenced, "a later run has taken over")
        .with("run", identity)
        .with("generation", highest)
        .with_hint(format!(
            "if its state was removed, generations began anew: `velo state set FILE --force \
             --reset --generation {highest}` continues them"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raise(directory: &Path, generation: u64) -> Result<Fence> {
        Fence::raise(
            directory,
            "p=0",
            &Identity::new("p", 0, generation),
            false,
            false,
        )
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
        let second = raise(directory.path(), 2).unwrap();
        second.lower(second.hold().unwrap().unwrap());
        assert!(!directory.path().exists());
        assert_eq!(first.hold().err().unwrap().kind(), ErrorKind::Fenced);
    }

    #[test]
    fn only_the_highest_lowers_the_fence() {
        let directory = tempfile::tempdir().unwrap();
        let first = raise(directory.path(), 1).unwrap();
        let second = raise(directory.path(), 2).unwrap();
        first.lower(second.hold().unwrap().unwrap());
        assert!(second.hold().unwrap().is_some());
    }

    #[test]
    fn a_committed_epoch_is_remembered_by_the_next_generation() {
        let directory = tempfile::tempdir().unwrap();
        let first = raise(directory.path(), 1).unwrap();
        assert_eq!(first.epoch().unwrap(), None);
        for (note, known) in [(7, 7), (6, 7), (8, 8)] {
            first.note(note).unwrap();
            assert_eq!(first.epoch().unwrap(), Some(known));
        }
        let second = raise(directory.path(), 2).unwrap();
        assert_eq!(second.epoch().unwrap(), Some(8));
        let path = second.path.clone();
        drop((first, second));
        remove_dead(&path);
        assert!(path.exists());
        // A note that was torn by a power failure is none.
        fs::write(&path, format!("{:0LENGTH$} {}", 2, "\0".repeat(LENGTH))).unwrap();
        assert_eq!(raise(directory.path(), 3).unwrap().epoch().unwrap(), None);
    }

    #[test]
    fn a_sole_run_is_refused_while_another_lives() {
        let directory = tempfile::tempdir().unwrap();
        let sole = |generation| {
            let identity = Identity::new("p", 0, generation);
            Fence::raise(directory.path(), "p=0", &identity, false, true)
        };
        let first = sole(1).unwrap();
        assert!(first.alone);
        assert_eq!(sole(2).err().unwrap().kind(), ErrorKind::Fenced);
        assert!(!sole(1).unwrap().alone);
        assert!(
            first.hold().unwrap().is_some(),
            "one that was refused fences nobody"
        );
        drop(first);
        assert!(sole(2).unwrap().alone);
    }

    #[test]
    fn a_scope_lives_as_long_as_one_of_its_claims() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (raise(directory.path(), 1), raise(directory.path(), 2));
        let path = second.as_ref().unwrap().path.clone();
        drop(second);
        assert!(!is_dead(&path));
        drop(first);
        assert!(is_dead(&path));
    }
}
