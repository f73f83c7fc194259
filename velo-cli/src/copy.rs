//! `velo copy SRC DST`.

use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result, Source, Uri};
use velo_pipeline::Copy;
use velo_registry::{Registry, create_sink, create_source};

use crate::args::{self, Arguments};
use crate::progress::Progress;
use crate::{report, signals};

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
    let place = match wanted.dead_letters {
        Some(_) => " kept as dead letters",
        None => " skipped",
    };
    report::summary(all, &summary, "", place)
}

/// Opens the source; dead letters ask it to hand over rows that do not decode.
fn source(wanted: &args::Copy) -> Result<Source> {
    let uri = Uri::parse(&wanted.source)?;
    let policy = uri.query()?.get("on_bad_row").map(str::to_owned);
    match (&wanted.dead_letters, policy.as_deref()) {
        (Some(_), None) => {
            Registry::default().create_source_of(&uri.with_option("on_bad_row", "dead_letter")?)
        }
        (None, Some("dead_letter")) => {
            Err(Error::new(ErrorKind::Config, "dead letters have no place")
                .with("option", "on_bad_row=dead_letter")
                .with_hint("add --dead-letters URI, or use on_bad_row=skip"))
        }
        _ => create_source(&wanted.source),
    }
}
