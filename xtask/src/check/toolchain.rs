//! The oldest supported Rust is the one that the continuous integration runs.

use crate::command::{output, program};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Fails on a Rust that is too old, and says when a run does not test the oldest supported one.
pub(crate) fn check(workspace: &Workspace) -> Result {
    let oldest = oldest_supported(workspace)?;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = output(program(rustc, &workspace.root).arg("--version"))?;
    let used = printed.split_whitespace().nth(1).unwrap_or_default();
    match (minor(used), minor(&oldest)) {
        (Some(used_minor), Some(oldest_minor)) if used_minor < oldest_minor => Err(Error::new(
            format!("Rust {used} is too old: {oldest} or later is needed; `rustup update stable`"),
        )),
        (Some(used_minor), Some(oldest_minor)) if used_minor == oldest_minor => {
            eprintln!("Rust {used} is the oldest that is supported");
            Ok(())
        }
        _ => {
            eprintln!("Rust {used}; the oldest supported, {oldest}, is not tested by this run");
            Ok(())
        }
    }
}

fn oldest_supported(workspace: &Workspace) -> Result<String> {
    let mut versions: Vec<_> = workspace
        .packages
        .iter()
        .map(|it| it.rust_version.clone())
        .collect();
    versions.dedup();
    match versions.as_slice() {
        [Some(version)] => Ok(version.clone()),
        _ => Err(Error::new(
            "every crate says `rust-version.workspace = true`, and one does not",
        )),
    }
}

/// `1.95.0` and `1.95` as (1, 95).
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(minor("1.95.0"), Some((1, 95)));
        assert!(minor("1.100.0-nightly") > minor("1.95"));
        assert_eq!(minor("stable"), None);
    }
}
