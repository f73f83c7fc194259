//! The house rules that no compiler knows: sizes, names, layers, manifests.

mod budgets;
mod layers;
mod manifests;
mod names;
mod todos;
mod unsafe_code;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::workspace::Workspace;

pub(crate) use layers::is_connector;

/// The text files under the rules, with their content.
struct Tree {
    files: Vec<SourceFile>,
}

/// One text file, by its path relative to the root.
struct SourceFile {
    path: PathBuf,
    text: String,
}

/// A broken rule: where, and what is wrong.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    path: PathBuf,
    message: String,
}

/// Checks every rule and lists all that is broken.
pub(crate) fn tidy(workspace: &Workspace) -> Result {
    let tree = Tree::read(workspace)?;
    let mut violations = budgets::check(&tree);
    violations.extend(names::check(&tree, workspace));
    violations.extend(layers::check(workspace));
    violations.extend(manifests::check(&tree, workspace));
    violations.extend(todos::check(&tree));
    violations.extend(unsafe_code::check(&tree, &workspace.settings));
    let violations = without_exceptions(violations, &workspace.settings["exceptions"]);
    for Violation { path, message } in &violations {
        eprintln!("{}: {message}", path.display());
    }
    match violations.len() {
        0 => Ok(()),
        1 => Err(Error::new("1 rule is broken")),
        many => Err(Error::new(format!("{many} rules are broken"))),
    }
}

/// Takes out what `[workspace.metadata.velo.exceptions]` allows, each path with its reason;
/// an exception that nothing needs any more is a violation itself.
fn without_exceptions(violations: Vec<Violation>, exceptions: &Value) -> Vec<Violation> {
    let allowed = |path: &Path| {
        path.to_str()
            .is_some_and(|path| exceptions[path].is_string())
    };
    let (excepted, mut left): (Vec<_>, Vec<_>) = violations
        .into_iter()
        .partition(|violation| allowed(&violation.path));
    for path in exceptions
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys())
    {
        if !excepted
            .iter()
            .any(|violation| violation.path == Path::new(path))
        {
            left.push(Violation::new(
                path,
                "has an exception in Cargo.toml and needs none",
            ));
        }
    }
    left
}

impl Violation {
    fn new(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl Tree {
    fn read(workspace: &Workspace) -> Result<Self> {
        let mut files = Vec::new();
        for path in workspace.files()? {
            // Templates are checked where `new` puts them.
            if is_text(&path) && !path.starts_with("xtask/templates") {
                let text = workspace.read(&path)?;
                files.push(SourceFile { path, text });
            }
        }
        Ok(Self { files })
    }

    fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.files
            .iter()
            .filter(|file| file.path.extension().is_some_and(|it| it == "rs"))
    }
}

fn is_text(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    matches!(
        extension,
        Some("rs" | "toml" | "py" | "sh" | "yml" | "yaml")
    ) || path == Path::new(".ci/run")
}

#[cfg(test)]
fn tree(files: &[(&str, &str)]) -> Tree {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: path.into(),
        text: (*text).into(),
    };
    Tree {
        files: files.iter().map(file).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_exception_with_a_reason_silences_its_path_only() {
        let broken = || {
            vec![
                Violation::new("a.rs", "long"),
                Violation::new("b.rs", "long"),
            ]
        };
        let left = without_exceptions(broken(), &json!({ "a.rs": "a table" }));
        assert_eq!(left, [Violation::new("b.rs", "long")]);
        assert_eq!(without_exceptions(broken(), &Value::Null).len(), 2);
    }

    #[test]
    fn an_exception_that_nothing_needs_is_broken_itself() {
        let left = without_exceptions(Vec::new(), &json!({ "a.rs": "was long" }));
        assert_eq!(left.len(), 1);
    }
}
