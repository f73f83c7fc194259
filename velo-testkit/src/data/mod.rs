//! Generated data: every Arrow type that velo supports, with nulls, unicode and extremes.

mod columns;
mod flat;
mod nested;
mod random;
mod strategies;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use velo_core::{Batch, Result, StreamInfo};

pub use random::Random;
pub use strategies::{batches, record_batches, schemas, types};

/// Lists every Arrow type that velo carries, one representative of each family of parameters.
///
/// ```
/// use arrow_schema::DataType;
/// assert!(velo_testkit::data::supported_types().contains(&DataType::UInt64));
/// ```
#[must_use]
pub fn supported_types() -> Vec<DataType> {
    use DataType as T;
    let mut types = vec![
        T::Boolean,
        T::Int8,
        T::Int16,
        T::Int32,
        T::Int64,
        T::UInt8,
        T::UInt16,
        T::UInt32,
        T::UInt64,
        T::Float16,
        T::Float32,
        T::Float64,
        T::Decimal32(9, 2),
        T::Decimal64(18, 3),
        T::Decimal128(10, 0),
        T::Decimal128(38, 10),
        T::Decimal256(76, 20),
        T::Date32,
        T::Date64,
        T::Time32(TimeUnit::Second),
        T::Time32(TimeUnit::Millisecond),
        T::Time64(TimeUnit::Microsecond),
        T::Time64(TimeUnit::Nanosecond),
        T::Utf8,
        T::LargeUtf8,
        T::Utf8View,
        T::Binary,
        T::LargeBinary,
        T::BinaryView,
        T::FixedSizeBinary(5),
    ];
    for unit in [
        TimeUnit::Second,
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ] {
        types.push(T::Duration(unit));
        for zone in [None, Some("UTC"), Some("+05:30")] {
            types.push(T::Timestamp(unit, zone.map(Arc::from)));
        }
    }
    types.extend(nested_types());
    types
}

fn nested_types() -> [DataType; 8] {
    use DataType as T;
    let item = |of| Arc::new(Field::new_list_field(of, true));
    let point = T::Struct(Fields::from(vec![
        Field::new("x", T::Int64, false),
        Field::new("label", T::Utf8, true),
        Field::new("tags", T::List(item(T::Utf8)), true),
    ]));
    let entry = T::Struct(Fields::from(vec![
        Field::new("keys", T::Utf8, false),
        Field::new("values", T::Int64, true),
    ]));
    [
        T::List(item(T::Int32)),
        T::LargeList(item(T::Utf8)),
        T::FixedSizeList(item(T::Float32), 3),
        T::List(item(T::List(item(T::Int64)))),
        point.clone(),
        T::List(item(point)),
        T::Map(Arc::new(Field::new("entries", entry, false)), false),
        T::Dictionary(Box::new(T::Int32), Box::new(T::Utf8)),
    ]
}

/// Generates one column: extremes first, then random values, every fifth one null.
///
/// # Errors
/// `Unsupported` for a type that velo does not carry.
///
/// ```
/// use arrow_array::Array;
/// use arrow_schema::DataType;
/// let column = velo_testkit::data::column(&DataType::Float64, 20, 7)?;
/// assert_eq!((column.len(), column.null_count()), (20, 4));
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn column(data_type: &DataType, rows: usize, seed: u64) -> Result<ArrayRef> {
    columns::column(data_type, rows, true, &mut Random::new(seed))
}

/// Generates rows of nullable columns `c0`, `c1`, … with these types.
///
/// # Errors
/// `Unsupported` for a type that velo does not carry.
///
/// ```
/// let types = velo_testkit::data::supported_types();
/// let rows = velo_testkit::data::rows(&types, 100, 7)?;
/// assert_eq!(rows.num_columns(), types.len());
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn rows(types: &[DataType], rows: usize, seed: u64) -> Result<RecordBatch> {
    let named = types.iter().enumerate();
    let fields = named.map(|(n, of)| Field::new(format!("c{n}"), of.clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut random = Random::new(seed);
    let columns = types
        .iter()
        .map(|of| columns::column(of, rows, true, &mut random))
        .collect::<Result<Vec<_>>>()?;
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        schema, columns, &options,
    )?)
}

/// Generates a batch of a stream; see [`rows`].
///
/// # Errors
/// `Unsupported` for a type that velo does not carry.
///
/// ```
/// use arrow_schema::DataType;
/// let batch = velo_testkit::data::batch("orders", &[DataType::Utf8], 10, 7)?;
/// assert_eq!(batch.stream().name(), "orders");
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn batch(stream: &str, types: &[DataType], rows: usize, seed: u64) -> Result<Batch> {
    let rows = self::rows(types, rows, seed)?;
    Batch::new(Arc::new(StreamInfo::new(stream, rows.schema())), rows)
}

/// Makes rows that can be told apart: `id` counts from `first`, `name` is text, at times null.
///
/// ```
/// let batch = velo_testkit::data::numbered("orders", 100, 5)?;
/// assert_eq!(velo_testkit::data::ids(&[batch]), [100, 101, 102, 103, 104]);
/// # Ok::<(), velo_core::Error>(())
/// ```
///
/// # Errors
/// None that a caller could provoke.
pub fn numbered(stream: &str, first: i64, rows: usize) -> Result<Batch> {
    let ids = first..first + rows as i64;
    let name = |id: i64| (id % 7 != 3).then(|| format!("name {id} é"));
    let names: StringArray = ids.clone().map(name).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(ids)), Arc::new(names)];
    let rows = RecordBatch::try_new(Arc::new(numbered_schema()), columns)?;
    Batch::new(Arc::new(StreamInfo::new(stream, rows.schema())), rows)
}

/// Gives the columns of [`numbered`].
///
/// ```
/// assert_eq!(velo_testkit::data::numbered_schema().field(0).name(), "id");
/// ```
#[must_use]
pub fn numbered_schema() -> Schema {
    Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
    ])
}

/// Gives the values of the column `id` of all batches that have it, in their order.
///
/// ```
/// assert!(velo_testkit::data::ids(&[]).is_empty());
/// ```
#[must_use]
pub fn ids(batches: &[Batch]) -> Vec<i64> {
    let columns = batches.iter().filter_map(|batch| {
        let column = batch.rows().column_by_name("id")?;
        column.as_any().downcast_ref::<Int64Array>()
    });
    columns
        .flat_map(|ids| ids.values().iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;

    #[test]
    fn every_type_has_nulls_and_reads_as_rows() {
        for of in supported_types() {
            let column = column(&of, 100, 1).unwrap();
            assert_eq!((column.len(), column.null_count()), (100, 20), "{of}");
            assert_eq!(column.data_type(), &of);
            column.to_data().validate_full().unwrap();
            for row in 0..column.len() {
                velo_core::FieldValue::read(&column, row).unwrap();
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        let types = supported_types();
        let rows = |seed| rows(&types, 50, seed).unwrap();
        let shown = |rows: &RecordBatch| format!("{:?}", rows.columns());
        assert_eq!(shown(&rows(3)), shown(&rows(3)));
        assert_ne!(shown(&rows(3)), shown(&rows(4)));
    }
}
