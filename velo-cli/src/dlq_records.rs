//! How to read what a dead letter holds: the options that make the same row of it as before.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use velo_core::uri::percent_encode;
use velo_core::{Error, ErrorKind, Result, StreamInfo, StreamRecord, Uri};
use velo_format::{Format, detect_name};
use velo_pipeline::config::PipelineFile;
use velo_registry::Registry;

use crate::dlq::text;
use crate::schema;

/// Options of the source that say nothing about the bytes of one record.
const OF_FILES: [&str; 15] = [
    "columns",
    "compression",
    "encoding",
    "extension_filter",
    "format",
    "header",
    "hive_partitioning",
    "infer",
    "max_records",
    "metadata",
    "on_bad_row",
    "recursive",
    "schema",
    "skip_lines",
    "types",
];

/// Letters that are read and treated in the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) stream: String,
    pub(crate) stage: String,
    /// The file that they are from, where their columns are those of the file.
    pub(crate) file: String,
}

/// What a pipeline reads and writes.
pub(crate) struct Records<'a> {
    pub(crate) described: &'a PipelineFile,
    /// The streams of the source, and as the sink gets them.
    pub(crate) streams: &'a [Arc<StreamInfo>],
    pub(crate) announced: &'a [Arc<StreamInfo>],
}

impl Records<'_> {
    /// Gives the options for letters of a kind, and the ending of files with them.
    pub(crate) async fn options(&self, kind: &Kind) -> Result<(String, &'static str)> {
        match kind.stage.as_str() {
            "decode" => self.as_it_came(kind).await,
            "transform" => Ok((as_json(self.streams, &kind.stream)?, "jsonl")),
            _ => Ok((as_json(self.announced, &kind.stream)?, "jsonl")),
        }
    }

    /// Gives the options that read a record as the source reads it, and an ending for its file.
    async fn as_it_came(&self, kind: &Kind) -> Result<(String, &'static str)> {
        let described = &self.described;
        let Some(end) = described.source.as_ref().filter(|_| !kind.file.is_empty()) else {
            return Err(cannot(
                "only records of a single source of files can be replayed",
            ));
        };
        let uri = Uri::parse(&end.uri)?;
        let query = uri.query()?;
        let given = query.names().filter(|name| !OF_FILES.contains(name));
        let given = given.filter_map(|name| Some((name.to_owned(), query.get(name)?.to_owned())));
        let mut options: Vec<(String, String)> = given.collect();
        let format = query.get("format").map(|name| {
            let name = serde_json::Value::String(name.to_owned());
            serde_json::from_value::<Format>(name).ok()
        });
        let in_path = Path::new(&kind.file).parent();
        if in_path.is_some_and(|path| path.to_string_lossy().contains('=')) {
            return Err(cannot("columns of a file's path are not among its records"));
        }
        let stream = find(self.streams, &kind.stream)?;
        match format.unwrap_or_else(|| detect_name(&kind.file).format) {
            Some(Format::Jsonl) => {
                options.push(("format".to_owned(), "jsonl".to_owned()));
                options.push(("schema".to_owned(), columns(stream)));
                Ok((spelled(&options), "jsonl"))
            }
            Some(Format::Csv) => {
                let file = self.file_itself(&end.uri, &kind.file).await?;
                let (columns, dialect) = of_file(&file, stream)?;
                let known: HashSet<_> = options.iter().map(|(name, _)| name.clone()).collect();
                options.extend(
                    dialect
                        .into_iter()
                        .filter(|(name, _)| !known.contains(name)),
                );
                options.push(("format".to_owned(), "csv".to_owned()));
                options.push(("header".to_owned(), "false".to_owned()));
                options.push(("schema".to_owned(), columns));
                Ok((spelled(&options), csv_ending(&kind.file)))
            }
            _ => Err(cannot("records of this format cannot be replayed")),
        }
    }

    /// Looks at the file that a record is from: its own columns in their order.
    async fn file_itself(&self, source: &str, path: &str) -> Result<Arc<StreamInfo>> {
        let options = source.split_once('?').map_or("", |(_, options)| options);
        let uri = Uri::parse(&format!("{}?{options}", uri_of(Path::new(path))?))?;
        let uri = uri
            .with_option("on_bad_row", "skip")?
            .with_option("hive_partitioning", "false")?;
        let streams = Registry::default().create_source_of(&uri)?.streams().await;
        let streams = streams.map_err(|error| {
            cannot("file that the records are from cannot be read").with_source(error)
        })?;
        streams
            .first()
            .cloned()
            .ok_or_else(|| cannot("file that the records are from is empty"))
    }
}

/// Spells a path as a URI.
pub(crate) fn uri_of(path: &Path) -> Result<String> {
    let path = std::path::absolute(path)?;
    Ok(format!(
        "file://{}",
        percent_encode(&path.to_string_lossy())
    ))
}

/// Says why letters are left.
pub(crate) fn cannot(why: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, why)
        .with_hint("such letters were left; `velo dlq show` shows them")
}

fn find<'s>(streams: &'s [Arc<StreamInfo>], name: &str) -> Result<&'s Arc<StreamInfo>> {
    let found = streams.iter().find(|stream| stream.name() == name);
    found.ok_or_else(|| cannot("pipeline has no stream of this name any more"))
}

/// Gives the options that read rows which were written down as JSON.
fn as_json(streams: &[Arc<StreamInfo>], name: &str) -> Result<String> {
    let columns = columns(find(streams, name)?);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Ok(spelled(&[
        pair("format", "jsonl"),
        pair("schema", &columns),
    ]))
}

fn columns(stream: &StreamInfo) -> String {
    let fields = stream.schema().fields().iter();
    let column = |field: &Arc<arrow_schema::Field>| {
        format!("{}:{}", field.name(), schema::type_name(field.data_type()))
    };
    fields.map(column).collect::<Vec<_>>().join(",")
}

/// Gives a file's columns in its own order with the types of the stream, and its dialect.
fn of_file(file: &StreamInfo, stream: &StreamInfo) -> Result<(String, Vec<(String, String)>)> {
    let mut columns = Vec::new();
    for field in file.schema().fields() {
        let field = stream.schema().field_with_name(field.name());
        let field = field.map_err(|_| cannot("file has columns that the stream has not"))?;
        columns.push(format!(
            "{}:{}",
            field.name(),
            schema::type_name(field.data_type())
        ));
    }
    let mut dialect = Vec::new();
    if let Some(detail) = file.details().first() {
        let (options, _) = detail.split_once(" (").unwrap_or((detail, ""));
        for option in options.split(' ') {
            let pair = option
                .split_once('=')
                .filter(|(_, value)| !value.is_empty());
            let unclear = || cannot("dialect of the file is not clear: name its delimiter");
            let (name, value) = pair.ok_or_else(unclear)?;
            if name != "header" {
                dialect.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    Ok((columns.join(","), dialect))
}

fn spelled(options: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("{name}={}", percent_encode(value));
    options.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Gives an ending that says the same of the dialect as the file's own.
fn csv_ending(path: &str) -> &'static str {
    let endings = ["tsv", "tab", "psv"].into_iter();
    let mut endings = endings.filter(|ending| path.contains(&format!(".{ending}")));
    endings.next().unwrap_or("csv")
}

/// Gives the bytes of a letter.
pub(crate) fn raw(letter: &StreamRecord<'_>) -> Result<Vec<u8>> {
    let hex = text(letter, "raw_bytes");
    if hex.is_empty() {
        return Ok(text(letter, "raw").into_bytes());
    }
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    bytes.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidData,
            "bytes of a dead letter are not hexadecimal",
        )
        .with("id", text(letter, "id"))
    })
}
