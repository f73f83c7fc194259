//! The comparison as a markdown table.

use std::fmt::Write;

use super::jobs::{Job, Tool};
use super::measure::Summary;

/// What one tool needed for one job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) tool: Tool,
    pub(crate) summary: Summary,
    /// The median of the bare start, to be taken off.
    pub(crate) start: f64,
}

impl Row {
    fn without_start(&self) -> f64 {
        (self.summary.wall - self.start).max(0.0)
    }
}

pub(crate) const HEAD: &str = "\
| job | tool | wall s | min..max | without start | CPU s | MiB | ratio | ratio without start |
|---|---|---|---|---|---|---|---|---|
";

/// The rows of one job. A ratio is a tool's time to the fastest peer's; below 1 is faster.
pub(crate) fn rows(job: &Job, measured: &[Row]) -> String {
    let rows = one_polars(measured);
    let fastest = |time: fn(&Row) -> f64| {
        let peers = rows.iter().filter(|row| row.tool != Tool::Velo);
        peers.map(time).fold(f64::NAN, f64::min)
    };
    let (with_start, without_start) = (fastest(|it| it.summary.wall), fastest(Row::without_start));
    let mut text = String::new();
    for row in &rows {
        let Summary {
            wall,
            fastest,
            slowest,
            cpu,
            mib,
        } = row.summary;
        let bare = row.without_start();
        let (ratio, bare_ratio) = (wall / with_start, bare / without_start);
        let (job, tool) = (job.title, row.tool.title());
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {job} | {tool} | {wall:.2} | {fastest:.2}..{slowest:.2} | {bare:.2} | {cpu:.2} \
             | {mib:.0} | {ratio:.2} | {bare_ratio:.2} |",
        );
    }
    text
}

/// Keeps the faster of Polars' two ways.
fn one_polars(measured: &[Row]) -> Vec<Row> {
    let is_polars = |row: &&Row| row.tool.module() == Some("polars");
    let walls = measured
        .iter()
        .filter(is_polars)
        .map(|row| row.summary.wall);
    let best = walls.fold(f64::INFINITY, f64::min);
    let keeps = |row: &&Row| !is_polars(row) || row.summary.wall <= best;
    measured.iter().filter(keeps).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::super::jobs::JOBS;
    use super::*;

    fn row(tool: Tool, wall: f64, start: f64) -> Row {
        let summary = Summary {
            wall,
            fastest: wall,
            slowest: wall,
            cpu: wall,
            mib: 10.0,
        };
        Row {
            tool,
            summary,
            start,
        }
    }

    #[test]
    fn ratios_are_to_the_fastest_peer_and_only_the_better_polars_stays() {
        let text = rows(
            &JOBS[0],
            &[
                row(Tool::Velo, 0.5, 0.0),
                row(Tool::DuckDb, 1.2, 0.1),
                row(Tool::PolarsStreaming, 1.0, 0.2),
                row(Tool::PolarsEager, 1.5, 0.2),
            ],
        );
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[0].ends_with("| 0.50 | 0.50 | 10 | 0.50 | 0.62 |"),
            "{}",
            lines[0]
        );
        assert!(lines[2].contains("Polars, streaming"), "{}", lines[2]);
    }
}
