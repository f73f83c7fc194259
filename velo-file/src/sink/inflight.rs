//! Files under construction: hidden until they are whole, gone if they never get there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Advice, Gid, Mode, Uid};
use velo_core::Result;

use super::destination::Old;
use super::failure::failed;

/// The directory for files under construction, beside the finished ones: renaming stays within
/// one file system.
pub(super) const INFLIGHT: &str = ".velo-inflight";

/// How a file's name ends while it is written.
pub(super) const OPEN: &str = "open";

/// How a file's name ends when it is whole and waits for its commit.
pub(super) const READY: &str = "ready";

/// How a file's name ends from its first checkpoint on. It keeps that name until it is shown, so
/// that a run which goes back to an earlier checkpoint finds it; only a recovery removes it.
pub(super) const KEPT: &str = "kept";

/// Bytes after which the kernel is asked to start writing to the disk.
const WRITE_BACK: u64 = 8 << 20;

/// Bytes at either end of a file that its mark is made from.
const MARKED: u64 = 64 << 10;

/// A file that is being written; dropping it removes it unless a checkpoint may know it.
pub(super) struct InflightFile {
    file: Arc<File>,
    path: PathBuf,
    failure: Failure,
    /// Where this run's bytes begin.
    start: u64,
    /// A checkpoint may know it.
    kept: bool,
}

/// What a file is as far as it is durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) length: u64,
    pub(super) mark: u64,
}

/// The first failure of writing, kept because formats wrap it.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    /// Gives what the operating system said, once.
    pub(super) fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, cause: &io::Error) {
        let copy = match cause.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => cause.kind().into(),
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_or_insert(copy);
    }
}

/// A writer whose first failure is kept.
pub(super) struct Watched<W> {
    out: W,
    failure: Failure,
}

impl<W: Write> Watched<W> {
    pub(super) fn new(out: W, failure: Failure) -> Self {
        Self { out, failure }
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        written.inspect_err(|cause| {
            if cause.kind() != io::ErrorKind::Interrupted {
                self.failure.keep(cause);
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out
            .flush()
            .inspect_err(|cause| self.failure.keep(cause))
    }
}

/// A file that is whole and not yet visible; dropping it removes it unless it is kept.
pub(super) struct Finished {
    pub(super) extent: Extent,
    path: PathBuf,
    kept: bool,
}

impl Finished {
    /// Describes a file that a checkpoint knows.
    pub(super) fn known(path: PathBuf, extent: Extent) -> Self {
        Self {
            extent,
            path,
            kept: true,
        }
    }

    /// Leaves the file to the commit; gives its name among those under construction.
    pub(super) fn keep(mut self) -> String {
        self.kept = true;
        name(&self.path)
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl InflightFile {
    /// Creates `<directory>/<stem>.open`.
    pub(super) fn create(directory: &Path, stem: &str, old: Option<Old>) -> Result<Self> {
        let path = directory.join(format!("{stem}.{OPEN}"));
        let mode = if old.is_some() { 0o600 } else { 0o666 };
        let mut options = OpenOptions::new();
        let created = options
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path);
        let file = created.map_err(|cause| failed(cause, "create file", &path))?;
        if let Some(old) = old {
            adopt(&file, old).map_err(|cause| failed(cause, "set permissions", &path))?;
        }
        Ok(Self {
            file: Arc::new(file),
            path,
            failure: Failure::default(),
            start: 0,
            kept: false,
        })
    }

    /// Goes on with a file that is never removed, behind so many of its bytes.
    pub(super) fn go_on(file: File, path: PathBuf, start: u64) -> Result<Self> {
        let placed = (&file).seek(SeekFrom::Start(start));
        placed.map_err(|cause| failed(cause, "open file", &path))?;
        Ok(Self {
            file: Arc::new(file),
            path,
            failure: Failure::default(),
            start,
            kept: true,
        })
    }

    /// Gives the end that a format writes into.
    pub(super) fn writer(&self, sync: bool) -> Box<dyn Write + Send> {
        let out = WriteBack {
            file: self.file.clone(),
            early: sync,
            written: self.start,
            started: self.start,
        };
        Box::new(Watched::new(out, self.failure.clone()))
    }

    /// Gives the place where failures of writing are kept.
    pub(super) fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Gives where this run's bytes begin.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives its name in its directory.
    pub(super) fn name(&self) -> String {
        name(&self.path)
    }

    /// Takes the place of another file.
    pub(super) fn replace(mut self, path: &Path) -> Result<()> {
        let renamed = fs::rename(&self.path, path);
        renamed.map_err(|cause| failed(cause, "replace file", path))?;
        self.kept = true;
        Ok(())
    }

    /// Makes what is written durable; from then on the file outlives this run.
    ///
    /// The caller flushes the directory, once.
    pub(super) fn cut(&mut self, sync: bool) -> Result<Extent> {
        let mut cut = || -> io::Result<Extent> {
            if sync {
                self.file.sync_data()?;
            }
            let extent = extent(&self.file)?;
            if !self.kept {
                let path = self.path.with_extension(KEPT);
                fs::rename(&self.path, &path)?;
                (self.path, self.kept) = (path, true);
            }
            Ok(extent)
        };
        cut().map_err(|cause| failed(cause, "flush file", &self.path))
    }

    /// Makes the file durable and marks it as whole.
    ///
    /// The caller flushes the directory.
    pub(super) fn finish(mut self, sync: bool) -> Result<Finished> {
        let finish = || -> io::Result<Finished> {
            if sync {
                self.file.sync_all()?;
            }
            let extent = extent(&self.file)?;
            if self.kept {
                return Ok(Finished::known(self.path.clone(), extent));
            }
            let path = self.path.with_extension(READY);
            fs::rename(&self.path, &path)?;
            Ok(Finished {
                extent,
                path,
                kept: false,
            })
        };
        let finished = finish().map_err(|cause| failed(cause, "finish file", &self.path))?;
        self.kept = true;
        Ok(finished)
    }
}

impl Drop for InflightFile {
    fn drop(&mut self) {
        if !self.kept {
            // The next recovery removes it if this fails.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Takes over permissions, and the owner where the system lets us.
fn adopt(file: &File, old: Old) -> io::Result<()> {
    let is = file.metadata()?;
    if (is.uid(), is.gid()) != (old.owner, old.group) {
        let (owner, group) = (Uid::from_raw(old.owner), Gid::from_raw(old.group));
        let _ = rustix::fs::fchown(file, Some(owner), Some(group));
    }
    Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(old.mode))?)
}

/// A file whose bytes start on their way to the disk early, so that the last flush is short.
struct WriteBack {
    file: Arc<File>,
    early: bool,
    written: u64,
    started: u64,
}

impl WriteBack {
    /// Asks the kernel to start writing what is dirty.
    ///
    /// `POSIX_FADV_DONTNEED` starts write-back of the range without waiting for it; the pages are
    /// dirty then, so they stay in the cache.
    fn start(&mut self) {
        let length = NonZeroU64::new(self.written - self.started);
        let _ = rustix::fs::fadvise(&*self.file, self.started, length, Advice::DontNeed);
        self.started = self.written;
    }
}

impl Write for WriteBack {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = (&*self.file).write(bytes)?;
        self.written += count as u64;
        if self.early && self.written - self.started >= WRITE_BACK {
            self.start();
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a number of a file's ends.
///
/// A rename is atomic and comes after the flush, so recovery need not ask whether the bytes are
/// whole, only whether this is the file that was prepared. Length and both ends tell that without
/// reading the file again: a Parquet file ends in its index, and a text file has the rows that
/// it was cut at.
pub(super) fn mark(file: &File, length: u64) -> io::Result<u64> {
    let head = MARKED.min(length);
    let tail = length.saturating_sub(MARKED).max(head);
    let mut ends = vec![0; usize::try_from(head + length - tail).unwrap_or_default()];
    let (first, last) = ends.split_at_mut(usize::try_from(head).unwrap_or_default());
    file.read_exact_at(first, 0)?;
    file.read_exact_at(last, tail)?;
    Ok(fnv(&ends))
}

fn extent(file: &File) -> io::Result<Extent> {
    let length = file.metadata()?.len();
    let mark = mark(file, length)?;
    Ok(Extent { length, mark })
}

/// Hashes bytes (64-bit FNV-1a), the same in every version of velo.
pub(super) fn fnv(bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(start, step)
}

/// Flushes the entries of a directory.
pub(super) fn sync_directory(directory: &Path) -> Result<()> {
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let synced = File::open(directory).and_then(|open| open.sync_all());
    synced.map_err(|cause| failed(cause, "flush directory", directory))
}
