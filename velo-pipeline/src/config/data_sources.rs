//! `data_sources:` by name, and ends written as maps: from `type:` and keys to URIs.
//!
//! | written | becomes |
//! |---|---|
//! | `source: orders_in` | the entry of that name |
//! | `{ type: file, path: /data/x.json, format: json }` | `/data/x.json?format=json` |
//! | `{ uri: "file:///data/x.json", format: json }` | `file:///data/x.json?format=json` |
//! | `watching: { mode: tail, poll_interval: 1s }` | `watch=tail&poll_interval=1s` |
//! | `rotation: { rotation_pattern: "app.log.*" }` | `rotation_pattern=app.log.*` |

use velo_core::uri::percent_encode;
use velo_core::{Error, ErrorKind, Result, Uri, nearest};

use super::node::{Entry, Map, Node, Style, Value};
use super::place::Place;
use super::value::near;

/// How an entry of a type says which data it means: by one key, or by none.
struct Address {
    key: Option<&'static str>,
    prefix: &'static str,
}

/// The types that this build opens, and how each names its data.
const TYPES: [(&str, Address); 5] = [
    (
        "file",
        Address {
            key: Some("path"),
            prefix: "",
        },
    ),
    (
        "stdin",
        Address {
            key: None,
            prefix: "stdin:",
        },
    ),
    (
        "stdout",
        Address {
            key: None,
            prefix: "stdout:",
        },
    ),
    (
        "test",
        Address {
            key: Some("kind"),
            prefix: "test://",
        },
    ),
    (
        "memory",
        Address {
            key: Some("name"),
            prefix: "memory://",
        },
    ),
];

/// Lists the types.
pub(super) fn types() -> Vec<&'static str> {
    TYPES.iter().map(|(name, _)| *name).collect()
}

/// Keys of a group that become options, `(key, option)`.
const WATCHING: [(&str, &str); 2] = [("mode", "watch"), ("poll_interval", "poll_interval")];
const ROTATION: [(&str, &str); 2] = [
    ("rotation_pattern", "rotation_pattern"),
    ("finish_rotated", "finish_rotated"),
];

/// Groups that mean something the pipeline does, and what to write.
const ELSEWHERE: [(&str, &str); 5] = [
    (
        "position_tracking",
        "the pipeline keeps positions: checkpoint: { store: file:///var/lib/velo, every: 5s }",
    ),
    (
        "offset_management",
        "the pipeline keeps positions: checkpoint: { store: file:///var/lib/velo, every: 5s }",
    ),
    (
        "recovery",
        "the pipeline recovers from its checkpoints: checkpoint: { store: file:///var/lib/velo }",
    ),
    (
        "scanning",
        "folders are looked through again with watching: { mode: periodic, poll_interval: 30s }",
    ),
    (
        "filtering",
        "choose files by the glob in `path`, rows by transform: [{ filter: … }]",
    ),
];

/// Keys of the letters' limit beside the end.
const LIMIT: [&str; 2] = ["after_rows", "max_ratio"];

/// Puts the entries in place of their names, and gives those that nobody names.
///
/// # Errors
/// `Config` for what is nearly the name of an entry.
pub(super) fn put_in_place(root: &mut Node, entries: Option<Entry>) -> Result<Map> {
    let Some(entries) = entries else {
        return Ok(Map::new());
    };
    let place = entries.node.place.clone();
    let Value::Map(entries) = entries.node.value else {
        let error = Error::new(ErrorKind::Config, "expected a map of names and entries");
        return Err(place.put(error.with("key", "data_sources")));
    };
    let mut unused = entries.clone();
    each_end(root, &mut |end, _| {
        let Some(name) = end.as_text() else {
            return Ok(());
        };
        if let Some(entry) = entries.get(name) {
            unused.remove(name);
            end.value = entry.node.value.clone();
            end.place = entry.node.place.clone();
            return Ok(());
        }
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        match nearest(name, entries.keys().map(String::as_str)) {
            Some(near) if name.chars().all(word) => {
                let error = Error::new(ErrorKind::Config, "no such entry in data_sources");
                Err(end.place.put(error.with("name", name).with_hint(format!(
                    "did you mean `{near}`? a file of that name is ./{name}"
                ))))
            }
            _ => Ok(()),
        }
    })?;
    Ok(unused)
}

/// Turns every end that is a map into the text of its URI.
///
/// # Errors
/// `Config` with the place of the key that is wrong.
pub(super) fn translate(root: &mut Node) -> Result<()> {
    each_end(root, &mut |end, letters| {
        let Value::Map(map) = &end.value else {
            return Ok(());
        };
        let mut map = map.clone();
        let mut limit: Map = Map::new();
        for key in LIMIT.into_iter().filter(|_| letters) {
            limit.extend(map.remove(key).map(|entry| (key.to_owned(), entry)));
        }
        let uri = uri(map, &end.place)?;
        let place = end.place.clone();
        let value = Value::Scalar(uri, Style::Quoted);
        if limit.is_empty() {
            end.value = value;
            return Ok(());
        }
        let node = Node {
            place: place.clone(),
            value,
        };
        limit.insert("uri".to_owned(), Entry { place, node });
        end.value = Value::Map(limit);
        Ok(())
    })
}

/// Says whether an entry could be an end.
///
/// # Errors
/// As [`translate`].
pub(super) fn check(entry: &Entry) -> Result<()> {
    match &entry.node.value {
        Value::Map(map) => uri(map.clone(), &entry.node.place).map(drop),
        _ if entry.node.as_text().is_some() => Ok(()),
        _ => Err(entry.node.place.put(expected_end())),
    }
}

/// Visits every end; the flag says that it is the one of dead letters.
fn each_end(root: &mut Node, visit: &mut dyn FnMut(&mut Node, bool) -> Result<()>) -> Result<()> {
    for key in ["source", "sink", "dead_letter"] {
        if let Some(entry) = root.as_map_mut().and_then(|map| map.get_mut(key)) {
            visit(&mut entry.node, key == "dead_letter")?;
        }
    }
    for key in ["sources", "sinks"] {
        let ends = root.as_map_mut().and_then(|map| map.get_mut(key));
        let ends = ends.and_then(|entry| entry.node.as_map_mut());
        for entry in ends.into_iter().flat_map(|map| map.values_mut()) {
            visit(&mut entry.node, false)?;
        }
    }
    Ok(())
}

fn expected_end() -> Error {
    Error::new(
        ErrorKind::Config,
        "expected a URI, or a map with `uri` or `type` and options",
    )
}

fn uri(mut map: Map, place: &Place) -> Result<String> {
    let start = match (map.remove("type"), map.remove("uri")) {
        (None, Some(uri)) => scalar(&uri)?,
        (Some(kind), None) => of_type(&kind, &mut map, place)?,
        (Some(kind), Some(_)) => {
            let error = Error::new(ErrorKind::Config, "`type` or `uri`, not both");
            return Err(kind.place.put(error));
        }
        (None, None) => {
            let keys = map.keys().map(String::as_str).collect::<Vec<_>>();
            let near = keys
                .iter()
                .find(|key| nearest(key, ["uri", "type"]).is_some());
            let error = expected_end();
            return Err(place.put(match near {
                Some(key) => error.with("key", key),
                None => error,
            }));
        }
    };
    let mut options = Vec::new();
    group(&mut map, "watching", &WATCHING, &mut options)?;
    group(&mut map, "rotation", &ROTATION, &mut options)?;
    for (key, entry) in map {
        if let Some((_, hint)) = ELSEWHERE.iter().find(|(name, _)| *name == key) {
            let error = Error::new(ErrorKind::Config, "this is not said of a source");
            return Err(entry.place.put(error.with("key", key).with_hint(*hint)));
        }
        options.push((key, option(&entry)?));
    }
    let mut uri = start;
    let mut separator = if uri.contains('?') { '&' } else { '?' };
    for (name, value) in options {
        uri.push(separator);
        uri.push_str(&format!(
            "{}={}",
            percent_encode(&name),
            percent_encode(&value)
        ));
        separator = '&';
    }
    Ok(uri)
}

/// Gives the beginning of the URI that a type stands for.
fn of_type(kind: &Entry, map: &mut Map, place: &Place) -> Result<String> {
    let name = scalar(kind)?;
    let known = || TYPES.iter().map(|(name, _)| *name);
    let Some((_, address)) = TYPES.iter().find(|(known, _)| *known == name) else {
        let error = Error::new(ErrorKind::Config, "no connector of this type");
        return Err(kind.node.place.put(near(error, &name, known())));
    };
    let Some(key) = address.key else {
        return Ok(address.prefix.to_owned());
    };
    let Some(entry) = map.remove(key) else {
        let error = Error::new(ErrorKind::Config, "key is missing").with("key", key);
        let near = map.keys().find(|written| nearest(written, [key]).is_some());
        return Err(match near.and_then(|near| map.get_key_value(near)) {
            Some((near, entry)) => entry.place.put(
                Error::new(ErrorKind::Config, "no such key")
                    .with("key", near)
                    .with_hint(format!("did you mean `{key}`?")),
            ),
            None => place.put(error),
        });
    };
    let start = format!("{}{}", address.prefix, scalar(&entry)?);
    let parsed = Uri::parse(&start).map_err(|error| entry.node.place.put(error))?;
    let strange = name == "file" && !parsed.is_bare();
    if strange || parsed.query().is_ok_and(|query| !query.is_empty()) {
        let error = Error::new(
            ErrorKind::Config,
            "expected a path without scheme and options",
        );
        let error = error.with("key", key);
        return Err(entry
            .node
            .place
            .put(error.with_hint("write `uri:` for a URI, and options as keys")));
    }
    Ok(start)
}

/// Takes the options out of a group of keys; `enabled: false` and `detect_rotation: true` say what is
/// so anyhow.
fn group(
    map: &mut Map,
    name: &'static str,
    keys: &[(&str, &str)],
    options: &mut Vec<(String, String)>,
) -> Result<()> {
    let Some(entry) = map.remove(name) else {
        return Ok(());
    };
    let Value::Map(mut group) = entry.node.value else {
        let error = Error::new(ErrorKind::Config, "expected a map").with("key", name);
        return Err(entry.node.place.put(error));
    };
    let enabled = group.remove("enabled").map(|entry| truth(&entry));
    if enabled.transpose()? == Some(false) {
        return Ok(());
    }
    if name == "rotation"
        && let Some(entry) = group.remove("detect_rotation")
        && !truth(&entry)?
    {
        let error = Error::new(ErrorKind::Config, "rotation is always noticed");
        return Err(entry.place.put(error.with("key", "detect_rotation")));
    }
    for (key, entry) in group {
        let Some((_, option_name)) = keys.iter().find(|(name, _)| *name == key) else {
            let error = Error::new(ErrorKind::Config, "no such key");
            let error = error.with("key", format!("{name}.{key}"));
            let known = keys.iter().map(|(name, _)| *name).chain(["enabled"]);
            return Err(entry.place.put(near(error, &key, known)));
        };
        options.push(((*option_name).to_owned(), option(&entry)?));
    }
    Ok(())
}

fn truth(entry: &Entry) -> Result<bool> {
    match entry.node.as_text() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(entry
            .node
            .place
            .put(Error::new(ErrorKind::Config, "expected true or false"))),
    }
}

fn scalar(entry: &Entry) -> Result<String> {
    let text = entry.node.as_text().map(str::to_owned);
    text.ok_or_else(|| {
        entry
            .node
            .place
            .put(Error::new(ErrorKind::Config, "expected text"))
    })
}

/// Gives the value of an option as it is written; a list has commas between its items.
fn option(entry: &Entry) -> Result<String> {
    let expected = |place: &Place| {
        place.put(Error::new(
            ErrorKind::Config,
            "expected text, a number, true, false, or a list of those",
        ))
    };
    let one = |node: &Node| {
        let text = node.as_text().map(str::to_owned);
        text.ok_or_else(|| expected(&node.place))
    };
    match &entry.node.value {
        Value::List(items) => {
            let items: Result<Vec<String>> = items.iter().map(one).collect();
            Ok(items?.join(","))
        }
        _ => one(&entry.node),
    }
}
