#![doc = include_str!("../README.md")]

mod args;
mod check;
mod connectors;
mod copy;
mod count;
mod dlq;
mod dlq_file;
mod dlq_records;
mod dlq_replay;
mod doctor;
mod head;
mod init;
mod plan;
mod progress;
mod report;
mod run;
mod schema;
mod shell;
mod signals;
mod state;
mod state_set;
#[cfg(feature = "status")]
mod tap;
#[cfg(feature = "status")]
mod top;
#[cfg(feature = "otel")]
mod traces;
#[cfg(feature = "status")]
mod visit;
mod watching;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};
use velo_core::{Error, ErrorKind, Result};

use args::{Arguments, Command};

fn main() -> ExitCode {
    report::panics();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refused) => return report::usage(&refused),
    };
    let json = arguments.json;
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::failure(&error, json),
    }
}

fn execute(arguments: Arguments) -> Result<()> {
    let threads = arguments.threads.map_or_else(cores, usize::from);
    match &arguments.command {
        Command::Connectors { name } => return connectors::list(&arguments, name.as_deref()),
        Command::Completions { shell } => return shell::completions(*shell),
        Command::Man => return shell::man(),
        Command::Check {
            file: Some(file), ..
        } => return check::check(&arguments, file),
        Command::Check { file: None, .. } => return check::schema(),
        Command::Init {
            source,
            destination,
            file,
        } => return init::init(&arguments, source, destination, file.as_deref()),
        Command::Metrics { format } => return shell::metrics(*format),
        #[cfg(feature = "status")]
        Command::Top(wanted) => return top::top(wanted),
        #[cfg(feature = "status")]
        Command::Tap(wanted) => return tap::tap(wanted),
        _ => {}
    }
    let runtime = runtime(threads)?;
    let outcome = runtime.block_on(async {
        signals::outlive_limits();
        match &arguments.command {
            Command::Copy(copy) => copy::copy(&arguments, copy, threads).await,
            Command::Schema { uri } => schema::schema(&arguments, uri).await,
            Command::Head { uri, rows } => head::head(&arguments, uri, *rows).await,
            Command::Count { uri, filter } => {
                count::count(&arguments, uri, filter.as_deref(), threads).await
            }
            Command::Plan {
                source,
                destination: Some(destination),
            } => plan::copy(&arguments, source, destination).await,
            Command::Plan { source, .. } => plan::pipeline(&arguments, source).await,
            Command::Run { file, watching } => run::run(&arguments, file, watching).await,
            Command::Doctor { file } => doctor::doctor(&arguments, file).await,
            Command::Dlq { command } => dlq::dlq(&arguments, command).await,
            Command::State { command } => state::state(&arguments, command).await,
            // Done above, without a runtime.
            _ => Ok(()),
        }
    });
    // A read from a terminal or a pipe cannot be interrupted; the process ends all the same.
    runtime.shutdown_background();
    outcome
}

fn runtime(threads: usize) -> Result<Runtime> {
    let built = Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build();
    built.map_err(|e| Error::new(ErrorKind::Unexpected, "start threads").with_source(e))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
