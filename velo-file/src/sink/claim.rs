//! One generation's hold on a destination: its fence, and the directories that it made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, Weak};

use velo_core::{Identity, Result};

use super::Settings;
use super::destination::{Destination, Kind};
use super::failure::failed;
use super::fence::{Fence, Held};
use super::inflight::{INFLIGHT, sync_directory};
use super::name::scope;
use super::publish::has_leftovers;
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
    /// An epoch was prepared: a single file can take no other.
    pub(super) prepared: AtomicBool,
    /// An epoch was prepared by some lanes, and the others never will.
    pub(super) incomplete: AtomicBool,
    /// A commit was made.
    pub(super) committed: AtomicBool,
    tidied: AtomicBool,
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
            tidied: AtomicBool::new(false),
            destination,
        };
        if !matches!(claim.destination.kind, Kind::Through(_)) {
            claim.destination.check_root(&settings.options)?;
            claim.raise(settings.options.sync)?;
        }
        Ok(claim)
    }

    fn raise(&mut self, sync: bool) -> Result<()> {
        let inflight = self.inflight();
        let mut tries = 0;
        loop {
            create_directories(&inflight, &mut self.created)?;
            match Fence::raise(&inflight, &self.scope, &self.identity, sync) {
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

    /// Flushes the entries that lead to the prepared files.
    pub(super) fn sync_directories(&self) -> Result<()> {
        sync_directory(&self.inflight())?;
        sync_directory(&self.destination.root)?;
        let mut parents = self.created.iter().filter_map(|created| created.parent());
        parents.try_for_each(sync_directory)
    }

    /// Removes what is no longer needed once nothing is under construction or prepared.
    pub(super) fn tidy(&self) {
        // A later claim of the same run may stand where this one was.
        if self.is_tidied() {
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
