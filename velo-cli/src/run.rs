//! `velo run FILE`, and opening pipeline files.

use std::path::Path;
use std::sync::atomic::Ordering;

use velo_core::{Error, ErrorKind, Result};
use velo_pipeline::Pipeline;
use velo_pipeline::config::{Loading, PipelineFile};
use velo_registry::Registry;

use crate::args::Arguments;
use crate::watching::{self, Wanted};
use crate::{report, signals};

/// Reads a pipeline file with what the command line and the environment say.
pub(crate) fn load(all: &Arguments, file: &Path) -> Result<PipelineFile, Vec<Error>> {
    let mut loading = Loading::from_environment();
    if all.profile.is_some() {
        loading.profile.clone_from(&all.profile);
    }
    loading.roots.extend(all.config_roots.iter().cloned());
    PipelineFile::load(file, &loading)
}

/// Reads a pipeline file; says the first thing that is wrong with it.
pub(crate) fn describe(all: &Arguments, file: &Path) -> Result<PipelineFile> {
    load(all, file).map_err(|mut errors| errors.remove(0))
}

/// Opens a pipeline file; parses and validates, no I/O beyond the files.
pub(crate) fn open(all: &Arguments, file: &Path) -> Result<Pipeline> {
    let mut pipeline = describe(all, file)?.pipeline(&Registry::default())?;
    if let Some(threads) = all.threads {
        pipeline.threads = threads.into();
    }
    Ok(pipeline)
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
