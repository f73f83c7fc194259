//! `velo check FILE` and `velo check --schema`.

use std::path::Path;

use velo_core::{Error, Result};
use velo_registry::Registry;

use crate::args::Arguments;
use crate::{report, run};

/// Prints name and guarantee, or every fault that can be found without looking at source and sink.
pub(crate) fn check(all: &Arguments, file: &Path) -> Result<()> {
    let checked = run::load(all, file).and_then(|described| {
        let pipeline = described.check(&Registry::default())?;
        Ok((described, pipeline))
    });
    let (described, pipeline) = match checked {
        Ok(checked) => checked,
        Err(errors) => return refused(all, errors),
    };
    if all.json {
        let checked = serde_json::json!({
            "name": described.name,
            "guarantee": pipeline.guarantee().to_string(),
            "metadata": described.metadata,
            "problems": [],
        });
        return report::print(&format!("{checked}\n"));
    }
    report::print(&format!("{}: {}\n", pipeline.name, pipeline.guarantee()))
}

/// Reports all but the last, which ends the command.
fn refused(all: &Arguments, mut errors: Vec<Error>) -> Result<()> {
    if all.json {
        let problems: Vec<_> = errors.iter().map(report::as_json).collect();
        report::print(&format!(
            "{}\n",
            serde_json::json!({ "problems": problems })
        ))?;
    }
    let Some(last) = errors.pop() else {
        return Ok(());
    };
    if !all.json {
        for error in errors {
            report::tell(&format!("velo: {}\n", report::plain(&error.report())))?;
        }
    }
    Err(last)
}

pub(crate) fn schema() -> Result<()> {
    let schema = velo_pipeline::config::schema();
    report::print(&format!("{schema:#}\n"))
}
