//! Manifests: every crate says what it is, and versions stand once, in the workspace's table.

use std::path::Path;

use super::{Tree, Violation};
use crate::workspace::{Package, Workspace};

pub(super) fn check(tree: &Tree, workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in &workspace.packages {
        let path = workspace.relative(package).join("Cargo.toml");
        let mut broken: Vec<String> = missing(package, &package.directory)
            .into_iter()
            .map(str::to_owned)
            .collect();
        if let Some(manifest) = tree.files.iter().find(|file| file.path == path) {
            broken.extend(own_versions(&manifest.text).into_iter().map(|name| {
                format!("`{name}` needs `workspace = true`; versions stand in the root Cargo.toml")
            }));
            if !manifest.text.contains("[lints]\nworkspace = true") {
                broken.push("needs `[lints] workspace = true`".to_owned());
            }
        }
        violations.extend(
            broken
                .into_iter()
                .map(|message| Violation::new(&path, message)),
        );
    }
    violations
}

fn missing(package: &Package, directory: &Path) -> Vec<&'static str> {
    let needs_readme = package.published && !directory.join("README.md").is_file();
    let wants = [
        (
            package.license.is_none(),
            "needs `license.workspace = true`",
        ),
        (package.description.is_none(), "needs a `description`"),
        (
            package.rust_version.is_none(),
            "needs `rust-version.workspace = true`",
        ),
        (needs_readme, "needs a README.md beside it"),
    ];
    wants
        .into_iter()
        .filter(|(broken, _)| *broken)
        .map(|(_, message)| message)
        .collect()
}

/// Names the dependencies that do not take their version from the workspace.
fn own_versions(manifest: &str) -> Vec<&str> {
    let mut in_dependencies = false;
    let mut depth = 0_i32;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if depth == 0 && line.starts_with('[') {
            in_dependencies = line.trim_end_matches(']').ends_with("dependencies");
            continue;
        }
        let top_level = depth == 0;
        depth += nesting(line);
        let Some((key, value)) = line
            .split_once('=')
            .filter(|_| top_level && in_dependencies)
        else {
            continue;
        };
        let inherits = key.contains(".workspace") || value.contains("workspace = true");
        if !inherits && !line.starts_with('#') {
            found.push(key.trim());
        }
    }
    found
}

/// How many arrays and tables a line leaves open.
fn nesting(line: &str) -> i32 {
    line.chars()
        .map(|it| match it {
            '[' | '{' => 1,
            ']' | '}' => -1,
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::own_versions;

    #[test]
    fn versions_stand_in_the_root() {
        let manifest = "[package]\nversion = \"1\"\n\n[dependencies]\n\
            a.workspace = true\nb = { workspace = true, features = [\n  \"x=1\",\n] }\nc = \"1\"\n\
            # d = \"2\"\n\n[dev-dependencies]\ne = { version = \"1\" }\n\n[features]\nf = []\n";
        assert_eq!(own_versions(manifest), ["c", "e"]);
    }
}
