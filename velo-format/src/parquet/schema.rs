//! Which Arrow types a file's columns are read as, and which can be written.

use std::sync::Arc;

use ::parquet::arrow::ArrowSchemaConverter;
use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use super::error::fenced;

/// Gives the schema with dictionaries resolved to their values, at any depth.
pub(crate) fn plain(schema: &Schema) -> SchemaRef {
    let fields: Fields = schema.fields().iter().map(plain_field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn plain_field(field: &FieldRef) -> FieldRef {
    let inner = |inner: &FieldRef| plain_field(inner);
    let kind = match field.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::LargeList(item) => DataType::LargeList(inner(item)),
        DataType::ListView(item) => DataType::ListView(inner(item)),
        DataType::LargeListView(item) => DataType::LargeListView(inner(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(inner(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        _ => return field.clone(),
    };
    retyped(field, kind)
}

/// Gives the schema with text and bytes of top-level columns as views.
pub(super) fn views(schema: &Schema) -> SchemaRef {
    let viewed = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => retyped(field, DataType::Utf8View),
        DataType::Binary | DataType::LargeBinary => retyped(field, DataType::BinaryView),
        _ => field.clone(),
    });
    let fields: Fields = viewed.collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// Not `with_data_type` alone: a dictionary's field keeps the flag of its order.
fn retyped(field: &Field, kind: DataType) -> FieldRef {
    let retyped = Field::new(field.name(), kind, field.is_nullable());
    Arc::new(retyped.with_metadata(field.metadata().clone()))
}

/// Refuses what Parquet, or its writer, cannot hold.
pub(super) fn check(schema: &Schema) -> Result<()> {
    if schema.fields().is_empty() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "parquet needs at least one column",
        ));
    }
    for field in schema.fields() {
        check_type(field.data_type(), field.data_type())
            .map_err(|e| e.with("column", field.name()))?;
    }
    // Whatever else the writer does not like, it says here and not in the middle of the rows.
    fenced(|| {
        ArrowSchemaConverter::new()
            .convert(schema)
            .map_err(|error| {
                Error::new(ErrorKind::Unsupported, "parquet cannot hold this schema")
                    .with_source(error)
            })
    })
    .map(drop)
}

/// Checks a type inside the type of a column.
fn check_type(kind: &DataType, column: &DataType) -> Result<()> {
    let refuse = |hint: &'static str| {
        Err(
            Error::new(ErrorKind::Unsupported, "parquet cannot hold this type")
                .with("type", column)
                .with_hint(hint),
        )
    };
    match kind {
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            refuse("its intervals have milliseconds: cast the column to text or a duration")
        }
        DataType::Union(..) => refuse("write a struct with one field for each type"),
        DataType::RunEndEncoded(..) => refuse("cast the column to its value type"),
        DataType::Struct(fields) if fields.is_empty() => {
            refuse("a struct needs at least one field: leave the column out")
        }
        DataType::FixedSizeBinary(0) => refuse("values need at least one byte: use binary"),
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale)
            if *scale < 0 =>
        {
            refuse("the scale may not be negative: cast to a decimal of scale 0")
        }
        DataType::Dictionary(_, values) if values.is_nested() => {
            refuse("dictionaries of nested values are not written: cast to the value type")
        }
        DataType::Dictionary(_, values) => check_type(values, column),
        DataType::Struct(fields) => fields
            .iter()
            .try_for_each(|field| check_type(field.data_type(), column)),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => check_type(item.data_type(), column),
        _ => Ok(()),
    }
}
