//! Options described once: from a struct's fields and doc lines to errors, help and reference.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// One option of a connector, as the reference and `velo connectors` show it.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize, JsonSchema)]
/// #[serde(default, deny_unknown_fields)]
/// struct Options {
///     /// Rows in a batch.
///     batch_size: usize,
/// }
/// impl Default for Options { fn default() -> Self { Self { batch_size: 8192 } } }
///
/// let described = velo_core::describe::<Options>();
/// assert_eq!(described[0].name, "batch_size");
/// assert_eq!(described[0].default.as_deref(), Some("8192"));
/// assert_eq!(described[0].doc, "Rows in a batch.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionInfo {
    /// The name in snake_case.
    pub name: String,
    /// The type in a word: `text`, `true or false`, `number`, `list`, or the choices.
    pub kind: String,
    /// The default as it would be written; `None` where there is none.
    pub default: Option<String>,
    /// What it does, one or two sentences.
    pub doc: String,
    /// The JSON Schema of the value.
    pub schema: Value,
}

/// Describes the options that a struct reads, in the order of their names.
///
/// ```
/// # use schemars::JsonSchema;
/// #[derive(JsonSchema)]
/// struct Options { #[allow(dead_code)] topic: String }
/// assert_eq!(velo_core::describe::<Options>().len(), 1);
/// ```
#[must_use]
pub fn describe<T: JsonSchema>() -> Vec<OptionInfo> {
    let schema = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    properties
        .iter()
        .map(|(name, schema)| option_info(name, schema))
        .collect()
}

fn option_info(name: &str, schema: &Value) -> OptionInfo {
    let doc = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    OptionInfo {
        name: name.to_owned(),
        kind: kind(schema),
        default: schema.get("default").and_then(written),
        doc: doc.replace('\n', " "),
        schema: schema.clone(),
    }
}

fn written(default: &Value) -> Option<String> {
    match default {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(
            items
                .iter()
                .filter_map(written)
                .collect::<Vec<_>>()
                .join(","),
        ),
        other => Some(other.to_string()),
    }
}

fn kind(schema: &Value) -> String {
    let choices = choices(schema);
    if !choices.is_empty() {
        return choices.join(", ");
    }
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.clone(),
        Some(one) => vec![one.clone()],
        None => match schema.get("anyOf").and_then(Value::as_array) {
            Some(options) => {
                return options
                    .iter()
                    .map(kind)
                    .find(|k| k != "text")
                    .unwrap_or_default();
            }
            None => Vec::new(),
        },
    };
    let named = types
        .iter()
        .filter_map(Value::as_str)
        .find(|name| *name != "null");
    match named {
        Some("boolean") => "true or false",
        Some("integer" | "number") => "number",
        Some("array") => "list",
        _ => match schema.get("format").and_then(Value::as_str) {
            Some("size") => "size",
            Some("duration") => "duration",
            _ => "text",
        },
    }
    .to_owned()
}

/// Collects the words of an enum, with or without a doc line on each.
fn choices(schema: &Value) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(Value::Array(values)) = schema.get("enum") {
        words.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    if let Some(Value::String(word)) = schema.get("const") {
        words.push(word.clone());
    }
    for group in ["oneOf", "anyOf"] {
        for member in schema
            .get(group)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            words.extend(choices(member));
        }
    }
    words
}

/// A number of bytes, written `64MiB`, `1_000_000`, `4k` (1,000-based `k`, `M`, `G`; 1,024-based
/// `KiB`, `MiB`, `GiB`).
///
/// ```
/// use velo_core::ByteSize;
/// assert_eq!("64MiB".parse::<ByteSize>()?.0, 64 << 20);
/// assert_eq!("4k".parse::<ByteSize>()?.0, 4000);
/// assert_eq!(ByteSize(8 << 20).to_string(), "8MiB");
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = crate::Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        let refused = || {
            crate::Error::new(
                crate::ErrorKind::Config,
                "expected a size such as 64MiB or 1000000",
            )
        };
        let digits = text
            .bytes()
            .take_while(|byte| byte.is_ascii_digit() || *byte == b'_')
            .count();
        let number: u64 = text[..digits]
            .replace('_', "")
            .parse()
            .map_err(|_| refused())?;
        let unit: u64 = match text[digits..].to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1000,
            "m" | "mb" => 1000 * 1000,
            "g" | "gb" => 1000 * 1000 * 1000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            _ => return Err(refused()),
        };
        number.checked_mul(unit).map(Self).ok_or_else(refused)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
            if self.0 >= 1 << shift && self.0.is_multiple_of(1 << shift) {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, |text| {
            text.parse()
                .map_err(|e: crate::Error| e.message().to_owned())
        })
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "integer"], "format": "size" })
    }
}

/// A length of time, written `250ms`, `5s`, `1m 30s`, `2h`.
///
/// ```
/// use std::time::Duration;
/// use velo_core::TimeSpan;
/// assert_eq!("250ms".parse::<TimeSpan>()?.0, Duration::from_millis(250));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TimeSpan(pub std::time::Duration);

impl FromStr for TimeSpan {
    type Err = crate::Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        humantime::parse_duration(text).map(Self).map_err(|_| {
            crate::Error::new(
                crate::ErrorKind::Config,
                "expected a time such as 250ms, 5s or 2h",
            )
        })
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, |text| {
            text.parse()
                .map_err(|e: crate::Error| e.message().to_owned())
        })
    }
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for TimeSpan {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeSpan".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "duration" })
    }
}

fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}
