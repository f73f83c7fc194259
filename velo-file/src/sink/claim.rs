//! One generation's hold on a destination: its fence, and the directories that it made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, Weak};

use velo_core::{Identity, Result};

use super::Settings;
use super::destination::{Destination, Kind};
use super::failure::failed;
use super::fence::{Fence, Held};
use super::inflight::{INFLIGHT, sync_directory};
use super::leftovers::{has_leftovers, next_number};
use super::name::scope;
use super::parts::{CutFile, PreparedFiles};
use super::run::Run;

/// Tries to make the directory in which another run is tidying up.
const TRIES: u32 = 100;

pub(super) struct Claim {
    pub(super) identity: Identity,
    pub(super) destination: Destination,
    pub(super) scope: String,
    /// None where nothing can be hidden, so that nothing is committed.
    fence: Option<Fence>,
    created: Vec<PathBuf>,
    /// The writers at work; they share one run.
    pub(super) run: Mutex<Weak<Run>>,
    /// Files begun so far, for their names.
    pub(super) begun: AtomicU64,
    /// A single file was finished: it takes no more rows.
    pub(super) prepared: AtomicBool,
    /// An epoch was prepared by some lanes, and the others never will.
    pub(super) incomplete: AtomicBool,
    /// A commit was made.
    pub(super) committed: AtomicBool,
    /// The run has checkpoints, so it may be followed by another that asks what was committed.
    pub(super) may_return: AtomicBool,
    /// The last epoch that was prepared.
    pub(super) last_epoch: AtomicU64,
    resting: Mutex<Resting>,
    tidied: AtomicBool,
}

/// The files that go on when rows come for them.
#[derive(Default)]
struct Resting {
    files: Vec<CutFile>,
    /// Counts recoveries: what writers from before the last one held says nothing any more.
    era: u64,
}

impl Claim {
    /// Takes the destination over; makes its directories.
    pub(super) fn take(settings: &Settings, identity: &Identity) -> Result<Self> {
        let destination = Destination::look(&settings.target, &settings.options)?;
        let file = match &destination.kind {
            Kind::File { name, .. } => Some(name.as_str()),
            _ => None,
        };
        let mut claim = Self {
            identity: identity.clone(),
            scope: scope(file, identity),
            fence: None,
            created: Vec::new(),
            run: Mutex::default(),
            begun: AtomicU64::new(0),
            prepared: AtomicBool::new(false),
            incomplete: AtomicBool::new(false),
            committed: AtomicBool::new(false),
            may_return: AtomicBool::new(false),
            last_epoch: AtomicU64::new(0),
            resting: Mutex::default(),
            tidied: AtomicBool::new(false),
            destination,
        };
        if !matches!(claim.destination.kind, Kind::Through(_)) {
            claim.destination.check_root(&settings.options)?;
            claim.raise(settings)?;
            let next = next_number(&claim.inflight(), &claim.scope, identity.generation)?;
            claim.begun = AtomicU64::new(next);
        }
        Ok(claim)
    }

    fn raise(&mut self, settings: &Settings) -> Result<()> {
        let (inflight, sync) = (self.inflight(), settings.options.sync);
        let sole = self.destination.appends(&settings.options);
        let mut tries = 0;
        loop {
            create_directories(&inflight, &mut self.created)?;
            match Fence::raise(&inflight, &self.scope, &self.identity, sync, sole) {
                // A run that ends removes the directory when it is empty.
                Err(_) if !inflight.exists() && tries < TRIES => tries += 1,
                raised => {
                    self.fence = Some(raised?);
                    return Ok(());
                }
            }
        }
    }

    /// Gives the directory for files under construction.
    pub(super) fn inflight(&self) -> PathBuf {
        self.destination.root.join(INFLIGHT)
    }

    /// Makes sure that no higher generation has come, and keeps it out for a while.
    pub(super) fn hold(&self) -> Result<Option<Held>> {
        match &self.fence {
            Some(fence) => fence.hold(),
            None => Ok(None),
        }
    }

    /// Ends the writers that are still at work; says whether nobody can write to the files of
    /// this scope now. The caller does not hold the directory.
    pub(super) fn take_alone(&self) -> bool {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *run).upgrade();
        drop(run);
        if let Some(run) = &before {
            run.order.fail();
        }
        before.is_none() && self.fence.as_ref().is_none_or(|fence| fence.alone)
    }

    /// Gives the highest epoch that was committed, where that is known.
    pub(super) fn epoch(&self) -> Result<Option<u64>> {
        match &self.fence {
            Some(fence) => fence.epoch(),
            None => Ok(None),
        }
    }

    /// Remembers a commit. The caller holds the directory.
    pub(super) fn note(&self, epoch: u64) -> Result<()> {
        match &self.fence {
            Some(fence) => fence.note(epoch),
            None => Ok(()),
        }
    }

    /// Learns of a commit of an earlier run.
    pub(super) fn learn(&self, parts: &[PreparedFiles]) {
        self.committed.store(true, Ordering::Release);
        self.may_return.store(true, Ordering::Release);
        if parts.iter().any(|part| !part.files.is_empty()) {
            self.prepared.store(true, Ordering::Release);
        }
    }

    /// Leaves the files that go on behind an epoch to the next writers, and makes those from
    /// before forget theirs.
    pub(super) fn rest(&self, epoch: u64, files: Vec<CutFile>) {
        // Epochs that were prepared and never stored may come again under their numbers.
        self.last_epoch.store(epoch, Ordering::Release);
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.files = files;
        resting.era += 1;
    }

    /// Hands the files that go on to writers.
    pub(super) fn wake(&self) -> (Vec<CutFile>, u64) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut resting.files), resting.era)
    }

    /// Takes files back from writers; says whether no recovery came in between.
    pub(super) fn settle(&self, files: Vec<CutFile>, era: u64) -> bool {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.era != era {
            return false;
        }
        resting.files = files;
        true
    }

    /// Flushes the entries that lead to the prepared files.
    pub(super) fn sync_directories(&self) -> Result<()> {
        sync_directory(&self.inflight())?;
        sync_directory(&self.destination.root)?;
        let mut parents = self.created.iter().filter_map(|created| created.parent());
        parents.try_for_each(sync_directory)
    }

    /// Removes what is no longer needed once nothing is under construction or prepared. A run with
    /// checkpoints that has committed leaves its fence, which remembers that.
    pub(super) fn tidy(&self) {
        // A later claim of the same run may stand where this one was.
        let remembers = || !matches!(self.epoch(), Ok(None));
        if self.is_tidied() || (self.may_return.load(Ordering::Acquire) && remembers()) {
            return;
        }
        let running = self.run.lock().is_ok_and(|run| run.strong_count() > 0);
        let Some(fence) = &self.fence else { return };
        let Ok(Some(held)) = fence.hold() else { return };
        if running || has_leftovers(&self.destination.root, &self.scope) {
            return;
        }
        self.tidied.store(true, Ordering::Release);
        fence.lower(held);
        if !self.committed.load(Ordering::Acquire) {
            for created in self.created.iter().rev() {
                // Fails where anything is inside, and that is right.
                let _ = fs::remove_dir(created);
            }
        }
    }

    /// Says whether the claim must be taken again before anything is written.
    pub(super) fn is_tidied(&self) -> bool {
        self.tidied.load(Ordering::Acquire)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.tidy();
    }
}

/// Creates a directory and those above it, and notes which were not there.
fn create_directories(directory: &Path, created: &mut Vec<PathBuf>) -> Result<()> {
    if directory.as_os_str().is_empty() {
        return Ok(());
    }
    match fs::create_dir(directory) {
        Ok(()) => created.push(directory.to_owned()),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = directory.parent() {
                create_directories(parent, created)?;
            }
            return match fs::create_dir(directory) {
                Ok(()) => {
                    created.push(directory.to_owned());
                    Ok(())
                }
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                Err(cause) => Err(failed(cause, "create directory", directory)),
            };
        }
        Err(cause) => return Err(failed(cause, "create directory", directory)),
    }
    Ok(())
}
