//! `velo run FILE` and `velo check FILE`.

use std::path::Path;
use std::sync::atomic::Ordering;

use velo_core::{Error, ErrorKind, Result};
use velo_pipeline::Pipeline;
use velo_pipeline::config::PipelineFile;
use velo_registry::Registry;

use crate::args::Arguments;
use crate::watching::{self, Wanted};
use crate::{report, signals};

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

pub(crate) async fn run(all: &Arguments, file: &Path, wanted: &Wanted) -> Result<()> {
    let mut pipeline = open(all, file)?;
    wanted.settle(&mut pipeline.watching)?;
    let _sending = watching::log(pipeline.watching.log, wanted)?;
    let _serving = watching::serve(all, &pipeline)?;
    if !all.quiet && !all.json {
        report::tell(&format!("{}: {}\n", pipeline.name, pipeline.guarantee()))?;
    }
    let interrupted = signals::stop_in_good_order(&pipeline.stop);
    let summary = pipeline.run().await?;
    let commits = format!(", {} commits", report::count(summary.commits));
    report::summary(all, &summary, &commits, "")?;
    match interrupted.load(Ordering::Relaxed) {
        true => Err(Error::new(
            ErrorKind::Aborted,
            "stopped in good order; the next run goes on from here",
        )
        .with("interrupted", "by Ctrl-C")),
        false => Ok(()),
    }
}
