//! How a pipeline is: healthy, degraded or unhealthy, and why.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Epochs without progress after which a pipeline counts as stalled.
const STALLED_EPOCHS: u32 = 12;

/// The shortest time after which it counts as stalled, however short its epochs are.
const STALLED: Duration = Duration::from_secs(30);

/// Share of bad rows that is worth a look.
const BAD_ROWS: f64 = 0.01;

/// Rows before which no share is computed.
const ENOUGH_ROWS: u64 = 1000;

/// How old stored positions may become while rows come.
const OLD_CHECKPOINT: Duration = Duration::from_secs(10 * 60);

/// How long a sink may hold epochs back.
const LONG_HELD: Duration = Duration::from_secs(15 * 60);

/// How well a pipeline is.
///
/// ```
/// use velo_pipeline::health::Level;
/// assert!(Level::Unhealthy > Level::Degraded && Level::Degraded > Level::Healthy);
/// assert_eq!(Level::Degraded.to_string(), "degraded");
/// ```
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing to be done.
    #[default]
    Healthy,
    /// It works, and somebody should have a look.
    Degraded,
    /// It does not work.
    Unhealthy,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        })
    }
}

/// One reason why a pipeline is not healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A word that stays the same between versions: `stalled`.
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is the matter, for people.
    pub text: String,
}

/// How a pipeline is, with the reasons.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The worst of the reasons.
    pub level: Level,
    /// Why, the worst first; empty when it is healthy.
    pub reasons: Vec<Reason>,
}

/// What health is judged by.
///
/// ```
/// use velo_pipeline::health::{Level, Vitals};
/// assert_eq!(Vitals::default().health().level, Level::Healthy);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vitals {
    /// How often an epoch ends.
    pub every: Duration,
    /// Failures in a row, without a commit in between.
    pub failures: u32,
    /// The circuit breaker is open, or half-open: nothing has succeeded since.
    pub breaker_open: bool,
    /// Nothing was read, committed or ended for so long.
    pub quiet: Duration,
    /// The source holds rows that were not read, as far as it says.
    pub behind: bool,
    /// For so long the epoch is being ended.
    pub ending: Option<Duration>,
    /// Rows read by this run.
    pub read: u64,
    /// Rows of this run that nobody could take.
    pub rejected: u64,
    /// Since stored positions were those of an ended epoch.
    pub stored: Option<Duration>,
    /// For so long the sink holds epochs back.
    pub held: Option<Duration>,
    /// The last try to store positions has failed.
    pub store_fails: bool,
}

impl Vitals {
    /// Judges how the pipeline is.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut reasons: Vec<Reason> = [
            self.breaker(),
            self.stalled(),
            self.store(),
            self.retrying(),
            self.bad_rows(),
            self.old_checkpoint(),
            self.long_held(),
        ]
        .into_iter()
        .flatten()
        .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level));
        Health {
            level: reasons.first().map_or(Level::Healthy, |first| first.level),
            reasons,
        }
    }

    /// Gives the time without progress after which the pipeline counts as stalled.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.every.saturating_mul(STALLED_EPOCHS).max(STALLED)
    }

    /// Gives how long there was something to do and nothing was done.
    #[must_use]
    pub fn idle(&self) -> Duration {
        let quiet = match self.behind {
            true => self.quiet,
            false => Duration::ZERO,
        };
        // An epoch that does not end is a lane that hangs, whatever the source says.
        quiet.max(self.ending.unwrap_or_default().min(self.quiet))
    }

    fn breaker(&self) -> Option<Reason> {
        let text = "circuit breaker is open: source or sink keeps failing".to_owned();
        self.breaker_open.then(|| unhealthy("breaker_open", text))
    }

    fn stalled(&self) -> Option<Reason> {
        let idle = self.idle();
        (idle > self.patience()).then(|| {
            let seconds = idle.as_secs();
            let what = match self.behind {
                true => "there are rows and none was read",
                false => "an epoch does not end",
            };
            unhealthy("stalled", format!("{what} for {seconds} s"))
        })
    }

    fn store(&self) -> Option<Reason> {
        let text = "positions cannot be stored".to_owned();
        self.store_fails.then(|| unhealthy("store_fails", text))
    }

    fn retrying(&self) -> Option<Reason> {
        let failures = self.failures;
        let times = if failures == 1 { "once" } else { "times" };
        let text = match failures {
            1 => format!("failed {times} and tries again"),
            _ => format!("failed {failures} {times} in a row and tries again"),
        };
        (failures > 0).then(|| degraded("retrying", text))
    }

    fn bad_rows(&self) -> Option<Reason> {
        let (rejected, read) = (self.rejected as f64, self.read as f64);
        (self.read >= ENOUGH_ROWS && rejected > BAD_ROWS * read).then(|| {
            let percent = 100.0 * rejected / read;
            degraded(
                "dead_letters",
                format!("{percent:.1} % of all rows are bad"),
            )
        })
    }

    fn old_checkpoint(&self) -> Option<Reason> {
        let longest = OLD_CHECKPOINT.max(self.every.saturating_mul(STALLED_EPOCHS));
        let age = self.stored.filter(|age| *age > longest)?;
        let text = format!("positions were stored {} s ago", age.as_secs());
        // What the sink holds back is named as such.
        self.held
            .is_none()
            .then(|| degraded("checkpoint_old", text))
    }

    fn long_held(&self) -> Option<Reason> {
        let held = self.held.filter(|held| *held > LONG_HELD)?;
        let text = format!(
            "sink holds epochs back for {} s: a restart reads that much again",
            held.as_secs()
        );
        Some(degraded("position_held", text))
    }
}

fn degraded(code: &'static str, text: String) -> Reason {
    Reason {
        code,
        level: Level::Degraded,
        text,
    }
}

fn unhealthy(code: &'static str, text: String) -> Reason {
    Reason {
        code,
        level: Level::Unhealthy,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn well() -> Vitals {
        Vitals {
            every: Duration::from_secs(5),
            read: 5000,
            stored: Some(Duration::from_secs(4)),
            ..Vitals::default()
        }
    }

    /// Names the reasons of somebody who was well before that happened.
    fn reasons(happened: impl FnOnce(&mut Vitals)) -> String {
        let mut vitals = well();
        happened(&mut vitals);
        let reasons = vitals.health().reasons;
        let told = reasons
            .iter()
            .map(|reason| format!("{} {}", reason.code, reason.level));
        told.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn every_reason_has_its_code_and_level() {
        const HOUR: Option<Duration> = Some(Duration::from_secs(3600));
        type Case = (fn(&mut Vitals), &'static str);
        let cases: [Case; 11] = [
            (|_| {}, ""),
            (|of| of.failures = 1, "retrying degraded"),
            (|of| of.breaker_open = true, "breaker_open unhealthy"),
            (|of| of.quiet = 2 * MINUTE, ""),
            (
                |of| (of.quiet, of.behind) = (2 * MINUTE, true),
                "stalled unhealthy",
            ),
            (
                |of| (of.quiet, of.ending) = (3 * MINUTE, Some(2 * MINUTE)),
                "stalled unhealthy",
            ),
            (|of| of.store_fails = true, "store_fails unhealthy"),
            (|of| of.rejected = 51, "dead_letters degraded"),
            (|of| of.rejected = 50, ""),
            (|of| of.stored = HOUR, "checkpoint_old degraded"),
            (
                |of| (of.stored, of.held) = (HOUR, HOUR),
                "position_held degraded",
            ),
        ];
        for (at, (happened, expected)) in cases.into_iter().enumerate() {
            assert_eq!(reasons(happened), expected, "{at}");
        }
    }

    #[test]
    fn the_worst_reason_comes_first_and_gives_the_level() {
        let vitals = Vitals {
            failures: 7,
            breaker_open: true,
            ..well()
        };
        let health = vitals.health();
        assert_eq!(health.level, Level::Unhealthy);
        let codes: Vec<_> = health.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, ["breaker_open", "retrying"]);
        assert!(health.reasons[1].text.contains("7 times in a row"));
    }

    #[test]
    fn patience_grows_with_the_epochs() {
        assert_eq!(well().patience(), MINUTE);
        let quick = Vitals {
            every: Duration::from_millis(20),
            ..well()
        };
        assert_eq!(quick.patience(), STALLED);
    }
}
