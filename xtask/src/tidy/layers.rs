//! Dependencies point one way: core <- format <- connectors <- registry <- pipeline <- cli.

use super::Violation;
use crate::workspace::{Package, Workspace};

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in &workspace.packages {
        for dependency in &package.dependencies {
            if allowed(&package.name, &dependency.name, dependency.dev) {
                continue;
            }
            let message = format!(
                "{} must not depend on {}: core <- format <- connectors <- registry <- pipeline \
                 <- cli",
                package.name, dependency.name
            );
            violations.push(Violation::new(manifest(workspace, package), message));
        }
    }
    violations
}

/// Whether a crate is one of the connectors, by its name.
pub(crate) fn is_connector(name: &str) -> bool {
    layer(name) == Some(Layer::Connector)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Core,
    Format,
    Connector,
    Registry,
    Pipeline,
    Cli,
}

/// The layer of a product crate; `None` for foreign crates and for what only tests.
fn layer(name: &str) -> Option<Layer> {
    match name.strip_prefix("velo-")? {
        "core" => Some(Layer::Core),
        "format" => Some(Layer::Format),
        "registry" => Some(Layer::Registry),
        "pipeline" => Some(Layer::Pipeline),
        "cli" => Some(Layer::Cli),
        "testkit" | "tests" => None,
        _ => Some(Layer::Connector),
    }
}

fn allowed(from: &str, to: &str, dev: bool) -> bool {
    if !to.starts_with("velo-") || from == "velo-tests" || from.starts_with("example-") {
        return true;
    }
    match (from, to) {
        ("xtask", _) => false,
        (_, "velo-testkit") => dev,
        ("velo-testkit", _) => to == "velo-core",
        _ => layer(to) < layer(from),
    }
}

fn manifest(workspace: &Workspace, package: &Package) -> std::path::PathBuf {
    workspace.relative(package).join("Cargo.toml")
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn dependencies_point_one_way() {
        let cases = [
            ("velo-file", "velo-core", true),
            ("velo-file", "velo-format", true),
            ("velo-file", "velo-kafka", false),
            ("velo-core", "velo-format", false),
            ("velo-core", "serde", true),
            ("velo-cli", "velo-pipeline", true),
            ("velo-pipeline", "velo-cli", false),
            ("velo-registry", "velo-pipeline", false),
            ("velo-testkit", "velo-core", true),
            ("velo-testkit", "velo-file", false),
            ("velo-file", "velo-testkit", false),
            ("velo-tests", "velo-testkit", true),
            ("xtask", "velo-core", false),
        ];
        for (from, to, expected) in cases {
            assert_eq!(allowed(from, to, false), expected, "{from} -> {to}");
        }
    }

    #[test]
    fn tests_of_every_layer_may_use_the_testkit() {
        assert!(allowed("velo-core", "velo-testkit", true));
        assert!(!allowed("velo-core", "velo-format", true));
    }
}
