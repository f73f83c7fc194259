//! Campaigns: run a pair, strike it again and again, restart it until it ends, ask the oracle.

mod catalogue;
mod faults;
mod ground;
mod outages;
mod pairs;
mod rounds;
mod sweep;
mod tally;

use std::path::{Path, PathBuf};
use std::time::Duration;

use velo_core::Result;

pub use catalogue::{FAULTS, Fault, Outcome, play};
pub use pairs::{Feed, PAIRS, Pair};
pub use tally::Tally;

use crate::copier::Bug;
use rounds::Rounds;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// `velo run FILE`, by the path of the binary.
    Velo(PathBuf),
    /// The toy copier, which knows the pair `file-jsonl` alone.
    Copier {
        /// A binary that calls [`crate::copier::main`] behind the first arguments.
        path: PathBuf,
        /// Those arguments.
        first: Vec<String>,
        /// What it does wrong.
        bug: Option<Bug>,
    },
}

/// How a campaign strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// SIGKILL at random times, several in a round.
    Times,
    /// SIGKILL before each system call that changes a file, of a run and of a recovery.
    Calls,
    /// An error from each of those calls: no space, an I/O error, a read-only file system.
    Errors,
    /// Losses of power at random moments of a recorded run, simulated ([`crate::power`]).
    Power,
}

impl Mode {
    /// The name in the results.
    ///
    /// ```
    /// assert_eq!(velo_testkit::campaign::Mode::Calls.name(), "calls");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Times => "times",
            Self::Calls => "calls",
            Self::Errors => "errors",
            Self::Power => "power",
        }
    }

    fn needs_strace(self) -> bool {
        !matches!(self, Self::Times)
    }
}

/// A campaign as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is run.
    pub subject: Subject,
    /// Over which source and sink.
    pub pair: Pair,
    /// How it is struck.
    pub mode: Mode,
    /// Strikes in all; calls are sampled evenly when there are more of them.
    pub kills: u64,
    /// Rows of each round.
    pub rows: u64,
    /// What decides rows, times and choices.
    pub seed: u64,
    /// The time between two checkpoints.
    pub every: Duration,
    /// How long a run may change nothing before it counts as hanging.
    pub patience: Duration,
    /// Whether the campaign ends with the first round that goes wrong.
    pub until_red: bool,
    /// Variables for the program, such as one that switches failpoints on.
    pub environment: Vec<(String, String)>,
}

impl Plan {
    /// A plan with 25 kills at random times over 20,000 rows, a checkpoint every 20 ms, and
    /// patience for 30 s.
    ///
    /// ```
    /// use velo_testkit::campaign::{PAIRS, Plan, Subject};
    /// assert_eq!(Plan::new(Subject::Velo("velo".into()), PAIRS[0]).kills, 25);
    /// ```
    #[must_use]
    pub fn new(subject: Subject, pair: Pair) -> Self {
        Self {
            subject,
            pair,
            mode: Mode::Times,
            kills: 25,
            rows: 20_000,
            seed: 1,
            every: Duration::from_millis(20),
            patience: Duration::from_secs(30),
            until_red: false,
            environment: Vec::new(),
        }
    }

    /// What must be the same for a campaign to go on where it was interrupted; more kills at
    /// random times can be asked for later, while points are chosen by their number.
    fn identity(&self) -> Result<String> {
        let (name, path) = match &self.subject {
            Subject::Copier { bug, path, .. } => (bug.map_or("copier", Bug::name), path),
            Subject::Velo(path) => ("velo", path),
        };
        let program = crc32c::crc32c(&std::fs::read(path)?);
        let (pair, mode) = (self.pair.name, self.mode.name());
        let (rows, seed) = (self.rows, self.seed);
        let mut text = format!("{name} ({program:08x}) {pair} {mode} rows={rows} seed={seed}");
        if matches!(self.mode, Mode::Calls | Mode::Errors) {
            text.push_str(&format!(" kills={}", self.kills));
        }
        for (name, value) in &self.environment {
            text.push_str(&format!(" {name}={value}"));
        }
        Ok(text)
    }
}

/// Runs a campaign in a folder, or goes on with one that was interrupted there. One that came to
/// its end begins anew, unless more kills are asked for.
///
/// `say` gets a line now and then, for a terminal. What is wrong is in the tally; the folder of
/// the first rounds that went wrong is kept as `red-…`.
///
/// # Errors
/// What keeps the campaign itself from running: no binary, no strace, a folder of another one.
pub fn campaign(plan: &Plan, folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Tally> {
    if plan.mode.needs_strace() && !crate::process::Strace::is_here() {
        return Err(velo_core::Error::new(
            velo_core::ErrorKind::Unsupported,
            "strike at system calls without strace",
        )
        .with_hint("install strace (Debian: apt-get install strace), and allow ptrace"));
    }
    let mut rounds = Rounds::begin(plan, folder, say)?;
    match plan.mode {
        Mode::Times => rounds.at_times()?,
        Mode::Calls | Mode::Errors => sweep::at_calls(&mut rounds)?,
        Mode::Power => outages::at_outages(&mut rounds)?,
    }
    rounds.end()
}
