//! `cargo xtask interop`: files made by others, and others reading ours.

use std::path::{Path, PathBuf};

use crate::command::{cargo, program, run};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Arguments of `cargo xtask interop`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Read instead the public test sets, of which this directory holds copies: parquet-testing,
    /// arrow-testing, JSONTestSuite, csv-spectrum.
    #[arg(long, value_name = "DIR")]
    sets: Option<PathBuf>,
}

/// Runs the comparison with a development build, or with `VELO_BIN`.
pub(crate) fn interop(workspace: &Workspace, arguments: &Arguments) -> Result {
    let base = workspace.target.join("interop");
    let output = base.join("output");
    std::fs::create_dir_all(&output)?;
    let scripts = workspace.root.join("xtask/interop");
    let python = installed(&base, &scripts)?;
    let velo = velo(workspace)?;
    let mut command = program(python, &output);
    // Nothing is written beside the scripts.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    match &arguments.sets {
        None => command
            .arg(scripts.join("interop.py"))
            .arg(velo)
            .arg(&output),
        Some(sets) => {
            let sets = std::path::absolute(sets)?;
            command
                .arg(scripts.join("sets.py"))
                .arg(velo)
                .arg(&output)
                .arg(sets)
        }
    };
    run(&mut command)
}

/// The Python of an environment that has what the scripts import.
fn installed(base: &Path, scripts: &Path) -> Result<PathBuf> {
    let python = base.join("venv/bin/python");
    let requirements = scripts.join("requirements.txt");
    let present = base.join("venv/requirements.txt");
    let wanted = std::fs::read(&requirements)?;
    if std::fs::read(&present).is_ok_and(|present| present == wanted) {
        return Ok(python);
    }
    let venv = run(program("python3", base).args(["-m", "venv", "venv"]));
    venv.map_err(|error| Error::new(format!("{error}; on Debian: python3-venv")))?;
    let pip = ["-m", "pip", "install", "--quiet"];
    run(program(&python, base)
        .args(pip)
        .args(["--disable-pip-version-check", "-r"])
        .arg(&requirements))?;
    std::fs::write(&present, wanted)?;
    Ok(python)
}

/// `VELO_BIN`, else a development build: what it does is measured here, not how fast.
fn velo(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("VELO_BIN") {
        return Ok(PathBuf::from(binary));
    }
    let arguments = ["build", "--locked", "--package", "velo-cli"];
    run(cargo(&workspace.root).args(arguments))?;
    Ok(workspace.target.join("debug/velo"))
}
