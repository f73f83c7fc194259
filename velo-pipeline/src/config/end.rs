//! One end of a pipeline: a URI, or the same as a map.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use velo_core::uri::percent_encode;

/// A URI as text, or a map of `uri` and its options: `{ uri: "file:///out", format: parquet }`.
///
/// ```
/// let end: velo_pipeline::config::End = serde_json::from_str(
///     r#"{"uri": "file:///out?sync=false", "format": "csv", "roll_rows": 1000}"#,
/// )?;
/// assert_eq!(end.uri, "file:///out?sync=false&format=csv&roll_rows=1000");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct End {
    /// The URI with all options.
    pub uri: String,
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URI masks its own secrets.
        match velo_core::Uri::parse(&self.uri) {
            Ok(uri) => write!(f, "{uri:?}"),
            Err(_) => f.write_str("End(malformed)"),
        }
    }
}

impl From<&str> for End {
    fn from(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for End {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EndVisitor)
    }
}

impl JsonSchema for End {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "End".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        super::schema::end("end")
    }
}

struct EndVisitor;

impl<'de> Visitor<'de> for EndVisitor {
    type Value = End;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URI, or a map with `uri` and its options")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<End, E> {
        Ok(text.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<End, A::Error> {
        let mut uri: Option<String> = None;
        let mut options = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == "uri" {
                uri = Some(map.next_value()?);
            } else {
                options.insert(key, map.next_value::<Value>()?.0);
            }
        }
        let mut uri = uri.ok_or_else(|| de::Error::missing_field("uri"))?;
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
        Ok(End { uri })
    }
}

/// The value of an option: text, a number, true or false, or a list of those.
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true, false, or a list of those")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value(value.to_string()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Value(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value(values.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(json: &str) -> Result<String, serde_json::Error> {
        serde_json::from_str::<End>(json).map(|end| end.uri)
    }

    #[test]
    fn options_become_a_query() {
        assert_eq!(end(r#""a.csv""#).unwrap(), "a.csv");
        let uri = end(r#"{"uri": "a.csv", "types": ["a:int64", "b&c:text"], "header": false}"#);
        assert_eq!(uri.unwrap(), "a.csv?header=false&types=a:int64,b%26c:text");
    }

    #[test]
    fn a_map_needs_a_uri() {
        assert!(
            end(r#"{"format": "csv"}"#)
                .unwrap_err()
                .to_string()
                .contains("`uri`")
        );
        assert!(end("7").is_err());
    }
}
