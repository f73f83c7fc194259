//! Events of the operating system, and where there are none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::source::listing::{join, shown};

/// Paths that are remembered one by one; beyond that everything is looked at.
const MOST: usize = 4096;

/// Listens to directories.
pub(super) struct Ears {
    /// `None` where no events come.
    watcher: Option<RecommendedWatcher>,
    shared: Arc<Shared>,
    /// Directories listened to, by the path that events have.
    directories: BTreeMap<PathBuf, Directory>,
}

struct Directory {
    /// The path that it has here.
    spelled: String,
    /// Another directory of the same name makes no events before it is listened to.
    inode: u64,
}

#[derive(Default)]
struct Shared {
    heard: Mutex<Heard>,
    wake: Notify,
}

/// What has happened since it was asked for last.
#[derive(Default)]
pub(super) struct Heard {
    /// Files whose contents may have changed.
    pub(super) changed: BTreeSet<PathBuf>,
    /// Names that have come, gone or changed.
    pub(super) names: BTreeSet<PathBuf>,
    /// Events were lost, or are too many.
    pub(super) all: bool,
}

impl Ears {
    /// Begins to listen, unless nothing is to be heard.
    pub(super) fn new(wanted: bool) -> Self {
        let shared = Arc::<Shared>::default();
        let telling = shared.clone();
        let handler = move |event: notify::Result<Event>| telling.take(event);
        let watcher = match wanted.then(|| notify::recommended_watcher(handler)) {
            None => None,
            Some(Ok(watcher)) => Some(watcher),
            Some(Err(error)) => {
                tracing::warn!(error = %error, "no file events: looking at intervals instead");
                None
            }
        };
        Self {
            watcher,
            shared,
            directories: BTreeMap::new(),
        }
    }

    /// Says whether events come.
    pub(super) fn hear(&self) -> bool {
        self.watcher.is_some()
    }

    /// Listens to a directory as well, and to all below it if that is wanted; says whether its
    /// events come.
    pub(super) fn listen(&mut self, directory: &str, deep: bool) -> bool {
        let (Ok(path), Some(watcher)) = (std::path::absolute(shown(directory)), &mut self.watcher)
        else {
            return false;
        };
        let found = std::fs::metadata(&path).ok().filter(Metadata::is_dir);
        let Some(inode) = found.map(|found| found.ino()) else {
            return false;
        };
        let known = self.directories.get(&path);
        if known.is_some_and(|known| known.inode == inode) {
            return true;
        }
        let mode = match deep {
            true => RecursiveMode::Recursive,
            false => RecursiveMode::NonRecursive,
        };
        let watched = match is_remote(&path) {
            true => Err("files of another machine make no events here".to_owned()),
            false => watcher
                .watch(&path, mode)
                .map_err(|error| error.to_string()),
        };
        if let Err(reason) = watched {
            tracing::warn!(
                directory,
                reason,
                "no file events: looking at intervals instead"
            );
            self.watcher = None;
            return false;
        }
        let spelled = directory.to_owned();
        self.directories.insert(path, Directory { spelled, inode });
        true
    }

    /// Takes what was heard.
    pub(super) fn take(&mut self) -> Heard {
        let heard = std::mem::take(&mut *self.shared.lock());
        for path in &heard.names {
            // A directory that went away has to be listened to anew, whatever is there now.
            self.directories.remove(path);
        }
        heard
    }

    /// Spells a path of an event as the scans do.
    pub(super) fn spelled(&self, path: &Path) -> Option<String> {
        for above in path.ancestors().skip(1) {
            if let Some(directory) = self.directories.get(above) {
                let rest = path.strip_prefix(above).ok()?.to_str()?;
                return Some(join(&directory.spelled, rest));
            }
        }
        None
    }

    /// Waits until something happens.
    pub(super) async fn wait(&self) {
        self.shared.wake.notified().await;
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, event: notify::Result<Event>) {
        let mut heard = self.lock();
        match event {
            // An overflowing queue, a watch that was taken away: whatever it was, all is looked at.
            Err(_) => heard.all = true,
            Ok(event) if event.need_rescan() => heard.all = true,
            Ok(event) => match event.kind {
                EventKind::Modify(
                    ModifyKind::Data(_) | ModifyKind::Metadata(_) | ModifyKind::Any,
                )
                | EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                    heard.changed.extend(event.paths);
                }
                EventKind::Access(_) => return,
                _ => heard.names.extend(event.paths),
            },
        }
        if heard.changed.len() + heard.names.len() > MOST {
            *heard = Heard {
                all: true,
                ..Heard::default()
            };
        }
        drop(heard);
        self.wake.notify_one();
    }
}

/// Says whether a directory is one of another machine, whose changes the kernel does not see.
fn is_remote(path: &Path) -> bool {
    // NFS, SMB, CIFS, SMB2, 9P, FUSE, Ceph, AFS: linux/magic.h.
    const REMOTE: [u64; 8] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x0102_1997,
        0x6573_5546,
        0x00c3_6400,
        0x5346_414f,
    ];
    rustix::fs::statfs(path).is_ok_and(|found| REMOTE.contains(&(found.f_type as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hears_what_is_written_and_what_is_renamed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        std::fs::write(format!("{path}/a"), "").unwrap();
        let mut ears = Ears::new(true);
        assert!(ears.listen(path, false) && ears.hear());
        std::fs::write(format!("{path}/a"), "1").unwrap();
        let mut changed = BTreeSet::new();
        while changed.is_empty() {
            ears.wait().await;
            changed = ears.take().changed;
        }
        let spelled: Vec<_> = changed.iter().map(|path| ears.spelled(path)).collect();
        assert_eq!(spelled, [Some(format!("{path}/a"))]);
        std::fs::rename(format!("{path}/a"), format!("{path}/b")).unwrap();
        while ears.take().names.is_empty() {
            ears.wait().await;
        }
    }

    #[tokio::test]
    async fn a_directory_that_is_made_anew_is_heard_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = format!("{}/logs", directory.path().display());
        let mut ears = Ears::new(true);
        assert!(!ears.listen(&path, false), "it is not there");
        for _ in 0..3 {
            std::fs::create_dir(&path).unwrap();
            // That it went away may be told only now.
            while ears.take().changed.is_empty() {
                ears.listen(&path, false);
                std::fs::write(format!("{path}/a"), "1").unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            std::fs::remove_dir_all(&path).unwrap();
        }
    }

    #[test]
    fn does_without_where_nothing_is_to_be_heard() {
        let mut ears = Ears::new(false);
        assert!(!ears.listen("/", false) && !ears.hear());
    }
}
