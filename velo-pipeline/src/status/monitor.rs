//! Looks at pipelines every second: rates, rolling statistics, health and its changes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::health::{Health, Level};
use crate::metrics::View;
use crate::{Rolling, Snapshot, Watched};

/// Seconds of which the rates are kept one by one, for the chart of the status page.
const RECENT: usize = 120;

/// The pipelines of this process and what was seen of them.
pub(super) struct Monitor {
    started: Instant,
    watches: Mutex<Vec<Watch>>,
}

/// A pipeline's health has changed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Change {
    pub(super) pipeline: String,
    pub(super) task: u32,
    pub(super) from: Level,
    pub(super) health: Health,
}

struct Watch {
    watched: Watched,
    last: Seen,
    at: Instant,
    /// When anything was read, committed or ended.
    moved: Instant,
    rates: Rates,
    recent: VecDeque<Rates>,
    rolling: [(&'static str, Rolling); 4],
    health: Health,
    /// Since when its level is what it is.
    since: Instant,
}

/// What moves while a pipeline works.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Seen {
    read: u64,
    passed: u64,
    bytes: u64,
    commits: u64,
    ended: u64,
    epochs: u64,
    epoch_seconds: f64,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Rates {
    rows_per_second: f64,
    written_per_second: f64,
    bytes_per_second: f64,
}

impl Monitor {
    pub(super) fn new(watched: Vec<Watched>) -> Self {
        let now = Instant::now();
        let watches = watched.into_iter().map(|watched| Watch::new(watched, now));
        Self {
            started: now,
            watches: Mutex::new(watches.collect()),
        }
    }

    fn watches(&self) -> MutexGuard<'_, Vec<Watch>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks once, and gives what has changed.
    pub(super) fn tick(&self) -> Vec<Change> {
        let now = Instant::now();
        let since_start = now.duration_since(self.started);
        let mut watches = self.watches();
        let looked = watches.iter_mut();
        looked
            .filter_map(|watch| watch.look(now, since_start))
            .collect()
    }

    /// Gives the pipelines as their metrics show them.
    pub(super) fn views(&self) -> Vec<View> {
        self.watches().iter().map(Watch::view).collect()
    }

    /// Gives everything, as JSON.
    pub(super) fn status(&self) -> Value {
        let now = self.started.elapsed();
        let pipelines: Vec<_> = self
            .watches()
            .iter()
            .map(|watch| watch.shown(now))
            .collect();
        json!({ "velo": env!("CARGO_PKG_VERSION"), "pipelines": pipelines })
    }

    /// Gives the health of each pipeline by name, and for how long it has been so.
    pub(super) fn healths(&self) -> Vec<(String, Health, Duration)> {
        let watches = self.watches();
        let health = |watch: &Watch| {
            let name = watch.watched.snapshot().pipeline;
            (name, watch.health.clone(), watch.since.elapsed())
        };
        watches.iter().map(health).collect()
    }

    /// Says whether every pipeline has found out where it ended and gone on.
    pub(super) fn all_recovered(&self) -> bool {
        let watches = self.watches();
        let mut recovered = watches
            .iter()
            .map(|watch| watch.watched.snapshot().recovered);
        recovered.all(|recovered| recovered)
    }

    /// Gives the first pipeline, whose rows may be looked at.
    pub(super) fn first(&self) -> Option<Watched> {
        self.watches().first().map(|watch| watch.watched.clone())
    }
}

impl Watch {
    fn new(watched: Watched, now: Instant) -> Self {
        let names = [
            "rows_per_second",
            "bytes_per_second",
            "lag_seconds",
            "epoch_seconds",
        ];
        Self {
            last: Seen::of(&watched.snapshot()),
            watched,
            at: now,
            moved: now,
            rates: Rates::default(),
            recent: VecDeque::new(),
            rolling: names.map(|name| (name, Rolling::default())),
            health: Health::default(),
            since: now,
        }
    }

    fn look(&mut self, now: Instant, since_start: Duration) -> Option<Change> {
        let snapshot = self.watched.snapshot();
        let (seen, before) = (Seen::of(&snapshot), self.last);
        let seconds = now.duration_since(self.at).as_secs_f64();
        if seen != before {
            self.moved = now;
        }
        // Too short a time gives no rate: the first look comes at once.
        if seconds > 0.1 {
            let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
            self.rates = Rates {
                rows_per_second: rate(seen.read, before.read),
                written_per_second: rate(seen.passed, before.passed),
                bytes_per_second: rate(seen.bytes, before.bytes),
            };
            self.recent.push_back(self.rates);
            self.recent
                .drain(..self.recent.len().saturating_sub(RECENT));
            let lag = snapshot.splits.lag.iter().filter_map(|lag| lag.seconds);
            let epochs = (seen.epochs - before.epochs) as f64;
            let values = [
                self.rates.rows_per_second,
                self.rates.bytes_per_second,
                lag.reduce(f64::max).unwrap_or(f64::NAN),
                (seen.epoch_seconds - before.epoch_seconds) / epochs,
            ];
            for ((_, rolling), value) in self.rolling.iter_mut().zip(values) {
                rolling.add(since_start, value);
            }
        }
        (self.last, self.at) = (seen, now);
        self.judge(now, &snapshot)
    }

    fn judge(&mut self, now: Instant, snapshot: &Snapshot) -> Option<Change> {
        let vitals = self.watched.vitals(now.duration_since(self.moved));
        let before = std::mem::replace(&mut self.health, vitals.health());
        if before.level == self.health.level {
            return None;
        }
        self.since = now;
        Some(Change {
            pipeline: snapshot.pipeline.clone(),
            task: snapshot.task,
            from: before.level,
            health: self.health.clone(),
        })
    }

    fn view(&self) -> View {
        let vitals = self.watched.vitals(self.moved.elapsed());
        View {
            snapshot: self.watched.snapshot(),
            health: self.health.clone(),
            idle_seconds: vitals.idle().as_secs_f64(),
        }
    }

    fn shown(&self, now: Duration) -> Value {
        let rolling = self.rolling.iter();
        let rolling =
            rolling.map(|(name, rolling)| ((*name).to_owned(), json!(rolling.spans(now))));
        let rolling: serde_json::Map<_, _> = rolling.collect();
        let vitals = self.watched.vitals(self.moved.elapsed());
        let mut shown = json!(self.watched.snapshot());
        shown["health"] = json!(self.health);
        shown["health"]["since_seconds"] = json!(self.since.elapsed().as_secs());
        shown["idle_seconds"] = json!(vitals.idle().as_secs_f64());
        shown["rates"] = json!(self.rates);
        shown["rolling"] = Value::Object(rolling);
        shown["recent"] = json!(self.recent);
        shown
    }
}

impl Seen {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            read: snapshot.rows.read,
            passed: snapshot.rows.passed,
            bytes: snapshot.bytes_read,
            commits: snapshot.commits,
            ended: snapshot.splits.ended,
            epochs: snapshot.epoch.seconds.count(),
            epoch_seconds: snapshot.epoch.seconds.sum(),
        }
    }
}
