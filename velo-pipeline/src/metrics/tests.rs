//! The text as Prometheus reads it, and every alert rule, evaluated over what a fault leaves.

use super::*;
use crate::health::{Level, Vitals};
use crate::{DeadLetterCount, Memory, SplitLag};

mod evaluate;

use evaluate::{Scrape, fires};

fn well() -> View {
    let mut view = View::default();
    let of = &mut view.snapshot;
    of.pipeline = "orders".to_owned();
    of.breaker = "closed";
    of.rows.read = 1000;
    of.rows.written = 1000;
    of.epoch.checkpoint_age_seconds = Some(3.0);
    of.splits.lag = vec![lag(0, 0.0)];
    of.memory = vec![Memory {
        part: "readers",
        used: 10,
        limit: 100,
    }];
    view
}

fn lag(left: u64, seconds: f64) -> SplitLag {
    SplitLag {
        split: "in/a.log".to_owned(),
        position: None,
        age_seconds: 1.0,
        rows: Some(left),
        bytes: Some(left * 10),
        seconds: Some(seconds),
    }
}

fn process() -> Process {
    Process {
        cpu_seconds: Some(1.5),
        resident_bytes: Some(1e6),
        open_files: Some(10.0),
        most_files: Some(1024.0),
        threads: Some(4.0),
    }
}

/// Names the alerts that fire when the second scrape is ten minutes after the first.
fn firing(before: &View, after: &View, process_after: &Process) -> Vec<&'static str> {
    let scrape = |view: &View, process: &Process| {
        Scrape::of(&text(std::slice::from_ref(view), process), true)
    };
    let scrapes = [scrape(before, &process()), scrape(after, process_after)];
    let rules = ALERTS.iter().filter(|alert| fires(alert.expr, &scrapes));
    rules.map(|alert| alert.name).collect()
}

fn after(fault: impl FnOnce(&mut View)) -> Vec<&'static str> {
    let (before, mut view) = (well(), well());
    fault(&mut view);
    firing(&before, &view, &process())
}

#[test]
fn every_alert_fires_at_its_fault_and_at_no_other() {
    let mut fired = vec![after(|_| {})];
    assert_eq!(fired[0], [""; 0]);
    fired.extend([
        after(|view| view.health.level = Level::Unhealthy),
        after(|view| view.idle_seconds = 300.0),
        after(|view| view.snapshot.epoch.store_fails = true),
        after(|view| view.snapshot.breaker = "open"),
        after(|view| view.snapshot.splits.lag = vec![lag(5000, 400.0)]),
        after(|view| {
            view.snapshot.dead_letters = vec![DeadLetterCount {
                stage: "decode",
                kind: "InvalidData".to_owned(),
                rows: 1,
            }];
        }),
        after(|view| view.snapshot.retries = 4),
        after(|view| view.snapshot.epoch.checkpoint_age_seconds = Some(3600.0)),
        after(|view| view.snapshot.epoch.held_seconds = 1000.0),
        after(|view| view.snapshot.memory[0].used = 99),
        firing(
            &well(),
            &well(),
            &Process {
                open_files: Some(1000.0),
                ..process()
            },
        ),
    ]);
    let down = [Scrape::of("", true), Scrape::of("", false)];
    let rules = ALERTS.iter().filter(|alert| fires(alert.expr, &down));
    fired.push(rules.map(|alert| alert.name).collect());
    assert_eq!(fired[5], ["VeloLagGrows", "VeloLagGrowsRows"]);
    let mut once: Vec<_> = fired.concat();
    once.sort_unstable();
    let mut all: Vec<_> = ALERTS.iter().map(|alert| alert.name).collect();
    all.sort_unstable();
    assert_eq!(once, all);
}

#[test]
fn lag_that_shrinks_is_no_alert() {
    let (mut before, mut now) = (well(), well());
    before.snapshot.splits.lag = vec![lag(9000, 300.0)];
    now.snapshot.splits.lag = vec![lag(5000, 900.0)];
    assert!(firing(&before, &now, &process()).is_empty());
}

#[test]
fn every_metric_is_written_with_its_type_and_labels() {
    let text = text(&[well()], &process());
    for metric in METRICS {
        let (name, kind) = (metric.name, metric.kind.name());
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        let ending = match (metric.kind, metric.unit) {
            (Kind::Counter, _) => "_total",
            (_, "seconds") => "_seconds",
            (_, "bytes") => "_bytes",
            _ => "",
        };
        assert!(name.ends_with(ending), "{name}");
    }
    for line in [
        "velo_rows_read_total{pipeline=\"orders\",task=\"0\"} 1000",
        "velo_split_lag_bytes{pipeline=\"orders\",task=\"0\",split=\"in/a.log\"} 0",
        "velo_epoch_seconds_bucket{pipeline=\"orders\",task=\"0\",le=\"+Inf\"} 0",
        "process_open_fds 10",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn what_is_generated_is_well_formed() {
    // The pipeline file's own reader takes any YAML under `metadata`.
    let indented = rules()
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect::<String>();
    let whole = format!("name: p\nsource: a\nsink: b\nmetadata:\n{indented}");
    let rules = crate::config::PipelineFile::parse(&whole).unwrap().metadata;
    let groups = &rules["groups"][0]["rules"];
    assert_eq!(groups.as_array().map(Vec::len), Some(ALERTS.len()));
    assert_eq!(groups[0]["expr"], ALERTS[0].expr);
    let dashboard = dashboard().to_string();
    let known = |name: &str| METRICS.iter().any(|metric| metric.name == name);
    let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let exprs = ALERTS.iter().flat_map(|alert| alert.expr.split(word));
    for name in exprs.chain(dashboard.split(word)) {
        if name.starts_with("velo_") || name.starts_with("process_") {
            let name = name.trim_end_matches("_bucket");
            assert!(known(name), "{name} is no metric");
        }
    }
}

#[test]
fn unhealthy_and_stalled_go_together() {
    let vitals = Vitals {
        quiet: std::time::Duration::from_secs(200),
        behind: true,
        ..Vitals::default()
    };
    assert_eq!(vitals.health().level, Level::Unhealthy);
    assert_eq!(vitals.idle().as_secs(), 200);
}
