//! `${NAME}`, `${NAME:default}`, `${env:NAME}` and `${file:PATH}` in values.
//!
//! They are resolved once, after the files are read, so that a value can never become a map, a list or
//! a key. Where rows fill in names (the path of a sink, `set` of a transform) `${name}` is a column, and
//! only `${env:NAME}` is the environment's. `$${` is `${`.

use std::collections::BTreeMap;

use velo_core::uri::{is_secret, percent_encode};
use velo_core::{Error, ErrorKind, Result, nearest};

use super::folders::Folders;
use super::node::{Node, Style, Value};
use super::place::Place;

/// What variables are resolved from.
pub(super) struct Variables<'v> {
    pub(super) environment: &'v BTreeMap<String, String>,
    pub(super) folders: &'v Folders,
}

/// What a value is, by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Shown in plans and errors.
    Shown,
    /// Never shown.
    Secret,
    /// A URI, which masks its own secrets.
    Uri,
    /// A URI in whose path rows fill in names.
    Template,
    /// Text in which rows fill in names.
    Text,
}

/// Keys with a URI, at the top or in a map of ends.
const URIS: [&str; 4] = ["uri", "path", "url", "store"];

/// A value in the making.
struct Filling<'f> {
    kind: Kind,
    place: &'f Place,
    /// What stands before and behind the variable.
    before: &'f str,
    behind: &'f str,
}

impl Variables<'_> {
    /// Resolves the variables of a whole file.
    ///
    /// # Errors
    /// `Config` with the place of the value: a variable that is not set and has no default, with the
    /// nearest name; a secret where it would be shown; a file outside the folders.
    pub(super) fn resolve(&self, root: &mut Node) -> Result<()> {
        self.below(root, &mut Vec::new())
    }

    fn below(&self, node: &mut Node, path: &mut Vec<String>) -> Result<()> {
        let place = node.place.clone();
        match &mut node.value {
            Value::Scalar(text, style) if text.contains("${") => {
                let kind = kind(path);
                *text = match kind {
                    Kind::Template => self.template(text, &place)?,
                    _ => self.fill(text, kind, &place)?,
                };
                *style = Style::Resolved;
                Ok(())
            }
            Value::Scalar(..) => Ok(()),
            Value::List(items) => items.iter_mut().try_for_each(|item| self.below(item, path)),
            Value::Map(map) => map.iter_mut().try_for_each(|(key, entry)| {
                path.push(key.clone());
                let done = self.below(&mut entry.node, path);
                path.pop();
                done
            }),
        }
    }

    /// Resolves a sink's URI: `${name}` in its path is left to the rows.
    fn template(&self, text: &str, place: &Place) -> Result<String> {
        let (path, query) = match text.find('?') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let path = self.fill(path, Kind::Template, place)?;
        let query = match query.contains("${") {
            true => self.fill(query, Kind::Uri, place)?.replace("${", "$${"),
            false => query.to_owned(),
        };
        Ok(path + &query)
    }

    fn fill(&self, text: &str, kind: Kind, place: &Place) -> Result<String> {
        let by_rows = matches!(kind, Kind::Template | Kind::Text);
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, behind)) = rest.split_once("${") {
            filled.push_str(before);
            if before.ends_with('$') {
                // The rows' own reader takes the escape away.
                if !by_rows {
                    filled.pop();
                }
                filled.push_str("${");
                rest = behind;
                continue;
            }
            let Some((inside, behind)) = behind.split_once('}') else {
                return Err(refuse(place, "`${` has no `}`").with_hint("write $${ for a plain ${"));
            };
            match by_rows && !inside.starts_with("env:") && !inside.starts_with("file:") {
                true => filled.push_str(&format!("${{{inside}}}")),
                false => {
                    let filling = Filling {
                        kind,
                        place,
                        before: &filled,
                        behind,
                    };
                    let value = self.value(inside, &filling)?;
                    // What a variable holds is no name of a column.
                    filled.push_str(&match by_rows {
                        true => value.replace("${", "$${"),
                        false => value,
                    });
                }
            }
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value(&self, inside: &str, filling: &Filling<'_>) -> Result<String> {
        let place = filling.place;
        if inside.contains("${") {
            return Err(refuse(place, "a variable stands in a variable"));
        }
        if let Some(path) = inside.strip_prefix("file:") {
            return self.secret(path, filling);
        }
        let inside = inside.strip_prefix("env:").unwrap_or(inside);
        let (name, default) = match inside.split_once(':') {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !begins || !name.chars().all(plain) {
            return Err(refuse(
                place,
                "a variable's name has letters, digits and `_`",
            ));
        }
        match (self.environment.get(name), default) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(default)) => in_shells(name, default, place),
            (None, None) => Err(self.unset(name, place)),
        }
    }

    fn unset(&self, name: &str, place: &Place) -> Error {
        let error = Error::new(ErrorKind::Config, "variable is not set").with("variable", name);
        let near = nearest(name, self.environment.keys().map(String::as_str));
        place.put(match near {
            Some(near) => error.with_hint(format!(
                "did you mean `{near}`? ${{{name}:default}} gives a default"
            )),
            None => error.with_hint(format!("set it, or write ${{{name}:default}}")),
        })
    }

    fn secret(&self, path: &str, filling: &Filling<'_>) -> Result<String> {
        let place = filling.place;
        let whole = filling.before.is_empty() && filling.behind.is_empty();
        let masked = match filling.kind {
            Kind::Secret => true,
            Kind::Uri | Kind::Template => whole || is_masked(filling.before, filling.behind),
            Kind::Shown | Kind::Text => false,
        };
        if !masked {
            return Err(refuse(place, "a secret would be shown here").with_hint(
                "${file:…} is for passwords, tokens and keys, the user or password of a URI, or a \
                 whole URI",
            ));
        }
        let from = place.origin.folder.join(path);
        let value = self.folders.secret(&from);
        let value = value.map_err(|error| place.put(error.with("secret", path)))?;
        // Within a URI a password may have characters with a meaning there.
        Ok(match filling.kind {
            Kind::Uri | Kind::Template if !whole => within_uri(&value),
            _ => value,
        })
    }
}

/// Says whether a URI masks what stands between these: user and password, or an option whose name
/// sounds like a secret.
fn is_masked(before: &str, behind: &str) -> bool {
    match before.split_once('?') {
        Some((_, query)) => {
            let pair = query.rsplit('&').next().unwrap_or(query);
            pair.strip_suffix('=').is_some_and(is_secret)
        }
        None => before.split_once("://").is_some_and(|(_, user)| {
            let opens = user.is_empty() || user.ends_with(':') && !user.contains(['/', '@']);
            opens && behind.starts_with('@')
        }),
    }
}

fn within_uri(value: &str) -> String {
    let encoded = percent_encode(value);
    // Plain characters of a path end a password.
    encoded
        .replace('/', "%2F")
        .replace(':', "%3A")
        .replace(',', "%2C")
}

/// Refuses the default of shells, `${NAME:-default}`: the hyphen would be part of it.
fn in_shells(name: &str, default: &str, place: &Place) -> Result<String> {
    let mut rest = default.chars();
    let sign = matches!(rest.next(), Some('-' | '=' | '?' | '+'));
    match sign && !rest.next().is_some_and(|c| c.is_ascii_digit()) {
        true => Err(refuse(place, "a default stands right behind the colon")
            .with_hint(format!("write ${{{name}:default}}"))),
        false => Ok(default.to_owned()),
    }
}

/// Says what a value is, by the keys that lead to it.
fn kind(path: &[String]) -> Kind {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    if keys.last().is_some_and(|key| is_secret(key)) {
        return Kind::Secret;
    }
    match keys.as_slice() {
        ["sink"] | ["sinks", _] | ["sink", "uri" | "path"] | ["sinks", _, "uri" | "path"] => {
            Kind::Template
        }
        ["transform", "set", ..] => Kind::Text,
        ["source" | "dead_letter"] | ["sources", _] => Kind::Uri,
        ["name" | "metadata" | "transform", ..] => Kind::Shown,
        [.., last] if URIS.contains(last) => Kind::Uri,
        _ => Kind::Shown,
    }
}

fn refuse(place: &Place, what: &'static str) -> Error {
    place.put(Error::new(ErrorKind::Config, what))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::place::Origin;
    use crate::config::yaml;

    fn resolve(text: &str) -> Result<Node> {
        let origin = Arc::new(Origin {
            shown: "p.yaml".to_owned(),
            folder: ".".into(),
        });
        let mut root = yaml::parse(text, &origin)?;
        let pairs = [
            ("HOST", "h"),
            ("REGION", "eu"),
            ("ODD", "a: {b: [1]}"),
            ("ROW", "${x}"),
        ];
        let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = Variables {
            environment: &environment.into(),
            folders: &Folders::new(Path::new("p.yaml"), &[], &[]),
        };
        variables.resolve(&mut root)?;
        Ok(root)
    }

    fn text(yaml: &str, path: &[&str]) -> String {
        resolve(yaml)
            .unwrap()
            .get(path)
            .unwrap()
            .as_text()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn variables_of_the_environment() {
        for (value, filled) in [
            ("${HOST}", "h"),
            ("a-${HOST}-${REGION}", "a-h-eu"),
            ("${env:HOST}", "h"),
            ("${NOBODY:x:y}", "x:y"),
            ("${NOBODY:}", ""),
            ("${env:NOBODY:-5}", "-5"),
            ("$${HOST}", "${HOST}"),
            ("$HOST {HOST}", "$HOST {HOST}"),
            ("${ODD}", "a: {b: [1]}"),
        ] {
            let yaml = format!("source: \"{value}\"\n");
            assert_eq!(text(&yaml, &["source"]), filled, "{value}");
        }
    }

    #[test]
    fn rows_fill_in_what_is_theirs() {
        for (value, filled) in [
            ("o/${HOST}/${stream}", "o/${HOST}/${stream}"),
            ("o/${env:REGION}/${country}", "o/eu/${country}"),
            ("o/${env:ROW}/", "o/$${x}/"),
            ("o/$${x}?f=${HOST}", "o/$${x}?f=h"),
        ] {
            let yaml = format!("sink: \"{value}\"\n");
            assert_eq!(text(&yaml, &["sink"]), filled, "{value}");
        }
        let set = "transform: [{ set: { a: \"${col}-${env:REGION}\" } }]";
        let root = resolve(set).unwrap();
        let Value::List(items) = &root.get(&["transform"]).unwrap().value else {
            panic!("no list");
        };
        let a = items[0].get(&["set", "a"]).unwrap();
        assert_eq!(a.as_text(), Some("${col}-eu"));
    }

    #[test]
    fn says_what_is_not_set_and_where() {
        for (yaml, words) in [
            (
                "a: 1\nsource: ${HOSTT}\n",
                "p.yaml, line 2, column 9, variable HOSTT: variable is not set; did you mean `HOST`?",
            ),
            ("source: ${HOST\n", "has no `}`"),
            ("source: ${HO ST}\n", "letters, digits"),
            ("source: \"${A:${HOST}}\"\n", "in a variable"),
            (
                "source: ${HOSTNAME_X:-localhost}\n",
                "right behind the colon",
            ),
            ("name: ${file:x}\n", "would be shown"),
            ("source: file:///data/${file:x}\n", "would be shown"),
            (
                "transform: [{ set: { a: \"${file:x}\" } }]",
                "would be shown",
            ),
        ] {
            let error = resolve(yaml).err().unwrap_or_else(|| panic!("{yaml}"));
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.report().contains(words), "{yaml}: {}", error.report());
        }
    }

    #[test]
    fn a_uri_masks_what_stands_between_these() {
        for (before, behind, masked) in [
            ("pg://u:", "@h/db", true),
            ("pg://", "@h/db", true),
            ("pg://", "/db", false),
            ("pg://h:", "/db", false),
            ("pg://u:p@h/", "", false),
            ("pg://h/t?password=", "", true),
            ("pg://h/t?a=1&sslPassword=", "&b=1", true),
            ("pg://h/t?a=", "", false),
            ("o/a:", "@x", false),
        ] {
            assert_eq!(is_masked(before, behind), masked, "{before}…{behind}");
        }
    }
}
