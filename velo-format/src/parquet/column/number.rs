//! Columns of numbers: whatever Parquet stores in four or eight bytes.

use ::parquet::basic::Encoding;
use ::parquet::file::statistics::{Statistics, ValueStatistics};
use arrow_array::Array;
use arrow_buffer::{ArrowNativeType, ScalarBuffer, ToByteSlice};
use velo_core::Result;

use super::bounds::Bounds;
use super::levels::Levels;
use super::pages::{DictionaryPage, EncodedColumn, PageFacts, Pages};
use super::table::Numbered;
use super::{ColumnEncoder, Settings, hybrid};

/// A number as pages have it: its bytes, lowest first.
pub(super) trait Number: ArrowNativeType + PartialOrd {
    /// Tells values apart.
    fn bits(self) -> u64;

    /// Says whether the value has a place in the order.
    fn is_ordered(self) -> bool {
        true
    }

    /// Gives the value as least value, which is minus zero for a zero.
    fn as_least(self) -> Self {
        self
    }

    /// Gives the value as greatest value, which is plus zero for a zero.
    fn as_most(self) -> Self {
        self
    }

    fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics;
}

macro_rules! integer {
    ($own:ty, $stored:ty, $variant:ident, $signed:literal) => {
        impl Number for $own {
            fn bits(self) -> u64 {
                self as u64
            }

            fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics {
                let (least, most) = bounds.unzip();
                let stored = |value: Self| value as $stored;
                Statistics::$variant(
                    ValueStatistics::new(
                        least.map(stored),
                        most.map(stored),
                        None,
                        Some(nulls),
                        false,
                    )
                    .with_backwards_compatible_min_max($signed),
                )
            }
        }
    };
}

integer!(i32, i32, Int32, true);
integer!(u32, i32, Int32, false);
integer!(i64, i64, Int64, true);
integer!(u64, i64, Int64, false);

macro_rules! float {
    ($own:ty, $variant:ident) => {
        impl Number for $own {
            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn is_ordered(self) -> bool {
                !self.is_nan()
            }

            fn as_least(self) -> Self {
                if self == 0.0 { -0.0 } else { self }
            }

            fn as_most(self) -> Self {
                if self == 0.0 { 0.0 } else { self }
            }

            fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics {
                let (least, most) = bounds.unzip();
                Statistics::$variant(
                    ValueStatistics::new(least, most, None, Some(nulls), false)
                        .with_backwards_compatible_min_max(true),
                )
            }
        }
    };
}

float!(f32, Float);
float!(f64, Double);

/// Takes the numbers out of an array, whatever stands where it is null.
pub(super) type Take<T> = fn(&dyn Array) -> Result<ScalarBuffer<T>>;

/// A page has so many rows even if the dictionary has less room.
const FEWEST_ROWS: usize = 1024;

/// Encodes a column of numbers.
pub(super) struct NumberEncoder<T: Number> {
    take: Take<T>,
    settings: Settings,
    page_rows: usize,
    pages: Pages,
    /// The open page: which rows have a value, and the values.
    levels: Levels,
    values: Vec<T>,
    dictionary: Option<Dictionary<T>>,
    bounds: Bounds<T>,
    /// Room for a page's body and its indices.
    body: Vec<u8>,
    indices: Vec<u32>,
}

struct Dictionary<T> {
    table: Numbered,
    values: Vec<T>,
    /// Whether it has not grown beyond its limit yet.
    open: bool,
}

impl<T: Number> NumberEncoder<T> {
    pub(super) fn new(take: Take<T>, settings: Settings, pages: Pages) -> Self {
        let dictionary = settings.dictionary.then(|| Dictionary {
            table: Numbered::new(),
            values: Vec::new(),
            open: true,
        });
        Self {
            take,
            page_rows: settings
                .page_rows
                .min(settings.page_bytes / size_of::<T>())
                .max(1),
            pages,
            levels: Levels::new(settings.nullable),
            settings,
            values: Vec::new(),
            dictionary,
            bounds: Bounds::new(),
            body: Vec::new(),
            indices: Vec::new(),
        }
    }

    /// Gives the rows that the open page takes at most: near the dictionary's limit no more than it
    /// has room for, as every value may be new.
    fn page_rows(&self) -> usize {
        match self
            .dictionary
            .as_ref()
            .filter(|dictionary| dictionary.open)
        {
            Some(dictionary) => {
                let most = self.settings.dictionary_bytes / size_of::<T>();
                let room = most.saturating_sub(dictionary.values.len());
                self.page_rows.min(room.max(FEWEST_ROWS))
            }
            None => self.page_rows,
        }
    }

    /// Finishes the open page.
    fn flush(&mut self) -> Result<()> {
        self.body.clear();
        let (rows, nulls) = (self.levels.rows(), self.levels.nulls());
        self.levels.flush(&mut self.body);
        let bounds = least_and_most(&self.values);
        if let Some((least, most)) = bounds {
            self.bounds.add(least, most);
        }
        let encoding = match self
            .dictionary
            .as_mut()
            .filter(|dictionary| dictionary.open)
        {
            Some(dictionary) => {
                dictionary.encode(&self.values, &mut self.indices, &mut self.body);
                let bytes = dictionary.values.len() * size_of::<T>();
                dictionary.open = bytes <= self.settings.dictionary_bytes;
                self.settings.index_encoding
            }
            None => {
                self.body.extend_from_slice(self.values.to_byte_slice());
                Encoding::PLAIN
            }
        };
        self.values.clear();
        let bytes = |value: T| [value].to_byte_slice().to_vec();
        let wanted = bounds.filter(|_| self.pages.wants_bounds());
        self.pages.add(
            &self.body,
            PageFacts {
                rows,
                nulls,
                encoding,
                bounds: wanted.map(|(least, most)| (bytes(least), bytes(most))),
                value_bytes: None,
            },
        )
    }
}

impl<T: Number> Dictionary<T> {
    fn encode(&mut self, values: &[T], indices: &mut Vec<u32>, body: &mut Vec<u8>) {
        indices.clear();
        indices.reserve(values.len());
        for value in values {
            let (number, is_new) = self.table.number(value.bits());
            if is_new {
                self.values.push(*value);
            }
            indices.push(number);
        }
        let width = hybrid::width(self.table.len().saturating_sub(1));
        body.push(width);
        hybrid::encode(indices, width, body);
    }
}

fn least_and_most<T: Number>(values: &[T]) -> Option<(T, T)> {
    let first = *values.iter().find(|value| value.is_ordered())?;
    // A NaN is neither less nor greater, so it is passed over.
    let (least, most) = values.iter().fold((first, first), |(least, most), value| {
        (
            if *value < least { *value } else { least },
            if *value > most { *value } else { most },
        )
    });
    Some((least.as_least(), most.as_most()))
}

impl<T: Number> ColumnEncoder for NumberEncoder<T> {
    fn write(&mut self, array: &dyn Array) -> Result<()> {
        let values = (self.take)(array)?;
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let mut at = 0;
        while at < values.len() {
            let page_rows = self.page_rows();
            let rows = (page_rows - self.levels.rows()).min(values.len() - at);
            match nulls {
                None => {
                    self.levels.add(rows, None);
                    self.values.extend_from_slice(&values[at..at + rows]);
                }
                Some(nulls) => {
                    let nulls = nulls.slice(at, rows);
                    self.levels.add(rows, Some(&nulls));
                    for (from, until) in nulls.valid_slices() {
                        self.values
                            .extend_from_slice(&values[at + from..at + until]);
                    }
                }
            }
            at += rows;
            if self.levels.rows() == page_rows {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        let dictionary = self.dictionary.as_ref().map_or(0, |dictionary| {
            dictionary.table.memory() + dictionary.values.len() * size_of::<T>()
        });
        self.pages.memory() + self.values.len() * size_of::<T>() + dictionary
    }

    fn close(mut self: Box<Self>) -> Result<EncodedColumn> {
        if self.levels.rows() > 0 {
            self.flush()?;
        }
        let dictionary = self.dictionary.map(|dictionary| {
            let page = DictionaryPage {
                values: dictionary.values.len(),
                body: dictionary.values.to_byte_slice().to_vec(),
            };
            (page, self.settings.dictionary_encoding)
        });
        let statistics = T::statistics(self.bounds.column(), self.pages.nulls());
        self.pages
            .close(dictionary, self.bounds.order(), statistics)
    }
}
