//! The pipeline file: what `velo run` reads.

mod build;
mod data_sources;
mod end;
mod extends;
mod faults;
mod folders;
mod load;
mod node;
mod place;
mod profile;
mod schema;
mod status;
mod value;
mod variables;
mod yaml;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use velo_core::{ByteSize, Result, TimeSpan};

use place::Places;

pub use build::store;
pub use end::End;
pub use load::Loading;
pub use schema::schema;
pub use status::{LogFormat, LogLevel, LogOptions, StatusOptions, Watching, WebhookOptions};

/// A pipeline, as its file describes it.
///
/// ```
/// let file = velo_pipeline::config::PipelineFile::parse(
///     "name: orders\nsource: orders.csv\nsink: orders.parquet\n",
/// )?;
/// assert_eq!(file.name, "orders");
/// let typo = velo_pipeline::config::PipelineFile::parse("name: a\nsorce: b\nsink: c\n");
/// assert!(typo.unwrap_err().report().contains("did you mean `source`?"));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineFile {
    /// Name of the pipeline; positions and fences are kept under it.
    pub name: String,
    /// Where rows come from.
    pub source: Option<End>,
    /// Several sources by name; the name is part of the stored positions.
    #[serde(default)]
    pub sources: BTreeMap<String, End>,
    /// What is done to rows on their way, in this order.
    #[serde(default)]
    #[schemars(schema_with = "schema::transform")]
    pub transform: Vec<serde_json::Value>,
    /// Where rows go.
    pub sink: Option<End>,
    /// Several sinks by name; every row goes to each of them.
    #[serde(default)]
    pub sinks: BTreeMap<String, End>,
    /// What a restart may do to rows; refused before the start if source and sink cannot do it.
    pub delivery: Option<Delivery>,
    /// Where positions are kept, and how often.
    pub checkpoint: Option<CheckpointOptions>,
    /// Where rows go that nobody can take.
    pub dead_letter: Option<DeadLetterOptions>,
    /// Memory for the rows on their way; 64 MiB by default.
    pub memory: Option<ByteSize>,
    /// Lanes that work side by side; as many as there are cores by default.
    pub threads: Option<usize>,
    /// Which of the pipeline's parallel processes this is; 0 by default.
    #[serde(default)]
    pub task: u32,
    /// What is done about failures that pass.
    #[serde(default)]
    pub retry: RetryOptions,
    /// When trying is given up for a while.
    pub circuit_breaker: Option<BreakerOptions>,
    /// How long a stop in good order may take; 10 seconds by default.
    pub stop_within: Option<TimeSpan>,
    /// How long a call to the other side may take; a minute by default.
    pub timeout: Option<TimeSpan>,
    /// Anything that people or other programs want to know; velo keeps it and does nothing with it.
    #[serde(default)]
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Status page and metrics over HTTP.
    pub status: Option<StatusOptions>,
    /// Who is told when its health changes.
    pub webhook: Option<WebhookOptions>,
    /// What a run logs on standard error.
    #[serde(default)]
    pub log: LogOptions,
    /// Where the keys stand.
    #[serde(skip)]
    places: Places,
}

/// What a restart does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// No row is lost; some may come twice.
    AtLeastOnce,
    /// No row is lost and none shows twice.
    EffectivelyOnce,
}

/// Where positions are kept, and how often.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointOptions {
    /// A directory (`file:///var/lib/velo`) or a database (`sqlite:///var/lib/velo/state.db`).
    pub store: String,
    /// How often an epoch ends; 5 seconds by default.
    pub every: Option<TimeSpan>,
}

/// Where rows go that nobody can take: a URI, or a map of `uri`, its options and the limit.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetterOptions {
    /// Where they go; a file is appended to.
    pub to: End,
    /// The largest share of bad rows, from 0 to 1; a pipeline with more of them stops.
    pub max_ratio: Option<f64>,
    /// Rows before which no share is computed.
    pub after_rows: Option<u64>,
}

/// What is done about failures that pass: exponential backoff with jitter.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryOptions {
    /// The wait before the second try; 100 ms by default.
    pub first: Option<TimeSpan>,
    /// The longest wait; 10 s by default.
    pub longest: Option<TimeSpan>,
    /// How much longer each wait is than the one before; 2 by default.
    pub factor: Option<f64>,
    /// The share of each wait that is left to chance, from 0 to 1; 0.5 by default.
    pub jitter: Option<f64>,
    /// Tries in a row without a commit in between; any number by default.
    pub tries: Option<u32>,
}

/// When trying is given up for a while.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakerOptions {
    /// Failures in a row that open it; 5 by default.
    pub failures: Option<u32>,
    /// How long it stays open before one try is let through; 10 s by default.
    pub open_for: Option<TimeSpan>,
    /// Successes in a row that close it again; 1 by default.
    pub successes: Option<u32>,
}

impl JsonSchema for DeadLetterOptions {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DeadLetterOptions".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schema::end("dead_letter")
    }
}

impl<'de> Deserialize<'de> for DeadLetterOptions {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let mut value = serde_json::Value::deserialize(deserializer)?;
        let mut take = |name: &str| value.as_object_mut().and_then(|map| map.remove(name));
        let (ratio, after) = (take("max_ratio"), take("after_rows"));
        // The words of another error could hold what stands there.
        let share = || D::Error::custom("max_ratio is a share, from 0 to 1");
        let max_ratio = ratio.map(|ratio| number::<f64>(ratio).ok_or_else(share));
        let max_ratio = max_ratio.transpose()?;
        if max_ratio.is_some_and(|ratio| !(0.0..=1.0).contains(&ratio)) {
            return Err(share());
        }
        let rows = || D::Error::custom("after_rows is a whole number");
        let after_rows = after.map(|after| number::<u64>(after).ok_or_else(rows));
        let after_rows = after_rows.transpose()?;
        let to = serde_json::from_value(value);
        Ok(Self {
            to: to.map_err(|_| D::Error::custom("expected a URI, or a map with `uri`"))?,
            max_ratio,
            after_rows,
        })
    }
}

/// Reads a number, also one that a variable gave as text.
fn number<T: serde::de::DeserializeOwned + std::str::FromStr>(
    value: serde_json::Value,
) -> Option<T> {
    match value {
        serde_json::Value::String(text) => text.parse().ok(),
        value => serde_json::from_value(value).ok(),
    }
}

#[cfg(test)]
mod tests {
    use velo_core::ErrorKind;

    use super::*;

    const WHOLE: &str = "
name: orders
source: file:///in/*.jsonl
transform: [{ select: [id, amount] }, { rename: { amount: total } }]
sink: file:///out?format=parquet&roll_rows=100000
delivery: effectively_once
checkpoint: { store: file:///var/lib/velo, every: 5s }
dead_letter: file:///var/lib/velo/dead.jsonl
";

    #[test]
    fn the_whole_file_is_understood() {
        let file = PipelineFile::parse(WHOLE).unwrap();
        assert_eq!(file.name, "orders");
        assert_eq!(file.transform.len(), 2);
        assert_eq!(file.delivery, Some(Delivery::EffectivelyOnce));
        let every = file.checkpoint.unwrap().every.unwrap();
        assert_eq!(every.0, std::time::Duration::from_secs(5));
        assert_eq!(
            file.dead_letter.unwrap().to.uri,
            "file:///var/lib/velo/dead.jsonl"
        );
    }

    #[test]
    fn dead_letters_have_a_limit() {
        let text = "name: a\nsource: b\nsink: c\ndead_letter: { uri: d.jsonl, max_ratio: 0.1, sync: false }";
        let letters = PipelineFile::parse(text).unwrap().dead_letter.unwrap();
        assert_eq!(
            (letters.to.uri.as_str(), letters.max_ratio),
            ("d.jsonl?sync=false", Some(0.1))
        );
        let text = "name: a\nsource: b\nsink: c\ndead_letter: { uri: d.jsonl, max_ratio: 7 }";
        assert!(PipelineFile::parse(text).is_err());
    }

    #[test]
    fn says_where_and_what_was_meant() {
        for (text, line, words) in [
            ("name: a\nsorce: b\nsink: c", 2, "did you mean `source`?"),
            (
                "name: a\nsource: b\nsink: c\ncheckpoint: { stor: d }",
                4,
                "`store`",
            ),
            ("name: a\nsource: [b]\nsink: c", 2, "URI"),
            ("name: a\nname: b\nsource: b\nsink: c", 2, "twice"),
            (
                "name: a\nsource: b\nsink: c\ndelivery: exactly_once",
                4,
                "effectively_once",
            ),
            ("name: a\nsource: b\nsink: c\nthreads: many", 4, ""),
            ("name: a\n\tsource: b", 2, "tab"),
        ] {
            let error = PipelineFile::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert_eq!(
                error.context("line"),
                Some(&*line.to_string()),
                "{text}: {error:?}"
            );
            assert!(error.report().contains(words), "{text}: {}", error.report());
        }
    }

    #[test]
    fn what_looks_like_a_number_or_a_truth_value_stays_text_where_text_is_wanted() {
        let file = PipelineFile::parse("name: \"0x10\"\nsource: b\nsink: c\n").unwrap();
        assert_eq!(file.name, "0x10");
        for name in ["yes", "no", "on"] {
            let file = PipelineFile::parse(&format!("name: {name}\nsource: b\nsink: c\n"));
            assert_eq!(file.unwrap().name, name);
        }
    }
}
