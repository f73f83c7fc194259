//! Destinations that name the stream or a column: `file:///out/${stream}/?format=csv`.

use std::borrow::Cow;

use velo_core::uri::percent_encode;
use velo_core::{Error, ErrorKind, Result};

const STREAM: &str = "stream";

/// Longest value that becomes part of a name, in bytes.
const LONGEST: usize = 128;

/// A URI with places to fill in.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Stream,
    Column(String),
}

impl Template {
    /// Reads a sink's URI; `None` where it has nothing to fill in. `$${` stands for `${`.
    ///
    /// # Errors
    /// `Config` for a place without an end or a name, or one in the options.
    pub(crate) fn parse(uri: &str) -> Result<Option<Self>> {
        let refused = |what| Error::new(ErrorKind::Config, what).with("option", "sink");
        let (mut pieces, mut text, mut rest) = (Vec::new(), String::new(), uri);
        while let Some((before, behind)) = rest.split_once("${") {
            text.push_str(before);
            if text.ends_with('$') {
                text.push('{');
                rest = behind;
                continue;
            }
            let (name, behind) = behind
                .split_once('}')
                .ok_or_else(|| refused("a place to fill in has no end"))?;
            if name.is_empty() {
                return Err(refused("a place to fill in has no name")
                    .with_hint("name a column, or `stream`"));
            }
            if text.contains('?') {
                return Err(refused("only the path can name the stream or a column"));
            }
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(match name {
                STREAM => Piece::Stream,
                column => Piece::Column(column.to_owned()),
            });
            rest = behind;
        }
        if pieces.is_empty() {
            return Ok(None);
        }
        pieces.push(Piece::Text(text + rest));
        Ok(Some(Self(pieces)))
    }

    /// Lists the columns that it names.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Column(name) => Some(name.as_str()),
            Piece::Text(_) | Piece::Stream => None,
        })
    }

    /// Fills the places in; `value` gives a column's value as text, `None` for null.
    pub(crate) fn fill<'v>(
        &self,
        stream: &str,
        mut value: impl FnMut(&str) -> Option<Cow<'v, str>>,
    ) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Stream => filled.push_str(&segment(Some(stream))),
                Piece::Column(name) => filled.push_str(&segment(value(name).as_deref())),
            }
        }
        filled
    }
}

/// Makes a value a part of a path that leads nowhere else: separators, dots at the start and
/// whatever has a meaning in URIs or patterns are escaped.
fn segment(value: Option<&str>) -> String {
    const NULL: &str = "__null__";
    let value = match value {
        None => NULL,
        Some("") => "__empty__",
        Some(value) => value,
    };
    let end = value.floor_char_boundary(LONGEST);
    let odd = |c: char| {
        c.is_control()
            || matches!(
                c,
                '/' | '\\' | '*' | '?' | '[' | ']' | '{' | '}' | '%' | '#'
            )
    };
    let mut name = String::new();
    for (at, c) in value[..end].char_indices() {
        if odd(c) || at == 0 && matches!(c, '.' | '_') && value != NULL {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("={byte:02X}"));
            }
        } else {
            name.push(c);
        }
    }
    if end < value.len() {
        // Long values stay different from one another.
        name.push_str(&format!("={:016x}", fnv(value.as_bytes())));
    }
    percent_encode(&name).into_owned()
}

/// Hashes bytes (64-bit FNV-1a), the same in every version of velo.
fn fnv(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(uri: &str, value: &'static str) -> String {
        let template = Template::parse(uri).unwrap().unwrap();
        template.fill("orders", |_| Some(value.into()))
    }

    #[test]
    fn fills_stream_and_columns_in() {
        assert_eq!(
            filled("file:///o/${stream}/${country}/?format=csv", "de"),
            "file:///o/orders/de/?format=csv"
        );
        let template = Template::parse("/o/${a}-${stream}.csv").unwrap().unwrap();
        assert_eq!(template.columns().collect::<Vec<_>>(), ["a"]);
        assert_eq!(template.fill("s", |_| None), "/o/__null__-s.csv");
    }

    #[test]
    fn uris_without_places_are_left_alone() {
        for uri in ["file:///out/", "out.csv?a={n}", "out/$${stream}/"] {
            assert!(Template::parse(uri).unwrap().is_none(), "{uri}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for uri in ["o/${", "o/${}", "o/?format=${stream}"] {
            let error = Template::parse(uri).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{uri}");
        }
    }

    #[test]
    fn t167_values_lead_nowhere_else() {
        for value in [
            "../../etc/cron.d/x",
            "/etc/passwd",
            "..",
            ".",
            "..%2f",
            "a\0b",
            "a\\..\\b",
            "%2e%2e%2f",
            "a?format=x",
            "a#b",
            "${stream}",
            "*",
            "con\u{202e}",
            "_hidden",
            ".velo-inflight",
        ] {
            let uri = filled("/o/${c}/x.csv", value);
            let parsed = velo_core::Uri::parse(&uri).unwrap();
            let path = parsed.path().into_owned();
            let middle = path
                .strip_prefix("/o/")
                .and_then(|rest| rest.strip_suffix("/x.csv"));
            let middle = middle.unwrap_or_else(|| panic!("{value}: {path}"));
            assert!(
                !middle.contains(['/', '\\', '\0', '*', '?', '{']),
                "{value}: {middle}"
            );
            assert!(!middle.starts_with(['.', '_']), "{value}: {middle}");
        }
    }

    #[test]
    fn long_values_stay_apart() {
        let long = "x".repeat(500);
        let (a, b) = (format!("{long}a"), format!("{long}b"));
        assert_ne!(segment(Some(&a)), segment(Some(&b)));
        assert!(segment(Some(&a)).len() < 200);
    }
}
