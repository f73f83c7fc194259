//! `cargo xtask check`: all that a pull request must pass besides its tests.

mod arrow;
mod toolchain;
mod tools;

use crate::command::{cargo, run, succeeds};
use crate::error::{Error, Result};
use crate::tidy::tidy;
use crate::workspace::Workspace;
use crate::{docs, docs::Mode};

/// A named part of the check.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Workspace) -> Result,
}

/// How `check` treats what is not always at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choices {
    /// Install missing tools by cargo.
    pub(crate) install: bool,
    /// Leave out what asks the network.
    pub(crate) offline: bool,
}

/// The steps that need no network and little more time than a build; `test` runs them too.
pub(crate) fn quick_steps() -> Vec<Step> {
    vec![
        Step {
            name: "toolchain",
            run: toolchain::check,
        },
        Step {
            name: "fmt",
            run: fmt,
        },
        Step {
            name: "one arrow",
            run: arrow::check,
        },
        Step {
            name: "tidy",
            run: tidy,
        },
        Step {
            name: "clippy",
            run: clippy,
        },
    ]
}

/// Runs all steps and tools, and says at the end which failed.
pub(crate) fn check(workspace: &Workspace, choices: Choices) -> Result {
    let mut steps = quick_steps();
    steps.push(Step {
        name: "doc",
        run: doc,
    });
    steps.push(Step {
        name: "generated docs",
        run: |it| docs::docs(it, Mode::Check),
    });
    let mut failed = run_steps(workspace, &steps);
    let mut missing = Vec::new();
    for tool in tools::TOOLS {
        eprintln!("== {}", tool.name);
        match tool.check(workspace, choices) {
            Ok(tools::Outcome::Clean) => {}
            Ok(tools::Outcome::NotChecked(why)) => {
                eprintln!("{}: not checked: {why}", tool.name);
                missing.push(tool.name);
            }
            Err(error) => {
                eprintln!("{}: {error}", tool.name);
                failed.push(tool.name);
            }
        }
    }
    conclude(&failed, &missing)
}

/// Runs every step, also after one has failed, and names those that did.
pub(crate) fn run_steps(workspace: &Workspace, steps: &[Step]) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for Step { name, run } in steps {
        eprintln!("== {name}");
        if let Err(error) = run(workspace) {
            eprintln!("{name}: {error}");
            failed.push(*name);
        }
    }
    failed
}

fn conclude(failed: &[&str], missing: &[&str]) -> Result {
    let left_out = match missing {
        [] => String::new(),
        names => format!(" (not checked: {})", names.join(", ")),
    };
    if failed.is_empty() {
        println!("check passed{left_out}");
        return Ok(());
    }
    Err(Error::new(format!(
        "check failed: {}{left_out}",
        failed.join(", ")
    )))
}

fn fmt(workspace: &Workspace) -> Result {
    component(workspace, "fmt", "rustfmt")?;
    run(cargo(&workspace.root).args(["fmt", "--all", "--check"]))
}

fn clippy(workspace: &Workspace) -> Result {
    component(workspace, "clippy", "clippy")?;
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    run(cargo(&workspace.root).args(arguments))
}

fn doc(workspace: &Workspace) -> Result {
    let mut command = cargo(&workspace.root);
    command.args(["doc", "--workspace", "--no-deps", "--locked"]);
    run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// A toolchain without one of its parts is common; cargo's own words for it are not clear.
fn component(workspace: &Workspace, subcommand: &str, name: &str) -> Result {
    if succeeds(cargo(&workspace.root).args([subcommand, "--version"])) {
        return Ok(());
    }
    Err(Error::new(format!(
        "{name} is missing: run `rustup component add {name}`"
    )))
}
