//! `velo doctor FILE`: what would keep a pipeline from running well here, before it starts.
//!
//! - `ends` looks at source and sink, `state` at what is remembered.
//! - `folders` tries to write where the pipeline will, `machine` knows limits, memory and clock.

mod ends;
mod folders;
mod machine;
mod state;

use std::path::Path;

use velo_core::{Error, ErrorKind, Result};
use velo_pipeline::Pipeline;
use velo_pipeline::config::PipelineFile;
use velo_registry::Registry;

use crate::args::Arguments;
use crate::{report, run};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warning,
    Problem(ErrorKind),
}

/// One line of the report.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// What was looked at.
    about: &'static str,
    level: Level,
    /// What was found.
    found: String,
    /// What to do about it.
    advice: Option<String>,
}

/// What is looked at.
struct Patient {
    described: PipelineFile,
    pipeline: Pipeline,
}

impl Finding {
    fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self {
            about,
            level: Level::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn warning(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            advice: Some(advice.into()),
            ..Self::ok(about, found)
        }
    }

    fn problem(
        about: &'static str,
        kind: ErrorKind,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Problem(kind),
            advice: Some(advice.into()),
            ..Self::ok(about, found)
        }
    }

    /// An error that the pipeline would end with.
    fn of(about: &'static str, error: &Error) -> Self {
        Self {
            level: Level::Problem(error.kind()),
            ..Self::ok(about, error.report())
        }
    }

    fn line(&self) -> String {
        let word = self.word();
        let found = report::plain(&self.found);
        match &self.advice {
            Some(advice) => format!("{word:8} {:13} {found}; {advice}\n", self.about),
            None => format!("{word:8} {:13} {found}\n", self.about),
        }
    }

    fn word(&self) -> &'static str {
        match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem(_) => "problem",
        }
    }

    fn as_json(&self) -> serde_json::Value {
        serde_json::json!({
            "about": self.about,
            "level": self.word(),
            "found": self.found,
            "advice": self.advice,
        })
    }
}

pub(crate) async fn doctor(all: &Arguments, file: &Path) -> Result<()> {
    let findings = examine(all, file).await;
    let text: String = match all.json {
        true => {
            let lines: Vec<_> = findings.iter().map(Finding::as_json).collect();
            format!("{}\n", serde_json::json!({ "findings": lines }))
        }
        false => findings.iter().map(Finding::line).collect(),
    };
    report::print(&text)?;
    let problems = findings.iter().filter_map(|finding| match finding.level {
        Level::Problem(kind) => Some(kind),
        Level::Ok | Level::Warning => None,
    });
    let problems: Vec<ErrorKind> = problems.collect();
    let Some(first) = problems.first() else {
        return Ok(());
    };
    let count = match problems.len() {
        1 => "a problem was found".to_owned(),
        several => format!("{several} problems were found"),
    };
    Err(Error::new(*first, count).with("file", file.display()))
}

async fn examine(all: &Arguments, file: &Path) -> Vec<Finding> {
    let opened = run::load(all, file).and_then(|described| {
        let pipeline = described.check(&Registry::default())?;
        Ok(Patient {
            described,
            pipeline,
        })
    });
    let patient = match opened {
        Ok(patient) => patient,
        Err(errors) => {
            let of = |error: &Error| Finding::of("configuration", error);
            return errors.iter().map(of).collect();
        }
    };
    let promise = patient.pipeline.guarantee();
    let mut findings = vec![Finding::ok(
        "configuration",
        format!("{}: {promise}", patient.pipeline.name),
    )];
    let (remembered, epoch) = state::look(&patient).await;
    let streams = ends::source(&patient.pipeline, &mut findings).await;
    if let Some(streams) = streams {
        findings.push(ends::sink(&patient.pipeline, &streams, epoch > 0).await);
    }
    findings.extend(remembered);
    findings.extend(folders::look(&patient.described));
    findings.extend(machine::look(&patient));
    findings
}
