//! `cargo xtask bugs`: plants bugs of the commit protocol, one after the other, in a copy of the
//! workspace, and shows that the tests notice each.
//!
//! A bug is a file in `xtask/bugs`: what it breaks, the arguments of the `cargo test` (`test:`) or of
//! the crash campaign (`crash:`) that must go red, and the lines to find and to put in their place. Where the lines are not found, the bug is
//! out of date, and that is an error.

use std::path::{Path, PathBuf};

use crate::command::{cargo, output, program, run, succeeds};
use crate::crash::kit;
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Arguments of `cargo xtask bugs`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The bugs to plant, all unless named.
    #[arg(value_name = "BUG")]
    names: Vec<String>,
    /// List them and plant none.
    #[arg(long)]
    list: bool,
}

struct Bug {
    name: String,
    breaks: String,
    shown: Shown,
    file: PathBuf,
    find: String,
    replace: String,
}

/// What must go red, with its arguments.
enum Shown {
    Test(Vec<String>),
    Crash(Vec<String>),
}

impl Shown {
    fn spelled(&self) -> String {
        match self {
            Self::Test(arguments) => format!("cargo test {}", arguments.join(" ")),
            Self::Crash(arguments) => format!("cargo xtask crash {}", arguments.join(" ")),
        }
    }
}

pub(crate) fn bugs(workspace: &Workspace, arguments: &Arguments) -> Result {
    let mut bugs = read_all(&workspace.root.join("xtask/bugs"))?;
    if let Some(unknown) = arguments
        .names
        .iter()
        .find(|name| bugs.iter().all(|bug| bug.name != **name))
    {
        return Err(Error::new(format!("no bug `{unknown}`; --list shows them")));
    }
    bugs.retain(|bug| arguments.names.is_empty() || arguments.names.contains(&bug.name));
    if arguments.list {
        bugs.iter()
            .for_each(|bug| println!("{}: {}", bug.name, bug.breaks));
        return Ok(());
    }
    // A target of its own: cargo would take the copy's crates for the workspace's.
    let (tree, target) = (
        workspace.target.join("bugs/tree"),
        workspace.target.join("bugs/target"),
    );
    copy(workspace, &tree)?;
    let mut missed = Vec::new();
    println!("| bug | what it breaks | test | noticed |\n|---|---|---|---|");
    for bug in &bugs {
        let noticed = bug.is_noticed(workspace, &tree, &target)?;
        let (name, breaks, test) = (&bug.name, &bug.breaks, bug.shown.spelled());
        let word = if noticed { "yes" } else { "NO" };
        println!("| {name} | {breaks} | `{test}` | {word} |");
        if !noticed {
            missed.push(name.as_str());
        }
    }
    println!("\n{} of {} noticed", bugs.len() - missed.len(), bugs.len());
    match missed.is_empty() {
        true => Ok(()),
        false => Err(Error::new(format!("not noticed: {}", missed.join(", ")))),
    }
}

/// Copies what git knows, so that nothing planted can ever be committed.
fn copy(workspace: &Workspace, tree: &Path) -> Result {
    if tree.exists() {
        std::fs::remove_dir_all(tree).map_err(|error| Error::file(tree, &error))?;
    }
    std::fs::create_dir_all(tree).map_err(|error| Error::file(tree, &error))?;
    let list = output(program("git", &workspace.root).args(["ls-files", "-z"]))?;
    for file in list.split('\0').filter(|file| !file.is_empty()) {
        let (from, to) = (workspace.root.join(file), tree.join(file));
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(|error| Error::file(parent, &error))?;
        }
        std::fs::copy(&from, &to).map_err(|error| Error::file(&from, &error))?;
    }
    Ok(())
}

fn read_all(directory: &Path) -> Result<Vec<Bug>> {
    let entries = std::fs::read_dir(directory).map_err(|error| Error::file(directory, &error))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|file| Bug::read(file)).collect()
}

impl Bug {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
        Self::parse(path, &text).ok_or_else(|| {
            Error::new(format!(
                "{}: a bug has the lines `breaks:`, `test:`, `file:`, `find:` … `replace:` …",
                path.display()
            ))
        })
    }

    fn parse(path: &Path, text: &str) -> Option<Self> {
        let (head, rest) = text.split_once("\nfind:\n")?;
        let (find, replace) = rest.split_once("\nreplace:\n")?;
        let value = |key: &str| {
            let line = head.lines().find(|line| line.starts_with(key))?;
            Some(line[key.len()..].trim().to_owned())
        };
        Some(Self {
            name: path.file_stem()?.to_str()?.to_owned(),
            breaks: value("breaks:")?,
            shown: match value("test:") {
                Some(test) => Shown::Test(words(&test)),
                None => Shown::Crash(words(&value("crash:")?)),
            },
            file: value("file:")?.into(),
            find: find.to_owned(),
            replace: replace.trim_end_matches('\n').to_owned(),
        })
    }

    /// Plants the bug, runs what must go red, and takes it out again.
    fn is_noticed(&self, workspace: &Workspace, tree: &Path, target: &Path) -> Result<bool> {
        let path = tree.join(&self.file);
        let right = std::fs::read_to_string(&path).map_err(|error| Error::file(&path, &error))?;
        if right.matches(&self.find).count() != 1 {
            return Err(Error::new(format!(
                "{}: what is to be replaced does not stand once in {}",
                self.name,
                self.file.display()
            )));
        }
        let wrong = right.replace(&self.find, &self.replace);
        std::fs::write(&path, wrong).map_err(|error| Error::file(&path, &error))?;
        let noticed = match &self.shown {
            Shown::Test(arguments) => self.fails_a_test(tree, target, arguments),
            Shown::Crash(arguments) => self.fails_a_campaign(workspace, tree, target, arguments),
        };
        std::fs::write(&path, right).map_err(|error| Error::file(&path, &error))?;
        noticed
    }

    fn fails_a_test(&self, tree: &Path, target: &Path, arguments: &[String]) -> Result<bool> {
        let command = |options: &[&str]| {
            let mut command = cargo(tree);
            command.args(["test", "--quiet", "--locked"]).args(options);
            command.args(arguments).env("CARGO_TARGET_DIR", target);
            command
        };
        // A bug that does not compile would look noticed.
        run(&mut command(&["--no-run"]))?;
        Ok(!succeeds(&mut command(&[])))
    }

    fn fails_a_campaign(
        &self,
        workspace: &Workspace,
        tree: &Path,
        target: &Path,
        arguments: &[String],
    ) -> Result<bool> {
        let mut build = cargo(tree);
        build.args(["build", "--quiet", "--locked", "--package", "velo-cli"]);
        run(build.env("CARGO_TARGET_DIR", target))?;
        let mut campaign = kit(workspace);
        campaign.arg("--work").arg(target.join("crash"));
        campaign.arg("--velo").arg(target.join("debug/velo"));
        Ok(!succeeds(campaign.args(arguments)))
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_is_understood_and_can_be_planted() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let bugs = read_all(&root.join("xtask/bugs")).unwrap();
        assert!(bugs.len() >= 20, "only {}", bugs.len());
        for bug in bugs {
            let text = std::fs::read_to_string(root.join(&bug.file)).unwrap();
            assert_eq!(text.matches(&bug.find).count(), 1, "{}", bug.name);
            assert_ne!(bug.find, bug.replace, "{}", bug.name);
        }
    }
}
