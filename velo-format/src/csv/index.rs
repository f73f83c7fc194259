//! The places of all separators in a window of bytes.

use super::dialect::Dialect;
use super::mask::BLOCK;
use super::scan::{Marks, Scanner, State};

/// Separators of the whole lines at the front of a window.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Grows with the separators; only the first `used` places count.
    places: Vec<u32>,
    used: usize,
    /// As many of them as belong to whole lines.
    whole: usize,
    /// How many lines there are, blank ones and comments included.
    pub(super) lines: usize,
    /// The separators behind which a field starts with a quote, as places in the index.
    openings: Vec<u32>,
    /// How many bytes the lines have.
    pub(super) consumed: usize,
}

impl Index {
    /// Gives the place before the window (`u32::MAX`), then that of each separator; behind a last
    /// record without a line feed stands the window's length.
    pub(super) fn ends(&self) -> &[u32] {
        &self.places[..self.whole]
    }

    /// Finds the separators of at most `limit` lines; `last` says that the input ends with
    /// `bytes`, `from` what led to them.
    pub(super) fn build(
        &mut self,
        dialect: &Dialect,
        from: State,
        bytes: &[u8],
        limit: usize,
        last: bool,
    ) {
        let mut scanner = Scanner::new(dialect, from);
        self.reset();
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for (number, block) in blocks.iter().enumerate() {
            let marks = scanner.block(block);
            self.note(number * BLOCK, marks);
            if self.lines >= limit {
                break;
            }
        }
        if self.lines < limit {
            let marks = scanner.bytes(rest);
            self.note(blocks.len() * BLOCK, marks);
            if last && self.lines < limit {
                self.close(bytes.len(), scanner.state());
                return;
            }
        }
        self.cut(bytes, limit);
    }

    fn reset(&mut self) {
        if self.places.is_empty() {
            self.places.resize(4096, 0);
        }
        self.places[0] = u32::MAX;
        (self.used, self.whole) = (1, 1);
        (self.lines, self.consumed) = (0, 0);
        self.openings.clear();
    }

    /// Gives the fields of the whole lines that start with a quote, each by the separator before
    /// it, in order.
    pub(super) fn openings(&self) -> &[u32] {
        let whole = self
            .openings
            .partition_point(|opening| (*opening as usize) + 1 < self.whole);
        &self.openings[..whole]
    }

    #[inline]
    fn note(&mut self, base: usize, marks: Marks) {
        if self.places.len() < self.used + BLOCK {
            self.places.resize(self.places.len() * 2 + BLOCK, 0);
        }
        if let Some(last) = marks.lines.checked_ilog2() {
            let up_to_last = marks.separators & (u64::MAX >> (63 - last));
            self.whole = self.used + up_to_last.count_ones() as usize;
            self.lines += marks.lines.count_ones() as usize;
        }
        if marks.quotes != 0 {
            self.note_openings(base, marks);
        }
        let count = marks.separators.count_ones() as usize;
        if let Some(room) = self.places[self.used..].first_chunk_mut::<BLOCK>() {
            write_places(room, base as u32, marks.separators);
        }
        self.used += count;
    }

    #[cold]
    fn note_openings(&mut self, base: usize, marks: Marks) {
        let before = self.places[self.used - 1].wrapping_add(1) as usize;
        let starts = marks.separators << 1 | u64::from(before == base);
        let mut openings = marks.quotes & starts;
        while openings != 0 {
            let below = (1 << openings.trailing_zeros()) - 1;
            let separators = (marks.separators & below).count_ones() as usize;
            self.openings.push((self.used - 1 + separators) as u32);
            openings &= openings - 1;
        }
    }

    /// Takes what is left behind the last line feed for a line.
    fn close(&mut self, length: usize, state: State) {
        self.consumed = length;
        if state == State::RecordStart {
            return;
        }
        self.lines += 1;
        self.note_end(length);
    }

    fn note_end(&mut self, length: usize) {
        self.places.truncate(self.used);
        self.places.push(length as u32);
        self.used += 1;
        self.whole = self.used;
    }

    /// Drops the lines of the last block that are too many, and what is left of a line.
    fn cut(&mut self, bytes: &[u8], limit: usize) {
        while self.lines > limit {
            self.drop_line(bytes);
        }
        self.consumed = match self.places[self.whole - 1] {
            u32::MAX => 0,
            feed => feed as usize + 1,
        };
    }

    fn drop_line(&mut self, bytes: &[u8]) {
        let feed = |place: &u32| bytes.get(*place as usize).is_none_or(|byte| *byte == b'\n');
        let before = self.places[..self.whole - 1].iter().rposition(feed);
        self.whole = before.map_or(1, |before| before + 1);
        self.lines -= 1;
    }

    /// Keeps the lines before the first that is longer than `length`; says where that one starts.
    pub(super) fn stop_before_longer(&mut self, bytes: &[u8], length: usize) -> Option<usize> {
        let (mut start, mut lines) = (0, 0);
        for at in 1..self.whole {
            let end = self.places[at] as usize;
            if end < bytes.len() && bytes[end] != b'\n' {
                continue;
            }
            if end - start > length {
                self.lines = lines;
                self.whole = self.places[..at]
                    .iter()
                    .rposition(|p| p.wrapping_add(1) as usize == start)?
                    + 1;
                self.consumed = start;
                return Some(start);
            }
            (start, lines) = (end + 1, lines + 1);
        }
        None
    }
}

/// Writes the places of the bits; what is written behind them is of no meaning.
#[inline]
fn write_places(room: &mut [u32; BLOCK], base: u32, mut bits: u64) {
    let count = bits.count_ones() as usize;
    let mut at = 0;
    // Eight at a time without asking how many are left: one hard-to-guess branch instead of eight.
    while at < count {
        for slot in &mut room[at..at + 8] {
            *slot = base + bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
        }
        at += 8;
    }
}
