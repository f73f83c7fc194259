//! Patterns of paths: `?`, `*`, `[ab]` and `{a,b}` within a name, `**` for any depth.

use globset::{GlobBuilder, GlobMatcher};
use velo_core::{Error, ErrorKind, Result};

/// One name of a pattern's path.
pub(super) enum Segment {
    Name(String),
    Glob(NamePattern),
    /// `**`: this directory and every one below it.
    AnyDepth,
}

/// A pattern for one name.
pub(super) struct NamePattern {
    matcher: GlobMatcher,
    names_hidden: bool,
}

impl NamePattern {
    pub(super) fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    /// Says whether the pattern itself starts like a hidden name.
    pub(super) fn names_hidden(&self) -> bool {
        self.names_hidden
    }
}

const MOST_ALTERNATIVES: usize = 1000;

/// Gives the part of a pattern up to its first name with special characters.
pub(super) fn fixed_part(glob: &str) -> &str {
    let special = glob.find(['*', '?', '[', '{']).unwrap_or(glob.len());
    match glob[..special].rfind('/') {
        Some(0) => "/",
        Some(slash) => &glob[..slash],
        None => "",
    }
}

/// Writes `{a,b}` out: one pattern for each choice.
pub(super) fn alternatives(glob: &str) -> Result<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![glob.to_owned()];
    while let Some(pattern) = open.pop() {
        match first_braces(&pattern)? {
            None => done.push(pattern),
            Some((start, choices, end)) => {
                let written =
                    |choice: &&str| format!("{}{choice}{}", &pattern[..start], &pattern[end..]);
                open.extend(choices.iter().map(written));
            }
        }
        if open.len() + done.len() > MOST_ALTERNATIVES {
            return Err(malformed(glob, "braces stand for too many names"));
        }
    }
    Ok(done)
}

/// Divides a pattern without braces: a path to start from and the names below it.
pub(super) fn segments(pattern: &str) -> Result<(String, Vec<Segment>)> {
    let base = fixed_part(pattern);
    let rest = pattern[base.len()..].trim_start_matches('/');
    let mut segments = Vec::new();
    for name in rest.split('/').filter(|name| !name.is_empty()) {
        segments.push(match name {
            "**" => Segment::AnyDepth,
            _ if name.contains(['*', '?', '[']) => Segment::Glob(name_pattern(name)?),
            _ => Segment::Name(name.to_owned()),
        });
    }
    if let Some(Segment::AnyDepth) = segments.last() {
        segments.push(Segment::Glob(name_pattern("*")?));
    }
    Ok((base.to_owned(), segments))
}

/// Reads a pattern for one name.
pub(super) fn name_pattern(name: &str) -> Result<NamePattern> {
    let glob = GlobBuilder::new(name)
        .literal_separator(true)
        .backslash_escape(false)
        .build()
        .map_err(|error| malformed(name, "pattern is malformed").with_source(error))?;
    Ok(NamePattern {
        matcher: glob.compile_matcher(),
        names_hidden: name.starts_with(['.', '_']),
    })
}

/// Finds the first `{…}` outside brackets: where it starts, its choices, and where it ends.
fn first_braces(pattern: &str) -> Result<Option<(usize, Vec<&str>, usize)>> {
    let (mut depth, mut start, mut choice) = (0_usize, 0, 0);
    let mut choices = Vec::new();
    let mut characters = pattern.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '[' => skip_class(pattern, at, &mut characters),
            '{' => {
                if depth == 0 {
                    (start, choice) = (at, at + 1);
                }
                depth += 1;
            }
            ',' if depth == 1 => {
                choices.push(&pattern[choice..at]);
                choice = at + 1;
            }
            '}' if depth == 1 => {
                choices.push(&pattern[choice..at]);
                return Ok(Some((start, choices, at + 1)));
            }
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if depth == 0 {
        return Ok(None);
    }
    Err(malformed(pattern, "brace is never closed"))
}

/// Passes over `[…]`; a bracket that comes first in it belongs to it.
fn skip_class(pattern: &str, open: usize, characters: &mut std::str::CharIndices<'_>) {
    let inside = &pattern[open + 1..];
    let first = usize::from(inside.starts_with(['!', '^'])) + 1;
    let Some(close) = inside.get(first..).and_then(|rest| rest.find(']')) else {
        return;
    };
    let end = open + 1 + first + close;
    while characters.offset() <= end && characters.next().is_some() {}
}

fn malformed(pattern: &str, message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
        .with("pattern", pattern)
        .with_hint("escape a character that means itself: %2A *, %3F ?, %5B [, %7B {")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_braces_out() {
        for (glob, expected) in [
            ("a.csv", &["a.csv"][..]),
            ("{a,b}.csv", &["a.csv", "b.csv"]),
            (
                "x{a,{b,c}d}y{1,2}",
                &["xay1", "xay2", "xbdy1", "xbdy2", "xcdy1", "xcdy2"],
            ),
            ("[{]a,b}", &["[{]a,b}"]),
            ("{a[,]b,c}", &["a[,]b", "c"]),
            ("[]}]{é,ü}", &["[]}]é", "[]}]ü"]),
        ] {
            let mut found = alternatives(glob).unwrap();
            found.sort();
            assert_eq!(found, expected, "{glob}");
        }
        assert!(alternatives("{a,b").is_err());
        assert!(alternatives(&"{a,b}".repeat(20)).is_err());
    }

    #[test]
    fn finds_where_to_start() {
        for (glob, fixed) in [
            ("/data/*.csv", "/data"),
            ("*.csv", ""),
            ("/*.csv", "/"),
            ("a/b/{c,d}/x", "a/b"),
        ] {
            assert_eq!(fixed_part(glob), fixed);
        }
    }
}
