//! What the traits cost: instructions of a decoder alone and of the same decoder behind a source.

use std::path::Path;

use super::Arguments;
use super::environment::Environment;
use crate::command::{cargo, output, program, run, succeeds};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Counts with valgrind, which neither a busy machine nor a virtual one disturbs.
pub(crate) fn traits(workspace: &Workspace, arguments: &Arguments) -> Result {
    if !succeeds(program("valgrind", &workspace.root).arg("--version")) {
        return Err(Error::new("needs valgrind; on Debian: valgrind"));
    }
    let environment = Environment::prepare(workspace, arguments)?;
    let build = ["build", "--locked", "--profile", "quick", "--package"];
    run(cargo(&workspace.root)
        .args(build)
        .args(["velo-file", "--example", "decode"]))?;
    let decode = workspace.target.join("quick/examples/decode");
    for file in ["lineitem.csv", "lineitem.jsonl"] {
        let data = environment.data.join(file);
        let direct = count(&environment, &decode, "direct", &data)?;
        let traits = count(&environment, &decode, "through_traits", &data)?;
        let percent = 100.0 * (traits as f64 / direct as f64 - 1.0);
        println!(
            "{file}: decoder alone {:.3}, through the traits {:.3} billion instructions: {percent:+.2} %",
            direct as f64 / 1e9,
            traits as f64 / 1e9,
        );
    }
    Ok(())
}

/// Counts the instructions of one function with all that it calls.
fn count(environment: &Environment, decode: &Path, function: &str, data: &Path) -> Result<u64> {
    let counts = environment.output.join("callgrind.out");
    let mode = function.strip_prefix("through_").unwrap_or(function);
    let mut command = program("valgrind", &environment.output);
    command
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no"])
        .arg(format!("--toggle-collect=decode::{function}*"))
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(decode)
        .args([mode.as_ref(), data.as_os_str()]);
    output(&mut command)?;
    let text = std::fs::read_to_string(&counts)?;
    std::fs::remove_file(&counts)?;
    let total = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals: "));
    total
        .and_then(|total| total.trim().parse().ok())
        .filter(|total| *total > 0)
        .ok_or_else(|| Error::new(format!("valgrind counted nothing in {function}")))
}
