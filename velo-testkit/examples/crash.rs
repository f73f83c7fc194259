//! Campaigns from a command line: what `cargo xtask crash` runs.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is its interface"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Parser;
use velo_core::{Error, ErrorKind, Result};
use velo_testkit::campaign::{
    FAULTS, Mode, Outcome, PAIRS, Pair, Plan, Subject, Tally, campaign, play,
};
use velo_testkit::copier::{self, Bug};

/// Kills a program again and again, and counts the rows that it lost or doubled.
#[derive(Parser)]
struct Arguments {
    /// Source and sink.
    #[arg(long, default_value = "file-jsonl", value_parser = pair)]
    pair: Pair,
    /// Strikes in all.
    #[arg(long, default_value_t = 25)]
    kills: u64,
    /// Rows of each round.
    #[arg(long, default_value_t = 20_000)]
    rows: u64,
    /// What decides rows, times and choices; a new one unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Milliseconds between two checkpoints.
    #[arg(long, default_value_t = 20)]
    every: u64,
    /// Kill before each system call that changes a file, instead of at random times.
    #[arg(long, conflicts_with_all = ["errors", "power"])]
    syscalls: bool,
    /// Let each of those calls fail instead.
    #[arg(long, conflicts_with = "power")]
    errors: bool,
    /// Fail the power at random moments of a recorded run, simulated.
    #[arg(long)]
    power: bool,
    /// Play the faults of the catalogue one after the other; a name chooses one.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "all")]
    faults: Option<String>,
    /// A table to append the result to.
    #[arg(long, value_name = "FILE")]
    append_to: Option<PathBuf>,
    /// The binary of velo.
    #[arg(long, value_name = "BINARY", required_unless_present = "copier")]
    velo: Option<PathBuf>,
    /// Run the kit's toy copier instead, right or with one of its bugs.
    #[arg(long, value_name = "BUG", num_args = 0..=1, default_missing_value = "right")]
    copier: Option<String>,
    /// The commit that the result names.
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// Where campaigns keep their folders.
    #[arg(long, default_value = "target/crash")]
    work: PathBuf,
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() == Some("copier") {
        return copier::main(words);
    }
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", error.report());
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Says whether everything was as it should be.
fn run(arguments: &Arguments) -> Result<bool> {
    let plan = plan(arguments)?;
    if let Some(name) = &arguments.faults {
        return faults(arguments, &plan, name);
    }
    let tally = run_campaign(arguments, &plan)?;
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let line = tally.line(&plan, &date[..10], &arguments.commit);
    println!("{}\n{line}", Tally::head());
    println!("a nought stands for at most so many of a hundred kills (95 %)");
    if let Some(path) = &arguments.append_to {
        append(path, &line)?;
    }
    Ok(tally.is_clean())
}

fn run_campaign(arguments: &Arguments, plan: &Plan) -> Result<Tally> {
    let subject = match &plan.subject {
        Subject::Velo(_) => "velo".to_owned(),
        Subject::Copier { bug, .. } => format!("copier-{}", bug.map_or("right", Bug::name)),
    };
    let switches: String = plan
        .environment
        .iter()
        .map(|(_, value)| format!("-{value}"))
        .collect();
    let (pair, mode, seed) = (plan.pair.name, plan.mode.name(), plan.seed);
    let name = format!("{subject}-{pair}-{mode}-{seed}{switches}");
    println!("{name}: --pair {pair} --seed {seed} --rows {}", plan.rows);
    campaign(plan, &arguments.work.join(name), &mut |line| {
        println!("  {line}")
    })
}

fn plan(arguments: &Arguments) -> Result<Plan> {
    let pair = arguments.pair;
    let subject = match (&arguments.copier, &arguments.velo) {
        (None, Some(path)) => Subject::Velo(std::fs::canonicalize(path)?),
        (bug, _) => Subject::Copier {
            path: std::env::current_exe()?,
            first: vec!["copier".to_owned()],
            bug: copier_bug(bug.as_deref().unwrap_or("right"))?,
        },
    };
    if matches!(subject, Subject::Copier { .. }) && pair.name != "file-jsonl" {
        return Err(unknown("pair of the copier", pair.name, "file-jsonl"));
    }
    let mode = match (arguments.syscalls, arguments.errors, arguments.power) {
        (true, ..) => Mode::Calls,
        (_, true, _) => Mode::Errors,
        (.., true) => Mode::Power,
        _ => Mode::Times,
    };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let fresh = since.map_or(1, |since| since.as_secs());
    Ok(Plan {
        mode,
        kills: arguments.kills,
        rows: arguments.rows,
        seed: arguments.seed.unwrap_or(fresh),
        every: Duration::from_millis(arguments.every),
        ..Plan::new(subject, pair)
    })
}

fn pair(name: &str) -> std::result::Result<Pair, String> {
    let known = PAIRS.map(|pair| pair.name).join(", ");
    Pair::named(name).ok_or_else(|| format!("there are {known}"))
}

fn copier_bug(name: &str) -> Result<Option<Bug>> {
    if name == "right" {
        return Ok(None);
    }
    let known = Bug::ALL.map(Bug::name).join(", ");
    let bug = Bug::named(name).ok_or_else(|| unknown("bug", name, &known))?;
    Ok(Some(bug))
}

fn unknown(what: &'static str, name: &str, known: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, "choose what to run")
        .with(what, name)
        .with_hint(format!("there are {known}"))
}

/// Plays all faults, or one; prints the table of what came of them.
fn faults(arguments: &Arguments, plan: &Plan, name: &str) -> Result<bool> {
    let known = FAULTS.map(|fault| fault.name).join(", ");
    let chosen = FAULTS
        .iter()
        .filter(|fault| name == "all" || fault.name == name);
    let chosen: Vec<_> = chosen.collect();
    if chosen.is_empty() {
        return Err(unknown("fault", name, &known));
    }
    let mut table = String::from("| fault | what must come of it | verdict | command |\n");
    table.push_str("|---|---|---|---|\n");
    let mut failed = 0;
    for fault in chosen {
        println!("{}: {}", fault.name, fault.happens);
        let folder = arguments.work.join(format!("faults-{}", plan.pair.name));
        let verdict = match play(fault, plan, &folder)? {
            Outcome::Passed(what) => format!("passed: {what}"),
            Outcome::Skipped(why) => format!("skipped: {why}"),
            Outcome::Failed(what) => {
                failed += 1;
                format!("FAILED: {what}")
            }
        };
        println!("  {verdict}");
        let (happens, must, name) = (fault.happens, fault.must, fault.name);
        let command = format!(
            "`cargo xtask crash --pair {} --faults {name}`",
            plan.pair.name
        );
        table.push_str(&format!("| {happens} | {must} | {verdict} | {command} |\n"));
    }
    println!("{table}");
    Ok(failed == 0)
}

/// Adds a line to a table, with the table's head when the file is new.
fn append(path: &Path, line: &str) -> Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    if file.metadata()?.len() == 0 {
        writeln!(file, "{}", Tally::head())?;
    }
    writeln!(file, "{line}")?;
    Ok(())
}
