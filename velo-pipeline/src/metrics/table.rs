//! Every metric, once.

use super::{Kind, Metric, Read};
use crate::dead_letters::STAGES;
use crate::health::Level;

/// All metrics, in the order in which they are written.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "velo_info",
        kind: Kind::Gauge,
        unit: "",
        labels: &["source", "sink", "guarantee"],
        help: "Always 1; the labels say what the pipeline is.",
        remedy: "",
        read: Read::Pipeline(|view, samples| {
            let of = &view.snapshot;
            samples.add(&[&of.source, &of.sink, &of.guarantee], 1.0);
        }),
    },
    Metric {
        name: "velo_health",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "How the pipeline is: 0 healthy, 1 degraded, 2 unhealthy.",
        remedy: "the reasons are on the status page and in `/healthz`",
        read: Read::Pipeline(|view, samples| {
            let level = match view.health.level {
                Level::Healthy => 0.0,
                Level::Degraded => 1.0,
                Level::Unhealthy => 2.0,
            };
            samples.add(&[], level);
        }),
    },
    Metric {
        name: "velo_uptime_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &[],
        help: "Time since the run began.",
        remedy: "one that keeps falling back is a process that is started again and again: see its log",
        read: Read::Pipeline(|view, samples| samples.add(&[], view.snapshot.uptime_seconds)),
    },
    Metric {
        name: "velo_rows_read_total",
        kind: Kind::Counter,
        unit: "rows",
        labels: &[],
        help: "Rows that came out of the source; rows that are read again count again.",
        remedy: "far more than are written: something is read again and again, see velo_retries_total",
        read: Read::Pipeline(|view, samples| samples.count(&[], view.snapshot.rows.read)),
    },
    Metric {
        name: "velo_rows_written_total",
        kind: Kind::Counter,
        unit: "rows",
        labels: &[],
        help: "Rows that are committed.",
        remedy: "it stands still while rows are read: the sink holds epochs back or does not commit",
        read: Read::Pipeline(|view, samples| samples.count(&[], view.snapshot.rows.written)),
    },
    Metric {
        name: "velo_rows_filtered_total",
        kind: Kind::Counter,
        unit: "rows",
        labels: &[],
        help: "Rows of committed epochs that a transform left out.",
        remedy: "",
        read: Read::Pipeline(|view, samples| samples.count(&[], view.snapshot.rows.filtered)),
    },
    Metric {
        name: "velo_rows_rejected_total",
        kind: Kind::Counter,
        unit: "rows",
        labels: &["stage"],
        help: "Rows of committed epochs that did not decode, that a transform refused, or the sink.",
        remedy: "`velo dlq list FILE` says why; mend the source, then `velo dlq replay FILE`",
        read: Read::Pipeline(|view, samples| {
            for stage in STAGES {
                let letters = view.snapshot.dead_letters.iter();
                let of = letters.filter(|count| count.stage == stage.name());
                samples.count(&[stage.name()], of.map(|count| count.rows).sum());
            }
        }),
    },
    Metric {
        name: "velo_bytes_read_total",
        kind: Kind::Counter,
        unit: "bytes",
        labels: &[],
        help: "Bytes read, as the source counts them: of compressed files the compressed ones.",
        remedy: "",
        read: Read::Pipeline(|view, samples| samples.count(&[], view.snapshot.bytes_read)),
    },
    Metric {
        name: "velo_commits_total",
        kind: Kind::Counter,
        unit: "",
        labels: &[],
        help: "Commits of the sink.",
        remedy: "",
        read: Read::Pipeline(|view, samples| samples.count(&[], view.snapshot.commits)),
    },
    Metric {
        name: "velo_epoch",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "Number of the last epoch.",
        remedy: "",
        read: Read::Pipeline(|view, samples| samples.count(&[], view.snapshot.epoch.number)),
    },
    Metric {
        name: "velo_epoch_seconds",
        kind: Kind::Histogram,
        unit: "seconds",
        labels: &[],
        help: "How long ending an epoch took: prepare, dead letters, checkpoint, commit, acknowledge.",
        remedy: "longer than `checkpoint.every`: give it more time, or the sink a faster disk",
        read: Read::Pipeline(|view, samples| samples.histogram(&view.snapshot.epoch.seconds)),
    },
    Metric {
        name: "velo_commit_seconds",
        kind: Kind::Histogram,
        unit: "seconds",
        labels: &[],
        help: "How long the sink's commits took.",
        remedy: "the destination is slow: fewer, larger epochs help (`checkpoint.every`)",
        read: Read::Pipeline(|view, samples| {
            samples.histogram(&view.snapshot.epoch.commit_seconds);
        }),
    },
    Metric {
        name: "velo_idle_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &[],
        help: "For so long there has been something to do and nothing was done; 0 when there is nothing to do.",
        remedy: "source or sink does not answer, or a lane hangs: see the log; a restart loses nothing",
        read: Read::Pipeline(|view, samples| samples.add(&[], view.idle_seconds)),
    },
    Metric {
        name: "velo_retries_total",
        kind: Kind::Counter,
        unit: "",
        labels: &[],
        help: "Failures after which the pipeline went back to its last checkpoint and tried again.",
        remedy: "the last errors are on the status page and in the log",
        read: Read::Pipeline(|view, samples| samples.count(&[], view.snapshot.retries)),
    },
    Metric {
        name: "velo_breaker_state",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "The circuit breaker: 0 closed, 1 half-open, 2 open.",
        remedy: "open: the other side has failed several times in a row; bring it back",
        read: Read::Pipeline(|view, samples| {
            let state = match view.snapshot.breaker {
                "open" => 2.0,
                "half-open" => 1.0,
                _ => 0.0,
            };
            samples.add(&[], state);
        }),
    },
    Metric {
        name: "velo_store_failing",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "1 while the last try to store positions has failed.",
        remedy: "look at `checkpoint.store`: disk full, read-only, not reachable",
        read: Read::Pipeline(|view, samples| {
            samples.count(&[], u64::from(view.snapshot.epoch.store_fails));
        }),
    },
    Metric {
        name: "velo_checkpoint_age_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &[],
        help: "Time since the stored positions were those of an ended epoch: so much is read again after a crash.",
        remedy: "epochs do not end, or the sink holds them back (velo_held_position_seconds)",
        read: Read::Pipeline(|view, samples| {
            if let Some(age) = view.snapshot.epoch.checkpoint_age_seconds {
                samples.add(&[], age);
            }
        }),
    },
    Metric {
        name: "velo_held_position_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &[],
        help: "For so long the sink has held epochs back; 0 when it holds none.",
        remedy: "files finish too seldom: lower `roll_age`, `roll_rows` or `roll_bytes`",
        read: Read::Pipeline(|view, samples| samples.add(&[], view.snapshot.epoch.held_seconds)),
    },
    Metric {
        name: "velo_splits",
        kind: Kind::Gauge,
        unit: "",
        labels: &["state"],
        help: "Splits (files and parts of files, partitions) that are open, waiting, or ended in this run.",
        remedy: "",
        read: Read::Pipeline(|view, samples| {
            let splits = &view.snapshot.splits;
            samples.count(&["open"], splits.open);
            samples.count(&["waiting"], splits.waiting);
            samples.count(&["ended"], splits.ended);
        }),
    },
    Metric {
        name: "velo_split_lag_rows",
        kind: Kind::Gauge,
        unit: "rows",
        labels: &["split"],
        help: "Rows that the source still holds behind the position of an open split, where it knows; a hundred splits by name, then `other`.",
        remedy: "the pipeline is slower than its source: more `threads`, more tasks, a faster sink",
        read: Read::Pipeline(|view, samples| {
            for lag in &view.snapshot.splits.lag {
                lag.rows
                    .iter()
                    .for_each(|rows| samples.count(&[&lag.split], *rows));
            }
        }),
    },
    Metric {
        name: "velo_split_lag_bytes",
        kind: Kind::Gauge,
        unit: "bytes",
        labels: &["split"],
        help: "The same in bytes.",
        remedy: "as velo_split_lag_rows",
        read: Read::Pipeline(|view, samples| {
            for lag in &view.snapshot.splits.lag {
                lag.bytes
                    .iter()
                    .for_each(|bytes| samples.count(&[&lag.split], *bytes));
            }
        }),
    },
    Metric {
        name: "velo_split_lag_seconds",
        kind: Kind::Gauge,
        unit: "seconds",
        labels: &["split"],
        help: "The same in time: behind the event time where there is one, else since nothing was left.",
        remedy: "as velo_split_lag_rows",
        read: Read::Pipeline(|view, samples| {
            for lag in &view.snapshot.splits.lag {
                lag.seconds
                    .iter()
                    .for_each(|seconds| samples.add(&[&lag.split], *seconds));
            }
        }),
    },
    Metric {
        name: "velo_memory_used_bytes",
        kind: Kind::Gauge,
        unit: "bytes",
        labels: &["part"],
        help: "Memory in use for rows on their way, by readers and by writers.",
        remedy: "at its limit all the time: writers are slower than readers, or `memory` is too small",
        read: Read::Pipeline(|view, samples| {
            for memory in &view.snapshot.memory {
                samples.count(&[memory.part], memory.used);
            }
        }),
    },
    Metric {
        name: "velo_memory_limit_bytes",
        kind: Kind::Gauge,
        unit: "bytes",
        labels: &["part"],
        help: "Memory that rows on their way may take.",
        remedy: "",
        read: Read::Pipeline(|view, samples| {
            for memory in &view.snapshot.memory {
                samples.count(&[memory.part], memory.limit);
            }
        }),
    },
    Metric {
        name: "process_cpu_seconds_total",
        kind: Kind::Counter,
        unit: "seconds",
        labels: &[],
        help: "Processor time of the process.",
        remedy: "",
        read: Read::Process(|process| process.cpu_seconds),
    },
    Metric {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        unit: "bytes",
        labels: &[],
        help: "Memory of the process that stands in RAM.",
        remedy: "`memory` bounds the rows on their way; code and libraries come on top",
        read: Read::Process(|process| process.resident_bytes),
    },
    Metric {
        name: "process_open_fds",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "Open files and sockets of the process.",
        remedy: "raise the limit (`LimitNOFILE=`), or keep fewer destinations open at once",
        read: Read::Process(|process| process.open_files),
    },
    Metric {
        name: "process_max_fds",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "Files and sockets that the process may have open.",
        remedy: "",
        read: Read::Process(|process| process.most_files),
    },
    Metric {
        name: "process_threads",
        kind: Kind::Gauge,
        unit: "",
        labels: &[],
        help: "Threads of the process.",
        remedy: "",
        read: Read::Process(|process| process.threads),
    },
];
