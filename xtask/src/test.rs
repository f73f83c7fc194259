//! `cargo xtask test`: everything that can be tested here, and one closing line.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::check::{quick_steps, run_steps};
use crate::command::{cargo, not_started, spelled};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Which tests may be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Servers {
    /// A test without its server is skipped by name.
    Optional,
    /// A test without its server fails.
    Required,
}

/// What the tests of all crates came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Runs the quick checks and all tests; the last line printed is the tally.
pub(crate) fn test(workspace: &Workspace, servers: Servers, arguments: &[String]) -> Result {
    let broken = run_steps(workspace, &quick_steps());
    eprintln!("== tests");
    let (tally, ended_well) = run_tests(workspace, servers, arguments)?;
    let tally = tally.with_exit(ended_well);
    if !broken.is_empty() {
        println!("\nnot in order besides the tests: {}", broken.join(", "));
    }
    println!("\n{tally}");
    if tally.failed > 0 || !broken.is_empty() {
        return Err(Error::silent());
    }
    Ok(())
}

fn run_tests(
    workspace: &Workspace,
    servers: Servers,
    arguments: &[String],
) -> Result<(Tally, bool)> {
    let mut command = cargo(&workspace.root);
    command
        .args(["test", "--workspace", "--no-fail-fast", "--locked"])
        .args(arguments);
    if servers == Servers::Required {
        command.env("VELO_TEST_REQUIRE", "1");
    }
    stream(&mut command, &mut std::io::stdout())
}

/// Shows a test run line by line while adding it up.
fn stream(command: &mut Command, terminal: &mut impl Write) -> Result<(Tally, bool)> {
    eprintln!("$ {}", spelled(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(command, &error))?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        // Bytes, not text: what a test prints need not be UTF-8.
        while reader.read_until(b'\n', &mut line)? > 0 {
            terminal.write_all(&line)?;
            tally.add(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    Ok((tally, child.wait()?.success()))
}

impl Tally {
    /// Adds a `test result:` line; every other line changes nothing.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else {
            return;
        };
        for count in counts.split(['.', ';']) {
            let mut words = count.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<u64>().ok());
            let (Some(number), Some(word)) = (number, words.next()) else {
                continue;
            };
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// Counts a run that broke off, in a build or by a signal, as one failure at least.
    fn with_exit(self, ended_well: bool) -> Self {
        let least = u64::from(!ended_well);
        Self {
            failed: self.failed.max(least),
            ..self
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.add(line);
        }
        tally
    }

    #[test]
    fn adds_the_result_lines_of_all_binaries() {
        let sum = tally(&[
            "running 3 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            "100 passed; 100 failed",
        ]);
        assert_eq!(sum.to_string(), "13 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn a_run_that_broke_off_has_a_failure() {
        assert_eq!(tally(&[]).with_exit(false).failed, 1);
        assert_eq!(tally(&[]).with_exit(true).failed, 0);
        let failed = tally(&["test result: FAILED. 0 passed; 4 failed; 0 ignored"]);
        assert_eq!(failed.with_exit(false).failed, 4);
    }

    #[test]
    fn a_failing_command_is_streamed_and_counted() {
        let mut shown = Vec::new();
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'; exit 3",
        ]);
        let (tally, ended_well) = stream(&mut command, &mut shown).unwrap();
        assert_eq!((tally.passed, ended_well), (2, false));
        assert!(shown.starts_with(b"test result: ok."));
    }
}
