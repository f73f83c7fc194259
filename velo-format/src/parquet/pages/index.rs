//! Where pages start, for passing over them without a look.

use std::ops::Range;

use ::parquet::file::page_index::offset_index::PageLocation;

/// Where data pages start, as the file's page index says.
pub(super) struct Index {
    locations: Vec<PageLocation>,
    /// The next of them.
    next: usize,
    rows: usize,
}

impl Index {
    /// Takes locations as a file has them; `None` where they make no sense.
    pub(super) fn new(locations: &[PageLocation], chunk: Range<u64>, rows: usize) -> Option<Self> {
        is_sound(locations, &chunk, rows).then(|| Self {
            locations: locations.to_vec(),
            next: 0,
            rows,
        })
    }

    /// Goes on behind a page.
    pub(super) fn pass(&mut self, is_data: bool) {
        self.next += usize::from(is_data);
    }

    /// Gives the rows of the next data page, and where the one after it starts; only at its start.
    pub(super) fn page(&self, at: u64) -> Option<(usize, Option<u64>)> {
        let here = self.locations.get(self.next)?;
        if here.offset as u64 != at {
            return None;
        }
        let after = self.locations.get(self.next + 1);
        let end = after.map_or(self.rows, |after| after.first_row_index as usize);
        let rows = end - here.first_row_index as usize;
        Some((rows, after.map(|after| after.offset as u64)))
    }
}

/// Says whether locations are places in the chunk in rising order.
fn is_sound(locations: &[PageLocation], chunk: &Range<u64>, rows: usize) -> bool {
    let inside = |one: &PageLocation| {
        let offset = u64::try_from(one.offset).is_ok_and(|offset| chunk.contains(&offset));
        let row = usize::try_from(one.first_row_index).is_ok_and(|row| row <= rows);
        offset && row
    };
    let rising = |pair: &[PageLocation]| {
        pair[0].offset < pair[1].offset && pair[0].first_row_index <= pair[1].first_row_index
    };
    let first = locations.first();
    first.is_some_and(|first| first.first_row_index == 0)
        && locations.iter().all(inside)
        && locations.windows(2).all(rising)
}
