//! Reads what arrived, with readers that are not velo's own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};
use velo_core::{Error, ErrorKind, Result};

use crate::ledger::{POISON, Record};

/// What the visible files are.
///
/// ```
/// assert_eq!(velo_testkit::oracle::Format::JsonLines.name(), "jsonl");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object on each line, read by serde_json.
    JsonLines,
    /// CSV with a header, read by the csv crate; an empty field is null.
    Csv,
    /// One JSON array in each file, read by serde_json.
    JsonArray,
    /// Parquet, read by the parquet crate.
    Parquet,
    /// Arrow's file format, read by the arrow-ipc crate.
    Arrow,
    /// Arrow's stream format, read by the arrow-ipc crate.
    ArrowStream,
    /// Avro object containers, read by the apache-avro crate.
    Avro,
    /// Lines of text, each of them a JSON object here, read by serde_json.
    Text,
}

impl Format {
    /// The name in velo's options.
    ///
    /// ```
    /// assert_eq!(velo_testkit::oracle::Format::Csv.name(), "csv");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
            Self::JsonArray => "json_array",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::ArrowStream => "arrow_stream",
            Self::Avro => "avro",
            Self::Text => "text",
        }
    }
}

/// What is found in a sink, one after the other.
#[derive(Debug)]
pub enum Seen {
    /// The next file begins.
    File(PathBuf),
    /// A row of it.
    Row(Row),
    /// Something in it does not decode; this says what and where.
    Unreadable(String),
}

/// One row as text: names and values, nulls left out, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(Vec<(String, String)>);

impl Row {
    fn new(mut fields: Vec<(String, String)>) -> Self {
        fields.sort();
        Self(fields)
    }

    fn of_object(fields: Map<String, Value>) -> Self {
        let fields = fields.into_iter().filter_map(|(name, value)| match value {
            Value::Null => None,
            Value::String(text) => Some((name, text)),
            other => Some((name, other.to_string())),
        });
        Self::new(fields.collect())
    }

    /// The whole row in one text that no other row has.
    ///
    /// ```
    /// assert_eq!(velo_testkit::oracle::Row::default().text(), "[]");
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        format!("{:?}", self.0)
    }

    /// Which line that is no record a dead letter holds, from 0 on.
    pub(super) fn poison(&self) -> Option<usize> {
        let (_, raw) = self.0.iter().find(|(name, _)| name == "raw")?;
        let number: usize = raw.trim_end().strip_prefix(POISON)?.parse().ok()?;
        number.checked_sub(1)
    }

    /// The record that the row is, when it has all fields of one and no other.
    ///
    /// ```
    /// assert_eq!(velo_testkit::oracle::Row::default().record(), None);
    /// ```
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        let find = |name: &str| {
            let field = self.0.iter().find(|(it, _)| it == name);
            field.map(|(_, value)| value.as_str())
        };
        let tx = match find("tx") {
            Some(tx) => Some(tx.parse().ok()?),
            None => None,
        };
        let record = Record {
            run: find("run")?.parse().ok()?,
            key: find("key")?.parse().ok()?,
            seq: find("seq")?.parse().ok()?,
            tx,
            payload: find("payload")?.to_owned(),
            crc: find("crc")?.parse().ok()?,
        };
        (self.0.len() == 5 + usize::from(tx.is_some())).then_some(record)
    }
}

/// Hands over everything in a file, or in the visible files of a directory in the order of their
/// names; what begins with a dot or an underscore is not visible.
///
/// # Errors
/// `Io` and its kin when a file or directory can't be opened.
///
/// ```
/// use velo_testkit::oracle::{Format, read};
/// assert!(read("no/such/file".as_ref(), Format::Csv, &mut |_| {}).is_err());
/// ```
pub fn read(place: &Path, format: Format, see: &mut dyn FnMut(Seen)) -> Result<()> {
    for path in visible_files(place)? {
        let file = File::open(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        see(Seen::File(path.clone()));
        let result = match format {
            Format::JsonLines | Format::Text => json_lines(file, &name, see),
            Format::Csv => csv_records(file, see),
            Format::JsonArray => json_array(file, see),
            Format::Parquet => parquet_rows(file, see),
            Format::Arrow => arrow_rows(file, see),
            Format::ArrowStream => arrow_stream_rows(file, see),
            Format::Avro => avro_rows(file, see),
        };
        if let Err(error) = result {
            see(Seen::Unreadable(format!("{name}: {}", error.report())));
        }
    }
    Ok(())
}

/// The visible files at or below a place, sorted.
///
/// # Errors
/// `Io` and its kin when a directory can't be listed.
///
/// ```
/// assert!(velo_testkit::oracle::visible_files("no/such/folder".as_ref()).is_err());
/// ```
pub fn visible_files(place: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if std::fs::metadata(place)?.is_file() {
        files.push(place.to_owned());
        return Ok(files);
    }
    let mut directories = vec![place.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(['.', '_']) {
                continue;
            }
            match entry.file_type()?.is_dir() {
                true => directories.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    files.sort();
    Ok(files)
}

fn json_lines(file: File, name: &str, see: &mut dyn FnMut(Seen)) -> Result<()> {
    for (number, line) in BufReader::new(file).split(b'\n').enumerate() {
        let line = line?;
        match serde_json::from_slice::<Value>(&line) {
            Ok(Value::Object(fields)) => see(Seen::Row(Row::of_object(fields))),
            _ => {
                let line = number + 1;
                see(Seen::Unreadable(format!(
                    "{name}: line {line} is no object"
                )));
            }
        }
    }
    Ok(())
}

fn json_array(file: File, see: &mut dyn FnMut(Seen)) -> Result<()> {
    let objects: Vec<Map<String, Value>> =
        serde_json::from_reader(BufReader::new(file)).map_err(undecodable)?;
    for fields in objects {
        see(Seen::Row(Row::of_object(fields)));
    }
    Ok(())
}

fn csv_records(file: File, see: &mut dyn FnMut(Seen)) -> Result<()> {
    let mut reader = csv::Reader::from_reader(BufReader::new(file));
    let names = reader.headers().map_err(undecodable)?.clone();
    for record in reader.records() {
        let record = record.map_err(undecodable)?;
        let fields = names.iter().zip(&record);
        let present = fields.filter(|(_, value)| !value.is_empty());
        let owned = present.map(|(name, value)| (name.to_owned(), value.to_owned()));
        see(Seen::Row(Row::new(owned.collect())));
    }
    Ok(())
}

fn parquet_rows(file: File, see: &mut dyn FnMut(Seen)) -> Result<()> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(undecodable)?;
    for batch in builder.build().map_err(undecodable)? {
        batch_rows(&batch?, see)?;
    }
    Ok(())
}

fn arrow_rows(file: File, see: &mut dyn FnMut(Seen)) -> Result<()> {
    for batch in arrow_ipc::reader::FileReader::try_new(file, None)? {
        batch_rows(&batch?, see)?;
    }
    Ok(())
}

fn arrow_stream_rows(file: File, see: &mut dyn FnMut(Seen)) -> Result<()> {
    for batch in arrow_ipc::reader::StreamReader::try_new(BufReader::new(file), None)? {
        batch_rows(&batch?, see)?;
    }
    Ok(())
}

fn avro_rows(file: File, see: &mut dyn FnMut(Seen)) -> Result<()> {
    for record in apache_avro::Reader::new(BufReader::new(file)).map_err(undecodable)? {
        let value = Value::try_from(record.map_err(undecodable)?).map_err(undecodable)?;
        let Value::Object(fields) = value else {
            return Err(Error::new(ErrorKind::InvalidData, "value is no record"));
        };
        see(Seen::Row(Row::of_object(fields)));
    }
    Ok(())
}

fn batch_rows(batch: &RecordBatch, see: &mut dyn FnMut(Seen)) -> Result<()> {
    let schema = batch.schema();
    let options = FormatOptions::new();
    let columns = batch.columns().iter().map(without_zone);
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let formatters = columns
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let mut fields = Vec::new();
        for (at, formatter) in formatters.iter().enumerate() {
            if batch.column(at).is_valid(row) {
                let value = formatter.value(row).try_to_string()?;
                fields.push((schema.field(at).name().clone(), value));
            }
        }
        see(Seen::Row(Row::new(fields)));
    }
    Ok(())
}

/// Points in time as such: naming a zone needs a table of zones.
fn without_zone(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            arrow_cast::cast(column, &DataType::Timestamp(*unit, None))
        }
        _ => Ok(Arc::clone(column)),
    }
}

fn undecodable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::InvalidData, "decode what arrived").with_source(error)
}
