//! What changes with an epoch or a failure: far too seldom for a lock to be noticed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use velo_core::{Budget, Error, ErrorKind};

use super::Histogram;
use crate::dead_letters::Stage;

/// Failures that are remembered.
const FAILURES: usize = 20;

/// Longest report of a failure that is remembered, in bytes.
const LONGEST: usize = 1000;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    /// It has not yet found out where it ended.
    #[default]
    Starting,
    Running,
    /// It has failed and will try again.
    Waiting,
    Ended,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Ended => "ended",
        }
    }
}

/// A failure, as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// Since 1970.
    pub(crate) at: Duration,
    pub(crate) kind: ErrorKind,
    /// Where, what, why, and what to do.
    pub(crate) report: String,
}

/// Rows that nobody could take, by stage and kind of reason.
pub(crate) type Refusals = HashMap<(Stage, ErrorKind), u64>;

/// The run of a pipeline so far.
#[derive(Debug, Default)]
pub(crate) struct Life(Mutex<Facts>);

#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) phase: Phase,
    /// The run has once found out where it ended and gone on.
    pub(crate) recovered: bool,
    pub(crate) retries: u64,
    /// Failures in a row, without a commit in between.
    pub(crate) failures: u32,
    /// How the circuit breaker stands, in one word.
    pub(crate) breaker: &'static str,
    pub(crate) epoch: u64,
    /// The epoch is being ended since then.
    pub(crate) ending: Option<Instant>,
    pub(crate) epoch_seconds: Histogram,
    pub(crate) commit_seconds: Histogram,
    /// When the stored positions were last those of the epoch that had ended.
    pub(crate) stored: Option<Instant>,
    /// The sink holds epochs back since then.
    pub(crate) held: Option<Instant>,
    /// The last try to store positions has failed.
    pub(crate) store_fails: bool,
    pub(crate) filtered: u64,
    /// Committed rows that nobody could take, by stage and reason.
    pub(crate) rejected: Refusals,
    pub(crate) failed: VecDeque<Failure>,
    /// Memory for readers and for writers.
    pub(crate) budgets: Option<[Budget; 2]>,
}

impl Life {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn look(&self) -> Facts {
        self.facts().clone()
    }

    pub(crate) fn attempt_begins(&self, readers: &Budget, writers: &Budget) {
        let mut facts = self.facts();
        facts.budgets = Some([readers.clone(), writers.clone()]);
        (facts.ending, facts.held) = (None, None);
    }

    /// Learns that the run has found out where it ended.
    pub(crate) fn recovered(&self, epoch: u64) {
        let mut facts = self.facts();
        facts.phase = Phase::Running;
        facts.recovered = true;
        facts.epoch = epoch;
        // What was found is as old as the last run; the clock of this one begins now.
        facts.stored.get_or_insert_with(Instant::now);
    }

    pub(crate) fn failed(&self, error: &Error) {
        let mut report = error.report();
        if let Some(longest) = (0..=LONGEST).rev().find(|at| report.is_char_boundary(*at)) {
            report.truncate(longest);
        }
        let failure = Failure {
            at: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
            kind: error.kind(),
            report,
        };
        let mut facts = self.facts();
        if facts.failed.len() == FAILURES {
            facts.failed.pop_front();
        }
        facts.failed.push_back(failure);
    }

    pub(crate) fn waits(&self, breaker: &'static str) {
        let mut facts = self.facts();
        facts.phase = Phase::Waiting;
        facts.retries += 1;
        facts.failures += 1;
        facts.breaker = breaker;
        (facts.ending, facts.held) = (None, None);
    }

    pub(crate) fn tries_again(&self, breaker: &'static str) {
        let mut facts = self.facts();
        facts.phase = Phase::Starting;
        facts.breaker = breaker;
    }

    pub(crate) fn ended(&self) {
        self.facts().phase = Phase::Ended;
    }

    pub(crate) fn epoch_ends(&self, epoch: u64) {
        let mut facts = self.facts();
        facts.epoch = epoch;
        facts.ending = Some(Instant::now());
    }

    pub(crate) fn epoch_ended(&self) {
        let mut facts = self.facts();
        if let Some(since) = facts.ending.take() {
            facts.epoch_seconds.add(since.elapsed());
        }
    }

    /// Learns that the sink holds an epoch back: stored positions do not move on.
    pub(crate) fn held(&self) {
        let mut facts = self.facts();
        let since = facts.stored.unwrap_or_else(Instant::now);
        facts.held.get_or_insert(since);
    }

    /// Learns that rows are committed and what became of the others.
    pub(crate) fn settled(&self, filtered: u64, rejected: &Refusals) {
        let mut facts = self.facts();
        facts.filtered += filtered;
        for (reason, count) in rejected {
            *facts.rejected.entry(*reason).or_default() += count;
        }
        (facts.stored, facts.held) = (Some(Instant::now()), None);
        facts.failures = 0;
        if facts.breaker == "half-open" {
            facts.breaker = "closed";
        }
    }

    pub(crate) fn committed(&self, took: Duration) {
        self.facts().commit_seconds.add(took);
    }

    pub(crate) fn stored(&self, well: bool) {
        self.facts().store_fails = !well;
    }
}
