//! From YAML to nodes: one document, within limits, no tags, no merge keys.
//!
//! The limits keep memory in proportion to the text: an alias counts as the values that it stands
//! for, so that aliases of aliases end soon.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span};
use velo_core::{Error, ErrorKind, Result};

use super::node::{Entry, Map, Node, Style, Value};
use super::place::{Origin, Place};

/// Maps and lists in one another.
pub(super) const DEEPEST: usize = 64;

/// Values of one file, those that aliases stand for included; every 64 bytes of text count as one.
const MOST_NODES: usize = 100_000;

/// Reads the one document of a text.
///
/// # Errors
/// `Config` with line and column.
pub(super) fn parse(text: &str, origin: &Arc<Origin>) -> Result<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut builder = Builder {
        origin,
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| malformed(&error, text, origin))?;
        builder.take(event, span)?;
    }
    builder.root.ok_or_else(|| {
        origin.put(
            Error::new(ErrorKind::Config, "file holds nothing")
                .with_hint("`velo init SOURCE SINK` writes one to begin with"),
        )
    })
}

fn malformed(error: &ScanError, text: &str, origin: &Arc<Origin>) -> Error {
    let at = error.marker();
    let info = error.info();
    let what = info.lines().next().unwrap_or("malformed").to_owned();
    if what.contains("tab")
        && let Some((line, column)) = indenting_tab(text, at.line())
    {
        let error = Error::new(ErrorKind::Config, "a tab stands before the key");
        return place(origin, line, column).put(error.with_hint("indent with spaces"));
    }
    place(origin, at.line(), at.col()).put(Error::new(ErrorKind::Config, what))
}

/// Finds the next line, from a line counted from 1 on, that a tab indents, and the tab's column.
fn indenting_tab(text: &str, from: usize) -> Option<(usize, usize)> {
    let lines = text.lines().enumerate().skip(from.saturating_sub(1));
    let mut tabs = lines.filter_map(|(line, text)| {
        let spaces = text.bytes().take_while(|byte| *byte == b' ').count();
        text[spaces..]
            .starts_with('\t')
            .then_some((line + 1, spaces))
    });
    tabs.next()
}

fn place(origin: &Arc<Origin>, line: usize, column: usize) -> Place {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place {
        origin: origin.clone(),
        line: small(line),
        column: small(column + 1),
    }
}

struct Builder<'o> {
    origin: &'o Arc<Origin>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

/// A map or list whose end has not come.
struct Open {
    place: Place,
    anchor: usize,
    holds: Holds,
}

enum Holds {
    List(Vec<Node>),
    /// The key stands here until its value has come.
    Map(Map, Option<(String, Place)>),
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<()> {
        let at = place(self.origin, span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(refuse(&at, "more than one document"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tagged = tag.is_some();
                self.untagged(&at, tagged)?;
                self.scalar(at, text, style, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.untagged(&at, tag.is_some())?;
                self.start(at, anchor, Holds::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.untagged(&at, tag.is_some())?;
                self.start(at, anchor, Holds::Map(Map::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => self.alias(at, id),
            _ => Ok(()),
        }
    }

    fn untagged(&self, at: &Place, tagged: bool) -> Result<()> {
        match tagged {
            true => Err(refuse(at, "tags such as !!str are not understood")),
            false => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        at: Place,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
    ) -> Result<()> {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            _ => Style::Quoted,
        };
        if let Some(Open {
            holds: Holds::Map(map, key @ None),
            ..
        }) = self.open.last_mut()
        {
            if style == Style::Plain && text == "<<" {
                return Err(refuse(&at, "merge keys are not understood").with_hint(
                    "put what is shared into a file of its own and name it under `extends`",
                ));
            }
            if map.contains_key(&*text) {
                let error = Error::new(ErrorKind::Config, "key stands twice");
                return Err(at.put(error.with("key", text)));
            }
            *key = Some((text.into_owned(), at));
            return Ok(());
        }
        let value = Value::Scalar(text.into_owned(), style);
        self.finish(Node { place: at, value }, anchor)
    }

    fn start(&mut self, place: Place, anchor: usize, holds: Holds) -> Result<()> {
        if let Some(Open {
            holds: Holds::Map(_, None),
            ..
        }) = self.open.last()
        {
            return Err(refuse(&place, "a key is text, not a map or a list"));
        }
        if self.open.len() >= DEEPEST {
            return Err(refuse(&place, "more than 64 maps and lists in one another"));
        }
        self.open.push(Open {
            place,
            anchor,
            holds,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Some(ended) = self.open.pop() else {
            return Ok(());
        };
        let value = match ended.holds {
            Holds::List(items) => Value::List(items),
            Holds::Map(map, _) => Value::Map(map),
        };
        let place = ended.place;
        self.finish(Node { place, value }, ended.anchor)
    }

    fn alias(&mut self, at: Place, id: usize) -> Result<()> {
        let Some(node) = self.anchors.get(&id) else {
            return Err(refuse(&at, "alias stands within what it names"));
        };
        // Itself is counted when it is laid down.
        self.nodes += node.weight() - node.own_weight();
        self.limit(&at)?;
        if self.open.len() + node.depth() > DEEPEST + 1 {
            return Err(refuse(&at, "more than 64 maps and lists in one another"));
        }
        let node = node.clone();
        if let (
            Value::Scalar(text, _),
            Some(Open {
                holds: Holds::Map(_, None),
                ..
            }),
        ) = (&node.value, self.open.last())
        {
            let text = text.clone();
            return self.scalar(at, text.into(), ScalarStyle::DoubleQuoted, 0);
        }
        self.finish(node, 0)
    }

    /// Lays a value down where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<()> {
        self.nodes += node.own_weight();
        self.limit(&node.place)?;
        if anchor != 0 {
            // A copy is kept for aliases.
            self.nodes += node.weight();
            self.limit(&node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.holds) {
            None => self.root = Some(node),
            Some(Holds::List(items)) => items.push(node),
            Some(Holds::Map(map, key)) => {
                let Some((key, place)) = key.take() else {
                    return Err(refuse(&node.place, "a key is text, not a map or a list"));
                };
                map.insert(key, Entry { place, node });
            }
        }
        Ok(())
    }

    fn limit(&self, at: &Place) -> Result<()> {
        match self.nodes > MOST_NODES {
            true => Err(refuse(
                at,
                "more than 100,000 values, those of aliases included",
            )),
            false => Ok(()),
        }
    }
}

fn refuse(at: &Place, what: &'static str) -> Error {
    at.put(Error::new(ErrorKind::Config, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node> {
        let origin = Origin {
            shown: String::new(),
            folder: ".".into(),
        };
        parse(text, &Arc::new(origin))
    }

    fn fails(text: &str) -> String {
        read(text)
            .err()
            .map(|error| error.report())
            .unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn everything_has_a_place() {
        let root = read("a: 1\nb:\n  - x\n  - { c: \"1\" }\n").unwrap();
        let node = root.get(&["b"]).unwrap();
        let Value::List(items) = &node.value else {
            panic!("no list");
        };
        assert_eq!((items[1].place.line, items[1].place.column), (4, 5));
        assert!(matches!(
            items[1].get(&["c"]).unwrap().value,
            Value::Scalar(_, Style::Quoted)
        ));
        assert_eq!(root.weight(), 6);
        assert_eq!(root.depth(), 4);
    }

    #[test]
    fn what_yaml_allows_and_nobody_wants_is_refused() {
        for (text, words) in [
            ("a: 1\na: 2\n", "line 2, column 1, key a: key stands twice"),
            ("? { a: 1 }\n: 2\n", "a key is text"),
            ("? [a]\n: 2\n", "a key is text"),
            ("a: !!str 1\n", "tags"),
            ("a: &x { b: 1 }\nc:\n  <<: *x\n", "extends"),
            ("a: 1\n---\nb: 2\n", "more than one document"),
            ("a: &x [*x]\n", "within what it names"),
            ("", "holds nothing"),
            ("# only words\n", "holds nothing"),
            ("a: [1\n", "line"),
            ("a: *nobody\n", "line 1"),
        ] {
            let report = fails(text);
            assert!(report.contains(words), "{text}: {report}");
        }
    }

    #[test]
    fn laughs_and_towers_end_soon() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..30 {
            let ten = vec![format!("*a{}", n - 1); 10].join(", ");
            laughs += &format!("a{n}: &a{n} [{ten}]\n");
        }
        assert!(fails(&laughs).contains("more than 100,000 values"));
        for tower in [
            "[".repeat(100_000),
            "{a: ".repeat(100_000),
            "- ".repeat(50_000),
        ] {
            fails(&tower);
        }
        assert!(fails(&format!("{}{}", "[".repeat(65), "]".repeat(65))).contains("64"));
        assert!(read(&format!("{}{}", "[".repeat(64), "]".repeat(64))).is_ok());
        let text = "x".repeat(500_000);
        let long = format!("a: &a {text}\nb: [{}]\n", "*a, ".repeat(100));
        assert!(fails(&long).contains("more than 100,000 values"));
        let many = format!("a: [{}]", "1, ".repeat(200_000));
        assert!(fails(&many).contains("more than 100,000 values"));
    }
}
