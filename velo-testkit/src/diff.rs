//! Rows compared with rows: bit for bit in value, NaN equal to NaN, -0.0 distinct from 0.0.

use std::collections::BTreeMap;
use std::fmt;

use arrow_schema::DataType;
use velo_core::{Batch, FieldValue, Op};

const SHOWN: usize = 5;
const WIDEST: usize = 80;

/// What differs between expected and found rows, in words for people.
///
/// ```
/// use velo_testkit::{data, same_rows};
/// let found = same_rows(&[data::numbered("t", 0, 2)?], &[]);
/// assert!(found.unwrap_err().to_string().contains("expected 2 rows, found 0"));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(PartialEq, Eq)]
pub struct Difference(String);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Difference {}

/// Compares the rows of every stream, in order, whatever batches they come in.
///
/// # Errors
/// The first difference of each stream: a missing row, a column's name or type, a value.
///
/// ```
/// use velo_testkit::{data, same_rows};
/// let batch = data::numbered("t", 0, 10)?;
/// let halves = [batch.slice(0, 4), batch.slice(4, 6)];
/// assert!(same_rows(&[batch], &halves).is_ok());
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn same_rows(expected: &[Batch], found: &[Batch]) -> Result<(), Difference> {
    compare(expected, found, in_order)
}

/// Compares the rows of every stream as sets in which a row may stand several times.
///
/// # Errors
/// Rows that are missing and rows that are too many, a few of each.
///
/// ```
/// use velo_testkit::{data, same_rows_in_any_order};
/// let batch = data::numbered("t", 0, 10)?;
/// let swapped = [batch.slice(4, 6), batch.slice(0, 4)];
/// assert!(same_rows_in_any_order(&[batch], &swapped).is_ok());
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn same_rows_in_any_order(expected: &[Batch], found: &[Batch]) -> Result<(), Difference> {
    compare(expected, found, in_any_order)
}

/// Panics with a readable difference unless the rows are the same, in order.
///
/// # Panics
/// When they are not.
///
/// ```
/// use velo_testkit::{assert_same_rows, data};
/// assert_same_rows(&[data::numbered("t", 0, 3)?], &[data::numbered("t", 0, 3)?]);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[track_caller]
#[allow(clippy::panic, reason = "an assertion for tests")]
pub fn assert_same_rows(expected: &[Batch], found: &[Batch]) {
    if let Err(difference) = same_rows(expected, found) {
        panic!("rows differ: {difference}");
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    op: u8,
    columns: Vec<(String, String)>,
    cells: Vec<String>,
}

type Compare = fn(&str, Vec<Row>, Vec<Row>) -> Result<(), String>;

fn compare(expected: &[Batch], found: &[Batch], how: Compare) -> Result<(), Difference> {
    let (mut expected, mut found) = (streams(expected), streams(found));
    let mut names: Vec<String> = expected.keys().chain(found.keys()).cloned().collect();
    names.sort();
    names.dedup();
    let differences = names.iter().filter_map(|name| {
        let expected = expected.remove(name).unwrap_or_default();
        how(name, expected, found.remove(name).unwrap_or_default()).err()
    });
    let differences: Vec<String> = differences.collect();
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Difference(differences.join("; "))),
    }
}

fn streams(batches: &[Batch]) -> BTreeMap<String, Vec<Row>> {
    let mut streams: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        let rows = streams.entry(batch.stream().name().to_owned()).or_default();
        rows.extend((0..batch.num_rows()).map(|row| read(batch, row)));
    }
    streams
}

fn read(batch: &Batch, row: usize) -> Row {
    let schema = batch.rows().schema_ref();
    let fields = schema.fields().iter();
    let columns = fields.map(|field| (field.name().clone(), spelled(field.data_type())));
    let unsent = |column: usize| {
        let bits = batch
            .changes()
            .and_then(|changes| changes.unsent.get(column));
        bits.and_then(Option::as_ref)
            .is_some_and(|bits| bits.value(row))
    };
    let cells = batch.rows().columns().iter().enumerate();
    let cells = cells.map(|(n, column)| match FieldValue::read(column, row) {
        _ if unsent(n) => "not sent".to_owned(),
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    });
    let op = batch
        .changes()
        .map_or(Op::Insert, |changes| changes.ops[row]);
    Row {
        op: op as u8,
        columns: columns.collect(),
        cells: cells.collect(),
    }
}

/// Names a type without the names of list items, which every format spells its own way.
fn spelled(of: &DataType) -> String {
    match of {
        DataType::List(item) => format!("List({})", spelled(item.data_type())),
        DataType::LargeList(item) => format!("LargeList({})", spelled(item.data_type())),
        DataType::FixedSizeList(item, size) => {
            format!("FixedSizeList({}, {size})", spelled(item.data_type()))
        }
        DataType::Struct(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|f| format!("{}: {}", f.name(), spelled(f.data_type())));
            format!("Struct({})", fields.collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let types = fields.iter().map(|field| spelled(field.data_type()));
                format!("Map({})", types.collect::<Vec<_>>().join(", "))
            }
            other => spelled(other),
        },
        other => format!("{other:?}"),
    }
}

fn in_order(stream: &str, expected: Vec<Row>, found: Vec<Row>) -> Result<(), String> {
    let pairs = expected.iter().zip(&found);
    if let Some(row) = pairs
        .clone()
        .position(|(expected, found)| expected != found)
    {
        let others = pairs.filter(|(expected, found)| expected != found).count() - 1;
        let what = explain(&expected[row], &found[row]);
        let counts = match expected.len() == found.len() {
            true => String::new(),
            false => format!(" (expected {} rows, found {})", expected.len(), found.len()),
        };
        return Err(format!(
            "{stream}: row {row}: {what}; {others} more rows differ{counts}"
        ));
    }
    let (longer, what) = match expected.len().cmp(&found.len()) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Greater => (&expected[found.len()], "first missing"),
        std::cmp::Ordering::Less => (&found[expected.len()], "first unexpected"),
    };
    let (expected, found) = (expected.len(), found.len());
    let row = shown(longer);
    Err(format!(
        "{stream}: expected {expected} rows, found {found}; {what}: {row}"
    ))
}

fn in_any_order(stream: &str, mut expected: Vec<Row>, mut found: Vec<Row>) -> Result<(), String> {
    expected.sort();
    found.sort();
    let (mut missing, mut extra) = (Vec::new(), Vec::new());
    let (mut left, mut right) = (expected.iter().peekable(), found.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => {
                left.next();
                right.next();
            }
            (Some(a), Some(b)) if a > b => extra.extend(right.next()),
            (None, Some(_)) => extra.extend(right.next()),
            (Some(_), _) => missing.extend(left.next()),
        }
    }
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    let list = |rows: &[&Row]| {
        let rows = rows.iter().take(SHOWN).map(|row| shown(row));
        rows.collect::<Vec<_>>().join(", ")
    };
    Err(format!(
        "{stream}: expected {} rows, found {}; {} missing: {}; {} too many: {}",
        expected.len(),
        found.len(),
        missing.len(),
        list(&missing),
        extra.len(),
        list(&extra),
    ))
}

fn explain(expected: &Row, found: &Row) -> String {
    if expected.columns != found.columns {
        let columns = |row: &Row| {
            let columns = row.columns.iter().map(|(name, of)| format!("{name}: {of}"));
            columns.collect::<Vec<_>>().join(", ")
        };
        return format!(
            "expected columns {}, found {}",
            columns(expected),
            columns(found)
        );
    }
    if expected.op != found.op {
        return format!("expected change {}, found {}", expected.op, found.op);
    }
    let cells = expected.cells.iter().zip(&found.cells);
    let Some(at) = cells.clone().position(|(a, b)| a != b) else {
        return "no difference".to_owned();
    };
    let (column, of) = &expected.columns[at];
    let (a, b) = (short(&expected.cells[at]), short(&found.cells[at]));
    format!("column `{column}` ({of}): expected {a}, found {b}")
}

fn shown(row: &Row) -> String {
    let cells = row.columns.iter().zip(&row.cells).take(SHOWN);
    let cells = cells.map(|((name, _), cell)| format!("{name}={}", short(cell)));
    format!("{{{}}}", cells.collect::<Vec<_>>().join(", "))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;
    use arrow_array::{ArrayRef, Float64Array, RecordBatch};
    use std::sync::Arc;
    use velo_core::StreamInfo;

    fn floats(values: Vec<f64>) -> Batch {
        let column: ArrayRef = Arc::new(Float64Array::from(values));
        let rows = RecordBatch::try_from_iter([("x", column)]).unwrap();
        Batch::new(Arc::new(StreamInfo::new("t", rows.schema())), rows).unwrap()
    }

    #[test]
    fn nan_equals_nan_and_zeros_have_a_sign() {
        assert!(same_rows(&[floats(vec![f64::NAN])], &[floats(vec![-f64::NAN])]).is_ok());
        let difference = same_rows(&[floats(vec![1.0, 0.0])], &[floats(vec![1.0, -0.0])]);
        let text = difference.unwrap_err().to_string();
        assert!(
            text.contains(
                "row 1: column `x` (Float64): expected Float64(0.0), found Float64(-0.0)"
            ),
            "{text}"
        );
    }

    #[test]
    fn names_missing_and_doubled_rows() {
        let all = data::numbered("t", 0, 10).unwrap();
        let found = [all.slice(0, 3), all.slice(4, 6), all.slice(9, 1)];
        let difference = same_rows_in_any_order(&[all], &found);
        let text = difference.unwrap_err().to_string();
        assert!(text.contains("1 missing: {id=Int64(3)"), "{text}");
        assert!(text.contains("1 too many: {id=Int64(9)"), "{text}");
    }

    #[test]
    fn every_supported_type_equals_itself() {
        let types = data::supported_types();
        let rows = |seed| data::batch("t", &types, 60, seed).unwrap();
        assert_same_rows(&[rows(1)], &[rows(1)]);
        assert!(same_rows(&[rows(1)], &[rows(2)]).is_err());
    }
}
