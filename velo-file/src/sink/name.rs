//! Names of the files in a directory.

use std::borrow::Cow;

use velo_core::{Error, ErrorKind, Identity, Result};

use super::inflight::fnv;

/// Longest part of a scope; with hashes, generation, number and state the name stays below the
/// 255 bytes that file systems allow.
const LONGEST_PART: usize = 70;

/// A template of file names.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Stream,
    Pipeline,
    Task,
    Epoch,
    Number,
}

/// What a file is named after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) stream: &'a str,
    pub(super) identity: &'a Identity,
    pub(super) epoch: u64,
    pub(super) number: u64,
}

impl Template {
    /// Reads a template and adds the format's ending where it is not there.
    pub(super) fn parse(text: &str, extension: &str) -> Result<Self> {
        let refused = |what, hint| {
            Error::new(ErrorKind::Config, what)
                .with("option", format!("file_name={text}"))
                .with_hint(hint)
        };
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let end = rest[start..].find('}').map(|end| start + end);
            let Some(end) = end else {
                return Err(refused("placeholder is not closed", "write {n}"));
            };
            pieces.push(Piece::Text(rest[..start].to_owned()));
            pieces.push(match &rest[start + 1..end] {
                "stream" => Piece::Stream,
                "pipeline" => Piece::Pipeline,
                "task" => Piece::Task,
                "epoch" => Piece::Epoch,
                "n" => Piece::Number,
                _ => {
                    return Err(refused(
                        "no such placeholder",
                        "there are {stream}, {pipeline}, {task}, {epoch} and {n}",
                    ));
                }
            });
            rest = &rest[end + 1..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        if !pieces.iter().any(|piece| matches!(piece, Piece::Number)) {
            return Err(refused("every file needs its own name", "put {n} into it"));
        }
        if text.contains('/') || text.starts_with(['.', '_']) {
            return Err(refused(
                "file name is hidden or a path",
                "begin it with a letter",
            ));
        }
        let ending = format!(".{extension}");
        if !text.ends_with(&ending) {
            pieces.push(Piece::Text(ending));
        }
        Ok(Self(pieces))
    }

    /// Fills the template in; numbers have leading zeros, so that names sort like the rows.
    pub(super) fn name(&self, named: Named<'_>) -> String {
        let mut name = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Stream => name.push_str(&escaped(named.stream)),
                Piece::Pipeline => name.push_str(&escaped(&named.identity.pipeline)),
                Piece::Task => name.push_str(&named.identity.task.to_string()),
                Piece::Epoch => name.push_str(&format!("{:08}", named.epoch)),
                Piece::Number => name.push_str(&format!("{:05}", named.number)),
            }
        }
        name
    }
}

/// Says whose files under construction are whose: `file=pipeline=task`, where the first part is
/// empty in a directory of many files.
pub(super) fn scope(file: Option<&str>, identity: &Identity) -> String {
    let (file, pipeline) = (short(file.unwrap_or("")), short(&identity.pipeline));
    format!("{file}={pipeline}={}", identity.task)
}

/// Gives the file that a scope is about, if it is about a single one.
pub(super) fn file_of(scope: &str) -> Option<&str> {
    let file = scope.split('=').next();
    file.filter(|file| !file.is_empty())
}

/// Escapes a part of a scope and shortens it, if need be, so that it stays unique.
fn short(text: &str) -> String {
    let part = escaped(text);
    if part.len() <= LONGEST_PART {
        return part.into_owned();
    }
    let start = part.floor_char_boundary(LONGEST_PART);
    format!("{}%{:016x}", &part[..start], fnv(part.as_bytes()))
}

/// Escapes whatever has a meaning in names of files or of scopes.
fn escaped(text: &str) -> Cow<'_, str> {
    let odd =
        |c: char| c.is_control() || matches!(c, '/' | '\\' | '=' | '%' | '*' | '?' | '{' | '}');
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| {
        if odd(c) {
            format!("%{:02X}", u32::from(c))
        } else {
            c.to_string()
        }
    };
    Cow::Owned(text.chars().map(escape).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_the_run() {
        let template = Template::parse("{stream}-{pipeline}.{task}_{epoch}-{n}", "csv.gz").unwrap();
        let identity = Identity::new("a/b", 3, 1);
        let named = Named {
            stream: "t",
            identity: &identity,
            epoch: 7,
            number: 12,
        };
        assert_eq!(template.name(named), "t-a%2Fb.3_00000007-00012.csv.gz");
        let template = Template::parse("part-{n}.csv", "csv").unwrap();
        assert_eq!(template.name(named), "part-00012.csv");
    }

    #[test]
    fn refuses_names_that_would_collide_or_hide() {
        for text in [
            "part",
            "{stream}",
            "{lane}-{n}",
            "{n",
            "a/{n}",
            ".{n}",
            "_{n}",
        ] {
            let error = Template::parse(text, "csv").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        }
    }

    #[test]
    fn scopes_of_files_and_of_tasks_differ() {
        let identity = Identity::new("p", 0, 1);
        assert_eq!(scope(None, &identity), "=p=0");
        assert_eq!(scope(Some("p=0"), &identity), "p%3D0=p=0");
        assert_eq!(file_of("=p=0"), None);
        assert_eq!(file_of("p%3D0=p=0"), Some("p%3D0"));
        let long = "\u{fc}".repeat(300);
        let identity = Identity::new(long.as_str(), u32::MAX, 1);
        assert!(scope(Some(&long), &identity).len() < 200);
    }
}
