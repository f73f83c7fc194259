//! What a campaign has seen so far, as it is stored and as it is told.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use velo_core::{Error, ErrorKind, Result};

use super::Plan;
use crate::oracle::Verdict;

/// Complaints that are kept.
const COMPLAINTS: usize = 20;

/// The sums of a campaign; stored after every round, so that it can be interrupted.
///
/// ```
/// assert!(velo_testkit::campaign::Tally::default().is_clean());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Rounds that are over; each begins with nothing and ends with a verdict.
    pub rounds: u64,
    /// Kills, or errors of the system, that struck.
    pub kills: u64,
    /// Kills that came too late: the run had ended before.
    pub missed: u64,
    /// Rows produced, over all rounds.
    pub rows: u64,
    /// Rows that did not arrive.
    pub lost: u64,
    /// Arrivals of rows that had arrived before.
    pub doubled: u64,
    /// Rows behind a later one of their key.
    pub reordered: u64,
    /// Rows that are not as they were produced, or that nobody produced.
    pub corrupt: u64,
    /// Runs that hung, crashed, or ended with an error that nothing called for.
    pub bad_ends: u64,
    /// Seconds so far.
    pub seconds: f64,
    /// Milliseconds from a start after a kill to the first new rows, or to the end.
    pub recoveries: Vec<u64>,
    /// What was wrong, with the round in which it was.
    pub complaints: Vec<String>,
}

impl Tally {
    /// Says whether nothing was wrong.
    ///
    /// ```
    /// use velo_testkit::campaign::Tally;
    /// assert!(!Tally { lost: 1, ..Tally::default() }.is_clean());
    /// ```
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.reordered + self.corrupt + self.bad_ends == 0
    }

    pub(super) fn add(&mut self, verdict: &Verdict) {
        self.rows += verdict.expected;
        self.lost += verdict.missing;
        self.doubled += verdict.doubled;
        self.reordered += verdict.reordered;
        self.corrupt += verdict.corrupt + verdict.unknown;
        if !verdict.is_clean() {
            self.complain(verdict.to_string());
        }
    }

    pub(super) fn complain(&mut self, what: String) {
        if self.complaints.len() < COMPLAINTS {
            let round = self.rounds;
            self.complaints.push(format!("round {round}: {what}"));
        }
    }

    pub(super) fn recovered(&mut self, after: Option<Duration>) {
        let milliseconds = after.map(|after| after.as_millis() as u64);
        self.recoveries.extend(milliseconds);
    }

    /// A percentile of the recoveries, in milliseconds.
    ///
    /// ```
    /// use velo_testkit::campaign::Tally;
    /// let tally = Tally { recoveries: vec![30, 10, 20], ..Tally::default() };
    /// assert_eq!(tally.recovery(0.5), Some(20));
    /// ```
    #[must_use]
    pub fn recovery(&self, share: f64) -> Option<u64> {
        let mut sorted = self.recoveries.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        sorted.get((last as f64 * share).round() as usize).copied()
    }

    /// A count, and beside a nought how often it may happen all the same: at most in so many of a
    /// hundred kills, with a confidence of 95 % (the rule of three).
    ///
    /// ```
    /// use velo_testkit::campaign::Tally;
    /// let tally = Tally { kills: 1000, lost: 2, ..Tally::default() };
    /// assert_eq!(tally.bounded(tally.doubled), "0 (≤ 0.3 %)");
    /// assert_eq!(tally.bounded(tally.lost), "2");
    /// ```
    #[must_use]
    pub fn bounded(&self, count: u64) -> String {
        match (count, self.kills) {
            (0, 0) => "0 (nothing struck)".to_owned(),
            (0, kills) => {
                let bound = (300.0 / kills as f64).min(100.0);
                let digits = usize::from(bound < 10.0) + usize::from(bound < 0.1);
                format!("0 (≤ {bound:.digits$} %)")
            }
            (count, _) => count.to_string(),
        }
    }

    /// The head of the results' table.
    ///
    /// ```
    /// assert_eq!(velo_testkit::campaign::Tally::head().lines().count(), 2);
    /// ```
    #[must_use]
    pub fn head() -> String {
        let columns = [
            "date",
            "commit",
            "pair",
            "mode",
            "kills",
            "rows",
            "lost",
            "doubled",
            "reordered",
            "corrupt",
            "bad ends",
            "recovery p50/p99",
            "seconds",
            "seed",
        ];
        format!(
            "| {} |\n|{}",
            columns.join(" | "),
            "---|".repeat(columns.len())
        )
    }

    /// The campaign's line of that table.
    #[must_use]
    pub fn line(&self, plan: &Plan, date: &str, commit: &str) -> String {
        let recovery = match (self.recovery(0.5), self.recovery(0.99)) {
            (Some(median), Some(late)) => format!("{median}/{late} ms"),
            _ => "-".to_owned(),
        };
        let cells = [
            date.to_owned(),
            commit.to_owned(),
            plan.pair.name.to_owned(),
            plan.mode.name().to_owned(),
            self.kills.to_string(),
            self.rows.to_string(),
            self.bounded(self.lost),
            self.bounded(self.doubled),
            self.bounded(self.reordered),
            self.bounded(self.corrupt),
            self.bounded(self.bad_ends),
            recovery,
            format!("{:.0}", self.seconds),
            plan.seed.to_string(),
        ];
        format!("| {} |", cells.join(" | "))
    }

    /// Reads what [`Tally::store`] has written; `None` when there is nothing to go on with: no
    /// campaign, or one that is over and had all the kills that are asked for.
    pub(super) fn load(path: &Path, plan: &Plan) -> Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let damaged = || {
            Error::new(ErrorKind::InvalidData, "read the state of a campaign")
                .with_hint("delete its folder to begin anew")
        };
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let same = value["plan"] == plan.identity()?;
        let over = value["over"].as_u64();
        if over.is_some_and(|kills| !same || kills >= plan.kills) {
            return Ok(None);
        }
        if !same {
            return Err(Error::new(ErrorKind::Conflict, "go on with a campaign")
                .with("stored", &value["plan"])
                .with("asked", plan.identity()?)
                .with_hint("choose another seed, or delete the campaign's folder"));
        }
        let number = |name: &str| value[name].as_u64().ok_or_else(damaged);
        let list = |name: &str| value[name].as_array().cloned().unwrap_or_default();
        Ok(Some(Self {
            rounds: number("rounds")?,
            kills: number("kills")?,
            missed: number("missed")?,
            rows: number("rows")?,
            lost: number("lost")?,
            doubled: number("doubled")?,
            reordered: number("reordered")?,
            corrupt: number("corrupt")?,
            bad_ends: number("bad_ends")?,
            seconds: value["seconds"].as_f64().unwrap_or_default(),
            recoveries: list("recoveries")
                .iter()
                .filter_map(Value::as_u64)
                .collect(),
            complaints: list("complaints")
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
        }))
    }

    /// Stores the tally, so that it is either this one or the one before, and whether it is the
    /// last.
    pub(super) fn store(&self, path: &Path, plan: &Plan, over: bool) -> Result<()> {
        let value = json!({
            "plan": plan.identity()?,
            "over": over.then_some(plan.kills),
            "rounds": self.rounds,
            "kills": self.kills,
            "missed": self.missed,
            "rows": self.rows,
            "lost": self.lost,
            "doubled": self.doubled,
            "reordered": self.reordered,
            "corrupt": self.corrupt,
            "bad_ends": self.bad_ends,
            "seconds": self.seconds,
            "recoveries": self.recoveries,
            "complaints": self.complaints,
        });
        let new = path.with_extension("new");
        std::fs::write(&new, value.to_string())?;
        std::fs::rename(new, path)?;
        Ok(())
    }
}
