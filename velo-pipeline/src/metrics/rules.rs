//! The alert rules as Prometheus reads them.

use super::ALERTS;

/// Writes all alert rules as a rule file of Prometheus.
///
/// ```
/// let rules = velo_pipeline::metrics::rules();
/// assert!(rules.contains("      - alert: VeloDown\n"));
/// ```
#[must_use]
pub fn rules() -> String {
    let mut text = String::from(
        "# Written by `cargo xtask docs` from the table of alerts in velo-pipeline/src/metrics.\n\
         groups:\n  - name: velo\n    rules:\n",
    );
    for alert in ALERTS {
        text.push_str(&format!(
            "      - alert: {}\n        expr: {}\n        for: {}\n        labels:\n          \
             severity: {}\n        annotations:\n          summary: {}\n          description: {}\n",
            alert.name,
            quoted(alert.expr),
            alert.lasting,
            alert.severity.name(),
            quoted(alert.summary),
            quoted(alert.remedy),
        ));
    }
    text
}

/// Text as a scalar of YAML in single quotes, in which nothing but these has a meaning.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
