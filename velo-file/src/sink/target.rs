//! From a URI to the path that is written, without looking at it.

use std::path::PathBuf;

use velo_core::{Error, ErrorKind, Result, Uri};

/// What a URI of this connector points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Stdout,
    Path {
        path: PathBuf,
        /// The path ends in a slash, so it is a directory.
        slash: bool,
    },
}

/// Names of the process's own standard output.
const STDOUT: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

impl Target {
    pub(super) fn of_uri(uri: &Uri) -> Result<Self> {
        match uri.scheme() {
            "stdout" => return Ok(Self::Stdout),
            "file" => {}
            other => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "files are written to file: and stdout:",
                )
                .with("scheme", other));
            }
        }
        if let Some(host) = uri.hosts().find(|host| host.name != "localhost") {
            let path = format!("file:///{}{}", host.name, uri.path());
            return Err(
                Error::new(ErrorKind::InvalidInput, "file is on another host")
                    .with("uri", uri)
                    .with_hint(format!("a path has three slashes: {path}")),
            );
        }
        if uri.is_bare() && uri.raw_path() == "-" {
            return Ok(Self::Stdout);
        }
        refuse_patterns(uri)?;
        Self::of_path(&uri.path())
    }

    pub(super) fn of_path(path: &str) -> Result<Self> {
        if STDOUT.contains(&path) {
            return Ok(Self::Stdout);
        }
        if path.is_empty() || path.contains('\0') {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "path is empty or has a zero byte",
            ));
        }
        Ok(Self::Path {
            path: PathBuf::from(path),
            slash: path.ends_with('/'),
        })
    }
}

impl Target {
    /// Gives the name that errors use.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Stdout => "stdout".to_owned(),
            Self::Path { path, .. } => path.display().to_string(),
        }
    }

    /// Gives the last part of the path, from which the format shows.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Stdout => None,
            Self::Path { path, .. } => path.file_name()?.to_str(),
        }
    }
}

/// Refuses globs and placeholders, which would otherwise become odd names of files.
fn refuse_patterns(uri: &Uri) -> Result<()> {
    let raw = uri.raw_path();
    let refused = if raw.contains('*') {
        "a destination is no pattern; for a literal * write file:// and %2A"
    } else if raw.contains("${") {
        "placeholders are not filled in here; use partition_by= and file_name="
    } else if ["{YYYY", "{MM}", "{DD}", "{HH}"]
        .iter()
        .any(|time| raw.contains(time))
    {
        "times are not filled in here; write the date, or use partition_by="
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Unsupported, "path has a placeholder")
        .with("file", raw)
        .with_hint(refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<Target> {
        Target::of_uri(&Uri::parse(text)?)
    }

    #[test]
    fn finds_paths_and_standard_output() {
        for text in ["-", "stdout:", "/dev/stdout", "file:///dev/fd/1"] {
            assert_eq!(target(text).unwrap(), Target::Stdout, "{text}");
        }
        for (text, path, slash) in [
            ("a.csv", "a.csv", false),
            ("file:///a%20b/", "/a b/", true),
            ("file://localhost/x", "/x", false),
            ("file:///a%2A.csv", "/a*.csv", false),
        ] {
            let path = PathBuf::from(path);
            assert_eq!(
                target(text).unwrap(),
                Target::Path { path, slash },
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_hosts_globs_and_placeholders() {
        let error = target("file://data/a.csv").unwrap_err();
        assert!(
            error.report().contains("file:///data/a.csv"),
            "{}",
            error.report()
        );
        for text in [
            "out/*.csv",
            "out/${day}/a.csv",
            "out/{YYYY-MM-DD}.csv",
            "s3://b/k",
        ] {
            assert_eq!(
                target(text).unwrap_err().kind(),
                ErrorKind::Unsupported,
                "{text}"
            );
        }
    }
}
