//! Files as the running system sees them, and as the disk holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use velo_core::Result;

use crate::data::Random;

/// A file or a directory.
#[derive(Debug, Clone, Default)]
struct Inode {
    directory: bool,
    /// What the running system reads.
    seen: Vec<u8>,
    /// What was flushed.
    flushed: Vec<u8>,
}

/// What a loss of power leaves of a file; a directory has no bytes.
pub(super) struct Survivor {
    pub(super) name: PathBuf,
    pub(super) inode: usize,
    pub(super) bytes: Option<Vec<u8>>,
}

/// Names that come or go at once, in one directory or two.
#[derive(Debug, Clone)]
struct Change {
    names: Vec<(PathBuf, Option<usize>)>,
}

impl Change {
    fn directories(&self) -> impl Iterator<Item = &Path> {
        self.names.iter().filter_map(|(name, _)| name.parent())
    }
}

/// All files below some directories.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    inodes: Vec<Inode>,
    /// Names as the running system sees them.
    seen: BTreeMap<PathBuf, usize>,
    /// Names that were flushed.
    flushed: BTreeMap<PathBuf, usize>,
    /// Changes of names that were not, in their order.
    changes: Vec<Change>,
}

impl Disk {
    /// Takes up everything at and below a path, as flushed.
    pub(super) fn take_up(&mut self, path: &Path) -> Result<()> {
        let directory = std::fs::metadata(path)?.is_dir();
        let bytes = if directory {
            Vec::new()
        } else {
            std::fs::read(path)?
        };
        self.inodes.push(Inode {
            directory,
            seen: bytes.clone(),
            flushed: bytes,
        });
        let inode = self.inodes.len() - 1;
        self.seen.insert(path.to_owned(), inode);
        self.flushed.insert(path.to_owned(), inode);
        if directory {
            for entry in std::fs::read_dir(path)? {
                self.take_up(&entry?.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn find(&self, path: &Path) -> Option<usize> {
        self.seen.get(path).copied()
    }

    pub(super) fn create(&mut self, path: PathBuf, directory: bool) -> usize {
        self.inodes.push(Inode {
            directory,
            ..Inode::default()
        });
        let inode = self.inodes.len() - 1;
        self.change(vec![(path, Some(inode))]);
        inode
    }

    pub(super) fn link(&mut self, path: PathBuf, inode: usize) {
        self.change(vec![(path, Some(inode))]);
    }

    pub(super) fn remove(&mut self, path: PathBuf) {
        self.change(vec![(path, None)]);
    }

    /// Renames a file; directories are not renamed by what is tested here.
    pub(super) fn rename(&mut self, from: PathBuf, to: PathBuf) -> Option<()> {
        let inode = self.find(&from).filter(|it| !self.inodes[*it].directory)?;
        self.change(vec![(from, None), (to, Some(inode))]);
        Some(())
    }

    fn change(&mut self, names: Vec<(PathBuf, Option<usize>)>) {
        let change = Change { names };
        change.apply(&mut self.seen);
        self.changes.push(change);
    }

    pub(super) fn length(&self, inode: usize) -> u64 {
        self.inodes[inode].seen.len() as u64
    }

    pub(super) fn write(&mut self, inode: usize, at: u64, bytes: &[u8]) {
        let seen = &mut self.inodes[inode].seen;
        let (at, end) = (at as usize, at as usize + bytes.len());
        if seen.len() < end {
            seen.resize(end, 0);
        }
        seen[at..end].copy_from_slice(bytes);
    }

    pub(super) fn resize(&mut self, inode: usize, length: u64) {
        self.inodes[inode].seen.resize(length as usize, 0);
    }

    /// Flushes a file's bytes, or a directory's names.
    pub(super) fn flush(&mut self, inode: usize) {
        let file = &mut self.inodes[inode];
        if !file.directory {
            file.flushed.clone_from(&file.seen);
            return;
        }
        let path = self.seen.iter().find(|(_, it)| **it == inode);
        let Some(path) = path.map(|(path, _)| path.clone()) else {
            return;
        };
        let touches = |change: &Change| change.directories().any(|it| it == path);
        let chosen = self.changes.iter().map(touches).collect();
        let chosen = self.with_what_came_before(chosen);
        let mut kept = Vec::new();
        for (change, chosen) in std::mem::take(&mut self.changes).into_iter().zip(chosen) {
            match chosen {
                true => change.apply(&mut self.flushed),
                false => kept.push(change),
            }
        }
        self.changes = kept;
    }

    /// A change is on the disk only with those before it in the same directories.
    fn with_what_came_before(&self, mut chosen: Vec<bool>) -> Vec<bool> {
        let mut needed = BTreeSet::new();
        for (change, chosen) in self.changes.iter().zip(&mut chosen).rev() {
            if *chosen || change.directories().any(|it| needed.contains(it)) {
                *chosen = true;
                needed.extend(change.directories());
            }
        }
        chosen
    }

    /// Where each file stands.
    pub(super) fn names(&self) -> BTreeMap<usize, PathBuf> {
        let names = self.seen.iter();
        names.map(|(name, inode)| (*inode, name.clone())).collect()
    }

    /// The files that a loss of power leaves: what was flushed, and of the rest what chance has
    /// written already.
    pub(super) fn survivors(&self, random: &mut Random) -> Vec<Survivor> {
        let mut names = self.flushed.clone();
        let chosen = self.with_what_came_before(self.lucky(random));
        for (change, chosen) in self.changes.iter().zip(chosen) {
            if chosen {
                change.apply(&mut names);
            }
        }
        let mut contents: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        let mut files = Vec::new();
        let mut directories = BTreeSet::new();
        let first = names
            .keys()
            .next()
            .and_then(|it| it.parent())
            .map(Path::to_owned);
        directories.extend(first);
        // Sorted by name, so that a directory comes before what is in it.
        for (name, inode) in names {
            // Without its directory nobody finds it.
            if !name.parent().is_some_and(|it| directories.contains(it)) {
                continue;
            }
            let file = &self.inodes[inode];
            if file.directory {
                directories.insert(name.clone());
                files.push(Survivor {
                    name,
                    inode,
                    bytes: None,
                });
                continue;
            }
            let bytes = contents
                .entry(inode)
                .or_insert_with(|| file.survivor(random));
            files.push(Survivor {
                name,
                inode,
                bytes: Some(bytes.clone()),
            });
        }
        files
    }

    /// Changes that chance has written: of each directory none, all, or those up to one.
    fn lucky(&self, random: &mut Random) -> Vec<bool> {
        let mut fates = BTreeMap::new();
        for change in &self.changes {
            for directory in change.directories() {
                *fates.entry(directory.to_owned()).or_insert(0) += 1;
            }
        }
        for count in fates.values_mut() {
            *count = match random.below(4) {
                0 => *count,
                1 => random.below(*count + 1),
                _ => 0,
            };
        }
        let lucky = self.changes.iter().map(|change| {
            let mut directories = change.directories();
            let left = directories.next().and_then(|it| fates.get_mut(it));
            left.is_some_and(|left| {
                let lucky = *left > 0;
                *left = left.saturating_sub(1);
                lucky
            })
        });
        lucky.collect()
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        for (name, inode) in &self.names {
            match inode {
                Some(inode) => names.insert(name.clone(), *inode),
                None => names.remove(name),
            };
        }
    }
}

impl Inode {
    /// What was flushed, or all, or all up to a byte with what the disk held before behind it, or
    /// with nothing but noughts.
    fn survivor(&self, random: &mut Random) -> Vec<u8> {
        let (seen, flushed) = (&self.seen, &self.flushed);
        if seen == flushed {
            return seen.clone();
        }
        match random.below(6) {
            0 => seen.clone(),
            1 => {
                let cut = random.below(seen.len() + 1);
                let mut bytes = seen[..cut].to_vec();
                bytes.extend(flushed.iter().skip(cut));
                bytes
            }
            2 => {
                let mut bytes = flushed.clone();
                bytes.resize(seen.len().max(flushed.len()), 0);
                bytes
            }
            _ => flushed.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (Disk, usize) {
        let mut disk = Disk::default();
        disk.inodes.push(Inode {
            directory: true,
            ..Inode::default()
        });
        disk.seen.insert("/d".into(), 0);
        disk.flushed.insert("/d".into(), 0);
        (disk, 0)
    }

    /// What may be found under a name over many losses: lengths, -1 for nothing.
    fn possible(disk: &Disk, name: &str) -> BTreeSet<i64> {
        let mut found = BTreeSet::new();
        for seed in 0..200 {
            let files = disk.survivors(&mut Random::new(seed));
            let file = files.iter().find(|it| it.name == Path::new(name));
            let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len) as i64;
            found.insert(file.map_or(-1, |it| length(&it.bytes)));
        }
        found
    }

    #[test]
    fn what_was_flushed_is_there_and_the_rest_may_be() {
        let (mut disk, directory) = disk();
        let file = disk.create("/d/new".into(), false);
        disk.write(file, 0, b"abc");
        assert!(possible(&disk, "/d/new").is_superset(&[-1, 0, 3].into()));
        disk.flush(file);
        assert_eq!(possible(&disk, "/d/new"), [-1, 3].into());
        disk.flush(directory);
        assert_eq!(possible(&disk, "/d/new"), [3].into());
        disk.rename("/d/new".into(), "/d/old".into());
        // Either name, never both, never none.
        for seed in 0..50 {
            assert_eq!(disk.survivors(&mut Random::new(seed)).len(), 2);
        }
        disk.flush(directory);
        assert_eq!(possible(&disk, "/d/old"), [3].into());
        disk.write(file, 3, b"def");
        disk.remove("/d/old".into());
        assert!(possible(&disk, "/d/old").is_superset(&[-1, 3, 6].into()));
    }

    #[test]
    fn a_rename_between_directories_takes_what_came_before_along() {
        let (mut disk, _) = disk();
        let there = disk.create("/d/there".into(), true);
        let file = disk.create("/d/new".into(), false);
        disk.flush(file);
        disk.rename("/d/new".into(), "/d/there/new".into());
        disk.flush(there);
        assert_eq!(possible(&disk, "/d/new"), [-1].into());
        assert_eq!(possible(&disk, "/d/there/new"), [0].into());
    }
}
