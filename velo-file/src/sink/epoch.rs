//! The end of an epoch: which files it finishes, which it only cuts, and what the commit needs.
//!
//! A checkpoint closes no file that is not old enough. A format whose files end anywhere is cut
//! behind its last row, and the checkpoint keeps the length. A format with an end of its own
//! cannot be cut: the epoch is held until its oldest file is old enough, and then all are finished.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use velo_core::{Barrier, Prepared, Result};

use super::destination::{Kind, has_entries};
use super::name::Named;
use super::open::{OpenFile, When};
use super::output::{Key, Output, WholeFile};
use super::parts::{CutFile, PreparedFile, PreparedFiles};

/// Age at which a checkpoint finishes a file of a directory, where no option says another.
const ROLL_AGE: Duration = Duration::from_secs(60);

impl Output {
    /// Says whether an epoch that ends here is held if a file is open or rows wait.
    pub(super) fn may_hold(&self, barrier: Barrier) -> bool {
        self.keeps_open(barrier) && self.settings.continuation.is_none() && !self.is_old()
    }

    /// Ends an epoch; `hold` says that it is held if anything is open or `queued`.
    pub(super) fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        hold: bool,
        queued: bool,
    ) -> Result<Prepared> {
        if barrier < Barrier::End {
            self.claim.may_return.store(true, Ordering::Release);
        }
        self.claim.last_epoch.store(epoch, Ordering::Release);
        if hold && (queued || !self.files.is_empty()) {
            return Ok(held());
        }
        let open = if self.appends() || self.can_cut(barrier) {
            self.cut_files(epoch, barrier)?
        } else {
            self.finish_files()?;
            Vec::new()
        };
        if self.finished.is_empty() && open.is_empty() {
            return Ok(Prepared::default());
        }
        if self.settings.options.sync && std::mem::take(&mut self.renamed) {
            self.claim.sync_directories()?;
        }
        let prepared = PreparedFiles {
            replace: self.claim.destination.replaces(&self.settings.options),
            files: self.name_files(epoch),
            open,
        };
        Ok(Prepared {
            committable: Some(prepared.seal()?),
            ..Prepared::default()
        })
    }

    fn keeps_open(&self, barrier: Barrier) -> bool {
        match self.claim.destination.kind {
            Kind::Directory => barrier == Barrier::Checkpoint,
            Kind::File { .. } => barrier < Barrier::End,
            Kind::Through(_) => false,
        }
    }

    fn can_cut(&self, barrier: Barrier) -> bool {
        self.keeps_open(barrier) && self.settings.continuation.is_some()
    }

    /// Says whether a file that nobody can see yet has come of age.
    fn is_old(&self) -> bool {
        let open = self.files.values().map(|file| file.opened);
        let whole = self.finished.iter().map(|whole| whole.opened);
        open.chain(whole).any(|opened| self.has_age(opened))
    }

    fn has_age(&self, opened: Instant) -> bool {
        let limit = self.settings.options.roll_age.map_or(ROLL_AGE, |age| age.0);
        matches!(self.claim.destination.kind, Kind::Directory) && opened.elapsed() >= limit
    }

    /// Finishes the files that are old enough, and makes the rows of the others durable.
    fn cut_files(&mut self, epoch: u64, barrier: Barrier) -> Result<Vec<CutFile>> {
        let when = When {
            generation: self.claim.identity.generation,
            epoch,
            closed: self.appends() && barrier > Barrier::Checkpoint,
            may_return: barrier < Barrier::End,
        };
        let mut open = Vec::new();
        for (key, resting) in std::mem::take(&mut self.resting) {
            if when.closed {
                open.push(resting.let_go(&when));
            } else if self.has_age(resting.opened) {
                self.finish_resting(key, resting)?;
            } else {
                open.push(resting.cut());
                self.resting.insert(key, resting);
            }
        }
        for (key, mut file) in std::mem::take(&mut self.files) {
            if self.has_age(file.opened) && file.rows() > 0 {
                self.finish(file)?;
                continue;
            }
            if file.rows() > 0 || file.cut.is_some() || self.is_missing_a_file() {
                self.renamed |= file.cut(&self.settings, &when)?;
                open.extend(file.cut.clone());
            }
            if !when.closed {
                self.files.insert(key, file);
            }
        }
        Ok(open)
    }

    /// Finishes every file; of those without a row only what a reader needs to see the columns.
    fn finish_files(&mut self) -> Result<()> {
        for (key, resting) in std::mem::take(&mut self.resting) {
            self.finish_resting(key, resting)?;
        }
        let files = std::mem::take(&mut self.files).into_values();
        let has_rows = |file: &OpenFile| file.rows() > 0 || file.cut.is_some();
        let (with_rows, announced): (Vec<_>, Vec<_>) = files.partition(has_rows);
        let any = !(with_rows.is_empty() && announced.is_empty() && self.finished.is_empty());
        if any && !matches!(self.claim.destination.kind, Kind::Directory) {
            self.claim.prepared.store(true, Ordering::Release);
        }
        for file in with_rows {
            self.finish(file)?;
        }
        for file in announced {
            if self.is_missing_a_file() {
                self.finish(file)?;
            }
        }
        Ok(())
    }

    /// Says whether nothing else will tell a reader the columns of this destination.
    fn is_missing_a_file(&self) -> bool {
        !matches!(self.claim.destination.kind, Kind::Directory)
            || (self.finished.is_empty() && !has_entries(&self.claim.destination.root))
    }

    /// Gives the finished files their names, which are not taken yet.
    fn name_files(&mut self, epoch: u64) -> Vec<PreparedFile> {
        let mut numbers: HashMap<String, u64> = HashMap::new();
        let finished = std::mem::take(&mut self.finished).into_iter();
        let prepared = finished.map(|WholeFile { key, file, .. }| {
            let number = numbers.entry(key.1.clone()).or_default();
            PreparedFile {
                path: self.path_of(&key, epoch, number),
                length: file.extent.length,
                mark: file.extent.mark,
                inflight: file.keep(),
            }
        });
        prepared.collect()
    }

    fn path_of(&self, (stream, directory): &Key, epoch: u64, number: &mut u64) -> String {
        if let Kind::File { name, .. } = &self.claim.destination.kind {
            return name.clone();
        }
        loop {
            let named = Named {
                stream,
                identity: &self.claim.identity,
                epoch,
                number: *number,
            };
            let name = self.settings.template.name(named);
            let path = if directory.is_empty() {
                name
            } else {
                format!("{directory}/{name}")
            };
            *number += 1;
            if !self.claim.destination.root.join(&path).exists() {
                return path;
            }
        }
    }
}

fn held() -> Prepared {
    Prepared {
        held: true,
        ..Prepared::default()
    }
}
