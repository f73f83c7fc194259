//! What a running pipeline shows of itself at one moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::counters::{Facts, Lag, Phase};
use crate::health::Vitals;
use crate::{Counters, Histogram, Pipeline};

/// A pipeline that can be looked at while it runs.
#[derive(Debug, Clone)]
pub struct Watched {
    name: Arc<str>,
    task: u32,
    source: String,
    sink: String,
    guarantee: String,
    bounded: bool,
    every: Duration,
    started: Instant,
    counters: Arc<Counters>,
}

/// Figures of a pipeline at one moment: no row's value and no secret is among them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Snapshot {
    /// The pipeline's name.
    pub pipeline: String,
    /// The slot among its parallel processes.
    pub task: u32,
    /// Where rows come from, without options and secrets.
    pub source: String,
    /// Where rows go, likewise.
    pub sink: String,
    /// What a restart does to rows.
    pub guarantee: String,
    /// `starting`, `running`, `waiting` (to try again) or `ended`.
    pub phase: &'static str,
    /// It has found out where it ended the last time and gone on.
    pub recovered: bool,
    /// Seconds since it began.
    pub uptime_seconds: f64,
    /// Rows of this run.
    pub rows: Rows,
    /// Bytes read, as the source counts them.
    pub bytes_read: u64,
    /// Commits done.
    pub commits: u64,
    /// Failures that were tried again.
    pub retries: u64,
    /// Failures in a row, without a commit in between.
    pub failures: u32,
    /// The circuit breaker: `closed`, `half-open` or `open`.
    pub breaker: &'static str,
    /// The epoch.
    pub epoch: Epoch,
    /// The splits.
    pub splits: Splits,
    /// Memory for readers and for writers.
    pub memory: Vec<Memory>,
    /// Rows that nobody could take, by stage and reason.
    pub dead_letters: Vec<DeadLetterCount>,
    /// The last failures, the newest first.
    pub errors: Vec<ShownError>,
}

/// Rows of a run.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Rows {
    /// Rows that came out of the source; rows that were read again count again.
    pub read: u64,
    /// Rows handed to the sink, committed or not.
    pub passed: u64,
    /// Rows that are committed.
    pub written: u64,
    /// Rows that a transform left out, of committed epochs.
    pub filtered: u64,
    /// Rows that nobody could take, of committed epochs.
    pub rejected: u64,
}

/// How epochs go.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Epoch {
    /// Its number.
    pub number: u64,
    /// For so many seconds it is being ended.
    pub ending_seconds: Option<f64>,
    /// For so many seconds the sink holds epochs back.
    pub held_seconds: f64,
    /// Seconds since the stored positions were those of an ended epoch.
    pub checkpoint_age_seconds: Option<f64>,
    /// The last try to store positions has failed.
    pub store_fails: bool,
    /// How long ending an epoch took.
    #[serde(skip)]
    pub seconds: Histogram,
    /// How long the sink's commits took.
    #[serde(skip)]
    pub commit_seconds: Histogram,
}

/// The splits of a source.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Splits {
    /// Being read.
    pub open: u64,
    /// Found, with no lane yet.
    pub waiting: u64,
    /// Read to their end in this run.
    pub ended: u64,
    /// At most a hundred by name, then all others as `other`.
    pub lag: Vec<SplitLag>,
}

/// How far a split is behind.
#[derive(Debug, Clone, Serialize)]
pub struct SplitLag {
    /// Its name, or `other`.
    pub split: String,
    /// Where it stands, as `velo state show` spells it.
    pub position: Option<String>,
    /// Seconds since it last moved.
    pub age_seconds: f64,
    /// Rows that the source still holds, where it knows.
    pub rows: Option<u64>,
    /// The same in bytes.
    pub bytes: Option<u64>,
    /// The same in time: since nothing was left, or behind the event time.
    pub seconds: Option<f64>,
}

/// Memory that is counted.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Memory {
    /// `readers` or `writers`.
    pub part: &'static str,
    /// Bytes in use.
    pub used: u64,
    /// Bytes at most.
    pub limit: u64,
}

/// Rows that nobody could take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DeadLetterCount {
    /// `decode`, `transform` or `write`.
    pub stage: &'static str,
    /// The kind of the reason.
    pub kind: String,
    /// How many.
    pub rows: u64,
}

/// A failure, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct ShownError {
    /// Milliseconds since 1970.
    pub at: u64,
    /// What a caller can do about it.
    pub kind: String,
    /// Where, what, why, and what to do.
    pub report: String,
}

impl Pipeline {
    /// Gives what stays when the pipeline runs, to look at it.
    #[must_use]
    pub fn watched(&self) -> Watched {
        let end = |kind: &str| {
            let of = self.ends.iter().filter_map(|end| end.strip_prefix(kind));
            of.map(str::trim_start).collect::<Vec<_>>().join(", ")
        };
        Watched {
            name: self.name.clone(),
            task: self.task,
            source: end("source "),
            sink: end("sink "),
            guarantee: self.guarantee().to_string(),
            bounded: self.source.capabilities().bounded,
            every: self.every,
            started: Instant::now(),
            counters: self.counters.clone(),
        }
    }
}

impl Watched {
    /// Gives the live figures.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Looks at the pipeline.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (now, counters) = (Instant::now(), &self.counters);
        let facts = counters.life.look();
        let [written, rejected] = counters.settled();
        Snapshot {
            pipeline: self.name.to_string(),
            task: self.task,
            source: self.source.clone(),
            sink: self.sink.clone(),
            guarantee: self.guarantee.clone(),
            phase: facts.phase.name(),
            recovered: facts.recovered,
            uptime_seconds: now.duration_since(self.started).as_secs_f64(),
            rows: Rows {
                read: counters.read(),
                passed: counters.rows(),
                written,
                filtered: facts.filtered,
                rejected,
            },
            bytes_read: counters.bytes(),
            commits: counters.commits(),
            retries: facts.retries,
            failures: facts.failures,
            breaker: facts.breaker(),
            splits: Splits {
                open: counters.open.count(),
                waiting: counters.waiting(),
                ended: counters.splits(),
                lag: counters
                    .open
                    .lags(now)
                    .into_iter()
                    .map(SplitLag::of)
                    .collect(),
            },
            memory: facts.memory(),
            dead_letters: facts.dead_letters(),
            errors: facts.errors(),
            epoch: facts.epoch(now),
        }
    }

    /// Gives what health is judged by; `quiet`: how long nothing has moved.
    #[must_use]
    pub fn vitals(&self, quiet: Duration) -> Vitals {
        let (now, counters) = (Instant::now(), &self.counters);
        let facts = counters.life.look();
        let since = |at: Option<Instant>| at.map(|at| now.duration_since(at));
        let unread = self.bounded && counters.open.count() + counters.waiting() > 0;
        let lags = counters.open.lags(now);
        let running = facts.phase == Phase::Running;
        Vitals {
            every: self.every,
            failures: facts.failures,
            breaker_open: facts.breaker() != "closed",
            quiet,
            behind: running && (unread || lags.iter().any(Lag::is_behind)),
            ending: since(facts.ending),
            read: counters.read(),
            rejected: counters.settled()[1],
            stored: since(facts.stored).filter(|_| running),
            held: since(facts.held),
            store_fails: facts.store_fails,
        }
    }
}

impl Facts {
    fn breaker(&self) -> &'static str {
        match self.breaker {
            "" => "closed",
            state => state,
        }
    }

    fn epoch(&self, now: Instant) -> Epoch {
        let since = |at: Option<Instant>| at.map(|at| now.duration_since(at).as_secs_f64());
        Epoch {
            number: self.epoch,
            ending_seconds: since(self.ending),
            held_seconds: since(self.held).unwrap_or_default(),
            checkpoint_age_seconds: since(self.stored),
            store_fails: self.store_fails,
            seconds: self.epoch_seconds.clone(),
            commit_seconds: self.commit_seconds.clone(),
        }
    }

    fn memory(&self) -> Vec<Memory> {
        let budgets = self.budgets.iter().flatten();
        let memory = budgets
            .zip(["readers", "writers"])
            .map(|(budget, part)| Memory {
                part,
                used: budget.used(),
                limit: budget.total(),
            });
        memory.collect()
    }

    fn dead_letters(&self) -> Vec<DeadLetterCount> {
        let counted = self.rejected.iter();
        let counted = counted.map(|((stage, kind), rows)| DeadLetterCount {
            stage: stage.name(),
            kind: format!("{kind:?}"),
            rows: *rows,
        });
        let mut counted: Vec<_> = counted.collect();
        counted.sort();
        counted
    }

    fn errors(&self) -> Vec<ShownError> {
        let newest_first = self.failed.iter().rev();
        let shown = newest_first.map(|failure| ShownError {
            at: u64::try_from(failure.at.as_millis()).unwrap_or(u64::MAX),
            kind: format!("{:?}", failure.kind),
            report: failure.report.clone(),
        });
        shown.collect()
    }
}

impl SplitLag {
    fn of(lag: Lag) -> Self {
        let name = lag.split.as_ref().map(ToString::to_string);
        Self {
            split: name.unwrap_or_else(|| "other".to_owned()),
            position: lag.offset,
            age_seconds: lag.age.as_secs_f64(),
            rows: lag.rows,
            bytes: lag.bytes,
            seconds: lag.seconds,
        }
    }
}
