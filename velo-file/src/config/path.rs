//! From a URI to a path on this machine, or a pattern of paths.

use std::borrow::Cow;

use velo_core::{Error, ErrorKind, Result, Uri};

/// What a URI points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Standard input, or standard output for a sink.
    Standard,
    /// Files.
    Path(PathPattern),
}

impl Target {
    /// Says whether it is a path of one file, as it is written.
    pub(crate) fn is_single(&self) -> bool {
        match self {
            Self::Standard => true,
            Self::Path(path) => path.glob.is_none() && !path.plain.ends_with('/'),
        }
    }
}

/// A path, which may be a pattern where no such file exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathPattern {
    /// The path as it stands.
    pub(crate) plain: String,
    /// The same as a glob, if it has any of `*?[{`; what was percent-encoded stands in brackets.
    pub(crate) glob: Option<String>,
}

const SPECIAL: [u8; 4] = *b"*?[{";

/// Reads the path of a URI to read from.
pub(crate) fn target(uri: &Uri) -> Result<Target> {
    if matches!(uri.scheme(), "stdin" | "stdout") {
        if uri.authority().is_empty() && uri.raw_path().is_empty() {
            return Ok(Target::Standard);
        }
        return Err(
            Error::new(ErrorKind::InvalidInput, "standard streams have no path")
                .with("uri", uri)
                .with_hint(format!("write {}:", uri.scheme())),
        );
    }
    let plain = local_path(uri)?;
    if uri.is_bare() && plain == "-" {
        return Ok(Target::Standard);
    }
    let raw = uri.raw_path();
    let is_pattern = raw.bytes().any(|byte| SPECIAL.contains(&byte));
    let glob = match is_pattern {
        false => None,
        true if uri.is_bare() || !raw.contains('%') => Some(raw.to_owned()),
        true => Some(glob_of(raw)?),
    };
    Ok(Target::Path(PathPattern {
        plain: plain.into_owned(),
        glob,
    }))
}

/// Gives the path of a `file` URI on this machine.
///
/// # Errors
/// `InvalidInput` for another host (mostly two slashes where three are meant) or no path.
pub(crate) fn local_path(uri: &Uri) -> Result<Cow<'_, str>> {
    let path = uri.path();
    let host = uri.authority();
    if uri.user().is_some() || !(host.is_empty() || host.eq_ignore_ascii_case("localhost")) {
        let hint = if uri.user().is_some() {
            "files are on this machine: write file:///path".to_owned()
        } else {
            format!("files are on this machine: write file:///{host}{path} or {host}{path}")
        };
        return Err(
            Error::new(ErrorKind::InvalidInput, "file URI names another host")
                .with("uri", uri)
                .with_hint(hint),
        );
    }
    if path.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "file URI has no path")
            .with("uri", uri)
            .with_hint("write file:///path or a path"));
    }
    if uri.is_bare() && path.starts_with("file:/") {
        let rest = path.trim_start_matches("file:").trim_start_matches('/');
        return Err(
            Error::new(ErrorKind::InvalidInput, "file URI lacks its slashes")
                .with("uri", uri)
                .with_hint(format!("write file:///{rest}")),
        );
    }
    Ok(path)
}

/// Decodes an escaped path into a glob in which the escaped characters mean themselves.
fn glob_of(raw: &str) -> Result<String> {
    let mut glob = String::with_capacity(raw.len() + 8);
    let mut rest = raw;
    while let Some(at) = rest.find('%') {
        glob.push_str(&rest[..at]);
        let escapes = rest.as_bytes()[at..]
            .chunks(3)
            .take_while(|three| three[0] == b'%')
            .count();
        let end = at + 3 * escapes;
        let decoded = velo_core::uri::percent_decode(&rest[at..end])?;
        for character in decoded.chars() {
            escape_into(&mut glob, character);
        }
        rest = &rest[end..];
    }
    glob.push_str(rest);
    Ok(glob)
}

fn escape_into(glob: &mut String, character: char) {
    if matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | ',') {
        glob.push('[');
        glob.push(character);
        glob.push(']');
    } else {
        glob.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> PathPattern {
        match target(&Uri::parse(text).unwrap()).unwrap() {
            Target::Path(path) => path,
            Target::Standard => panic!("{text} is no path"),
        }
    }

    #[test]
    fn finds_the_path_and_the_pattern() {
        for (text, plain, glob) in [
            ("file:///a/b%20c.csv", "/a/b c.csv", None),
            ("file://localhost/a.csv", "/a.csv", None),
            ("data/100%.csv", "data/100%.csv", None),
            ("data/*.csv", "data/*.csv", Some("data/*.csv")),
            ("file:///a%2A.csv", "/a*.csv", None),
            (
                "file:///%5Ba%5D/*%7B.csv",
                "/[a]/*{.csv",
                Some("/[[]a[]]/*[{].csv"),
            ),
            ("part-?.csv?header=false", "part-?.csv", Some("part-?.csv")),
            ("file:///caf%C3%A9/*", "/café/*", Some("/café/*")),
        ] {
            let found = path(text);
            assert_eq!(found.plain, plain, "{text}");
            assert_eq!(found.glob.as_deref(), glob, "{text}");
        }
    }

    #[test]
    fn finds_the_standard_streams() {
        for text in ["stdin:", "stdin:?format=csv", "-", "-?format=csv"] {
            let uri = Uri::parse(text).unwrap();
            assert_eq!(target(&uri).unwrap(), Target::Standard, "{text}");
        }
        assert!(target(&Uri::parse("stdin://a/b").unwrap()).is_err());
    }

    #[test]
    fn shows_the_three_slashes() {
        for (text, hint) in [
            ("file://data/x.csv", "file:///data/x.csv or data/x.csv"),
            ("file://u@host/x.csv", "file:///path"),
            ("file:/data/x.csv", "write file:///data/x.csv"),
            ("file://", "file:///path"),
        ] {
            let error = target(&Uri::parse(text).unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
            assert!(error.hint().unwrap().contains(hint), "{text}: {error:?}");
        }
    }
}
