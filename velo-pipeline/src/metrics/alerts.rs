//! Every alert rule, once.

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody should have a look today.
    Warning,
    /// Somebody should have a look now.
    Critical,
}

impl Severity {
    /// Gives the value of the label `severity`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One alert rule.
///
/// ```
/// use velo_pipeline::metrics::ALERTS;
/// assert!(ALERTS.iter().all(|alert| alert.name.starts_with("Velo")));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Alert {
    /// Its name.
    pub name: &'static str,
    /// What has to be true, in PromQL.
    pub expr: &'static str,
    /// For how long.
    pub lasting: &'static str,
    /// How urgent it is.
    pub severity: Severity,
    /// What is the matter, with `{{ $labels.pipeline }}` filled in by Prometheus.
    pub summary: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// All alert rules, the most urgent first.
pub const ALERTS: &[Alert] = &[
    Alert {
        name: "VeloDown",
        expr: "up{job=\"velo\"} == 0",
        lasting: "1m",
        severity: Severity::Critical,
        summary: "velo at {{ $labels.instance }} does not answer",
        remedy: "See whether the process runs and why it ended: its exit code and its log say so.",
    },
    Alert {
        name: "VeloUnhealthy",
        expr: "velo_health == 2",
        lasting: "1m",
        severity: Severity::Critical,
        summary: "pipeline {{ $labels.pipeline }} is unhealthy",
        remedy: "The status page and /healthz give the reasons.",
    },
    Alert {
        name: "VeloStalled",
        expr: "velo_idle_seconds > 120",
        lasting: "1m",
        severity: Severity::Critical,
        summary: "pipeline {{ $labels.pipeline }} has rows to move and moves none",
        remedy: "Source or sink does not answer, or a lane hangs. A restart loses nothing.",
    },
    Alert {
        name: "VeloStoreFails",
        expr: "velo_store_failing == 1",
        lasting: "1m",
        severity: Severity::Critical,
        summary: "pipeline {{ $labels.pipeline }} cannot store its positions",
        remedy: "Look at checkpoint.store: disk full, read-only, not reachable.",
    },
    Alert {
        name: "VeloBreakerOpen",
        expr: "velo_breaker_state > 0",
        lasting: "1m",
        severity: Severity::Critical,
        summary: "pipeline {{ $labels.pipeline }} keeps failing",
        remedy: "Source or sink has failed several times in a row: the last errors say how.",
    },
    Alert {
        name: "VeloLagGrows",
        expr: "delta(velo_split_lag_bytes[10m]) > 0 and velo_split_lag_seconds > 300",
        lasting: "10m",
        severity: Severity::Warning,
        summary: "pipeline {{ $labels.pipeline }} falls behind at {{ $labels.split }}",
        remedy: "It is slower than its source: more threads, more tasks, or a faster sink.",
    },
    Alert {
        name: "VeloLagGrowsRows",
        expr: "delta(velo_split_lag_rows[10m]) > 0 and velo_split_lag_seconds > 300",
        lasting: "10m",
        severity: Severity::Warning,
        summary: "pipeline {{ $labels.pipeline }} falls behind at {{ $labels.split }}",
        remedy: "It is slower than its source: more threads, more tasks, or a faster sink.",
    },
    Alert {
        name: "VeloDeadLetters",
        expr: "increase(velo_rows_rejected_total[10m]) > 0",
        lasting: "0m",
        severity: Severity::Warning,
        summary: "pipeline {{ $labels.pipeline }} rejects rows at {{ $labels.stage }}",
        remedy: "velo dlq list FILE says why; mend the source, then velo dlq replay FILE.",
    },
    Alert {
        name: "VeloRetries",
        expr: "increase(velo_retries_total[10m]) > 3",
        lasting: "0m",
        severity: Severity::Warning,
        summary: "pipeline {{ $labels.pipeline }} fails again and again",
        remedy: "The last errors are on the status page and in the log.",
    },
    Alert {
        name: "VeloCheckpointOld",
        expr: "velo_checkpoint_age_seconds > 1800",
        lasting: "5m",
        severity: Severity::Warning,
        summary: "pipeline {{ $labels.pipeline }} would read more than half an hour again",
        remedy: "Epochs do not end, or the sink holds them back: see velo_held_position_seconds.",
    },
    Alert {
        name: "VeloPositionHeld",
        expr: "velo_held_position_seconds > 900",
        lasting: "5m",
        severity: Severity::Warning,
        summary: "the sink of pipeline {{ $labels.pipeline }} holds epochs back",
        remedy: "Files finish too seldom: lower roll_age, roll_rows or roll_bytes.",
    },
    Alert {
        name: "VeloMemoryFull",
        expr: "velo_memory_used_bytes / velo_memory_limit_bytes > 0.95",
        lasting: "15m",
        severity: Severity::Warning,
        summary: "the {{ $labels.part }} of pipeline {{ $labels.pipeline }} have no memory left",
        remedy: "Writers are slower than readers, or memory is too small.",
    },
    Alert {
        name: "VeloFilesOpen",
        expr: "process_open_fds / process_max_fds > 0.8",
        lasting: "5m",
        severity: Severity::Warning,
        summary: "velo at {{ $labels.instance }} is close to its limit of open files",
        remedy: "Raise LimitNOFILE, or keep fewer destinations open at once.",
    },
];
