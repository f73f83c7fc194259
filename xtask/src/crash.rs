//! `cargo xtask crash`: kill velo again and again, and count what it lost or doubled.

use std::path::PathBuf;
use std::process::Command;

use crate::command::{cargo, output, program, run};
use crate::error::Result;
use crate::workspace::Workspace;

/// Arguments of `cargo xtask crash`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Arguments for the campaign, such as `--pair file-parquet --kills 1000`; `-- --help` lists
    /// them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    campaign: Vec<String>,
}

/// Builds velo, or takes `VELO_BIN`, and runs the testkit's campaign, which knows no velo crate.
pub(crate) fn crash(workspace: &Workspace, arguments: &Arguments) -> Result {
    let has = |name: &str| {
        let word = |it: &String| it == name || it.starts_with(&format!("{name}="));
        arguments.campaign.iter().any(word)
    };
    let mut command = kit(workspace);
    command.arg("--work").arg(workspace.target.join("crash"));
    if !has("--copier") && !has("--help") {
        command.arg("--velo").arg(velo(workspace)?);
    }
    if !has("--commit") {
        command.args(["--commit", &commit(workspace)]);
    }
    run(command.args(&arguments.campaign))
}

/// The campaign is an example of the testkit, which a connector's crate can run as well.
pub(crate) fn kit(workspace: &Workspace) -> Command {
    let mut command = cargo(&workspace.root);
    command.args(["run", "--locked", "--quiet", "--package", "velo-testkit"]);
    command.args(["--features", "processes", "--example", "crash", "--"]);
    command
}

/// `VELO_BIN`, else a development build.
fn velo(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("VELO_BIN") {
        return Ok(PathBuf::from(binary));
    }
    let build = ["build", "--locked", "--package", "velo-cli"];
    run(cargo(&workspace.root).args(build))?;
    Ok(workspace.target.join("debug/velo"))
}

/// The short name of the commit; an unpacked archive has none.
fn commit(workspace: &Workspace) -> String {
    let mut command = program("git", &workspace.root);
    let name = output(command.args(["rev-parse", "--short=12", "HEAD"]));
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}
