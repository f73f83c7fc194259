//! The figures of one pipeline as text, from what `/status` says.

use serde_json::Value;

use crate::report;

/// The columns of the table.
pub(super) const COLUMNS: [&str; 9] = [
    "PIPELINE", "HEALTH", "ROWS/S", "BYTES/S", "WRITTEN", "LAG", "BAD", "EPOCH", "MEM",
];

/// What is shown of one pipeline; no text in it makes a terminal do anything.
pub(super) struct Figures {
    /// In the order of [`COLUMNS`].
    pub(super) cells: [String; 9],
    pub(super) level: String,
    pub(super) route: String,
    pub(super) reasons: Vec<String>,
    /// Rows per second, the last one last.
    pub(super) recent: Vec<u64>,
    /// Split, lag, time since it moved.
    pub(super) splits: Vec<[String; 3]>,
    /// The newest first.
    pub(super) errors: Vec<String>,
}

impl Figures {
    pub(super) fn of(of: &Value) -> Self {
        let text = |value: &Value| report::plain(value.as_str().unwrap_or_default());
        let number = |value: &Value| value.as_f64().unwrap_or_default();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let lags = list(&of["splits"]["lag"]);
        let memory = list(&of["memory"]);
        let all = |key: &str| memory.iter().map(|part| number(&part[key])).sum::<f64>();
        let level = text(&of["health"]["level"]);
        let name = match of["task"].as_u64() {
            Some(task) if task > 0 => format!("{} #{task}", text(&of["pipeline"])),
            _ => text(&of["pipeline"]),
        };
        let rates = &of["rates"];
        let split = |lag: &Value| {
            let moved = format!("{} ago", time(number(&lag["age_seconds"])));
            [
                text(&lag["split"]),
                behind(std::slice::from_ref(lag)),
                moved,
            ]
        };
        let reasons = list(&of["health"]["reasons"]);
        let recent = list(&of["recent"]);
        Self {
            cells: [
                name,
                level.clone(),
                short(number(&rates["rows_per_second"])),
                bytes(number(&rates["bytes_per_second"])),
                short(number(&of["rows"]["written"])),
                behind(&lags),
                short(number(&of["rows"]["rejected"])),
                of["epoch"]["number"].to_string(),
                format!("{:.0}%", 100.0 * all("used") / all("limit").max(1.0)),
            ],
            level,
            route: format!("{} -> {}", text(&of["source"]), text(&of["sink"])),
            reasons: reasons.iter().map(|reason| text(&reason["text"])).collect(),
            recent: recent
                .iter()
                .map(|at| number(&at["rows_per_second"]) as u64)
                .collect(),
            splits: lags.iter().map(split).collect(),
            errors: list(&of["errors"])
                .iter()
                .map(|error| text(&error["report"]))
                .collect(),
        }
    }
}

/// Writes a plain table: one line for each pipeline, columns apart by two spaces at least.
pub(super) fn table<'a>(all: impl Iterator<Item = &'a Figures>) -> String {
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    rows.extend(all.map(|figures| figures.cells.clone()));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..COLUMNS.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let line = |row: &[String; 9]| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Gives how far splits are behind: in rows where they are known, else in bytes, else in time.
fn behind(lags: &[Value]) -> String {
    let all = |key: &str| {
        let known: Vec<_> = lags.iter().filter_map(|lag| lag[key].as_f64()).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>())
    };
    if let Some(rows) = all("rows") {
        return short(rows);
    }
    all("bytes").map_or_else(|| "-".to_owned(), bytes)
}

/// Writes a number with three digits: `999`, `12.3k`, `4.56M`.
fn short(number: f64) -> String {
    scaled(number, 1000.0, ["", "k", "M", "G", "T"])
}

/// Writes bytes with three digits: `999B`, `12.3KiB`.
fn bytes(number: f64) -> String {
    scaled(number, 1024.0, ["B", "KiB", "MiB", "GiB", "TiB"])
}

fn scaled(mut number: f64, step: f64, units: [&str; 5]) -> String {
    let mut unit = 0;
    while number >= step && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    let digits = match number {
        _ if unit == 0 => 0,
        few if few < 10.0 => 2,
        more if more < 100.0 => 1,
        _ => 0,
    };
    format!("{number:.digits$}{}", units[unit])
}

/// Writes a time in its largest unit: `5s`, `3m`, `2h`, `4d`.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.0}s"),
        s if s < 3600.0 => format!("{:.0}m", (s / 60.0).floor()),
        s if s < 86400.0 => format!("{:.0}h", (s / 3600.0).floor()),
        s => format!("{:.0}d", (s / 86400.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (number, text) in [
            (0.0, "0"),
            (999.0, "999"),
            (12_345.0, "12.3k"),
            (4.56e6, "4.56M"),
        ] {
            assert_eq!(short(number), text);
        }
        assert_eq!(
            (bytes(512.0), bytes(1536.0)),
            ("512B".into(), "1.50KiB".into())
        );
        assert_eq!(
            (time(59.0), time(3599.0), time(90_000.0)),
            ("59s".into(), "59m".into(), "1d".into())
        );
    }

    #[test]
    fn an_answer_that_lacks_everything_is_shown() {
        let figures = Figures::of(&serde_json::json!({ "pipeline": "a\u{1b}[2J" }));
        let table = table([&figures].into_iter());
        assert!(table.contains(r"a\u{1b}[2J"), "{table}");
        assert_eq!(table.lines().count(), 2);
    }
}
