//! `velo copy SRC DST`.

use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result, Source, Uri};
use velo_pipeline::{Copy, Summary};
use velo_registry::{create_sink, create_source};

use crate::args::{self, Arguments};
use crate::progress::Progress;
use crate::{report, schema, signals};

pub(crate) async fn copy(all: &Arguments, wanted: &args::Copy, threads: usize) -> Result<()> {
    let source = source(wanted)?;
    let mut copy = Copy::new(source.clone(), create_sink(&wanted.destination)?);
    copy.threads = threads;
    copy.columns = wanted.columns.clone().map(Arc::from);
    copy.filter = wanted
        .filter
        .as_deref()
        .map(str::parse)
        .transpose()?
        .map(Arc::new);
    copy.dead_letters = wanted
        .dead_letters
        .as_deref()
        .map(create_sink)
        .transpose()?;
    signals::stop_in_good_order(&copy.stop);
    let progress = Progress::start(all, &source, copy.counters.clone()).await;
    let stop = copy.stop.clone();
    let outcome = copy.run().await;
    progress.finish();
    let summary = outcome.map_err(|error| match stop.is_set() {
        true if error.kind() == ErrorKind::Aborted => error.with("interrupted", "by a signal"),
        _ => error,
    })?;
    summarise(all, &summary, wanted)
}

/// Opens the source; dead letters ask it to hand over rows that do not decode.
fn source(wanted: &args::Copy) -> Result<Source> {
    let uri = Uri::parse(&wanted.source)?;
    let policy = uri.query()?.get("on_bad_row").map(str::to_owned);
    match (&wanted.dead_letters, policy.as_deref()) {
        (Some(_), None) => {
            let separator = if wanted.source.contains('?') && !uri.query()?.is_empty() {
                '&'
            } else {
                '?'
            };
            create_source(&format!(
                "{}{separator}on_bad_row=dead_letter",
                wanted.source
            ))
        }
        (None, Some("dead_letter")) => {
            Err(Error::new(ErrorKind::Config, "dead letters have no place")
                .with("option", "on_bad_row=dead_letter")
                .with_hint("add --dead-letters URI, or use on_bad_row=skip"))
        }
        _ => create_source(&wanted.source),
    }
}

fn summarise(all: &Arguments, summary: &Summary, wanted: &args::Copy) -> Result<()> {
    let seconds = summary.elapsed.as_secs_f64();
    let notes = schema::notes(&summary.streams);
    if all.json {
        let figures = serde_json::json!({
            "rows": summary.rows,
            "rejected": summary.rejected,
            "bytes_read": summary.bytes,
            "splits": summary.splits,
            "commits": summary.commits,
            "seconds": seconds,
            "notes": notes,
        });
        return eprint(&format!("{figures}\n"));
    }
    if all.quiet {
        return Ok(());
    }
    let rate = report::count((summary.rows as f64 / seconds.max(1e-6)) as u64);
    let mut text = format!(
        "{} rows in {seconds:.2} s ({rate} rows/s)\n",
        report::count(summary.rows)
    );
    if summary.rejected > 0 {
        let place = wanted
            .dead_letters
            .as_ref()
            .map_or("skipped", |_| "kept as dead letters");
        text += &format!("{} bad rows {place}\n", report::count(summary.rejected));
    }
    for note in notes {
        text += &format!("note: {note}\n");
    }
    eprint(&text)
}

/// The summary goes to standard error, so that `velo copy x -` leaves clean data.
fn eprint(text: &str) -> Result<()> {
    use std::io::Write;
    Ok(std::io::stderr().write_all(text.as_bytes())?)
}
