//! `cargo xtask bench`: velo beside DuckDB and Polars, whole process against whole process.
//!
//! Runs are interleaved (one of each tool, then the next round), so that a machine that slows
//! down meanwhile slows all of them.

pub(crate) mod environment;
mod jobs;
mod measure;
mod micro;
mod pipelines;
mod table;
mod tail;
mod traits;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use environment::Environment;
use jobs::{JOBS, Job, Tool};
use measure::{Sample, Summary, measure};
use table::Row;

use crate::command::{output, program, run};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run the criterion benches of all crates instead; JOB then filters them by name.
    #[arg(long)]
    micro: bool,
    /// Count instead what the traits add to a decoder's instructions (needs valgrind).
    #[arg(long, conflicts_with = "micro")]
    traits: bool,
    /// Measure instead what checkpoints cost a pipeline.
    #[arg(long, conflicts_with_all = ["micro", "traits"])]
    pipelines: bool,
    /// Measure instead how fast files are followed, beside `tail -F`.
    #[arg(long, conflicts_with_all = ["micro", "traits", "pipelines"])]
    tail: bool,
    /// The jobs to run, all unless named: csv-to-parquet, jsonl-to-parquet, parquet-to-csv,
    /// parquet-to-jsonl, csv-gz-to-parquet, quoted-csv-to-parquet, measurements-to-parquet,
    /// wide-csv-to-parquet, events-to-parquet, avro-to-parquet.
    #[arg(value_name = "JOB")]
    jobs: Vec<String>,
    /// TPC-H scale factor: 0.25 is 1.5 million rows.
    #[arg(long, default_value_t = 0.25)]
    sf: f64,
    /// Measured runs of each tool.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Processors that each tool may use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Flush every output to the disk, within the time measured; without it velo does not either.
    #[arg(long)]
    durable: bool,
    /// Measure the peers without velo.
    #[arg(long)]
    peers_only: bool,
    /// Write the table to a file as well.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Measures, verifies and prints the table.
pub(crate) fn bench(workspace: &Workspace, arguments: &Arguments) -> Result {
    if arguments.micro {
        return micro::micro(workspace, arguments.jobs.first().map(String::as_str));
    }
    if arguments.traits {
        return traits::traits(workspace, arguments);
    }
    if arguments.pipelines {
        return pipelines::pipelines(workspace, arguments);
    }
    if arguments.tail {
        return tail::tail(workspace, arguments);
    }
    let jobs = chosen(&arguments.jobs)?;
    let environment = Environment::prepare(workspace, arguments)?;
    let tools: Vec<Tool> = Tool::ALL
        .into_iter()
        .filter(|tool| *tool != Tool::Velo || environment.velo.is_some())
        .collect();
    let starts = starts(&environment, arguments.runs)?;
    let mut text = facts(&environment, arguments)?;
    text.push_str(&starts.described());
    text.push_str(table::HEAD);
    for job in jobs {
        eprintln!("== {}", job.title);
        let rows = compare(&environment, job, &tools, arguments.runs, &starts)?;
        text.push_str(&table::rows(job, &rows));
    }
    println!("{text}");
    if let Some(file) = &arguments.markdown {
        std::fs::write(file, text).map_err(|error| Error::file(file, &error))?;
    }
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Job>> {
    if names.is_empty() {
        return Ok(JOBS.iter().collect());
    }
    let by_name = |name: &String| {
        let job = JOBS.iter().find(|job| job.name == name);
        let known = || JOBS.map(|job| job.name).join(", ");
        job.ok_or_else(|| Error::new(format!("no job `{name}`; there are {}", known())))
    };
    names.iter().map(by_name).collect()
}

/// Warms the page cache, runs every tool in turn, and verifies what the last round wrote.
fn compare(
    environment: &Environment,
    job: &Job,
    tools: &[Tool],
    runs: u32,
    starts: &Starts,
) -> Result<Vec<Row>> {
    let source = environment.data.join(job.source);
    let tools: Vec<Tool> = tools
        .iter()
        .copied()
        .filter(|tool| tool.does(job))
        .collect();
    let mut samples = vec![Vec::<Sample>::new(); tools.len()];
    for round in 0..=runs {
        for (tool, samples) in tools.iter().zip(&mut samples) {
            let destination = destination(environment, *tool, job);
            remove(&destination)?;
            std::io::copy(&mut std::fs::File::open(&source)?, &mut std::io::sink())?;
            let command = tool.command(environment, job, &source, &destination);
            let flushes_itself = *tool == Tool::Velo || !environment.durable;
            let unflushed = (!flushes_itself).then_some(destination.as_path());
            let sample = measure(environment, &command, unflushed)?;
            eprintln!("{:18} {:.2} s", tool.title(), sample.wall);
            // The first round warms programs and caches and is not counted.
            if round > 0 {
                samples.push(sample);
            }
        }
    }
    verify(environment, job, &tools)?;
    let rows = tools.iter().zip(&samples).filter_map(|(&tool, samples)| {
        Some(Row {
            tool,
            summary: Summary::of(samples)?,
            start: starts.of(tool),
        })
    });
    Ok(rows.collect())
}

fn destination(environment: &Environment, tool: Tool, job: &Job) -> PathBuf {
    environment.output.join(format!("{tool:?}.{}", job.ending))
}

fn remove(path: &Path) -> Result {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file(path, &error))
        }
        _ => Ok(()),
    }
}

fn verify(environment: &Environment, job: &Job, tools: &[Tool]) -> Result {
    let outputs: Vec<PathBuf> = tools
        .iter()
        .map(|tool| destination(environment, *tool, job))
        .collect();
    let mut command = program(&environment.python, &environment.output);
    command.arg(environment.scripts.join("verify.py"));
    run(command
        .arg(environment.data.join(job.original))
        .args(&outputs))?;
    outputs.iter().try_for_each(|path| remove(path))
}

/// How long the peers' interpreters take to start, with their library and nothing else.
struct Starts(Vec<(&'static str, f64)>);

fn starts(environment: &Environment, runs: u32) -> Result<Starts> {
    let mut starts = Vec::new();
    for module in ["duckdb", "polars"] {
        let command: [OsString; 3] = [
            environment.python.clone().into(),
            "-c".into(),
            format!("import {module}").into(),
        ];
        measure(environment, &command, None)?;
        let samples = (0..runs).map(|_| measure(environment, &command, None));
        let samples = samples.collect::<Result<Vec<_>>>()?;
        starts.extend(Summary::of(&samples).map(|summary| (module, summary.wall)));
    }
    Ok(Starts(starts))
}

impl Starts {
    fn of(&self, tool: Tool) -> f64 {
        let module = tool.module();
        let start = self.0.iter().find(|(name, _)| Some(*name) == module);
        start.map_or(0.0, |(_, seconds)| *seconds)
    }

    fn described(&self) -> String {
        let each = self
            .0
            .iter()
            .map(|(name, seconds)| format!("`import {name}` {seconds:.2} s"));
        format!("Bare start: {}.\n\n", each.collect::<Vec<_>>().join(", "))
    }
}

/// What the figures hold for: the data, the machine, the versions.
fn facts(environment: &Environment, arguments: &Arguments) -> Result<String> {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let versions = "import duckdb, polars; print(f'DuckDB {duckdb.__version__}, \
                    Polars {polars.__version__}')";
    let peers = output(program(&environment.python, &environment.output).args(["-c", versions]))?;
    let Arguments {
        sf, runs, threads, ..
    } = arguments;
    let durable = if arguments.durable {
        "outputs flushed, "
    } else {
        ""
    };
    Ok(format!(
        "TPC-H lineitem SF {sf}, {durable}{threads} of {cores} cores ({}), page cache warm, median of \
         {runs} interleaved runs; {}. Ratio: to the fastest peer.\n",
        model.unwrap_or("unknown processor"),
        peers.trim(),
    ))
}
