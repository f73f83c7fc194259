//! A newcomer finds the room by its name: no rooms called "other things", and the same eight
//! names in every connector.

use std::path::{Component, Path};

use super::{Tree, Violation, is_connector};
use crate::workspace::Workspace;

const EMPTY_NAMES: [&str; 9] = [
    "util", "utils", "helper", "helpers", "common", "misc", "shared", "types", "stuff",
];

const CONNECTOR_NAMES: [&str; 8] = [
    "lib", "config", "client", "source", "offset", "convert", "sink", "error",
];

pub(super) fn check(tree: &Tree, workspace: &Workspace) -> Vec<Violation> {
    let connectors: Vec<&Path> = workspace
        .packages
        .iter()
        .filter(|package| is_connector(&package.name))
        .map(|package| workspace.relative(package))
        .collect();
    let mut violations = Vec::new();
    for file in tree.rust() {
        if let Some(name) = empty_name(&file.path) {
            let message = format!("`{name}` says nothing: name it after what it holds");
            violations.push(Violation::new(&file.path, message));
        }
        let inside = connectors
            .iter()
            .find_map(|it| file.path.strip_prefix(it.join("src")).ok());
        if inside.is_some_and(|inside| !is_connector_file(inside)) {
            let message = format!(
                "a connector has {} and no other",
                CONNECTOR_NAMES.join(", ")
            );
            violations.push(Violation::new(&file.path, message));
        }
    }
    violations
}

fn empty_name(path: &Path) -> Option<&str> {
    let without_extension = path.with_extension("");
    let is_empty = |name: &&&str| {
        without_extension
            .iter()
            .any(|part| part.to_str() == Some(**name))
    };
    EMPTY_NAMES.iter().find(is_empty).copied()
}

/// Whether a path inside a connector's `src` begins with one of the eight names.
fn is_connector_file(inside: &Path) -> bool {
    let first = inside.components().next();
    let Some(Component::Normal(first)) = first else {
        return false;
    };
    let name = Path::new(first).file_stem().and_then(|stem| stem.to_str());
    name.is_some_and(|name| CONNECTOR_NAMES.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_called_other_things_are_found() {
        let cases = [
            ("velo-core/src/utils.rs", Some("utils")),
            ("velo-core/src/helpers/mod.rs", Some("helpers")),
            ("velo-core/src/uri/parse.rs", None),
            ("velo-format/src/type_names.rs", None),
        ];
        for (path, name) in cases {
            assert_eq!(empty_name(Path::new(path)), name, "{path}");
        }
    }

    #[test]
    fn a_connector_has_eight_names_as_files_or_directories() {
        for path in ["lib.rs", "source.rs", "sink/mod.rs", "sink/rolling.rs"] {
            assert!(is_connector_file(Path::new(path)), "{path}");
        }
        for path in ["reader.rs", "glob/mod.rs", "sources.rs"] {
            assert!(!is_connector_file(Path::new(path)), "{path}");
        }
    }
}
