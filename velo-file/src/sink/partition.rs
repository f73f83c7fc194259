//! Hive partitions: rows divided by the values of some columns, which become directories.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray, UInt32Array};
use arrow_cast::cast;
use arrow_schema::{DataType, Schema, SchemaRef};
use arrow_select::take::take_record_batch;
use velo_core::{Error, ErrorKind, Result};

/// The directory of rows without a value.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// How the columns of a stream become directories and columns of files.
#[derive(Debug, Clone)]
pub(super) struct Partitioning {
    /// The columns that become directories, by place and name.
    keys: Vec<(usize, String)>,
    /// The places of the columns that stay.
    rest: Vec<usize>,
    schema: SchemaRef,
}

impl Partitioning {
    /// Finds the columns in a schema.
    pub(super) fn of(schema: &SchemaRef, columns: &[String]) -> Result<Self> {
        let mut keys = Vec::with_capacity(columns.len());
        for column in columns {
            let Some((at, field)) = schema.column_with_name(column) else {
                return Err(refused(column, "partition column is not a column")
                    .with_hint(format!("columns are {}", names(schema))));
            };
            if !is_a_key(field.data_type()) {
                return Err(refused(column, "type cannot name a directory")
                    .with("type", field.data_type())
                    .with_hint("partition by text, integers, booleans or dates"));
            }
            keys.push((at, column.clone()));
        }
        let is_key = |at: &usize| keys.iter().any(|(key, _)| key == at);
        let rest: Vec<usize> = (0..schema.fields().len())
            .filter(|at| !is_key(at))
            .collect();
        if rest.is_empty() {
            return Err(refused(
                &columns.join(","),
                "no column is left for the files",
            ));
        }
        let schema = Arc::new(schema.project(&rest)?);
        Ok(Self { keys, rest, schema })
    }

    /// Gives the columns of the files.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Divides rows by their directories, in the order in which these first come.
    pub(super) fn divide(&self, rows: &RecordBatch) -> Result<Vec<(String, RecordBatch)>> {
        let rest = rows.project(&self.rest)?.with_schema(self.schema.clone())?;
        let keys = self
            .keys
            .iter()
            .map(|(at, _)| Ok(cast(rows.column(*at), &DataType::Utf8)?));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let keys: Vec<&StringArray> = keys.iter().map(|key| key.as_string::<i32>()).collect();
        let groups = group(&keys, rows.num_rows());
        let mut divided = Vec::with_capacity(groups.len());
        for group in groups {
            let directory = self.directory(&keys, group[0] as usize);
            let whole = group.len() == rest.num_rows();
            let rows = if whole {
                rest.clone()
            } else {
                take_record_batch(&rest, &UInt32Array::from(group))?
            };
            divided.push((directory, rows));
        }
        Ok(divided)
    }

    fn directory(&self, keys: &[&StringArray], row: usize) -> String {
        let parts = self.keys.iter().zip(keys).map(|((_, name), key)| {
            let value = if key.is_null(row) {
                NULL.to_owned()
            } else {
                escaped_value(key.value(row))
            };
            format!("{}={value}", escaped(name))
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// Collects the rows that agree in every key.
fn group(keys: &[&StringArray], rows: usize) -> Vec<Vec<u32>> {
    let mut places = vec![0_usize; rows];
    let mut count = usize::from(rows > 0);
    for key in keys {
        // Groups so far times this key's values, numbered afresh in the order they come.
        let mut known: HashMap<(usize, Option<&str>), usize> = HashMap::new();
        let mut last: Option<((usize, Option<&str>), usize)> = None;
        for (row, place) in places.iter_mut().enumerate() {
            let wanted = (*place, key.is_valid(row).then(|| key.value(row)));
            let next = known.len();
            *place = match last {
                Some((same, place)) if same == wanted => place,
                _ => *known.entry(wanted).or_insert(next),
            };
            last = Some((wanted, *place));
        }
        count = known.len();
    }
    let mut groups = vec![Vec::new(); count];
    for (row, place) in (0_u32..).zip(places) {
        groups[place].push(row);
    }
    groups
}

fn is_a_key(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_a_key(values),
        kind => {
            kind.is_integer()
                || matches!(
                    kind,
                    DataType::Utf8
                        | DataType::LargeUtf8
                        | DataType::Utf8View
                        | DataType::Boolean
                        | DataType::Date32
                        | DataType::Date64
                )
        }
    }
}

/// Escapes a value; one that reads like the directory of nulls is not null.
fn escaped_value(value: &str) -> String {
    let escaped = escaped(value);
    match escaped.strip_prefix('_') {
        Some(rest) if escaped == NULL => format!("%5F{rest}"),
        _ => escaped,
    }
}

/// Escapes what Hive escapes in names of directories.
fn escaped(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_control() || "\"#%'*/:=?\\{}[]^".contains(c) {
            name.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            name.push(c);
        }
    }
    name
}

fn refused(column: &str, what: &'static str) -> Error {
    Error::new(ErrorKind::Config, what)
        .with("option", "partition_by")
        .with("column", column)
}

fn names(schema: &Schema) -> String {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int32Array};

    use super::*;

    fn rows() -> RecordBatch {
        let year: ArrayRef = Arc::new(Int32Array::from(vec![
            Some(2020),
            Some(2021),
            None,
            Some(2020),
        ]));
        let name: ArrayRef = Arc::new(StringArray::from(vec!["a/b", "", "x", "a/b"]));
        let id: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3, 4]));
        RecordBatch::try_from_iter_with_nullable([
            ("year", year, true),
            ("id", id, true),
            ("name", name, true),
        ])
        .unwrap()
    }

    #[test]
    fn rows_go_to_the_directory_of_their_values() {
        let rows = rows();
        let partitioning =
            Partitioning::of(&rows.schema(), &["year".into(), "name".into()]).unwrap();
        assert_eq!(names(partitioning.schema()), "id");
        let divided = partitioning.divide(&rows).unwrap();
        let found: Vec<(&str, usize)> = divided
            .iter()
            .map(|(directory, rows)| (directory.as_str(), rows.num_rows()))
            .collect();
        let expected = [
            ("year=2020/name=a%2Fb", 2),
            ("year=2021/name=", 1),
            ("year=__HIVE_DEFAULT_PARTITION__/name=x", 1),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_value_that_reads_like_null_is_not_null() {
        assert_eq!(escaped_value(NULL), "%5F_HIVE_DEFAULT_PARTITION__");
        assert_eq!(escaped_value("_a"), "_a");
        assert_eq!(escaped_value("50%\n=ü"), "50%25%0A%3Dü");
    }

    #[test]
    fn refuses_columns_that_cannot_be_directories() {
        let schema = rows().schema();
        for columns in [
            vec!["month".to_owned()],
            vec!["year".into(), "id".into(), "name".into()],
        ] {
            assert_eq!(
                Partitioning::of(&schema, &columns).unwrap_err().kind(),
                ErrorKind::Config
            );
        }
    }
}
