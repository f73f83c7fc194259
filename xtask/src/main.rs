//! The project's own commands; `cargo xtask --help` lists them.
//!
//! No product crate is a dependency: this is built first, and it must work when they do not.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is its interface"
)]

mod bench;
mod bugs;
mod check;
mod command;
mod crash;
mod docs;
mod error;
mod fuzz;
mod interop;
mod new;
mod soak;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::docs::Mode;
use crate::error::Result;
use crate::test::Servers;
use crate::workspace::Workspace;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything and run every test that can run here.
    Test {
        /// Arguments for `cargo test`, such as `-- a_test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The same, with every server required: a test that lacks its own fails.
    Integration {
        /// Arguments for `cargo test`, such as `-- a_test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// What a pull request must pass besides its tests: fmt, clippy, doc, one arrow, tidy,
    /// generated docs, cargo-deny, typos.
    Check {
        /// Install cargo-deny and typos where they are missing.
        #[arg(long)]
        install: bool,
        /// Leave out what asks the network: advisories.
        #[arg(long)]
        offline: bool,
    },
    /// The house rules alone: sizes, names, layers, manifests, unsafe, promises for later.
    Tidy,
    /// Write the references of options and metrics, the alert rules and the dashboard, from what the
    /// binary says of itself.
    Docs {
        /// Write nothing, and fail when something is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Make the skeleton of a connector crate.
    New(new::Arguments),
    /// Compare velo with its peers, whole process against whole process.
    Bench(bench::Arguments),
    /// Plant bugs of the commit protocol in a copy, and show that the tests notice each.
    Bugs(bugs::Arguments),
    /// Feed random bytes to every parser of foreign bytes, for so many seconds each.
    Fuzz(fuzz::Arguments),
    /// Kill velo again and again, restart it, and count the rows that it lost or doubled.
    Crash(crash::Arguments),
    /// Run an endless pipeline for an hour, and say whether it grows.
    Soak(soak::Arguments),
    /// Read what pyarrow, DuckDB, Polars and fastavro write, and have them read what velo writes.
    Interop(interop::Arguments),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = error.to_string();
            if !message.is_empty() {
                eprintln!("error: {message}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result {
    let workspace = Workspace::load()?;
    match command {
        Command::Test { arguments } => test::test(&workspace, Servers::Optional, &arguments),
        Command::Integration { arguments } => test::test(&workspace, Servers::Required, &arguments),
        Command::Check { install, offline } => {
            check::check(&workspace, check::Choices { install, offline })
        }
        Command::Tidy => tidy::tidy(&workspace),
        Command::Docs { check: true } => docs::docs(&workspace, Mode::Check),
        Command::Docs { check: false } => docs::docs(&workspace, Mode::Write),
        Command::New(arguments) => new::new(&workspace, &arguments),
        Command::Bench(arguments) => bench::bench(&workspace, &arguments),
        Command::Bugs(arguments) => bugs::bugs(&workspace, &arguments),
        Command::Fuzz(arguments) => fuzz::fuzz(&workspace, &arguments),
        Command::Crash(arguments) => crash::crash(&workspace, &arguments),
        Command::Soak(arguments) => soak::soak(&workspace, &arguments),
        Command::Interop(arguments) => interop::interop(&workspace, &arguments),
    }
}
