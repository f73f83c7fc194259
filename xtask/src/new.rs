//! `cargo xtask new`: the skeleton of a connector crate, in the layout of all others.

use std::path::Path;

use crate::command::{cargo, run};
use crate::error::{Error, Result};
use crate::tidy::is_connector;
use crate::workspace::Workspace;

/// Arguments of `cargo xtask new`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The connector's name, which is its scheme: `redis` makes the crate `velo-redis`.
    name: String,
}

/// Where each file goes inside the crate, and its template.
const TEMPLATES: [(&str, &str); 11] = [
    (
        "Cargo.toml",
        include_str!("../templates/connector/Cargo.toml.in"),
    ),
    (
        "README.md",
        include_str!("../templates/connector/README.md.in"),
    ),
    (
        "src/lib.rs",
        include_str!("../templates/connector/src/lib.rs.in"),
    ),
    (
        "src/config.rs",
        include_str!("../templates/connector/src/config.rs.in"),
    ),
    (
        "src/client.rs",
        include_str!("../templates/connector/src/client.rs.in"),
    ),
    (
        "src/source.rs",
        include_str!("../templates/connector/src/source.rs.in"),
    ),
    (
        "src/offset.rs",
        include_str!("../templates/connector/src/offset.rs.in"),
    ),
    (
        "src/convert.rs",
        include_str!("../templates/connector/src/convert.rs.in"),
    ),
    (
        "src/sink.rs",
        include_str!("../templates/connector/src/sink.rs.in"),
    ),
    (
        "src/error.rs",
        include_str!("../templates/connector/src/error.rs.in"),
    ),
    (
        "tests/contract.rs",
        include_str!("../templates/connector/tests/contract.rs.in"),
    ),
];

/// Makes the crate, adds it to the workspace and to the registry's manifest, and says what is
/// left to do by hand.
pub(crate) fn new(workspace: &Workspace, arguments: &Arguments) -> Result {
    let name = arguments.name.as_str();
    check_name(name)?;
    let package = format!("velo-{name}");
    let directory = workspace.root.join(&package);
    if directory.exists() {
        return Err(Error::new(format!("{package} exists already")));
    }
    // Both are worked out before anything is written.
    let root_manifest = in_workspace(&workspace.read("Cargo.toml")?, name)?;
    let registry_manifest = in_registry(&workspace.read("velo-registry/Cargo.toml")?, name)?;
    generate(&directory, name)?;
    std::fs::write(workspace.root.join("Cargo.toml"), root_manifest)?;
    std::fs::write(
        workspace.root.join("velo-registry/Cargo.toml"),
        registry_manifest,
    )?;
    run(cargo(&workspace.root).args(["fmt", "--package", &package]))?;
    println!(
        "made {package}; now\n\
         - in velo-registry/src/registry.rs, add to `BUILT_IN`: \
         #[cfg(feature = \"{name}\")] {ident}::connector,\n  \
         and to `FEATURES`: (\"{name}\", \"{name}\")\n\
         - in velo-cli/Cargo.toml, add `{name}` to the features of velo-registry\n\
         - run `cargo test -p {package}`, which passes; begin with {package}/src/client.rs",
        ident = package.replace('-', "_"),
    );
    Ok(())
}

fn check_name(name: &str) -> Result {
    let allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    let starts_well = name.starts_with(|it: char| it.is_ascii_lowercase());
    if !starts_well || !name.chars().all(allowed) || name.ends_with('-') {
        let rule = "lowercase letters, digits and `-`, a letter first";
        return Err(Error::new(format!(
            "`{name}` is no name for a connector: {rule}"
        )));
    }
    if !is_connector(&format!("velo-{name}")) {
        return Err(Error::new(format!(
            "velo-{name} is the name of a crate that is no connector"
        )));
    }
    Ok(())
}

fn generate(directory: &Path, name: &str) -> Result {
    for (file, template) in TEMPLATES {
        let path = directory.join(file);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, filled(template, name)).map_err(|e| Error::file(&path, &e))?;
    }
    Ok(())
}

fn filled(template: &str, name: &str) -> String {
    template
        .replace("__Name__", &type_name(name))
        .replace("__ident__", &name.replace('-', "_"))
        .replace("__name__", name)
}

/// `my-db` as `MyDb`.
fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|it| it.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(capital).collect()
}

/// The root manifest with the crate as a member and as a dependency to be named.
fn in_workspace(manifest: &str, name: &str) -> Result<String> {
    let member = format!("    \"velo-{name}\",");
    let with_member = after(manifest, "    \"velo-file\",", &member)?;
    let dependency = format!("velo-{name} = {{ path = \"velo-{name}\", version = \"0.1.0\" }}");
    after(&with_member, "velo-file = {", &dependency)
}

/// The registry's manifest with the crate as a feature.
fn in_registry(manifest: &str, name: &str) -> Result<String> {
    let dependency = format!("velo-{name} = {{ workspace = true, optional = true }}");
    let with_dependency = after(manifest, "velo-file = {", &dependency)?;
    let feature = format!("{name} = [\"dep:velo-{name}\"]");
    after(&with_dependency, "file = [", &feature)
}

/// Puts a line behind the one that starts so.
fn after(text: &str, start: &str, line: &str) -> Result<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let place = lines.iter().position(|it| it.starts_with(start));
    let missing = || Error::new(format!("no line starts with `{start}` in Cargo.toml"));
    lines.insert(place.ok_or_else(missing)? + 1, line);
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_types() {
        assert_eq!(type_name("redis"), "Redis");
        assert_eq!(type_name("my-db2"), "MyDb2");
    }

    #[test]
    fn names_that_cannot_be_schemes_or_are_taken_are_refused() {
        for name in ["", "Redis", "-a", "a-", "a_b", "1a", "core", "testkit"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["redis", "my-db2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_skeleton_has_every_file_and_no_placeholder() {
        let directory = tempfile::tempdir().unwrap();
        generate(directory.path(), "my-db").unwrap();
        for (file, _) in TEMPLATES {
            let text = std::fs::read_to_string(directory.path().join(file)).unwrap();
            assert!(!text.contains("__"), "{file}");
        }
        let library = std::fs::read_to_string(directory.path().join("src/lib.rs")).unwrap();
        assert!(library.contains("pub use source::MyDbSource;"));
        assert!(library.contains("velo_my_db::connector()"));
    }

    #[test]
    fn manifests_gain_a_member_a_dependency_and_a_feature() {
        let root =
            "members = [\n    \"velo-file\",\n]\n[d]\nvelo-file = { path = \"velo-file\" }\n";
        let root = in_workspace(root, "redis").unwrap();
        assert!(root.contains("    \"velo-redis\",\n]"));
        assert!(root.contains("velo-redis = { path = \"velo-redis\", version = \"0.1.0\" }\n"));
        let registry = "velo-file = { optional = true }\n[features]\nfile = [\"dep:velo-file\"]\n";
        let registry = in_registry(registry, "redis").unwrap();
        assert!(registry.ends_with("file = [\"dep:velo-file\"]\nredis = [\"dep:velo-redis\"]\n"));
        assert!(in_registry("", "redis").is_err());
    }
}
