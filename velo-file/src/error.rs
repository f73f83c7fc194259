//! What the file system answers, as velo's errors; the only place that decides their kind.

use std::io;
use std::path::Path;

use velo_core::{Error, ErrorKind};

/// Says what became of an operation on a file or directory.
pub(crate) fn on_file(path: &str, error: io::Error) -> Error {
    // ELOOP: "too many levels of symbolic links".
    const LOOP: i32 = 40;
    // EMFILE: "too many open files".
    const HANDLES: i32 = 24;
    match error.raw_os_error() {
        Some(LOOP) => {
            Error::new(ErrorKind::InvalidInput, "symbolic links form a loop").with("file", path)
        }
        Some(HANDLES) => Error::new(ErrorKind::Io, "open one file more than the limit allows")
            .with("file", path)
            .with_hint("raise the limit: ulimit -n 4096"),
        _ => Error::from(error).with("file", path),
    }
}

/// Says that there is no such file, and which ones have a similar name.
pub(crate) fn not_found(path: &str) -> Error {
    if std::fs::symlink_metadata(path).is_ok() {
        return Error::new(ErrorKind::NotFound, "symbolic link leads nowhere").with("file", path);
    }
    let error = Error::new(ErrorKind::NotFound, "no such file or directory").with("file", path);
    let (directory, missing) = deepest(Path::new(path));
    let shown = match directory.to_string_lossy() {
        text if text.is_empty() => ".".to_owned(),
        text => text.into_owned(),
    };
    let names = names_in(&directory);
    let names = names.iter().map(String::as_str);
    match velo_core::nearest(&missing, names) {
        Some(name) => error.with_hint(format!("did you mean `{}`?", joined(&directory, name))),
        None => error.with_hint(format!("looked in {shown}")),
    }
}

/// Says that a pattern matches nothing, where it was looked for and what is there instead.
pub(crate) fn no_match(pattern: &str, directory: &str) -> Error {
    const SHOWN: usize = 3;
    let shown = if directory.is_empty() { "." } else { directory };
    let error = Error::new(ErrorKind::NotFound, "no file matches the pattern")
        .with("pattern", pattern)
        .with("directory", shown);
    if !Path::new(shown).is_dir() {
        return error.with_hint("the directory does not exist");
    }
    let names = names_in(Path::new(shown));
    let last = pattern.rsplit('/').next().unwrap_or(pattern);
    let mut near: Vec<&str> = Vec::new();
    if let Some(name) = velo_core::nearest(last, names.iter().map(String::as_str)) {
        near.push(name);
    }
    for name in names.iter().take(SHOWN) {
        if near.len() < SHOWN && !near.contains(&name.as_str()) {
            near.push(name);
        }
    }
    if near.is_empty() {
        return error.with_hint("the directory is empty");
    }
    error.with_hint(format!("it holds {}", near.join(", ")))
}

/// Says that a file is not what it was when it was found.
pub(crate) fn changed(path: &str) -> Error {
    Error::new(ErrorKind::Conflict, "file changed while it was read")
        .with("file", path)
        .with_hint("read it again once nobody writes to it")
}

/// Finds the deepest directory of a path that exists, and the first name below it that does not.
fn deepest(path: &Path) -> (std::path::PathBuf, String) {
    let mut missing = path.file_name();
    let mut directory = path.parent().unwrap_or(Path::new(""));
    while !directory.as_os_str().is_empty() && !directory.is_dir() {
        missing = directory.file_name();
        directory = directory.parent().unwrap_or(Path::new(""));
    }
    let missing = missing.map_or(String::new(), |name| name.to_string_lossy().into_owned());
    (directory.to_owned(), missing)
}

fn joined(directory: &Path, name: &str) -> String {
    directory.join(name).to_string_lossy().into_owned()
}

/// Lists the names in a directory, sorted, hidden ones left out.
fn names_in(directory: &Path) -> Vec<String> {
    const MOST: usize = 10_000;
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names
        .filter(|name| !name.starts_with('.'))
        .take(MOST)
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_near() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_str().unwrap();
        std::fs::write(format!("{root}/orders.csv"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", format!("{root}/link.csv")).unwrap();
        let report = not_found(&format!("{root}/order.csv")).report();
        assert!(report.contains("orders.csv`?"), "{report}");
        let report = not_found(&format!("{root}/link.csv")).report();
        assert!(report.contains("leads nowhere"), "{report}");
        let report = not_found(&format!("{root}/none/deep/x.csv")).report();
        assert!(report.contains("looked in"), "{report}");
        let report = no_match("*.parquet", root).report();
        assert!(
            report.contains("it holds") && report.contains("orders.csv"),
            "{report}"
        );
        assert!(
            no_match("*", "/does/not/exist")
                .report()
                .contains("does not exist")
        );
    }

    #[test]
    fn kinds_are_what_a_caller_can_act_on() {
        for (number, kind) in [
            (2, ErrorKind::NotFound),
            (13, ErrorKind::PermissionDenied),
            (24, ErrorKind::Io),
            (40, ErrorKind::InvalidInput),
            (5, ErrorKind::Io),
        ] {
            let error = on_file("a.csv", io::Error::from_raw_os_error(number));
            assert_eq!(error.kind(), kind, "{number}");
            assert_eq!(error.context("file"), Some("a.csv"));
        }
    }
}
