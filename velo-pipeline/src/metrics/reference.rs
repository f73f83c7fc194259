//! The reference of metrics and alerts, for people.

use super::{ALERTS, METRICS, Read};

/// Writes the reference in Markdown.
///
/// ```
/// let reference = velo_pipeline::metrics::reference();
/// assert!(reference.contains("| `velo_rows_read_total` | counter, rows |"));
/// ```
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(
        "<!-- Written by `cargo xtask docs`; edit the tables in velo-pipeline/src/metrics instead. -->\n\n\
         # Metrics and alerts\n\n\
         `/metrics` has them in the text format of Prometheus; `status:` in the pipeline file, or\n\
         `velo run --status ADDR`, serves it. Series of pipelines also have the labels `pipeline` and\n\
         `task`. Counters begin at 0 with the process. At most a hundred splits have series of their own.\n\n\
         | metric | kind | labels | what it says | when it is bad |\n|---|---|---|---|---|\n",
    );
    for metric in METRICS {
        let labels = metric.labels.iter().map(|label| format!("`{label}`"));
        let unit = match metric.unit {
            "" => String::new(),
            unit => format!(", {unit}"),
        };
        let of = match metric.read {
            Read::Pipeline(_) => "",
            Read::Process(_) => " (Linux)",
        };
        text.push_str(&format!(
            "| `{}` | {}{unit} | {} | {}{of} | {} |\n",
            metric.name,
            metric.kind.name(),
            labels.collect::<Vec<_>>().join(", "),
            metric.help,
            metric.remedy
        ));
    }
    text.push_str(
        "\n## Alerts\n\n`deploy/prometheus/alerts.yaml` has them as rules, `deploy/grafana/velo.json` the \
         dashboard.\n\n| alert | when | for | severity | what to do |\n|---|---|---|---|---|\n",
    );
    for alert in ALERTS {
        text.push_str(&format!(
            "| {} | `{}` | {} | {} | {} |\n",
            alert.name,
            alert.expr,
            alert.lasting,
            alert.severity.name(),
            alert.remedy
        ));
    }
    text
}
