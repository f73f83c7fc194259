//! Reading the list.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use velo_core::{Error, ErrorKind, Predicate, Result, nearest};
use velo_format::parse_type;

use super::limit::Rate;
use super::template::Template;

/// The names of transforms.
pub(crate) const KEYS: [&str; 7] = [
    "select",
    "drop",
    "rename",
    "cast",
    "filter",
    "set",
    "rate_limit",
];

/// One transform.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Select(Vec<String>),
    Drop(Vec<String>),
    Rename(BTreeMap<String, String>),
    Cast(BTreeMap<String, DataType>),
    Filter(Predicate),
    Set(BTreeMap<String, Setting>),
    RateLimit(Rate),
}

/// What a column is set to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting {
    Boolean(bool),
    Int64(i64),
    Float64(f64),
    Text(Template),
}

/// A constant as it is written; templates are found in text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Constant {
    Boolean(bool),
    Int64(i64),
    Float64(f64),
    Text(String),
}

/// Says which item of the list an error is about; they are counted from 1.
pub(super) fn refuse(item: usize, key: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message.into())
        .with("transform item", item + 1)
        .with("key", key)
}

/// Makes another's error one about an item.
pub(super) fn refused_by(item: usize, key: &str, error: &Error) -> Error {
    let refused = refuse(item, key, error.message().to_owned());
    let facts = ["column", "type", "condition, character"];
    let refused = facts
        .into_iter()
        .fold(refused, |refused, fact| match error.context(fact) {
            Some(value) => refused.with(fact, value),
            None => refused,
        });
    match error.hint() {
        Some(hint) => refused.with_hint(hint.to_owned()),
        None => refused,
    }
}

pub(super) fn parse(list: &Value) -> Result<Vec<Item>> {
    let Value::Array(items) = list else {
        return Err(Error::new(ErrorKind::Config, "expected a list")
            .with("key", "transform")
            .with_hint("write transform: [{ select: [id] }]"));
    };
    let items = items.iter().enumerate();
    items.map(|(at, item)| parse_item(at, item)).collect()
}

fn parse_item(at: usize, item: &Value) -> Result<Item> {
    let only = item.as_object().filter(|map| map.len() == 1);
    let Some((key, value)) = only.and_then(|map| map.iter().next()) else {
        return Err(Error::new(ErrorKind::Config, "expected a map of one key")
            .with("transform item", at + 1)
            .with_hint(format!("one of {}", KEYS.join(", "))));
    };
    match key.as_str() {
        "select" => Ok(Item::Select(names(at, key, value)?)),
        "drop" => Ok(Item::Drop(names(at, key, value)?)),
        "rename" => Ok(Item::Rename(read(at, key, value, "old: new")?)),
        "cast" => casts(at, key, value),
        "filter" => {
            let condition: String = read(at, key, value, "a condition such as \"amount >= 10\"")?;
            let condition = condition.parse();
            condition
                .map(Item::Filter)
                .map_err(|error| refused_by(at, key, &error))
        }
        "set" => settings(at, key, value),
        "rate_limit" => {
            let rate: String = read(at, key, value, Rate::EXPECTED)?;
            let rate = rate.parse();
            rate.map(Item::RateLimit)
                .map_err(|error| refused_by(at, key, &error))
        }
        unknown => Err(match nearest(unknown, KEYS) {
            Some(name) => refuse(at, unknown, "no such transform")
                .with_hint(format!("did you mean `{name}`?")),
            None => refuse(at, unknown, "no such transform")
                .with_hint(format!("known are {}", KEYS.join(", "))),
        }),
    }
}

fn read<T: DeserializeOwned>(at: usize, key: &str, value: &Value, expected: &str) -> Result<T> {
    // What serde says may hold the value itself; the expectation says enough.
    T::deserialize(value).map_err(|_| refuse(at, key, format!("expected {expected}")))
}

fn names(at: usize, key: &str, value: &Value) -> Result<Vec<String>> {
    let names: Vec<String> = read(at, key, value, "a list of columns")?;
    if names.is_empty() {
        return Err(refuse(at, key, "names no column"));
    }
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            return Err(refuse(at, key, "column stands twice").with("column", name));
        }
    }
    Ok(names)
}

fn casts(at: usize, key: &str, value: &Value) -> Result<Item> {
    let expected = "column: type, such as total: decimal(12,2)";
    let types: BTreeMap<String, String> = read(at, key, value, expected)?;
    let parsed = types.into_iter().map(|(column, spelled)| {
        let kind = parse_type(&spelled);
        let kind = kind.map_err(|error| refused_by(at, key, &error).with("of column", &column))?;
        Ok((column, kind))
    });
    parsed.collect::<Result<_>>().map(Item::Cast)
}

fn settings(at: usize, key: &str, value: &Value) -> Result<Item> {
    let expected = "column: text, number, true or false";
    let constants: BTreeMap<String, Constant> = read(at, key, value, expected)?;
    let settings = constants.into_iter().map(|(column, constant)| {
        let setting = match constant {
            Constant::Boolean(value) => Setting::Boolean(value),
            Constant::Int64(value) => Setting::Int64(value),
            // An integer beyond int64 would be rounded.
            Constant::Float64(value) if value.abs() >= 9.2e18 && value.fract() == 0.0 => {
                let message = "number is too large for int64";
                return Err(refuse(at, key, message)
                    .with("column", column)
                    .with_hint("write it as text and cast it"));
            }
            Constant::Float64(value) => Setting::Float64(value),
            Constant::Text(text) => {
                let template = Template::parse(&text);
                let refused = |error| refused_by(at, key, &error).with("column", &column);
                Setting::Text(template.map_err(refused)?)
            }
        };
        Ok((column, setting))
    });
    settings.collect::<Result<_>>().map(Item::Set)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_item() {
        let cases = [
            (json!({ "select": ["a"] }), "expected a list"),
            (
                json!(["select"]),
                "transform item 1: expected a map of one key",
            ),
            (
                json!([{ "select": ["a"], "drop": ["b"] }]),
                "expected a map of one key",
            ),
            (
                json!([{ "drop": ["a"] }, { "renam": {} }]),
                "transform item 2, key renam: no such transform; did you mean `rename`?",
            ),
            (
                json!([{ "select": "a" }]),
                "key select: expected a list of columns",
            ),
            (json!([{ "select": [] }]), "names no column"),
            (
                json!([{ "drop": ["a", "a"] }]),
                "column a: column stands twice",
            ),
            (json!([{ "rename": { "a": 1 } }]), "expected old: new"),
            (json!([{ "cast": { "a": "decimal(12" } }]), "of column a"),
            (json!([{ "cast": { "a": "itn64" } }]), "did you mean"),
            (
                json!([{ "filter": "a >" }]),
                "key filter, condition, character",
            ),
            (json!([{ "set": { "a": [1] } }]), "expected column: text"),
            (
                json!([{ "set": { "a": 18446744073709551615_u64 } }]),
                "too large",
            ),
            (json!([{ "set": { "a": "${b" } }]), "column a"),
            (
                json!([{ "rate_limit": "fast" }]),
                "key rate_limit: expected",
            ),
        ];
        for (list, expected) in cases {
            let error = parse(&list).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{list}");
            let report = error.report();
            assert!(report.contains(expected), "{list}: {report}");
        }
    }

    #[test]
    fn constants_keep_their_kind() {
        let list = json!([{ "set": { "a": "x", "b": 1, "c": true, "d": 1.5, "e": -1 } }]);
        let items = parse(&list).unwrap();
        let Item::Set(settings) = &items[0] else {
            panic!("{items:?}")
        };
        assert_eq!(settings["b"], Setting::Int64(1));
        assert_eq!(settings["c"], Setting::Boolean(true));
        assert_eq!(settings["d"], Setting::Float64(1.5));
        assert_eq!(settings["e"], Setting::Int64(-1));
        assert!(matches!(settings["a"], Setting::Text(_)));
    }
}
