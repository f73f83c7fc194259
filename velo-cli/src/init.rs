//! `velo init SRC DST [FILE]`: a pipeline file with a comment on every key.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use velo_core::{Error, ErrorKind, Result, Uri};
use velo_pipeline::config::{PipelineFile, schema};
use velo_pipeline::{Guarantee, guarantee};
use velo_registry::{Registry, create_sink, create_source};

use crate::args::Arguments;
use crate::report;

/// Where positions are kept by a service.
const STATE: &str = "/var/lib/velo";

/// Keys that only change what is good already, with their defaults.
const DEFAULTS: [(&str, &str, &str); 12] = [
    (
        "transform",
        "[{ select: [id] }, { filter: \"amount >= 10\" }]",
        "What is done to rows on their way, in this order",
    ),
    (
        "memory",
        "64MiB",
        "For the rows on their way; at least 32 MiB",
    ),
    (
        "threads",
        "4",
        "Lanes that work side by side; as many as there are cores",
    ),
    (
        "task",
        "0",
        "Which of the pipeline's parallel processes this is",
    ),
    (
        "retry",
        "{ first: 100ms, longest: 10s, factor: 2, jitter: 0.5 }",
        "Waits after failures that pass",
    ),
    (
        "circuit_breaker",
        "{ failures: 5, open_for: 10s, successes: 1 }",
        "When trying is given up for a while",
    ),
    (
        "timeout",
        "1m",
        "For a call to source or sink; writes may take ten times as long",
    ),
    (
        "stop_within",
        "10s",
        "How long a stop in good order may take",
    ),
    (
        "status",
        "{ listen: 127.0.0.1:9464 }",
        "Status page, metrics and health over HTTP; `velo top` shows them",
    ),
    (
        "webhook",
        "{ url: \"${file:/run/secrets/hook}\" }",
        "Who is told when its health changes",
    ),
    (
        "log",
        "{ format: text, level: warn }",
        "What a run logs on standard error",
    ),
    (
        "metadata",
        "{ owner: \"\" }",
        "Anything that people or programs want to know",
    ),
];

/// Keys that share configuration between files and environments.
const SHARED: [(&str, &str, &str); 5] = [
    ("extends", "base.yaml", "Lay this file over another one"),
    (
        "profiles",
        "{ prod: { memory: 256MiB } }",
        "Parts to lay over the rest: --profile prod",
    ),
    (
        "data_sources",
        "{ orders_in: { type: file, path: in.csv } }",
        "Ends by name: source: orders_in",
    ),
    (
        "sources",
        "{ eu: eu.csv, us: us.csv }",
        "Several sources instead of one",
    ),
    (
        "sinks",
        "{ lake: lake/, copy: copy.csv }",
        "Several sinks: every row goes to each",
    ),
];

pub(crate) fn init(
    all: &Arguments,
    source: &str,
    destination: &str,
    file: Option<&Path>,
) -> Result<()> {
    let name = name(source, destination)?;
    let text = written(&name, source, destination)?;
    // It is read back, so that nothing is written that `velo check` would refuse.
    PipelineFile::parse(&text)?.pipeline(&Registry::default())?;
    if file == Some(Path::new("-")) {
        return report::print(&text);
    }
    let path = file.map_or_else(|| PathBuf::from(format!("{name}.yaml")), Path::to_owned);
    create(&path, &text).map_err(|error| error.within("file", path.display()))?;
    let shown = path.display();
    if !all.quiet {
        report::print(&format!(
            "wrote {shown}\nnext: velo check {shown}; velo doctor {shown}; velo run {shown}\n"
        ))?;
    }
    Ok(())
}

/// Writes a new file; nobody else may read it where the URIs hold a password.
fn create(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

fn written(name: &str, source: &str, destination: &str) -> Result<String> {
    let (reads, sink) = (create_source(source)?, Uri::parse(destination)?);
    if !destination.contains("${") {
        // Refused in its own words, not as line 3 of a file that nobody has seen.
        create_sink(destination)?;
    }
    let relative = [&Uri::parse(source)?, &sink].into_iter().any(is_relative);
    let (store, letters) = match relative {
        true => ("state".to_owned(), format!("state/{name}.dead.jsonl")),
        false => (
            format!("file://{STATE}"),
            format!("file://{STATE}/{name}.dead.jsonl"),
        ),
    };
    let begin = format!(
        "name: {}\nsource: {}\nsink: {}\ncheckpoint: {{ store: {store} }}\n",
        quoted(name),
        quoted(source),
        quoted(destination)
    );
    let opened = PipelineFile::parse(&begin)?.pipeline(&Registry::default())?;
    let promise = guarantee(&reads.capabilities(), &opened.sink().capabilities());
    let delivery = match promise {
        Guarantee::EffectivelyOnce => "delivery: effectively_once".to_owned(),
        Guarantee::AtLeastOnce => "delivery: at_least_once".to_owned(),
        _ => format!("# delivery: {promise} is all that this pair can promise"),
    };
    let mut text = format!(
        "# A pipeline of velo; `velo check` and `velo doctor` say whether all is well.\n\
         # yaml-language-server: $schema=pipeline.schema.json\n\
         # The line above makes an editor complete and check this file: velo check --schema > pipeline.schema.json\n\n\
         # Positions are kept under this name; with another one the pipeline begins anew.\n\
         name: {}\n\n\
         # Where rows come from: a URI, or a map of `uri` and its options (velo connectors NAME).\n\
         source: {}\n\n\
         # Where they go. ${{stream}} and ${{column}} in the path are filled in by the rows.\n\
         sink: {}\n\n\
         # What a restart may do to rows; refused at the start where it cannot be kept.\n\
         {delivery}\n\n\
         # Where the pipeline remembers how far it has come, and how often it commits.\n\
         checkpoint: {{ store: {}, every: 5s }}\n\n\
         # Rows that do not decode, or that nobody takes, are kept here: velo dlq list FILE.\n\
         dead_letter: {}\n\n\
         # The rest has good defaults.\n\n",
        quoted(name),
        quoted(source),
        quoted(destination),
        quoted(&store),
        quoted(&letters)
    );
    text += &commented(&DEFAULTS);
    text += "# Sharing between files and environments: docs/configuration.md.\n\n";
    text += &commented(&SHARED);
    text += &others(&text);
    Ok(text)
}

fn commented(keys: &[(&str, &str, &str)]) -> String {
    let one = |(key, value, what): &(&str, &str, &str)| format!("# {what}\n# {key}: {value}\n\n");
    keys.iter().map(one).collect()
}

/// Describes the keys that this page has no words of its own for.
fn others(text: &str) -> String {
    let schema = schema();
    let known = |key: &str| {
        let starts = |line: &str| {
            line.trim_start_matches("# ")
                .starts_with(&format!("{key}:"))
        };
        text.lines().any(starts)
    };
    let keys = schema["properties"].as_object().into_iter().flatten();
    let unknown = keys.filter(|(key, _)| !known(key));
    unknown
        .map(|(key, schema)| {
            let what = schema["description"].as_str().unwrap_or_default();
            let first = what.lines().next().unwrap_or_default();
            format!("# {first}\n# {key}: …\n\n")
        })
        .collect()
}

/// Writes text so that YAML takes it as it stands, and no part of it for a variable.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let word = matches!(text, "true" | "false" | "null" | "Null" | "NULL");
    match begins && !word && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

fn is_relative(uri: &Uri) -> bool {
    uri.is_bare() && uri.path() != "-" && !uri.path().starts_with('/')
}

/// Makes a name of both ends: `logs-to-lake`.
fn name(source: &str, destination: &str) -> Result<String> {
    let name = format!(
        "{}-to-{}",
        part(&Uri::parse(source)?),
        part(&Uri::parse(destination)?)
    );
    match name.len() <= 64 {
        true => Ok(name),
        false => Err(Error::new(
            ErrorKind::Unexpected,
            "name of the pipeline is too long",
        )),
    }
}

/// The last part of a path that names something, without its endings.
fn part(uri: &Uri) -> String {
    const LONGEST: usize = 30;
    let fixed = |segment: &str| {
        !segment.contains(['*', '?', '[', '{', '$'])
            && segment.contains(|c: char| c.is_ascii_alphanumeric())
    };
    let segments: Vec<_> = uri.segments().collect();
    let last = segments.iter().rev().find(|segment| fixed(segment));
    let named = last.map(|segment| {
        segment
            .trim_start_matches('.')
            .split('.')
            .next()
            .unwrap_or_default()
    });
    let host = uri.authority().split([',', ':']).next().unwrap_or_default();
    let found = named.filter(|name| !name.is_empty()).unwrap_or(host);
    let found = if found.is_empty() {
        uri.scheme()
    } else {
        found
    };
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '-',
    };
    let name: String = found.chars().take(LONGEST).map(plain).collect();
    let name = name.trim_matches('-');
    if name.is_empty() {
        "rows".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_both_ends() {
        for (source, destination, expected) in [
            ("data/orders.csv.gz", "out/", "orders-to-out"),
            (
                "logs/**/*.jsonl",
                "file:///lake/${stream}/?format=parquet",
                "logs-to-lake",
            ),
            ("-", "stdout:?format=csv", "file-to-stdout"),
            (
                "test://order?rows=5",
                "/tmp/Zürich Ost.csv",
                "order-to-z-rich-ost",
            ),
        ] {
            assert_eq!(name(source, destination).unwrap(), expected);
        }
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(quoted("a/b.csv"), "a/b.csv");
        for text in ["true", "1e3", "a: b", "it's", "- x", "*.csv", "#", ""] {
            let yaml = format!("name: a\nsource: {}\nsink: b\n", quoted(text));
            let read = PipelineFile::parse(&yaml).unwrap();
            assert_eq!(read.source.unwrap().uri, text);
        }
    }
}
