//! Which row groups and pages can hold wanted rows.
//!
//! Each comparison is put to the bounds of a stretch of rows by the same code that later puts it
//! to the rows, so that literals mean the same. A stretch is left out only when its bounds prove
//! that the predicate is true for none of its rows; whatever is not known keeps it.

use std::ops::Range;
use std::sync::Arc;

use ::parquet::file::metadata::ParquetMetaData;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use velo_core::{Comparison, Literal, Predicate, Result};

use super::bloom::BloomFilters;
use super::bounds::{Bounds, PageBounds, page_bounds, row_group_bounds};
use super::error::fenced;
use crate::Places;

/// Says for each row group whether it can hold a row for which the predicate is true.
pub(super) fn row_groups(
    predicate: &Predicate,
    schema: &Schema,
    file: &ParquetMetaData,
    filters: &BloomFilters,
) -> Result<Vec<bool>> {
    let places = Places::of(schema);
    for column in predicate.columns() {
        places.find(column)?;
    }
    let groups = file.num_row_groups();
    let leaf = |column: &str, test: Test<'_>| {
        let mut found = match fenced(|| row_group_bounds(schema, file, column)) {
            Ok(Some(bounds)) => test.possible(&bounds),
            _ => vec![true; groups],
        };
        if let Some(literal) = test.equals().filter(|_| found.contains(&true))
            && let Some(held) = filters.possible(schema, file, column, literal)
        {
            found
                .iter_mut()
                .zip(&*held)
                .for_each(|(found, held)| *found &= held);
        }
        found
    };
    Ok(possible(predicate, true, &[], groups, &leaf))
}

/// Gives the ranges of rows of a row group that can hold a row for which the predicate is true.
pub(super) fn pages(
    predicate: &Predicate,
    schema: &Schema,
    file: &ParquetMetaData,
    group: usize,
) -> Result<Vec<Range<usize>>> {
    let columns = predicate.columns();
    let places = Places::of(schema);
    for column in &columns {
        places.find(column)?;
    }
    let rows = usize::try_from(file.row_group(group).num_rows()).unwrap_or(usize::MAX);
    let bounds: Vec<Option<PageBounds>> = columns
        .iter()
        .map(|column| fenced(|| page_bounds(schema, file, column, group)).unwrap_or(None))
        .collect();
    // Pages of different columns end at different rows: between any two ends nothing changes.
    let mut starts = vec![0];
    starts.extend(
        bounds
            .iter()
            .flatten()
            .flat_map(|b| b.starts.iter().copied()),
    );
    starts.sort_unstable();
    starts.dedup();
    let leaf = |column: &str, test: Test<'_>| {
        let at = columns.binary_search(&column);
        match at.ok().and_then(|at| bounds[at].as_ref()) {
            Some(pages) => spread(&test.possible(&pages.bounds), &pages.starts, &starts),
            None => vec![true; starts.len()],
        }
    };
    let wanted = possible(predicate, true, &[], starts.len(), &leaf);
    Ok(ranges(&starts, &wanted, rows))
}

/// Says of each stretch what is said of the page that it lies in.
fn spread(pages: &[bool], page_starts: &[usize], starts: &[usize]) -> Vec<bool> {
    let page = |start: &usize| page_starts.partition_point(|page| page <= start).max(1) - 1;
    starts
        .iter()
        .map(|start| pages.get(page(start)).copied().unwrap_or(true))
        .collect()
}

fn ranges(starts: &[usize], wanted: &[bool], rows: usize) -> Vec<Range<usize>> {
    let ends = starts.iter().skip(1).copied().chain([rows]);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for ((start, end), _) in starts.iter().zip(ends).zip(wanted).filter(|(_, w)| **w) {
        match ranges.last_mut() {
            Some(last) if last.end == *start => last.end = end,
            _ => ranges.push(*start..end),
        }
    }
    ranges
}

/// Says for each stretch whether the predicate can be `wanted` (true or false) for one of its rows.
///
/// `not p` is true where `p` is false; null is neither. Columns in `numbers` are not NaN in the
/// rows that matter, because something that has to hold besides says so.
fn possible(
    predicate: &Predicate,
    wanted: bool,
    numbers: &[&str],
    stretches: usize,
    leaf: &dyn Fn(&str, Test<'_>) -> Vec<bool>,
) -> Vec<bool> {
    let fold = |all: &[Predicate], every: bool| {
        let mut numbers = numbers.to_vec();
        if every {
            numbers.extend(all.iter().filter_map(|one| never_nan(one, wanted)));
        }
        all.iter().fold(vec![every; stretches], |folded, one| {
            let one = possible(one, wanted, &numbers, stretches, leaf);
            let pairs = folded.into_iter().zip(one);
            pairs
                .map(|(a, b)| if every { a && b } else { a || b })
                .collect()
        })
    };
    match predicate {
        Predicate::Compare {
            column, comparison, ..
        } => {
            let comparison = sense(*comparison, wanted);
            let number = numbers.contains(&column.as_str());
            leaf(column, Test::Compare(comparison, predicate, number))
        }
        Predicate::IsNull(column) => leaf(column, Test::Null(wanted)),
        Predicate::IsNotNull(column) => leaf(column, Test::Null(!wanted)),
        Predicate::Not(one) => possible(one, !wanted, numbers, stretches, leaf),
        Predicate::And(all) => fold(all, wanted),
        Predicate::Or(all) => fold(all, !wanted),
        _ => vec![true; stretches],
    }
}

/// Gives the column that cannot be NaN where the predicate is `wanted`.
fn never_nan(predicate: &Predicate, wanted: bool) -> Option<&str> {
    match predicate {
        Predicate::Compare {
            column,
            comparison,
            literal,
        } => {
            let bounded = matches!(
                sense(*comparison, wanted),
                Comparison::Less | Comparison::AtMost | Comparison::Equal
            );
            (bounded && is_number(literal.text())).then_some(column)
        }
        _ => None,
    }
}

fn sense(comparison: Comparison, wanted: bool) -> Comparison {
    if wanted {
        comparison
    } else {
        opposite(comparison)
    }
}

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::AtLeast,
        Comparison::AtLeast => Comparison::Less,
        Comparison::Greater => Comparison::AtMost,
        Comparison::AtMost => Comparison::Greater,
    }
}

/// A question to one column.
#[derive(Clone, Copy)]
enum Test<'p> {
    /// Is a value so related to the literal of this comparison? Where the last is set, NaN is not
    /// asked for.
    Compare(Comparison, &'p Predicate, bool),
    /// Is there a null (true), a value (false)?
    Null(bool),
}

impl<'p> Test<'p> {
    /// Gives the literal that a value is asked to equal.
    fn equals(self) -> Option<&'p Literal> {
        match self {
            Self::Compare(Comparison::Equal, Predicate::Compare { literal, .. }, _) => {
                Some(literal)
            }
            _ => None,
        }
    }

    fn possible(self, bounds: &Bounds) -> Vec<bool> {
        match self {
            Self::Null(true) => bounds.each(|nulls, _| nulls > 0),
            Self::Null(false) => bounds.each(|nulls, rows| nulls < rows),
            Self::Compare(comparison, predicate, number) => {
                let mut possible = bounds.each(|nulls, rows| nulls < rows);
                for refuted in refuted(comparison, predicate, bounds, number) {
                    for (possible, refuted) in possible.iter_mut().zip(refuted) {
                        *possible &= !refuted;
                    }
                }
                possible
            }
        }
    }
}

/// Gives conditions on the bounds, each of which proves that no value between them is so related
/// to the literal.
fn refuted(
    comparison: Comparison,
    predicate: &Predicate,
    bounds: &Bounds,
    number: bool,
) -> Vec<Vec<bool>> {
    let Predicate::Compare { literal, .. } = predicate else {
        return Vec::new();
    };
    let holds = |array: &ArrayRef, comparison: Comparison| {
        let column = String::from("bound");
        let literal = literal.clone();
        let test = Predicate::Compare {
            column,
            comparison,
            literal,
        };
        // A literal that does not fit is complained of when the rows are looked at.
        evaluate(&test, array).unwrap_or_else(|_| vec![false; array.len()])
    };
    let (least, most) = (&bounds.least, &bounds.most);
    match comparison {
        // NaN equals itself.
        Comparison::Equal if !bounds.whole && !is_number(literal.text()) => Vec::new(),
        Comparison::Equal => vec![
            holds(least, Comparison::Greater),
            holds(most, Comparison::Less),
        ],
        // NaN, which no bound takes in, is greater than every number: see `Bounds::whole`.
        Comparison::Greater | Comparison::AtLeast if !bounds.whole && !number => Vec::new(),
        Comparison::Less => vec![holds(least, Comparison::AtLeast)],
        Comparison::AtMost => vec![holds(least, Comparison::Greater)],
        Comparison::Greater => vec![holds(most, Comparison::AtMost)],
        Comparison::AtLeast => vec![holds(most, Comparison::Less)],
        Comparison::NotEqual if bounds.exact => {
            let same = holds(least, Comparison::Equal).into_iter();
            let both = same.zip(holds(most, Comparison::Equal));
            vec![both.map(|(least, most)| least && most).collect()]
        }
        Comparison::NotEqual => Vec::new(),
    }
}

fn is_number(text: &str) -> bool {
    text.trim()
        .parse::<f64>()
        .is_ok_and(|number| !number.is_nan())
}

/// Says for each value whether it is certainly so.
fn evaluate(test: &Predicate, array: &ArrayRef) -> Result<Vec<bool>> {
    let kind: DataType = array.data_type().clone();
    let schema = Schema::new(vec![Field::new("bound", kind, true)]);
    let rows = RecordBatch::try_new(Arc::new(schema), vec![array.clone()])?;
    let answers = test.evaluate(&rows)?;
    Ok(answers.iter().map(|answer| answer == Some(true)).collect())
}
