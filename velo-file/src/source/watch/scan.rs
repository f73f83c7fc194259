//! Which files are there now: those that are watched, and those that they were rotated to.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirEntryExt, OpenOptionsExt};

use velo_core::Result;
use velo_format::Format;

use super::member::Identity;
use super::names::Names;
use crate::config::path::PathPattern;
use crate::error;
use crate::source::Settings;
use crate::source::file::{modified, regular};
use crate::source::listing::{self, join, shown};

/// A file as a scan found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) identity: Identity,
    pub(super) size: u64,
    /// Nanoseconds since 1970.
    pub(super) modified: i64,
    /// It is not watched by its own name.
    pub(super) rotated: bool,
}

impl Seen {
    fn new(path: String, metadata: &Metadata, rotated: bool) -> Self {
        Self {
            path,
            identity: Identity::of(metadata),
            size: metadata.len(),
            modified: modified(metadata),
            rotated,
        }
    }

    /// Looks at one path; `None` if there is no regular file.
    pub(super) fn at(path: &str, rotated: bool) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let regular = metadata.is_file();
        regular.then(|| Self::new(path.to_owned(), &metadata, rotated))
    }
}

/// What is scanned.
pub(super) struct Scope<'s> {
    pub(super) pattern: &'s PathPattern,
    pub(super) tail: bool,
    pub(super) settings: &'s Settings,
    pub(super) format: Option<Format>,
    pub(super) names: &'s Names,
}

impl Scope<'_> {
    /// Finds every file, rotated ones in the order of their making and before the others.
    ///
    /// `known` are names that files had before, of which rotated ones may be left alone.
    pub(super) fn look<'k>(&self, known: impl Iterator<Item = &'k str>) -> Result<Vec<Seen>> {
        let mut seen = if self.tail {
            self.single()?
        } else {
            self.several()?
        };
        let mut mains: HashSet<&str> = known.collect();
        let plain = self.pattern.plain.as_str();
        if self.tail {
            mains.insert(plain);
        }
        let found: Vec<String> = seen.iter().map(|seen| seen.path.clone()).collect();
        mains.extend(found.iter().map(String::as_str));
        self.rotated(&mains, &mut seen);
        seen.sort_by(|one, other| {
            let key = |seen: &Seen| (!seen.rotated, seen.modified * i64::from(seen.rotated));
            let names = || match one.rotated {
                // Of app.log.10 and app.log.2 the first is older.
                true => counted(&other.path).cmp(&counted(&one.path)),
                false => one.path.cmp(&other.path),
            };
            key(one).cmp(&key(other)).then_with(names)
        });
        // Of several names of a file the one that is watched counts, and that comes last.
        let mut numbers = HashSet::new();
        seen.reverse();
        seen.retain(|seen| numbers.insert(seen.identity.number()));
        seen.reverse();
        Ok(seen)
    }

    /// Says whether a path may be one that a scan would find.
    pub(super) fn concerns(&self, path: &str) -> bool {
        let main = self.pattern.plain.as_str();
        !self.tail || path == main || self.names.is_rotated(parts(path).1, parts(main).1)
    }

    fn single(&self) -> Result<Vec<Seen>> {
        let plain = &self.pattern.plain;
        let metadata = match fs::metadata(plain) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error::on_file(plain, error)),
        };
        regular(plain, &metadata)?;
        let link = fs::symlink_metadata(plain).is_ok_and(|itself| itself.is_symlink());
        // Behind a link that is switched the old file keeps its own name.
        let target = fs::canonicalize(plain).ok().filter(|_| link);
        let target = target.and_then(|target| target.to_str().map(str::to_owned));
        let path = target.unwrap_or_else(|| plain.clone());
        Ok(vec![Seen::new(path, &metadata, false)])
    }

    fn several(&self) -> Result<Vec<Seen>> {
        let found = listing::watched(self.pattern, &self.settings.options, self.format)?;
        let seen = found
            .iter()
            .filter_map(|found| Seen::at(&found.path, false));
        Ok(seen.collect())
    }

    /// Adds files that watched ones may have been rotated to.
    fn rotated(&self, mains: &HashSet<&str>, seen: &mut Vec<Seen>) {
        let have: HashSet<String> = seen.iter().map(|seen| seen.path.clone()).collect();
        let directories: BTreeSet<&str> = mains.iter().map(|main| parts(main).0).collect();
        for directory in directories {
            for name in names_in(directory) {
                let path = join(directory, &name);
                let related = !have.contains(&path) && self.is_rotated(directory, &name, mains);
                seen.extend(related.then(|| Seen::at(&path, true)).flatten());
            }
        }
    }

    fn is_rotated(&self, directory: &str, name: &str, mains: &HashSet<&str>) -> bool {
        match self.names.origins(name) {
            Some(origins) => origins
                .iter()
                .any(|origin| mains.contains(join(directory, origin).as_str())),
            None => self.names.is_rotated(name, ""),
        }
    }
}

fn names_in(directory: &str) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(shown(directory)).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

fn is_absent(error: &io::Error) -> bool {
    // ELOOP: a link that is being switched may lead to itself.
    const LOOP: i32 = 40;
    let kinds = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    kinds.contains(&error.kind()) || error.raw_os_error() == Some(LOOP)
}

/// Divides a path into its directory and its name.
pub(super) fn parts(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some(parts) => parts,
        None => ("", path),
    }
}

/// Makes numbers in names comparable: as long, then as written.
fn counted(path: &str) -> (usize, &str) {
    (path.len(), path)
}

/// Lists the inodes of a directory with their names.
pub(super) fn inodes_in(directory: &str) -> HashMap<u64, String> {
    let entries = fs::read_dir(shown(directory))
        .into_iter()
        .flatten()
        .flatten();
    let named =
        entries.filter_map(|entry| Some((entry.ino(), entry.file_name().into_string().ok()?)));
    named.collect()
}

/// Opens a file for reading; a FIFO that took its name is not waited for.
pub(super) fn open(path: &str) -> io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
}
