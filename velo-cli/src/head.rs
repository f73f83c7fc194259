//! `velo head URI`.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::cast;
use arrow_cast::pretty::pretty_format_batches;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema};
use velo_core::{Batch, Error, ErrorKind, Result};
use velo_format::jsonl::JsonLinesOutput;
use velo_format::{OutputFormat, WriteOptions};
use velo_registry::create_source;

use crate::args::Arguments;
use crate::report;

pub(crate) async fn head(all: &Arguments, uri: &str, rows: usize) -> Result<()> {
    let source = create_source(uri)?;
    let mut reader = source.reader().await?;
    let mut wanted = rows;
    let mut batches: Vec<Batch> = Vec::new();
    while wanted > 0 {
        let Some(batch) = reader.read_batch().await? else {
            break;
        };
        let part = batch.slice(0, wanted.min(batch.num_rows()));
        wanted -= part.num_rows();
        batches.push(part);
    }
    if all.json {
        return print_json(&batches);
    }
    let mut rows: Vec<RecordBatch> = batches.iter().map(|batch| batch.rows().clone()).collect();
    if rows.is_empty() {
        let streams = source.streams().await?;
        rows.extend(
            streams
                .first()
                .map(|stream| RecordBatch::new_empty(stream.schema().clone())),
        );
    }
    let shown = rows.iter().map(in_utc).collect::<Result<Vec<_>, _>>();
    let table = shown
        .and_then(|rows| pretty_format_batches(&rows))
        .map_err(|e| Error::new(ErrorKind::Unsupported, "show rows").with_source(e))?;
    report::print(&format!("{table}\n"))
}

/// Shows points in time in UTC: rules of named zones need a database that we do not carry.
fn in_utc(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let field = |field: &FieldRef| Arc::new(field_in_utc(field));
    let fields: Fields = schema.fields().iter().map(field).collect();
    let columns = rows.columns().iter().zip(&fields);
    let columns = columns.map(|(array, field)| cast(array, field.data_type()));
    let columns = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn field_in_utc(field: &FieldRef) -> Field {
    let kind = type_in_utc(field.data_type());
    field.as_ref().clone().with_data_type(kind)
}

fn type_in_utc(kind: &DataType) -> DataType {
    let inner = |field: &FieldRef| Arc::new(field_in_utc(field));
    match kind {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::LargeList(item) => DataType::LargeList(inner(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(inner(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        other => other.clone(),
    }
}

/// Prints rows as JSON lines, exactly as `velo copy` writes them.
pub(crate) fn print_json(batches: &[Batch]) -> Result<()> {
    let output = JsonLinesOutput::new(&WriteOptions::default())?;
    for batch in batches {
        let schema = batch.rows().schema();
        let mut chunks = output.chunks(&schema)?;
        let mut file = output.file(&schema, Box::new(std::io::stdout()))?;
        chunks.write(batch.rows())?;
        while chunks.rows() > 0 {
            file.append(chunks.finish()?)?;
        }
        file.finish()?;
    }
    Ok(())
}
