//! `velo run FILE` and `velo check FILE`.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering;

use velo_core::{Error, ErrorKind, Result};
use velo_pipeline::config::PipelineFile;
use velo_pipeline::{Pipeline, Summary};
use velo_registry::Registry;

use crate::args::Arguments;
use crate::{report, schema, signals};

/// Opens a pipeline file; parses and validates, no I/O beyond the file.
pub(crate) fn open(all: &Arguments, file: &Path) -> Result<Pipeline> {
    let described = PipelineFile::read(file)?;
    let opened = described.pipeline(&Registry::default());
    let mut pipeline = opened.map_err(|error| error.within("file", file.display()))?;
    if let Some(threads) = all.threads {
        pipeline.threads = threads.into();
    }
    Ok(pipeline)
}

pub(crate) fn check(all: &Arguments, file: &Path) -> Result<()> {
    let pipeline = open(all, file)?;
    report::print(&format!("{}: {}\n", pipeline.name, pipeline.guarantee()))
}

pub(crate) async fn run(all: &Arguments, file: &Path) -> Result<()> {
    let pipeline = open(all, file)?;
    warnings();
    if !all.quiet && !all.json {
        eprint(&format!("{}: {}\n", pipeline.name, pipeline.guarantee()))?;
    }
    let interrupted = signals::stop_in_good_order(&pipeline.stop);
    let summary = pipeline.run().await?;
    summarise(all, &summary)?;
    match interrupted.load(Ordering::Relaxed) {
        true => Err(Error::new(
            ErrorKind::Aborted,
            "stopped in good order; the next run goes on from here",
        )
        .with("interrupted", "by Ctrl-C")),
        false => Ok(()),
    }
}

/// Shows warnings as lines of standard error.
fn warnings() {
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // Somebody who embeds this may have set up another one.
    drop(lines.try_init());
}

fn summarise(all: &Arguments, summary: &Summary) -> Result<()> {
    let seconds = summary.elapsed.as_secs_f64();
    if all.json {
        let figures = serde_json::json!({
            "rows": summary.rows,
            "rejected": summary.rejected,
            "bytes_read": summary.bytes,
            "splits": summary.splits,
            "commits": summary.commits,
            "seconds": seconds,
            "notes": schema::notes(&summary.streams),
        });
        return eprint(&format!("{figures}\n"));
    }
    if all.quiet {
        return Ok(());
    }
    let rate = report::count((summary.rows as f64 / seconds.max(1e-6)) as u64);
    let mut text = format!(
        "{} rows in {seconds:.2} s ({rate} rows/s), {} commits\n",
        report::count(summary.rows),
        report::count(summary.commits)
    );
    if summary.rejected > 0 {
        text += &format!("{} bad rows\n", report::count(summary.rejected));
    }
    for note in schema::notes(&summary.streams) {
        text += &format!("note: {note}\n");
    }
    eprint(&text)
}

fn eprint(text: &str) -> Result<()> {
    Ok(std::io::stderr().write_all(text.as_bytes())?)
}
