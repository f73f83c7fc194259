//! From row numbers to columns: every value follows from kind, seed, epoch and row number alone.

mod checksum;
mod columns;
mod kind;
mod words;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use velo_core::Result;

pub use checksum::checksums;
pub use kind::{CHECKSUM, Kind};

/// Rows are numbered below this, so that no number and no point in time overflows.
///
/// ```
/// assert_eq!(velo_generator::MOST_ROWS, 1_000_000_000_000_000);
/// ```
pub const MOST_ROWS: u64 = 1_000_000_000_000_000;

/// What makes rows what they are.
///
/// ```
/// use velo_generator::{Kind, Numbers, Recipe};
/// let recipe = Recipe { kind: Kind::Sensor, seed: 7, epoch: 0 };
/// let rows = recipe.rows(&Numbers { first: 0, step: 1, count: 100 })?;
/// assert_eq!(rows.num_rows(), 100);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Which columns.
    pub kind: Kind,
    /// Which values.
    pub seed: u64,
    /// The point in time of row 0, in microseconds since 1970.
    pub epoch: i64,
}

/// Which rows: `first`, `first + step`, and so on; all of them below [`MOST_ROWS`].
///
/// ```
/// let odd = velo_generator::Numbers { first: 1, step: 2, count: 50 };
/// assert_eq!(odd.iter().last(), Some(99));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// The number of the first row.
    pub first: u64,
    /// How far the next one is away.
    pub step: u64,
    /// How many rows.
    pub count: usize,
}

impl Numbers {
    /// Lists them.
    ///
    /// ```
    /// let numbers = velo_generator::Numbers { first: 5, step: 1, count: 2 };
    /// assert_eq!(numbers.iter().collect::<Vec<_>>(), [5, 6]);
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u64> + use<> {
        let Self { first, step, count } = *self;
        (0..count).map(move |at| first.wrapping_add(step.wrapping_mul(at as u64)))
    }
}

impl Recipe {
    /// Makes rows with all their columns.
    ///
    /// # Errors
    /// None that a caller could provoke.
    ///
    /// ```
    /// use velo_generator::{Kind, Numbers, Recipe};
    /// let recipe = Recipe { kind: Kind::User, seed: 0, epoch: 0 };
    /// let later = recipe.rows(&Numbers { first: 60, step: 1, count: 40 })?;
    /// assert_eq!(recipe.rows(&Numbers { first: 0, step: 1, count: 100 })?.slice(60, 40), later);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn rows(&self, numbers: &Numbers) -> Result<RecordBatch> {
        let all: Vec<usize> = (0..=self.kind.columns().len()).collect();
        let columns = self.columns(numbers, &all)?;
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.count));
        let schema = Arc::new(self.kind.schema());
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }

    /// Makes some columns of rows, by their places in the kind.
    pub(crate) fn columns(&self, numbers: &Numbers, wanted: &[usize]) -> Result<Vec<ArrayRef>> {
        let columns = self.kind.columns();
        let make = |at: usize| (columns[at].make)(self, numbers);
        if !wanted.contains(&columns.len()) {
            return Ok(wanted.iter().map(|at| make(*at)).collect());
        }
        // The checksum takes all others.
        let mut all: Vec<ArrayRef> = (0..columns.len()).map(make).collect();
        all.push(Arc::new(checksums(&all, numbers.count)?));
        Ok(wanted.iter().map(|at| all[*at].clone()).collect())
    }

    /// Gives a number that another seed or epoch does not have.
    pub(crate) fn fingerprint(&self) -> u64 {
        columns::mixed(columns::mixed(self.seed) ^ self.epoch as u64)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use proptest::prelude::*;

    use super::*;

    fn recipe(kind: usize, seed: u64) -> Recipe {
        Recipe {
            kind: Kind::ALL[kind],
            seed,
            epoch: 1_704_067_200_000_000,
        }
    }

    proptest! {
        #[test]
        fn a_row_depends_on_its_number_alone(
            kind in 0..4_usize,
            seed: u64,
            first in 0..MOST_ROWS - 1000,
            step in 1..10_u64,
            count in 0..50_usize,
        ) {
            let recipe = recipe(kind, seed);
            let rows = recipe.rows(&Numbers { first, step, count }).unwrap();
            for (at, number) in (Numbers { first, step, count }).iter().enumerate() {
                let alone = recipe.rows(&Numbers { first: number, step: 1, count: 1 }).unwrap();
                prop_assert_eq!(rows.slice(at, 1), alone);
            }
        }

        #[test]
        fn columns_are_the_same_one_by_one(kind in 0..4_usize, seed: u64, first in 0..1000_u64) {
            let recipe = recipe(kind, seed);
            let numbers = Numbers { first, step: 3, count: 20 };
            let rows = recipe.rows(&numbers).unwrap();
            for at in 0..rows.num_columns() {
                let column = recipe.columns(&numbers, &[at]).unwrap();
                prop_assert_eq!(&column[0], rows.column(at));
            }
        }
    }

    /// A position that an earlier version stored must go on in the same rows.
    #[test]
    fn rows_are_those_of_earlier_versions() {
        let numbers = Numbers {
            first: 12_345,
            step: 1,
            count: 1000,
        };
        let sums = Kind::ALL.map(|kind| {
            let rows = recipe(kind as usize, 42).rows(&numbers).unwrap();
            let sums = rows.columns().last().unwrap();
            let sums = sums.as_primitive::<Int64Type>().values().iter();
            sums.fold(0_i64, |all, sum| all.rotate_left(1) ^ sum)
        });
        assert_eq!(
            sums,
            [
                8_821_094_280_111_206_295,
                5_379_090_235_566_623_603,
                -5_093_031_278_879_587_779,
                -2_502_958_480_784_456_993,
            ]
        );
    }

    #[test]
    fn the_last_row_there_can_be_is_made() {
        for kind in 0..4 {
            let last = Numbers {
                first: MOST_ROWS - 1,
                step: 1,
                count: 1,
            };
            let rows = recipe(kind, u64::MAX).rows(&last).unwrap();
            assert_eq!(
                rows.column(0).as_primitive::<Int64Type>().value(0) as u64,
                MOST_ROWS - 1
            );
        }
    }

    #[test]
    fn seeds_make_different_rows_and_every_kind_has_nulls() {
        for kind in 0..4 {
            let numbers = Numbers {
                first: 0,
                step: 1,
                count: 1000,
            };
            let rows = recipe(kind, 1).rows(&numbers).unwrap();
            let other = recipe(kind, 2).rows(&numbers).unwrap();
            let checksum = rows.num_columns() - 1;
            let pairs = rows.column(checksum).as_primitive::<Int64Type>().values();
            let others = other.column(checksum).as_primitive::<Int64Type>().values();
            let equal = pairs.iter().zip(others).filter(|(a, b)| a == b).count();
            assert_eq!(equal, 0);
            let with_nulls = rows
                .columns()
                .iter()
                .filter(|column| column.null_count() > 0);
            assert_eq!(with_nulls.count(), 1);
        }
    }
}
