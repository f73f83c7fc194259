//! A byte buffer that takes short texts as blocks of fixed size.
//!
//! Copying eight, sixteen or thirty-two bytes is one or two instructions where copying "as many as
//! there are" is a call; so a block is stored whole and only its text is kept, the rest being
//! overwritten by what comes next.

/// Bytes in a string's block.
const BLOCK: usize = 16;

/// Text under construction.
pub(crate) struct Text {
    bytes: Vec<u8>,
    length: usize,
    problem: Option<Problem>,
    finite_only: bool,
}

/// A value that the format cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// NaN or an infinity, where only numbers can stand.
    NotFinite,
    /// A time of day outside the day.
    TimeOfDay,
}

/// Bytes that a string must not hold when it is to be written as it is.
pub(crate) trait Special: Copy {
    /// Sets the highest bit of the lowest such byte in a word; bits above it have no meaning.
    fn find(self, word: u64) -> u64;
}

/// Repeats a byte eight times.
pub(crate) const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Sets the highest bit of the lowest byte that is less than the one repeated in `limit`, which is
/// at most 128; bits above it have no meaning, because subtracting borrows from them.
#[inline(always)]
pub(crate) const fn find_less(word: u64, limit: u64) -> u64 {
    word.wrapping_sub(limit) & !word & repeat(0x80)
}

/// Sets the highest bit of the lowest byte that equals the one repeated in `wanted`; bits above it
/// have no meaning.
#[inline(always)]
pub(crate) const fn find_equal(word: u64, wanted: u64) -> u64 {
    find_less(word ^ wanted, repeat(1))
}

impl Text {
    /// Makes room for about `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            bytes: vec![0; capacity],
            length: 0,
            problem: None,
            finite_only: false,
        }
    }

    /// Refuses NaN and infinities from now on.
    pub(crate) fn finite_only(mut self) -> Self {
        self.finite_only = true;
        self
    }

    /// Says whether NaN and infinities are refused.
    pub(crate) fn is_finite_only(&self) -> bool {
        self.finite_only
    }

    /// Notes that a value cannot be written.
    #[cold]
    pub(crate) fn refuse(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }

    /// Gives the first problem since the last call.
    pub(crate) fn take_problem(&mut self) -> Option<Problem> {
        self.problem.take()
    }

    /// Gives the length of the text.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Gives the memory held.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Gives the text.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Gives what stands behind the first `start` bytes.
    #[inline(always)]
    pub(crate) fn since(&self, start: usize) -> &[u8] {
        self.bytes.get(start..self.length).unwrap_or_default()
    }

    /// Replaces a byte of the text.
    #[inline(always)]
    pub(crate) fn set(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.bytes.get_mut(at) {
            *place = byte;
        }
    }

    /// Drops everything behind the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Gives the text away.
    pub(crate) fn into_vec(mut self) -> Vec<u8> {
        self.bytes.truncate(self.length);
        self.bytes
    }

    /// Appends the first `length` bytes of a block; `length` is at most `N`.
    #[inline(always)]
    pub(crate) fn put<const N: usize>(&mut self, block: [u8; N], length: usize) {
        debug_assert!(length <= N, "{length} of {N} bytes");
        if self.bytes.len() - self.length < N {
            self.grow(N);
        }
        if let Some(place) = self.bytes[self.length..].first_chunk_mut() {
            *place = block;
            self.length += length;
        }
    }

    /// Appends one byte.
    #[inline(always)]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.put([byte], 1);
    }

    /// Appends bytes of any number.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.bytes.len() - self.length < bytes.len() {
            self.grow(bytes.len());
        }
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    /// Replaces the last byte.
    #[inline(always)]
    pub(crate) fn replace_last(&mut self, byte: u8) {
        if let Some(last) = self.bytes[..self.length].last_mut() {
            *last = byte;
        }
    }

    /// Appends the string at `start` of `source` and says whether a special byte is in it.
    ///
    /// Reads whole blocks, past the string's end where `source` goes on.
    #[inline(always)]
    pub(crate) fn string(
        &mut self,
        source: &[u8],
        start: usize,
        length: usize,
        special: impl Special,
    ) -> bool {
        let mut found = false;
        let mut done = 0;
        while done < length {
            let rest = length - done;
            let tail = source.get(start + done..).unwrap_or_default();
            let block = tail.first_chunk().copied();
            let block = block.unwrap_or_else(|| last_block(tail));
            found |= self.block(block, rest.min(BLOCK), special);
            done += BLOCK;
        }
        found
    }

    /// Appends a string of at most sixteen bytes and says whether a special byte is in it.
    #[inline(always)]
    pub(crate) fn block(
        &mut self,
        block: [u8; BLOCK],
        length: usize,
        special: impl Special,
    ) -> bool {
        self.put(block, length);
        let bits = u128::from_le_bytes(block);
        let low = special.find(bits as u64);
        let high = special.find((bits >> 64) as u64);
        let found = u128::from(high) << 64 | u128::from(low);
        (found.trailing_zeros() as usize) < 8 * length
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, by: usize) {
        let wanted = (self.length + by).max(self.bytes.len() * 2).max(256);
        self.bytes.resize(wanted, 0);
    }
}

#[cold]
fn last_block(tail: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    for (to, from) in block.iter_mut().zip(tail) {
        *to = *from;
    }
    block
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    #[derive(Clone, Copy)]
    struct Comma;

    impl Special for Comma {
        fn find(self, word: u64) -> u64 {
            find_equal(word, repeat(b','))
        }
    }

    #[test]
    fn keeps_only_what_a_block_says() {
        let mut text = Text::new(0);
        text.put(*b"12345678", 3);
        text.byte(b',');
        text.bytes(b"abc");
        text.replace_last(b'\n');
        assert_eq!(text.into_vec(), b"123,ab\n");
    }

    /// Where the first byte found lies, or 8.
    fn place(found: u64) -> usize {
        found.trailing_zeros() as usize / 8
    }

    proptest! {
        #[test]
        fn words_are_searched_as_bytes_are(bytes: [u8; 8], limit in 0_u8..=128, byte: u8) {
            let word = u64::from_le_bytes(bytes);
            let first = |wanted: &dyn Fn(u8) -> bool| {
                bytes.iter().position(|byte| wanted(*byte)).unwrap_or(8)
            };
            assert_eq!(place(find_less(word, repeat(limit))), first(&|byte| byte < limit));
            for wanted in [byte, bytes[3]] {
                assert_eq!(place(find_equal(word, repeat(wanted))), first(&|byte| byte == wanted));
            }
        }

        #[test]
        fn strings_come_out_as_they_went_in(
            source in prop::collection::vec(any::<u8>(), 0..100),
            from in 0_usize..100,
            to in 0_usize..100,
        ) {
            let (from, to) = (from.min(source.len()), to.min(source.len()));
            let (from, to) = (from.min(to), from.max(to));
            let mut text = Text::new(3);
            let found = text.string(&source, from, to - from, Comma);
            assert_eq!(text.as_slice(), &source[from..to]);
            assert_eq!(found, source[from..to].contains(&b','));
        }
    }
}
