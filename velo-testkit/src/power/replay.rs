//! Goes through recorded calls and keeps the disk as they leave it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use velo_core::{Error, ErrorKind, Result};

use super::disk::Disk;
use super::record::{annotated, divided, number, path, strings};
use crate::data::Random;
use crate::process::{Call, parse};

/// A file after a loss of power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    /// Where it stands.
    pub path: PathBuf,
    /// What it holds; `None` is a directory.
    pub bytes: Option<Vec<u8>>,
    /// Where the same file, by its inode, stood when the recorded run was over.
    pub later: Option<PathBuf>,
}

/// A recorded run, and the files that it began with.
#[derive(Debug)]
pub struct Recording {
    calls: Vec<Call>,
    start: Disk,
    places: Vec<PathBuf>,
}

/// An open file: dividing it by `dup` shares the position.
#[derive(Debug, Clone)]
struct Open {
    inode: usize,
    at: u64,
    append: bool,
}

struct Replay<'a> {
    disk: Disk,
    places: &'a [PathBuf],
    open: Vec<Open>,
    descriptors: HashMap<i64, usize>,
}

impl Recording {
    /// Takes up the files at and below some places of one directory; call it before the run.
    ///
    /// # Errors
    /// `Io` and its kin when they can't be read.
    ///
    /// ```
    /// use velo_testkit::power::Recording;
    /// assert!(Recording::begin(vec!["/no/such/place".into()]).is_err());
    /// ```
    pub fn begin(places: Vec<PathBuf>) -> Result<Self> {
        let mut start = Disk::default();
        for place in &places {
            start.take_up(place)?;
        }
        Ok(Self {
            calls: Vec::new(),
            start,
            places,
        })
    }

    /// Takes the log of the run, which strace has written with the contents of writes.
    ///
    /// # Errors
    /// `Unsupported` when a call changes these places in a way that can't be replayed.
    pub fn record(&mut self, log: &str) -> Result<()> {
        self.calls = parse(log);
        self.replay(self.calls.len()).map(|_| ())
    }

    /// The numbers of calls behind which something is on the disk, or is not, that was not, or was,
    /// before: those that change files or flush them.
    #[must_use]
    pub fn moments(&self) -> Vec<usize> {
        let names = self
            .places
            .iter()
            .map(|it| it.to_string_lossy().into_owned());
        let hexadecimal = |name: String| {
            name.bytes()
                .map(|byte| format!("\\x{byte:02x}"))
                .collect::<String>()
        };
        let names: Vec<String> = names.map(hexadecimal).collect();
        let ours = |call: &Call| names.iter().any(|name| call.arguments.contains(name));
        let changes = |call: &Call| !call.name.starts_with("open") && ours(call);
        let calls = self.calls.iter().enumerate();
        calls
            .filter(|(_, call)| changes(call))
            .map(|(at, _)| at + 1)
            .collect()
    }

    /// The files that are left when the power fails behind so many calls; the generator decides
    /// what of the unflushed ones is.
    ///
    /// # Errors
    /// As [`Recording::record`].
    pub fn survivors(&self, calls: usize, random: &mut Random) -> Result<Vec<Survivor>> {
        let later = self.replay(self.calls.len())?.names();
        let left = self.replay(calls)?.survivors(random).into_iter();
        let survivor = left.map(|it| Survivor {
            path: it.name,
            bytes: it.bytes,
            later: later.get(&it.inode).cloned(),
        });
        Ok(survivor.collect())
    }

    fn replay(&self, calls: usize) -> Result<Disk> {
        let mut replay = Replay {
            disk: self.start.clone(),
            places: &self.places,
            open: Vec::new(),
            descriptors: HashMap::new(),
        };
        for call in self.calls.iter().take(calls) {
            // What failed has changed nothing, and what never ended may have.
            if call.result.is_some_and(|result| result >= 0) && replay.apply(call).is_none() {
                return Err(Error::new(ErrorKind::Unsupported, "replay a recorded call")
                    .with("call", &call.name)
                    .with_hint("the power-loss model does not know it"));
            }
        }
        Ok(replay.disk)
    }
}

impl Replay<'_> {
    fn is_ours(&self, path: &Path) -> bool {
        self.places.iter().any(|place| path.starts_with(place))
    }

    /// `None` when the call changes our files in a way that is not known here.
    fn apply(&mut self, call: &Call) -> Option<()> {
        let result = call.result?;
        let arguments = divided(&call.arguments);
        let argument = |at: usize| arguments.get(at).copied();
        match call.name.as_str() {
            "open" | "creat" => self.opened(path(None, argument(0)?)?, &call.arguments, result),
            "openat" | "openat2" => {
                self.opened(path(argument(0), argument(1)?)?, &call.arguments, result)
            }
            "dup" | "dup2" | "dup3" | "fcntl" => self.divided(call, &arguments, result),
            "rename" => self.renamed(path(None, argument(0)?)?, path(None, argument(1)?)?),
            "renameat" | "renameat2" => self.renamed(
                path(argument(0), argument(1)?)?,
                path(argument(2), argument(3)?)?,
            ),
            "link" => self.linked(path(None, argument(0)?)?, path(None, argument(1)?)?),
            "linkat" => self.linked(
                path(argument(0), argument(1)?)?,
                path(argument(2), argument(3)?)?,
            ),
            "unlink" | "rmdir" => self.removed(path(None, argument(0)?)?),
            "unlinkat" => self.removed(path(argument(0), argument(1)?)?),
            "mkdir" => self.made(path(None, argument(0)?)?),
            "mkdirat" => self.made(path(argument(0), argument(1)?)?),
            _ => self.on_open_file(call, &arguments, result),
        }
    }

    fn opened(&mut self, path: PathBuf, flags: &str, descriptor: i64) -> Option<()> {
        self.descriptors.remove(&descriptor);
        if !self.is_ours(&path) {
            return Some(());
        }
        let inode = match self.disk.find(&path) {
            Some(inode) => inode,
            None => self.disk.create(path, false),
        };
        if flags.contains("O_TRUNC") {
            self.disk.resize(inode, 0);
        }
        self.open.push(Open {
            inode,
            at: 0,
            append: flags.contains("O_APPEND"),
        });
        self.descriptors.insert(descriptor, self.open.len() - 1);
        Some(())
    }

    fn divided(&mut self, call: &Call, arguments: &[&str], result: i64) -> Option<()> {
        if call.name == "fcntl" && !call.arguments.contains("F_DUPFD") {
            return Some(());
        }
        match self.descriptors.get(&number(arguments.first()?)?) {
            Some(open) => self.descriptors.insert(result, *open),
            None => self.descriptors.remove(&result),
        };
        Some(())
    }

    fn renamed(&mut self, from: PathBuf, to: PathBuf) -> Option<()> {
        match (self.is_ours(&from), self.is_ours(&to)) {
            (false, false) => Some(()),
            (true, true) => self.disk.rename(from, to),
            // Across the border of what is looked at.
            _ => None,
        }
    }

    fn linked(&mut self, from: PathBuf, to: PathBuf) -> Option<()> {
        if self.is_ours(&to) {
            let inode = self.disk.find(&from)?;
            self.disk.link(to, inode);
        }
        Some(())
    }

    fn removed(&mut self, path: PathBuf) -> Option<()> {
        if self.is_ours(&path) {
            self.disk.remove(path);
        }
        Some(())
    }

    fn made(&mut self, path: PathBuf) -> Option<()> {
        if self.is_ours(&path) {
            self.disk.create(path, true);
        }
        Some(())
    }

    fn on_open_file(&mut self, call: &Call, arguments: &[&str], result: i64) -> Option<()> {
        let first = arguments.first()?;
        // A number may stand for something else since it was closed, which is not recorded.
        if !annotated(first).is_some_and(|path| self.is_ours(&path)) {
            return Some(());
        }
        let at = *self.descriptors.get(&number(first)?)?;
        let Open {
            inode,
            at: position,
            append,
        } = self.open[at].clone();
        let argument = |at: usize| arguments.get(at).copied();
        match call.name.as_str() {
            "write" | "writev" => {
                let bytes = strings(argument(1)?)?;
                let from = if append {
                    self.disk.length(inode)
                } else {
                    position
                };
                self.disk.write(inode, from, bytes.get(..result as usize)?);
                self.open[at].at = from + result as u64;
            }
            "pwrite64" | "pwritev" => {
                let bytes = strings(argument(1)?)?;
                let from = number(argument(3)?)? as u64;
                self.disk.write(inode, from, bytes.get(..result as usize)?);
            }
            "lseek" => self.open[at].at = result as u64,
            "ftruncate" => self.disk.resize(inode, number(argument(1)?)? as u64),
            "fsync" | "fdatasync" => self.disk.flush(inode),
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replays_writes_cuts_and_renames() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("state");
        std::fs::create_dir(&place).unwrap();
        let at = place.display().to_string();
        let log = format!(
            "1 openat(AT_FDCWD</>, \"{at}/new\", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3<{at}/new>\n\
             1 write(3<{at}/new>, \"\\x61\\x62\\x63\", 3) = 3\n\
             2 write(3<{at}/new>, \"\\x64\", 1) = 1\n\
             1 ftruncate(3<{at}/new>, 2) = 0\n\
             1 fsync(3<{at}/new>) = 0\n\
             1 rename(\"{at}/new\", \"{at}/old\") = 0\n\
             1 write(1<pipe:[7]>, \"\\x61\", 1) = 1\n\
             1 openat(AT_FDCWD</>, \"{at}\", O_RDONLY) = 4<{at}>\n\
             1 fsync(4<{at}>) = 0\n"
        );
        let mut recording = Recording::begin(vec![place.clone()]).unwrap();
        recording.record(&log).unwrap();
        let left = recording
            .survivors(usize::MAX, &mut Random::new(1))
            .unwrap();
        let survivor = |path: &Path, bytes| Survivor {
            path: path.to_owned(),
            bytes,
            later: Some(path.to_owned()),
        };
        let file = survivor(&place.join("old"), Some(b"ab".to_vec()));
        assert_eq!(left, [survivor(&place, None), file]);
        let strange = format!("1 fallocate(3<{at}>, 0, 0, 9) = 0\n");
        assert!(recording.record(&strange).is_err());
    }
}
