//! `velo connectors [NAME]`: the reference, from the connectors' own descriptions.

use velo_core::{Connector, Error, ErrorKind, OptionInfo, Result, nearest};
use velo_registry::connectors;

use crate::args::Arguments;
use crate::report;

pub(crate) fn list(all: &Arguments, name: Option<&str>) -> Result<()> {
    let mut wanted = connectors();
    if let Some(name) = name {
        let known: Vec<&str> = wanted.iter().flat_map(|c| c.schemes).copied().collect();
        wanted.retain(|c| c.name == name || c.schemes.contains(&name));
        if wanted.is_empty() {
            let error = Error::new(ErrorKind::InvalidInput, "no such connector").with("name", name);
            return Err(match nearest(name, known.iter().copied()) {
                Some(name) => error.with_hint(format!("did you mean `{name}`?")),
                None => error.with_hint(format!("known are {}", known.join(", "))),
            });
        }
    }
    if all.json {
        let all: Vec<_> = wanted.iter().map(as_json).collect();
        return report::print(&format!("{}\n", serde_json::json!(all)));
    }
    let text = match (name, wanted.first()) {
        (Some(_), Some(connector)) => page(connector),
        _ => wanted.iter().map(line).collect(),
    };
    report::print(&text)
}

fn line(connector: &Connector) -> String {
    let directions = match (connector.source.is_some(), connector.sink.is_some()) {
        (true, true) => "read, write",
        (true, false) => "read",
        _ => "write",
    };
    format!(
        "{:10} {directions:12} {}\n",
        connector.name, connector.summary
    )
}

fn page(connector: &Connector) -> String {
    let mut text = format!("{}\n\nURIs\n", connector.summary);
    for (uri, meaning) in connector.uris {
        text += &format!("  {uri:44} {meaning}\n");
    }
    if connector.source.is_some() {
        text += &section("Options of reading", &(connector.source_options)());
    }
    if connector.sink.is_some() {
        text += &section("Options of writing", &(connector.sink_options)());
    }
    text
}

fn section(title: &str, options: &[OptionInfo]) -> String {
    let mut text = format!("\n{title}\n");
    for option in options {
        let default = option
            .default
            .as_ref()
            .map(|d| format!(" [default: {d}]"))
            .unwrap_or_default();
        text += &format!(
            "  {} <{}>{default}\n      {}\n",
            option.name, option.kind, option.doc
        );
    }
    text
}

fn as_json(connector: &Connector) -> serde_json::Value {
    let options = |options: Vec<OptionInfo>| -> Vec<serde_json::Value> {
        let one = |option: OptionInfo| {
            serde_json::json!({
                "name": option.name,
                "type": option.kind,
                "default": option.default,
                "doc": option.doc,
                "schema": option.schema,
            })
        };
        options.into_iter().map(one).collect()
    };
    let uri = |(uri, meaning): &(&str, &str)| serde_json::json!({"uri": uri, "meaning": meaning});
    serde_json::json!({
        "name": connector.name,
        "summary": connector.summary,
        "schemes": connector.schemes,
        "uris": connector.uris.iter().map(uri).collect::<Vec<_>>(),
        "source": connector.source.map(|_| options((connector.source_options)())),
        "sink": connector.sink.map(|_| options((connector.sink_options)())),
    })
}
