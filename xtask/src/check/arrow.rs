//! One Arrow: crates whose types cross our interfaces exist in one version only.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::workspace::Workspace;

const ONCE: [&str; 6] = [
    "arrow-array",
    "arrow-buffer",
    "arrow-data",
    "arrow-schema",
    "parquet",
    "object_store",
];

/// Fails when `Cargo.lock` holds two versions of one of them.
pub(crate) fn check(workspace: &Workspace) -> Result {
    let twice = doubled(&workspace.read("Cargo.lock")?);
    if twice.is_empty() {
        return Ok(());
    }
    let hint = "`cargo tree -d -i <crate>` shows who brings the second";
    Err(Error::new(format!(
        "in Cargo.lock more than once: {}; {hint}",
        twice.join("; ")
    )))
}

fn doubled(lock: &str) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(value) = quoted(line, "name = ") {
            name = value;
        } else if let Some(version) = quoted(line, "version = ") {
            versions.entry(name).or_default().push(version);
        }
    }
    ONCE.iter()
        .filter_map(|name| versions.get(name).map(|versions| (name, versions)))
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, versions)| format!("{name} {}", versions.join(" and ")))
        .collect()
}

fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::doubled;

    const LOCK: &str = "version = 4\n\n\
        [[package]]\nname = \"arrow-array\"\nversion = \"58.4.1\"\n\n\
        [[package]]\nname = \"syn\"\nversion = \"2.0.0\"\n\n\
        [[package]]\nname = \"syn\"\nversion = \"3.0.0\"\n";

    #[test]
    fn other_crates_may_have_two_versions() {
        assert!(doubled(LOCK).is_empty());
    }

    #[test]
    fn a_second_arrow_is_named_with_its_versions() {
        let second = "\n[[package]]\nname = \"arrow-array\"\nversion = \"60.1.0\"\n";
        let lock = format!("{LOCK}{second}");
        assert_eq!(doubled(&lock), ["arrow-array 58.4.1 and 60.1.0"]);
    }
}
