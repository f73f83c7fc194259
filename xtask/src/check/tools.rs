//! Checks by tools that are installed apart: cargo-deny and typos.

use std::process::Command;

use super::Choices;
use crate::command::{cargo, program, run, succeeds};
use crate::error::Result;
use crate::workspace::Workspace;

/// A program from its own crate.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    package: &'static str,
    runs: fn(&Workspace, Choices) -> Result<Outcome>,
}

/// What became of a check.
pub(crate) enum Outcome {
    Clean,
    NotChecked(String),
}

pub(crate) const TOOLS: [Tool; 2] = [
    Tool {
        name: "cargo-deny",
        package: "cargo-deny",
        runs: deny,
    },
    Tool {
        name: "typos",
        package: "typos-cli",
        runs: typos,
    },
];

impl Tool {
    /// Runs the tool, installing it first where that is wanted.
    pub(crate) fn check(&self, workspace: &Workspace, choices: Choices) -> Result<Outcome> {
        let install = ["install", self.package, "--locked"];
        if !self.is_installed(workspace) {
            if !choices.install {
                let how = install.join(" ");
                return Ok(Outcome::NotChecked(format!(
                    "missing; `cargo {how}` installs it, or `cargo xtask check --install`"
                )));
            }
            run(cargo(&workspace.root).args(install))?;
        }
        (self.runs)(workspace, choices)
    }

    fn is_installed(&self, workspace: &Workspace) -> bool {
        succeeds(program(self.name, &workspace.root).arg("--version"))
    }
}

fn deny(workspace: &Workspace, choices: Choices) -> Result<Outcome> {
    let deny = || {
        let mut command: Command = program("cargo-deny", &workspace.root);
        command.args(["--all-features", "--locked"]);
        command
    };
    run(deny().args(["check", "bans", "licenses", "sources"]))?;
    if choices.offline || !succeeds(deny().args(["fetch", "db"])) {
        eprintln!("cargo-deny: advisories not checked: no network");
        return Ok(Outcome::Clean);
    }
    run(deny().args(["check", "--disable-fetch", "advisories"]))?;
    Ok(Outcome::Clean)
}

fn typos(workspace: &Workspace, _: Choices) -> Result<Outcome> {
    run(&mut program("typos", &workspace.root))?;
    Ok(Outcome::Clean)
}
