//! What a file says before it is a pipeline: maps, lists and scalars, each with its place.

use std::collections::BTreeMap;

use super::place::{Place, Places};

/// A value and where it stands. It has no `Debug`: it may hold a secret.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Clone)]
pub(super) enum Value {
    Scalar(String, Style),
    List(Vec<Node>),
    Map(Map),
}

pub(super) type Map = BTreeMap<String, Entry>;

/// A value under its key.
#[derive(Clone)]
pub(super) struct Entry {
    /// Where the key stands.
    pub(super) place: Place,
    pub(super) node: Node,
}

/// How a scalar came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes: `null`, `true` and numbers mean what they look like.
    Plain,
    /// Quoted, or a block: text.
    Quoted,
    /// With variables in it: text, or a number where one is asked for; never structure.
    Resolved,
}

impl Node {
    pub(super) fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Says whether nothing stands here, or `null` or `~`.
    pub(super) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar(text, Style::Plain) => is_null(text),
            _ => false,
        }
    }

    /// Takes a value out of a map.
    pub(super) fn take(&mut self, key: &str) -> Option<Entry> {
        self.as_map_mut()?.remove(key)
    }

    /// Lays another value over this one: maps are merged, everything else is replaced.
    pub(super) fn merge(&mut self, over: Node) {
        self.place = over.place;
        match (&mut self.value, over.value) {
            (Value::Map(base), Value::Map(over)) => {
                for (key, entry) in over {
                    match base.get_mut(&key) {
                        Some(before) => {
                            before.place = entry.place;
                            before.node.merge(entry.node);
                        }
                        None => {
                            base.insert(key, entry);
                        }
                    }
                }
            }
            (base, value) => *base = value,
        }
    }

    /// Counts this value and all below it; long text counts as several.
    pub(super) fn weight(&self) -> usize {
        self.own_weight()
            + match &self.value {
                Value::Scalar(..) => 0,
                Value::List(items) => items.iter().map(Node::weight).sum(),
                Value::Map(map) => map.values().map(|entry| entry.node.weight()).sum(),
            }
    }

    /// Counts this value without those below it.
    pub(super) fn own_weight(&self) -> usize {
        const BYTES: usize = 64;
        match &self.value {
            Value::Scalar(text, _) => 1 + text.len() / BYTES,
            Value::List(_) | Value::Map(_) => 1,
        }
    }

    /// Says how deep values lie in one another; a scalar has depth 1.
    pub(super) fn depth(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(..) => 0,
            Value::List(items) => items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Map(map) => {
                let depths = map.values().map(|entry| entry.node.depth());
                depths.max().unwrap_or(0)
            }
        }
    }

    /// Removes the value that stands at a place or, if `by_key`, whose key does, and gives its key.
    pub(super) fn remove_at(&mut self, place: &Place, by_key: bool) -> Option<String> {
        match &mut self.value {
            Value::Scalar(..) => None,
            Value::List(items) => {
                if let Some(at) = items.iter().position(|item| item.place == *place) {
                    items.remove(at);
                    return Some(String::new());
                }
                items
                    .iter_mut()
                    .find_map(|item| item.remove_at(place, by_key))
            }
            Value::Map(map) => {
                let here =
                    |entry: &Entry| entry.node.place == *place || by_key && entry.place == *place;
                let key = map.iter().find(|(_, entry)| here(entry));
                if let Some(key) = key.map(|(key, _)| key.clone()) {
                    map.remove(&key);
                    return Some(key);
                }
                let below = map.values_mut();
                below
                    .into_iter()
                    .find_map(|entry| entry.node.remove_at(place, by_key))
            }
        }
    }

    /// Notes where everything stands, down to some levels.
    pub(super) fn places(&self) -> Places {
        const LEVELS: usize = 3;
        let mut places = Places::default();
        self.note(String::new(), &self.place, LEVELS, &mut places);
        places
    }

    fn note(&self, path: String, place: &Place, levels: usize, places: &mut Places) {
        let below = |key: &str| match path.is_empty() {
            true => key.to_owned(),
            false => format!("{path}.{key}"),
        };
        match &self.value {
            Value::Map(map) if levels > 0 => {
                for (key, entry) in map {
                    entry
                        .node
                        .note(below(key), &entry.place, levels - 1, places);
                }
            }
            Value::List(items) if levels > 0 => {
                for (at, item) in items.iter().enumerate() {
                    item.note(below(&at.to_string()), &item.place, levels - 1, places);
                }
            }
            _ => {}
        }
        places.0.insert(path, place.clone());
    }
}

/// The spellings of nothing in YAML 1.2.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

#[cfg(test)]
impl Node {
    /// Gives a value of a map, also of one below it.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Node> {
        path.iter()
            .try_fold(self, |node, key| Some(&node.as_map()?.get(*key)?.node))
    }
}
