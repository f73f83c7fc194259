//! Whether a dictionary pays for a column of a row group, judged by its first rows.
//!
//! A dictionary costs a lookup for every value, and when values hardly repeat it saves nothing:
//! that is most of the time of writing keys, amounts and comments.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

/// Rows that are looked at.
pub(super) const SAMPLE_ROWS: usize = 8192;
/// A dictionary with more values is hardly found in the processor's cache.
const LARGEST: f64 = 32_768.0;
/// Rows for each distinct value below which a dictionary saves too little.
const FEWEST_ROWS: f64 = 2.0;
/// The same where equal values stand together, which codecs shrink as well without a dictionary.
const FEWEST_ROWS_IN_RUNS: f64 = 8.0;

/// Says for a column whether a dictionary pays in a row group of `group_rows` rows, of which
/// `sample` are the first; `None` leaves it to the writer (nested and tiny types).
pub(super) fn pays(sample: &[RecordBatch], column: usize, group_rows: usize) -> Option<bool> {
    let mut seen = Distinct::new();
    let mut left = SAMPLE_ROWS;
    let (mut half, mut rows) = (0, 0);
    for batch in sample {
        let array = batch.column(column);
        let take = left.min(array.len());
        let middle = take.min((SAMPLE_ROWS / 2).saturating_sub(rows));
        add(&mut seen, &array.slice(0, middle))?;
        if rows < SAMPLE_ROWS / 2 {
            half = seen.count;
        }
        add(&mut seen, &array.slice(middle, take - middle))?;
        rows += take;
        left -= take;
    }
    let seen = seen.count as f64;
    if rows < SAMPLE_ROWS {
        return Some(seen <= rows as f64 / FEWEST_ROWS);
    }
    let group_rows = group_rows.max(rows) as f64;
    let expected = extrapolate(half as f64, seen, group_rows);
    Some(match expected {
        Expected::Random(values) => values <= LARGEST.min(group_rows / FEWEST_ROWS),
        Expected::InRuns(values) => values <= LARGEST.min(group_rows / FEWEST_ROWS_IN_RUNS),
    })
}

/// Distinct values to expect.
enum Expected {
    /// They come at random.
    Random(f64),
    /// Equal ones come together and never return, as sorted keys do.
    InRuns(f64),
}

/// Estimates the distinct values in `rows` rows from those in the first half of the sample and in
/// all of it.
///
/// If values come at random from `d` different ones, `h` rows show `d * (1 - exp(-h / d))` of them.
/// That gives `d` from the first half and foretells the second. Where the second brings clearly
/// more, values come in runs, and grow with the rows.
fn extrapolate(half: f64, all: f64, rows: f64) -> Expected {
    let rows_of_half = SAMPLE_ROWS as f64 / 2.0;
    let fresh = all - half;
    let values = population(half, rows_of_half);
    let foretold = half * (-rows_of_half / values).exp();
    if fresh > foretold * 1.25 + 16.0 {
        return Expected::InRuns(all + (rows - SAMPLE_ROWS as f64) * fresh / rows_of_half);
    }
    let values = population(all, SAMPLE_ROWS as f64);
    Expected::Random(values * (1.0 - (-rows / values).exp()))
}

/// Solves `seen = d * (1 - exp(-rows / d))` for `d` by halving intervals.
fn population(seen: f64, rows: f64) -> f64 {
    let (mut low, mut high) = (seen.max(1.0), rows * rows);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if middle * (1.0 - (-rows / middle).exp()) < seen {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn add(seen: &mut Distinct, array: &dyn Array) -> Option<()> {
    match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            add_each(seen, array, |row| texts.value(row).as_bytes());
        }
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>();
            add_each(seen, array, |row| texts.value(row).as_bytes());
        }
        DataType::Utf8View => {
            let texts = array.as_string_view();
            add_each(seen, array, |row| texts.value(row).as_bytes());
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>();
            add_each(seen, array, |row| bytes.value(row));
        }
        DataType::LargeBinary => {
            let bytes = array.as_binary::<i64>();
            add_each(seen, array, |row| bytes.value(row));
        }
        DataType::BinaryView => {
            let bytes = array.as_binary_view();
            add_each(seen, array, |row| bytes.value(row));
        }
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary();
            add_each(seen, array, |row| bytes.value(row));
        }
        kind => {
            let width = kind.primitive_width().filter(|width| *width > 1)?;
            let data = array.to_data();
            let values = data.buffers().first()?.as_slice();
            let values = values.get(data.offset() * width..)?;
            add_each(seen, array, |row| &values[row * width..(row + 1) * width]);
        }
    }
    Some(())
}

fn add_each<'a>(seen: &mut Distinct, array: &dyn Array, value: impl Fn(usize) -> &'a [u8]) {
    let rows = 0..array.len();
    match array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        None => rows.for_each(|row| seen.add(hash(value(row)))),
        Some(nulls) => rows
            .filter(|row| nulls.is_valid(*row))
            .for_each(|row| seen.add(hash(value(row)))),
    }
}

/// Mixes bytes eight at a time; two different values of a sample hardly ever meet.
fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| (state ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let mut words = bytes.chunks_exact(8);
    let mut state = mix(FACTOR, bytes.len() as u64);
    for word in &mut words {
        let mut eight = [0; 8];
        eight.copy_from_slice(word);
        state = mix(state, u64::from_le_bytes(eight));
    }
    let tail = words.remainder().iter();
    let tail = tail.fold(0, |word, byte| word << 8 | u64::from(*byte));
    mix(state, tail).wrapping_mul(FACTOR)
}

/// Counts distinct hashes, by open addressing at most half full.
struct Distinct {
    slots: Vec<u64>,
    count: usize,
}

impl Distinct {
    const SLOTS: usize = SAMPLE_ROWS * 2;

    fn new() -> Self {
        Self {
            slots: vec![0; Self::SLOTS],
            count: 0,
        }
    }

    fn add(&mut self, hash: u64) {
        // 0 is an empty slot.
        let hash = hash.max(1);
        let mut at = (hash >> 40) as usize % Self::SLOTS;
        while self.slots[at] != 0 {
            if self.slots[at] == hash {
                return;
            }
            at = (at + 1) % Self::SLOTS;
        }
        self.slots[at] = hash;
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn judge(values: Vec<i64>, group_rows: usize) -> Option<bool> {
        let array: ArrayRef = Arc::new(Int64Array::from(values));
        let batch = RecordBatch::try_from_iter([("a", array)]).unwrap();
        // Batches of uneven lengths give the same answer.
        let (a, b) = (batch.slice(0, batch.num_rows() / 3), batch.num_rows() / 3);
        let b = batch.slice(b, batch.num_rows() - b);
        let whole = pays(&[batch], 0, group_rows);
        assert_eq!(whole, pays(&[a, b], 0, group_rows));
        whole
    }

    fn random(different: u64) -> Vec<i64> {
        let mut state = 7_u64;
        let next = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            ((state >> 33) % different) as i64
        };
        (0..10_000).map(next).collect()
    }

    #[test]
    fn repeated_values_pay_and_fresh_ones_do_not() {
        for (values, group_rows, expected) in [
            (random(50), 122_880, true),
            (random(10_000), 122_880, true),
            (random(50_000), 122_880, false),
            (random(1 << 30), 122_880, false),
            (random(20_000), 10_000, false),
            ((0..10_000).collect(), 122_880, false),
            ((0..10_000).map(|row| row / 3).collect(), 122_880, false),
            ((0..10_000).map(|row| row / 4).collect(), 122_880, false),
            ((0..10_000).map(|row| row / 40).collect(), 122_880, true),
            ((0..100).map(|row| row % 10).collect(), 122_880, true),
            ((0..100).collect(), 122_880, false),
            (vec![], 122_880, true),
        ] {
            let start = &values[..values.len().min(5)];
            assert_eq!(
                judge(values.clone(), group_rows),
                Some(expected),
                "{start:?}"
            );
        }
    }

    #[test]
    fn every_width_is_counted_and_nulls_are_not() {
        let columns: [ArrayRef; 3] = [
            Arc::new(Float64Array::from_iter_values((0..9000).map(f64::from))),
            Arc::new(StringArray::from_iter_values(
                (0..9000).map(|n| format!("long text number {n}")),
            )),
            Arc::new(
                (0..9000)
                    .map(|n| (n % 1000 == 0).then_some(n))
                    .collect::<Int64Array>(),
            ),
        ];
        for (array, expected) in columns.into_iter().zip([false, false, true]) {
            let batch = RecordBatch::try_from_iter([("a", array)]).unwrap();
            assert_eq!(pays(&[batch], 0, 9000), Some(expected));
        }
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        let batch = RecordBatch::try_from_iter([("a", flags)]).unwrap();
        assert_eq!(pays(&[batch], 0, 9000), None);
    }
}
