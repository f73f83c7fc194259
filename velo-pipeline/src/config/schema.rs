//! The JSON Schema of the pipeline file, from the structs that read it: an editor completes and checks
//! by it.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::PipelineFile;
use crate::transform::KEYS;

/// Keys that are worked off before the rest is read.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only described")]
struct Beforehand {
    /// Files that this one is laid over: a path, or a list of paths, from this file's folder.
    #[schemars(schema_with = "paths")]
    extends: Option<Value>,
    /// Parts to lay over the rest by `--profile NAME` or `VELO_PROFILE`.
    #[schemars(schema_with = "profiles")]
    profiles: Option<Value>,
    /// Sources and sinks by name: `source: NAME`.
    #[schemars(schema_with = "entries")]
    data_sources: Option<Value>,
}

/// Describes the pipeline file as JSON Schema, draft 2020-12.
///
/// ```
/// let schema = velo_pipeline::config::schema();
/// assert_eq!(schema["properties"]["name"]["type"], "string");
/// ```
#[must_use]
pub fn schema() -> Value {
    let described = |schema: Schema| Value::from(schema);
    let settings =
        || SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut whole = described(
        settings()
            .into_generator()
            .into_root_schema_for::<PipelineFile>(),
    );
    let before = described(
        settings()
            .into_generator()
            .into_root_schema_for::<Beforehand>(),
    );
    if let (Some(own), Value::Object(more)) = (properties(&mut whole), before["properties"].clone())
    {
        own.extend(more);
        own.values_mut().for_each(take_variables);
        // A profile says any part of the rest.
        let rest: Map<String, Value> = own
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "extends" | "profiles"))
            .map(|(key, schema)| (key.clone(), schema.clone()))
            .collect();
        own["profiles"]["additionalProperties"] = json!({
            "type": ["object", "null"],
            "properties": rest,
            "additionalProperties": false,
        });
    }
    whole["title"] = "A pipeline of velo".into();
    whole["description"] = "What `velo run FILE` reads; docs/configuration.md.".into();
    whole["$defs"] = definitions();
    // What is required may stand in a file that is extended, or in a profile.
    whole["required"] = json!([]);
    whole["anyOf"] = json!([
        { "required": ["name"] },
        { "required": ["extends"] },
        { "required": ["profiles"] },
        { "required": ["data_sources"] },
    ]);
    whole
}

fn properties(schema: &mut Value) -> Option<&mut Map<String, Value>> {
    schema.get_mut("properties")?.as_object_mut()
}

/// Lets a variable stand where a number, a choice, true or false is wanted; they are resolved before
/// anything is checked.
fn take_variables(schema: &mut Value) {
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_choice = schema.get("enum").is_some() || schema.get("oneOf").is_some();
    let is_bare = !kinds.contains(&"string")
        && kinds
            .iter()
            .any(|kind| matches!(*kind, "integer" | "number" | "boolean"));
    let Value::Object(map) = schema else {
        return;
    };
    if is_choice || is_bare {
        let description = map.remove("description");
        let variable = json!({ "type": "string", "pattern": "\\$\\{" });
        let mut either = json!({ "anyOf": [schema.take(), variable] });
        if let Some(description) = description {
            either["description"] = description;
        }
        *schema = either;
        return;
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(take_variables);
    }
    if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
        choices.iter_mut().for_each(take_variables);
    }
    for key in ["additionalProperties", "items"] {
        map.get_mut(key).into_iter().for_each(take_variables);
    }
}

/// The value of an option in a map.
fn option() -> Value {
    let scalar = json!({ "type": ["string", "number", "boolean"] });
    json!({ "anyOf": [scalar, { "type": "array", "items": scalar }] })
}

/// Names the options of every connector of this build, so that an editor completes them.
fn options() -> Map<String, Value> {
    let connectors = velo_registry::connectors().into_iter();
    let all = connectors.flat_map(|connector| {
        let options = (connector.source_options)().into_iter();
        options.chain((connector.sink_options)())
    });
    let described = |option: velo_core::OptionInfo| {
        let schema = json!({ "description": option.doc, "$ref": "#/$defs/option" });
        (option.name, schema)
    };
    all.map(described).collect()
}

/// A group of keys that becomes options.
fn group(keys: &[(&str, &str)]) -> Value {
    let described = keys.iter().map(|(key, what)| {
        let schema = json!({ "description": what, "type": ["string", "number", "boolean"] });
        ((*key).to_owned(), schema)
    });
    json!({
        "type": "object",
        "properties": described.collect::<Map<_, _>>(),
        "additionalProperties": false,
    })
}

/// A map with `uri` or `type`, options, and keys of its own.
fn end_map(keys: Value) -> Value {
    let own = json!({
        "uri": { "description": "The URI; the options stand beside it.", "type": "string" },
        "type": {
            "description": "What it is, instead of a URI: then `path` (file), `kind` (test) or `name` (memory).",
            "enum": super::data_sources::types(),
        },
        "path": { "description": "The file, glob or folder of `type: file`.", "type": "string" },
        "watching": group(&[
            ("enabled", "Whether it is watched."),
            ("mode", "tail, directory or periodic."),
            ("poll_interval", "How often it is looked at where the system does not say what changed."),
        ]),
        "rotation": group(&[
            ("enabled", "Whether anything is said of rotation."),
            ("detect_rotation", "Always true."),
            ("rotation_pattern", "The names of rotated files: app.log.*"),
            ("finish_rotated", "Whether rotated files are read to their ends."),
        ]),
    });
    let mut properties = options();
    for more in [own, keys] {
        if let Value::Object(more) = more {
            properties.extend(more);
        }
    }
    json!({
        "type": "object",
        "properties": properties,
        "anyOf": [{ "required": ["uri"] }, { "required": ["type"] }],
        "additionalProperties": { "$ref": "#/$defs/option" },
    })
}

/// What the ends refer to, written once.
fn definitions() -> Value {
    let mut letters = end_map(json!({
        "max_ratio": {
            "description": "The largest share of bad rows, from 0 to 1; a pipeline with more of them stops.",
            "type": "number", "minimum": 0, "maximum": 1,
        },
        "after_rows": {
            "description": "Rows before which no share is computed.",
            "type": "integer", "minimum": 0,
        },
    }));
    take_variables(&mut letters);
    json!({ "dead_letter": letters, "end": end_map(json!({})), "option": option() })
}

/// An end: a URI, a name of `data_sources`, or a map as the definitions have it under `name`.
pub(super) fn end(name: &str) -> Schema {
    json_schema!({
        "anyOf": [
            { "description": "A URI, a path, or a name of data_sources.", "type": "string" },
            { "$ref": format!("#/$defs/{name}") },
        ]
    })
}

/// The list of transforms.
pub(super) fn transform(_: &mut SchemaGenerator) -> Schema {
    let names = json!({ "type": "array", "items": { "type": "string" } });
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let of = |key: &str| match key {
        "select" | "drop" => names.clone(),
        "rename" | "cast" => texts.clone(),
        "set" => json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        }),
        _ => json!({ "type": "string" }),
    };
    let properties: Map<String, Value> = KEYS
        .iter()
        .map(|key| ((*key).to_owned(), of(key)))
        .collect();
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        }
    })
}

fn paths(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
    })
}

fn profiles(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

fn entries(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": end("end") })
}
