//! What remembering costs: the same pipeline without checkpoints, with one a second, and with less
//! memory than it likes.

use std::ffi::OsString;
use std::path::Path;

use super::Arguments;
use super::environment::Environment;
use super::measure::{Sample, Summary, measure};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Rows of one run: some ten seconds.
const ROWS: u64 = 60_000_000;

/// How a pipeline is run, and what stands in its file for that.
const MANNERS: [(&str, &str); 5] = [
    ("no checkpoints: at-least-once", ""),
    (
        "a checkpoint a second: effectively-once",
        "checkpoint: { store: STATE, every: 1s }\n",
    ),
    (
        "a checkpoint every 100 ms: effectively-once",
        "checkpoint: { store: STATE, every: 100ms }\n",
    ),
    (
        "a checkpoint a second, 256 MiB",
        "checkpoint: { store: STATE, every: 1s }\nmemory: 256MiB\n",
    ),
    (
        "a checkpoint a second, a sink of 3 million rows a second",
        "checkpoint: { store: STATE, every: 1s }\ntransform: [{ rate_limit: 3_000_000/s }]\n",
    ),
];

/// Runs every manner in turn, and prints medians and what each takes longer than the first.
pub(super) fn pipelines(workspace: &Workspace, arguments: &Arguments) -> Result {
    let environment = Environment::prepare(workspace, arguments)?;
    let mut samples = vec![Vec::<Sample>::new(); MANNERS.len()];
    for _ in 0..arguments.runs {
        for (manner, samples) in MANNERS.iter().zip(&mut samples) {
            samples.push(sample(&environment, manner.1)?);
        }
    }
    println!(
        "| pipeline | wall s | min..max | CPU s | MiB | beside none |\n|---|---|---|---|---|---|"
    );
    let mut first = None;
    for ((title, _), samples) in MANNERS.iter().zip(&samples) {
        let Some(summary) = Summary::of(samples) else {
            continue;
        };
        let first = *first.get_or_insert(summary.wall);
        println!(
            "| {title} | {:.2} | {:.2}..{:.2} | {:.2} | {:.0} | {:+.1} % |",
            summary.wall,
            summary.fastest,
            summary.slowest,
            summary.cpu,
            summary.mib,
            100.0 * (summary.wall / first - 1.0),
        );
    }
    Ok(())
}

fn sample(environment: &Environment, keys: &str) -> Result<Sample> {
    let folder = environment.output.join("pipeline");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| Error::file(&folder, &error))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| Error::file(&folder, &error))?;
    let file = folder.join("pipeline.yaml");
    let state = folder.join("state");
    let text = format!(
        "name: bench\nsource: 'test://sensor?rows={ROWS}&splits=8&seed=1'\nsink: '{}/?format=parquet&roll_bytes=64MiB'\n{}",
        folder.join("out").display(),
        keys.replace("STATE", &state.display().to_string()),
    );
    std::fs::write(&file, text).map_err(|error| Error::file(&file, &error))?;
    let sample = measure(environment, &command(environment, &file), None)?;
    std::fs::remove_dir_all(&folder).map_err(|error| Error::file(&folder, &error))?;
    Ok(sample)
}

fn command(environment: &Environment, file: &Path) -> Vec<OsString> {
    vec![
        environment.velo.clone().unwrap_or_default().into(),
        "run".into(),
        file.into(),
        "--quiet".into(),
    ]
}
