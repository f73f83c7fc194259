//! The text format of Prometheus, version 0.0.4: one line for each value.

use std::fmt::Write;

use super::{Kind, Metric};
use crate::counters::BOUNDS;
use crate::{Histogram, Snapshot};

/// Takes the values of one metric.
pub struct Samples<'a> {
    metric: &'a Metric,
    text: &'a mut String,
    /// The labels of the pipeline whose values come.
    pipeline: String,
}

impl<'a> Samples<'a> {
    /// Begins a metric: its help and type.
    pub(super) fn new(metric: &'a Metric, text: &'a mut String) -> Self {
        let (name, help, kind) = (metric.name, metric.help, metric.kind.name());
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        Self {
            metric,
            text,
            pipeline: String::new(),
        }
    }

    /// Says whose values come next.
    pub(super) fn of(&mut self, snapshot: &Snapshot) {
        self.pipeline = format!(
            "pipeline=\"{}\",task=\"{}\"",
            escaped(&snapshot.pipeline),
            snapshot.task
        );
    }

    /// Adds a value; `labels` stand for the metric's own labels, in their order.
    pub(super) fn add(&mut self, labels: &[&str], value: f64) {
        self.line("", labels, "", value);
    }

    /// Adds a count.
    pub(super) fn count(&mut self, labels: &[&str], value: u64) {
        self.add(labels, value as f64);
    }

    /// Adds a histogram.
    pub(super) fn histogram(&mut self, histogram: &Histogram) {
        debug_assert_eq!(self.metric.kind, Kind::Histogram);
        for (at, bound) in BOUNDS.iter().enumerate() {
            let within = format!("le=\"{bound}\"");
            self.line("_bucket", &[], &within, histogram.up_to(at) as f64);
        }
        let count = histogram.count() as f64;
        self.line("_bucket", &[], "le=\"+Inf\"", count);
        self.line("_sum", &[], "", histogram.sum());
        self.line("_count", &[], "", count);
    }

    fn line(&mut self, suffix: &str, values: &[&str], more: &str, value: f64) {
        let mut labels = self.pipeline.clone();
        let own = self.metric.labels.iter().zip(values);
        let own = own.map(|(label, value)| format!("{label}=\"{}\"", escaped(value)));
        for label in own.chain((!more.is_empty()).then(|| more.to_owned())) {
            if !labels.is_empty() {
                labels.push(',');
            }
            labels.push_str(&label);
        }
        if !labels.is_empty() {
            labels = format!("{{{labels}}}");
        }
        // Writing into text cannot fail.
        let _ = writeln!(self.text, "{}{suffix}{labels} {value}", self.metric.name);
    }
}

/// Spells a label's value; other control characters mean nothing to Prometheus and are replaced.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_its_line() {
        assert_eq!(escaped("a\"b\\c\nd\u{1b}"), "a\\\"b\\\\c\\nd\u{fffd}");
    }
}
