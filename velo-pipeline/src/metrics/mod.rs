//! What a pipeline tells Prometheus: one typed table, and everything that is made of it.
//!
//! - `table` names every metric, `alerts` every alert rule; `samples` writes the text format.
//! - `reference` writes docs, `rules` the alert rules, `dashboard` the Grafana dashboard.
//! - `process` is what the operating system says of this process.

mod alerts;
mod dashboard;
mod process;
mod reference;
mod rules;
mod samples;
mod table;

use crate::Snapshot;
use crate::health::Health;

pub use alerts::{ALERTS, Alert, Severity};
pub use dashboard::dashboard;
pub use process::Process;
pub use reference::reference;
pub use rules::rules;
pub use samples::Samples;
pub use table::METRICS;

/// A pipeline as its metrics show it.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Its figures.
    pub snapshot: Snapshot,
    /// How it is.
    pub health: Health,
    /// Seconds for which there was something to do and nothing was done.
    pub idle_seconds: f64,
}

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins at 0 with the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations, counted by range.
    Histogram,
}

impl Kind {
    /// Gives the word of the text format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Where a metric's values come from.
#[derive(Clone, Copy)]
pub enum Read {
    /// From every pipeline; its series also have the labels `pipeline` and `task`.
    Pipeline(fn(&View, &mut Samples<'_>)),
    /// From the process.
    Process(fn(&Process) -> Option<f64>),
}

/// One metric.
///
/// ```
/// use velo_pipeline::metrics::METRICS;
/// assert!(METRICS.iter().all(|metric| metric.help.ends_with('.')));
/// ```
pub struct Metric {
    /// Its name, after the naming rules of Prometheus.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// What it counts: rows, bytes, seconds.
    pub unit: &'static str,
    /// Labels besides `pipeline` and `task`.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
    /// What to do when it is bad.
    pub remedy: &'static str,
    /// Where its values come from.
    pub read: Read,
}

/// Writes all metrics in the text format of Prometheus, version 0.0.4.
///
/// ```
/// use velo_pipeline::metrics::{Process, View, text};
/// let text = text(&[View::default()], &Process::default());
/// assert!(text.contains("# TYPE velo_rows_read_total counter\n"));
/// ```
#[must_use]
pub fn text(views: &[View], process: &Process) -> String {
    let mut text = String::new();
    for metric in METRICS {
        let mut samples = Samples::new(metric, &mut text);
        match metric.read {
            Read::Pipeline(read) => {
                for view in views {
                    samples.of(&view.snapshot);
                    read(view, &mut samples);
                }
            }
            Read::Process(read) => {
                if let Some(value) = read(process) {
                    samples.add(&[], value);
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests;
