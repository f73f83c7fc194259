//! `velo dlq`: the dead letters of a pipeline.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::BooleanArray;
use velo_core::{Batch, Error, ErrorKind, FieldValue, Result, StreamRecord};
use velo_pipeline::dead_letter_stream;

use crate::args::{Arguments, Dlq, Which};
use crate::dlq_file::{Chosen, LetterFile};
use crate::{dlq_replay, head, report};

pub(crate) async fn dlq(all: &Arguments, command: &Dlq) -> Result<()> {
    match command {
        Dlq::List { file } => list(all, file).await,
        Dlq::Show { file, which, limit } => show(all, file, which, *limit).await,
        Dlq::Replay { file, which } => dlq_replay::replay(all, file, which).await,
        Dlq::Discard {
            file,
            which,
            all: every,
        } => discard(all, file, which, *every).await,
    }
}

/// Letters that came to their end in the same way.
struct Group {
    count: u64,
    first: String,
    last: String,
}

async fn list(all: &Arguments, file: &Path) -> Result<()> {
    let mut letters = LetterFile::open(all, file)?.read().await?;
    let mut groups: BTreeMap<[String; 4], Group> = BTreeMap::new();
    while let Some(rows) = letters.next().await? {
        let batch = Batch::new(dead_letter_stream(), rows)?;
        for record in batch.records() {
            let record = record?;
            let key = ["stage", "kind", "reason", "stream"].map(|name| text(&record, name));
            let at = text(&record, "at");
            let group = groups.entry(key).or_insert_with(|| Group {
                count: 0,
                first: at.clone(),
                last: at.clone(),
            });
            group.count += 1;
            group.first = at.clone().min(std::mem::take(&mut group.first));
            group.last = at.max(std::mem::take(&mut group.last));
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
    if all.json {
        let group = |([stage, kind, reason, stream], group): &([String; 4], Group)| {
            serde_json::json!({
                "stage": stage, "kind": kind, "reason": reason, "stream": stream,
                "count": group.count, "first": group.first, "last": group.last,
            })
        };
        let groups: Vec<_> = groups.iter().map(group).collect();
        return report::print(&format!("{}\n", serde_json::json!(groups)));
    }
    let mut shown = String::new();
    for ([stage, kind, reason, stream], group) in &groups {
        let count = report::count(group.count);
        let line = format!("{count:>9}  {stage}  {kind}  {stream}: {reason}");
        let line = report::plain(&line);
        shown += &format!("{line}  ({} to {})\n", group.first, group.last);
    }
    if groups.is_empty() {
        shown = "no dead letters\n".to_owned();
    }
    report::print(&shown)
}

async fn show(all: &Arguments, file: &Path, which: &Which, limit: Option<usize>) -> Result<()> {
    let chosen = Chosen::of(which)?;
    let mut letters = LetterFile::open(all, file)?.read().await?;
    let mut left = limit.unwrap_or(usize::MAX);
    while left > 0 {
        let Some(rows) = letters.next().await? else {
            break;
        };
        let keep = chosen.of_rows(&rows)?;
        let batch = Batch::new(dead_letter_stream(), rows)?.filter(&keep)?;
        let batch = batch.slice(0, left.min(batch.num_rows()));
        left -= batch.num_rows();
        if all.json {
            head::print_json(&[batch])?;
            continue;
        }
        let mut lines = String::new();
        for record in batch.records() {
            lines += &line(&record?);
        }
        report::print(&lines)?;
    }
    Ok(())
}

/// Shows a letter on one line, of which a terminal obeys nothing.
fn line(record: &StreamRecord<'_>) -> String {
    let of = |name| text(record, name);
    let mut place = of("file");
    for (name, word) in [("line", ":"), ("column", ", column ")] {
        if !of(name).is_empty() {
            place += &format!("{word}{}", of(name));
        }
    }
    let parts = [
        of("id"),
        of("stage"),
        of("kind"),
        place,
        of("reason"),
        of("raw"),
    ];
    let parts = parts.iter().filter(|part| !part.is_empty());
    let parts: Vec<_> = parts.map(|part| report::plain(part)).collect();
    parts.join("  ") + "\n"
}

/// Gives a column as text; nothing for null.
pub(crate) fn text(record: &StreamRecord<'_>, name: &str) -> String {
    match record.get(name) {
        None | Some(FieldValue::Null) => String::new(),
        Some(value) => value.to_string(),
    }
}

async fn discard(all: &Arguments, file: &Path, which: &Which, every: bool) -> Result<()> {
    if !every && which.ids.is_empty() && which.filter.is_none() {
        return Err(Error::new(ErrorKind::InvalidInput, "nothing to discard")
            .with_hint("give --id ID, --where CONDITION or --all"));
    }
    let chosen = Chosen::of(which)?;
    let letters = LetterFile::open(all, file)?;
    let _held = letters.hold().await?;
    let mut count = 0;
    let mut found = letters.read().await?;
    while let Some(rows) = found.next().await? {
        count += chosen.of_rows(&rows)?.true_count() as u64;
    }
    if count > 0 {
        let rewritten = letters.rewrite(|_, rows| {
            let gone = chosen.of_rows(&rows)?;
            let keep: BooleanArray = gone.iter().map(|gone| Some(gone != Some(true))).collect();
            let batch = Batch::new(dead_letter_stream(), rows)?;
            Ok(batch.filter(&keep)?.rows().clone())
        });
        rewritten.await?;
    }
    told(all, &[("discarded", count)])
}

/// Says how many letters became what.
pub(crate) fn told(all: &Arguments, counts: &[(&str, u64)]) -> Result<()> {
    if all.json {
        let counts = counts
            .iter()
            .map(|(what, count)| ((*what).to_owned(), (*count).into()));
        let counts: serde_json::Map<String, serde_json::Value> = counts.collect();
        return report::print(&format!("{}\n", serde_json::Value::Object(counts)));
    }
    let counts = counts
        .iter()
        .map(|(what, count)| format!("{} {what}", report::count(*count)));
    let counts: Vec<_> = counts.collect();
    report::print(&format!("{}\n", counts.join(", ")))
}
