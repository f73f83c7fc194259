//! `cargo xtask fuzz`: random inputs for every parser of foreign bytes.

use std::path::Path;

use crate::command::{cargo, program, run, succeeds};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The targets to run, all unless named; fuzz/targets lists them.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// MiB of memory at which an input counts as a failure.
    #[arg(long, default_value_t = 1024)]
    memory: u32,
}

/// Builds the targets with the nightly toolchain and runs one after the other.
pub(crate) fn fuzz(workspace: &Workspace, arguments: &Arguments) -> Result {
    let directory = workspace.root.join("fuzz");
    if !succeeds(program("cargo", &workspace.root).args(["+nightly", "--version"])) {
        let hint = "fuzzing needs the nightly toolchain: rustup toolchain install nightly";
        return Err(Error::new(hint));
    }
    if !succeeds(cargo(&workspace.root).args(["fuzz", "--version"])) {
        run(cargo(&workspace.root).args(["install", "--locked", "cargo-fuzz"]))?;
    }
    let known = targets(&directory)?;
    let unknown = arguments.targets.iter().find(|name| !known.contains(name));
    if let Some(name) = unknown {
        let known = known.join(", ");
        return Err(Error::new(format!("no target `{name}`; there are {known}")));
    }
    let chosen = match arguments.targets.is_empty() {
        true => &known,
        false => &arguments.targets,
    };
    run(program("cargo", &directory).args(["+nightly", "run", "--bin", "seeds", "--", "corpus"]))?;
    for target in chosen {
        let mut command = program("cargo", &directory);
        command.args([
            "+nightly",
            "fuzz",
            "run",
            "--dev",
            "--sanitizer=none",
            target,
            "--",
        ]);
        command.arg(format!("-max_total_time={}", arguments.seconds));
        command.arg(format!("-rss_limit_mb={}", arguments.memory));
        command.args(["-timeout=10", "-print_final_stats=1"]);
        run(&mut command)?;
    }
    Ok(())
}

fn targets(directory: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory.join("targets"))? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        names.extend(stem.map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
