//! The dashboard, as Grafana reads it.

use serde_json::{Value, json};

/// A panel: title, unit, and queries with their legends.
type Panel = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const OF: &str = "{pipeline=~\"$pipeline\"}";

const PANELS: &[Panel] = &[
    (
        "Health (0 healthy, 1 degraded, 2 unhealthy)",
        "none",
        &[("velo_health$", "{{pipeline}}")],
    ),
    (
        "Rows per second",
        "short",
        &[
            ("rate(velo_rows_read_total$[1m])", "{{pipeline}} read"),
            ("rate(velo_rows_written_total$[1m])", "{{pipeline}} written"),
        ],
    ),
    (
        "Bytes read per second",
        "Bps",
        &[("rate(velo_bytes_read_total$[1m])", "{{pipeline}}")],
    ),
    (
        "Lag",
        "short",
        &[
            (
                "sum by (pipeline) (velo_split_lag_rows$)",
                "{{pipeline}} rows",
            ),
            (
                "sum by (pipeline) (velo_split_lag_bytes$)",
                "{{pipeline}} bytes",
            ),
        ],
    ),
    (
        "Lag in time",
        "s",
        &[(
            "max by (pipeline) (velo_split_lag_seconds$)",
            "{{pipeline}}",
        )],
    ),
    (
        "Rows rejected per second",
        "short",
        &[(
            "rate(velo_rows_rejected_total$[5m])",
            "{{pipeline}} {{stage}}",
        )],
    ),
    (
        "Ending an epoch, and commits: 99th percentile",
        "s",
        &[
            (
                "histogram_quantile(0.99, sum by (pipeline, le) (rate(velo_epoch_seconds_bucket$[5m])))",
                "{{pipeline}} epoch",
            ),
            (
                "histogram_quantile(0.99, sum by (pipeline, le) (rate(velo_commit_seconds_bucket$[5m])))",
                "{{pipeline}} commit",
            ),
        ],
    ),
    (
        "Age of stored positions",
        "s",
        &[
            ("velo_checkpoint_age_seconds$", "{{pipeline}}"),
            ("velo_held_position_seconds$", "{{pipeline}} held"),
            ("velo_idle_seconds$", "{{pipeline}} idle"),
        ],
    ),
    (
        "Retries, and the circuit breaker (2: open)",
        "short",
        &[
            ("increase(velo_retries_total$[5m])", "{{pipeline}} retries"),
            ("velo_breaker_state$", "{{pipeline}} breaker"),
        ],
    ),
    (
        "Memory for rows",
        "bytes",
        &[
            ("velo_memory_used_bytes$", "{{pipeline}} {{part}}"),
            ("velo_memory_limit_bytes$", "{{pipeline}} {{part}} at most"),
        ],
    ),
];

/// Writes the dashboard for Grafana 9 and later.
///
/// ```
/// let dashboard = velo_pipeline::metrics::dashboard();
/// assert_eq!(dashboard["uid"], "velo");
/// ```
#[must_use]
pub fn dashboard() -> Value {
    let panels: Vec<_> = PANELS
        .iter()
        .enumerate()
        .map(|(at, of)| panel(at, of))
        .collect();
    json!({
        "uid": "velo",
        "title": "velo",
        "tags": ["velo"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [
            { "name": "source", "label": "Data source", "type": "datasource", "query": "prometheus" },
            {
                "name": "pipeline",
                "label": "Pipeline",
                "type": "query",
                "datasource": { "type": "prometheus", "uid": "${source}" },
                "query": "label_values(velo_info, pipeline)",
                "refresh": 2,
                "multi": true,
                "includeAll": true,
            },
        ] },
        "panels": panels,
    })
}

fn panel(at: usize, (title, unit, queries): &Panel) -> Value {
    let source = json!({ "type": "prometheus", "uid": "${source}" });
    let target = |(number, (query, legend)): (usize, &(&str, &str))| {
        json!({
            "refId": char::from(b'A' + number as u8).to_string(),
            "datasource": source,
            "expr": query.replace('$', OF),
            "legendFormat": legend,
        })
    };
    let targets: Vec<_> = queries.iter().enumerate().map(target).collect();
    json!({
        "id": at + 1,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "gridPos": { "h": 8, "w": 12, "x": 12 * (at % 2), "y": 8 * (at / 2) },
        "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
        "targets": targets,
    })
}
