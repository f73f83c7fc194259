//! `unsafe` lives in few modules, each named in the root Cargo.toml.

use std::path::Path;

use serde_json::Value;

use super::budgets::outside_tests;
use super::{Tree, Violation};

pub(super) fn check(tree: &Tree, settings: &Value) -> Vec<Violation> {
    let listed: Vec<&str> = settings["unsafe_modules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut violations = Vec::new();
    for file in tree.rust() {
        let is_listed = listed.iter().any(|path| file.path == Path::new(path));
        match (allows_unsafe(&file.text), is_listed) {
            (true, false) => violations.push(Violation::new(
                &file.path,
                "allows unsafe code and is not in `unsafe_modules` of the root Cargo.toml",
            )),
            (false, true) => violations.push(Violation::new(
                &file.path,
                "is in `unsafe_modules` of the root Cargo.toml and has no unsafe code",
            )),
            _ => {}
        }
    }
    let exists = |path: &&&str| tree.rust().any(|file| file.path == Path::new(**path));
    let gone = listed.iter().filter(|path| !exists(path));
    violations.extend(gone.map(|path| Violation::new(path, "is in `unsafe_modules` and is gone")));
    violations
}

/// The compiler denies `unsafe` elsewhere, so the attribute that lifts it is what to look for.
fn allows_unsafe(text: &str) -> bool {
    outside_tests(text)
        .into_iter()
        .map(str::trim_start)
        .any(|line| {
            let attribute = line.starts_with("#[") || line.starts_with("#![");
            attribute && line.contains("unsafe_code") && !line.contains("deny(unsafe_code")
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tree;
    use super::*;

    #[test]
    fn modules_with_unsafe_are_listed_and_listed_ones_have_it() {
        let allowing = "#![allow(unsafe_code)]\n";
        let files = tree(&[
            ("a.rs", allowing),
            ("b.rs", allowing),
            ("c.rs", "fn c() {}\n"),
        ]);
        let settings = json!({ "unsafe_modules": ["b.rs", "c.rs", "d.rs"] });
        let broken: Vec<_> = check(&files, &settings)
            .into_iter()
            .map(|it| it.path)
            .collect();
        assert_eq!(
            broken,
            [Path::new("a.rs"), Path::new("c.rs"), Path::new("d.rs")]
        );
    }
}
