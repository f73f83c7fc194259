//! `cargo xtask docs`: the references of options and metrics, the schema of the pipeline file, alert
//! rules and dashboard, written from what the binary says of itself.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{cargo, output, program, run};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

const REFERENCE: &str = "docs/connectors.md";
const SCHEMA: &str = "docs/pipeline.schema.json";
const BEGIN: &str = "<!-- options: written by `cargo xtask docs` -->\n";
const END: &str = "<!-- end of options -->";

/// What `velo metrics --format …` prints, and where it belongs.
const METRICS: [(&str, &str); 3] = [
    ("docs", "docs/metrics.md"),
    ("alerts", "deploy/prometheus/alerts.yaml"),
    ("grafana", "deploy/grafana/velo.json"),
];

/// Whether to write what is out of date or only to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// Writes `docs/connectors.md`, the option tables in the connectors' README files, the schema,
/// and what is made of the tables of metrics and alerts.
pub(crate) fn docs(workspace: &Workspace, mode: Mode) -> Result {
    let binary = binary(workspace)?;
    let mut written = documents(workspace, &connectors(workspace, &binary)?)?;
    for (format, path) in METRICS {
        let print = ["metrics", "--format", format];
        let text = output(program(&binary, &workspace.root).args(print))?;
        written.push((path.to_owned(), text));
    }
    let mut schema = program(&binary, &workspace.root);
    let schema = output(schema.args(["check", "--schema"]))?;
    written.push((SCHEMA.to_owned(), schema));
    let mut stale = Vec::new();
    for (path, text) in written {
        let full = workspace.root.join(&path);
        if std::fs::read_to_string(&full).is_ok_and(|written| written == text) {
            continue;
        }
        if mode == Mode::Write {
            if let Some(directory) = full.parent() {
                std::fs::create_dir_all(directory)?;
            }
            std::fs::write(&full, text).map_err(|error| Error::file(&full, &error))?;
            println!("wrote {path}");
        }
        stale.push(path);
    }
    if mode == Mode::Check && !stale.is_empty() {
        let files = stale.join(", ");
        return Err(Error::new(format!(
            "out of date: {files}; run `cargo xtask docs`"
        )));
    }
    Ok(())
}

/// Gives the binary: `VELO_BIN`, or one that is built here.
fn binary(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("VELO_BIN") {
        return Ok(PathBuf::from(binary));
    }
    // The very build that the tests use: alone, the binary would have its dependencies compiled anew
    // with fewer features.
    let arguments = [
        "build",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--locked",
    ];
    run(cargo(&workspace.root).args(arguments))?;
    Ok(workspace.target.join("debug/velo"))
}

/// Asks `velo connectors --json`.
fn connectors(workspace: &Workspace, binary: &Path) -> Result<Vec<Value>> {
    let text = output(program(binary, &workspace.root).args(["connectors", "--json"]))?;
    let unclear = || Error::new("`velo connectors --json` printed no JSON array of connectors");
    match serde_json::from_str(&text) {
        Ok(Value::Array(connectors)) if !connectors.is_empty() => Ok(connectors),
        _ => Err(unclear()),
    }
}

/// Each generated file with the text that it should have.
fn documents(workspace: &Workspace, connectors: &[Value]) -> Result<Vec<(String, String)>> {
    let mut documents = vec![(REFERENCE.to_owned(), reference(connectors))];
    for connector in connectors {
        let path = format!("velo-{}/README.md", name(connector));
        if !workspace.root.join(&path).is_file() {
            continue;
        }
        let readme = workspace.read(Path::new(&path))?;
        if let Some(text) = with_options(&readme, &option_tables(connector, "##")) {
            documents.push((path, text));
        }
    }
    Ok(documents)
}

/// Puts option tables between the two marks of a README; `None` where it has no marks.
fn with_options(readme: &str, tables: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{tables}\n{END}{after}"))
}

fn reference(connectors: &[Value]) -> String {
    let mut text = String::from(
        "<!-- Written by `cargo xtask docs`; edit the options' doc comments instead. -->\n\n\
         # Connectors and their options\n\n\
         An option goes into the query of a URI: `data.csv?delimiter=;`. The same word in\n\
         kebab-case or camelCase is understood. `velo connectors <name>` prints what stands here.\n",
    );
    for connector in connectors {
        let summary = connector["summary"].as_str().unwrap_or_default();
        text.push_str(&format!("\n## {}\n\n{summary}\n\n", name(connector)));
        text.push_str("| URI | what it means |\n|---|---|\n");
        for uri in connector["uris"].as_array().into_iter().flatten() {
            let [uri, meaning] = ["uri", "meaning"].map(|key| cell_of(uri, key));
            text.push_str(&format!("| `{uri}` | {meaning} |\n"));
        }
        text.push('\n');
        text.push_str(&option_tables(connector, "###"));
    }
    text
}

fn option_tables(connector: &Value, heading: &str) -> String {
    let tables = [("source", "Reading"), ("sink", "Writing")];
    let tables = tables.iter().filter_map(|(side, title)| {
        let options = connector[side].as_array()?;
        Some(option_table(options, &format!("{heading} {title}")))
    });
    tables.collect::<Vec<_>>().join("\n")
}

fn option_table(options: &[Value], title: &str) -> String {
    let mut text = format!("{title}\n\n");
    if options.is_empty() {
        text.push_str("No options.\n");
        return text;
    }
    text.push_str("| option | value | default | what it does |\n|---|---|---|---|\n");
    for option in options {
        let default = match &option["default"] {
            Value::Null => String::new(),
            Value::String(default) if default.is_empty() => "empty".to_owned(),
            Value::String(default) => format!("`{}`", cell(default)),
            other => format!("`{}`", cell(&other.to_string())),
        };
        let [name, kind, doc] = ["name", "type", "doc"].map(|key| cell_of(option, key));
        let row = [format!("`{name}`"), kind, default, doc];
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
}

fn name(connector: &Value) -> &str {
    connector["name"].as_str().unwrap_or_default()
}

fn cell_of(value: &Value, key: &str) -> String {
    cell(value[key].as_str().unwrap_or_default())
}

/// Text that breaks no table: one line, no bare bar, control characters spelled.
fn cell(text: &str) -> String {
    let text = text
        .replace('|', "\\|")
        .replace('\t', "\\t")
        .replace('\r', "\\r");
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file() -> Value {
        json!({
            "name": "file",
            "summary": "Files.",
            "schemes": ["file"],
            "uris": [{ "uri": "path", "meaning": "a file" }],
            "source": [
                { "name": "delimiter", "type": "text", "default": "\t", "doc": "Between | fields." },
                { "name": "limit", "type": "number", "default": null, "doc": "Rows at most." },
                { "name": "header", "type": "true or false", "default": "true", "doc": "A header." },
            ],
            "sink": [],
        })
    }

    #[test]
    fn every_option_is_one_row() {
        let text = reference(&[file()]);
        assert!(text.contains("\n## file\n\nFiles.\n\n| URI | what it means |\n"));
        assert!(text.contains("| `path` | a file |\n\n### Reading\n"));
        assert!(text.contains("| `delimiter` | text | `\\t` | Between \\| fields. |\n"));
        assert!(text.contains("| `limit` | number |  | Rows at most. |\n"));
        assert!(text.contains("| `header` | true or false | `true` | A header. |\n"));
        assert!(text.ends_with("### Writing\n\nNo options.\n"));
    }

    #[test]
    fn a_readme_keeps_its_own_words_around_the_tables() {
        let readme = format!("# velo-file\n\n{BEGIN}old\n{END}\nthe rest\n");
        let text = with_options(&readme, "tables\n").unwrap_or_default();
        assert_eq!(
            text,
            format!("# velo-file\n\n{BEGIN}\ntables\n\n{END}\nthe rest\n")
        );
        assert_eq!(with_options(&text, "tables\n"), Some(text.clone()));
        assert_eq!(with_options("# velo-x\n", "tables\n"), None);
    }
}
