//! The criterion benches of all crates.

use crate::command::{cargo, run};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Runs the bench targets alone: libraries, asked too, would refuse criterion's arguments.
pub(crate) fn micro(workspace: &Workspace, filter: Option<&str>) -> Result {
    let with_benches = workspace
        .packages
        .iter()
        .filter(|package| !package.benches.is_empty());
    let mut any = false;
    for package in with_benches {
        any = true;
        let mut command = cargo(&workspace.root);
        command.args(["bench", "--locked", "--package", &package.name]);
        for bench in &package.benches {
            command.args(["--bench", bench]);
        }
        run(command.arg("--").args(filter))?;
    }
    if any {
        Ok(())
    } else {
        Err(Error::new("no crate has a bench"))
    }
}
