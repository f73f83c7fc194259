//! Which delimiters and line feeds divide fields and records, and which are data.
//!
//! [`Scanner::step`] is the definition, byte by byte. [`Scanner::block`] does 64 bytes at once for
//! what it can prove to be the same and steps through the rest: a quote at an odd place, an
//! escape, a comment.

use super::dialect::Dialect;
use super::mask::{BLOCK, Block};

/// What the bytes so far have led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// At a record's first byte.
    RecordStart,
    /// Behind a carriage return that is a record's first byte.
    RecordStartReturn,
    /// At the first byte of a later field.
    FieldStart,
    /// In a field without quotes, or behind stray text that follows a closing quote.
    Unquoted,
    /// Between quotes.
    Quoted,
    /// Behind the escape character between quotes.
    Escaped,
    /// Behind a quote that closes the field unless another follows.
    QuoteSeen,
    /// Behind a carriage return that follows a closing quote.
    ClosedReturn,
    /// In a comment.
    Comment,
}

/// What divides what among up to 64 bytes, one bit for each byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Delimiters and line feeds that end a field, a blank line or a comment.
    pub(super) separators: u64,
    /// The line feeds among them.
    pub(super) lines: u64,
    /// Line feeds that end neither a blank line nor a comment.
    pub(super) records: u64,
    /// Line feeds that end a blank line.
    pub(super) blanks: u64,
    /// Quotes, wherever they stand.
    pub(super) quotes: u64,
}

/// Follows the structure through any number of blocks.
#[derive(Debug, Clone)]
pub(super) struct Scanner {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
    state: State,
}

impl Scanner {
    pub(super) fn new(dialect: &Dialect, state: State) -> Self {
        Self {
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            escape: dialect.escape,
            comment: dialect.comment,
            state,
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Marks a block.
    #[inline]
    pub(super) fn block(&mut self, bytes: &[u8; BLOCK]) -> Marks {
        match self.fast(bytes) {
            Some(marks) => marks,
            None => self.bytes(bytes),
        }
    }

    /// Marks up to 64 bytes, one after the other.
    #[cold]
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Marks {
        let mut marks = Marks::default();
        for (at, byte) in bytes.iter().enumerate() {
            let (before, bit) = (self.state, 1 << at);
            let separates = self.step(*byte);
            if Some(*byte) == self.quote {
                marks.quotes |= bit;
            }
            if separates {
                marks.separators |= bit;
            }
            if separates && *byte == b'\n' {
                marks.lines |= bit;
                match before {
                    State::RecordStart | State::RecordStartReturn => marks.blanks |= bit,
                    State::Comment => {}
                    _ => marks.records |= bit,
                }
            }
        }
        marks
    }

    /// Takes one byte; says whether it is a separator.
    fn step(&mut self, byte: u8) -> bool {
        match self.state {
            State::RecordStart if Some(byte) == self.comment => self.state = State::Comment,
            State::RecordStart if byte == b'\r' => self.state = State::RecordStartReturn,
            State::RecordStart | State::FieldStart => {
                if Some(byte) == self.quote {
                    self.state = State::Quoted;
                } else {
                    return self.unquoted(byte);
                }
            }
            State::Quoted if Some(byte) == self.quote => self.state = State::QuoteSeen,
            State::Quoted if Some(byte) == self.escape => self.state = State::Escaped,
            State::Quoted => {}
            State::Escaped => self.state = State::Quoted,
            State::QuoteSeen if Some(byte) == self.quote => self.state = State::Quoted,
            State::QuoteSeen if byte == b'\r' => self.state = State::ClosedReturn,
            State::Comment if byte != b'\n' => {}
            State::Comment
            | State::Unquoted
            | State::QuoteSeen
            | State::RecordStartReturn
            | State::ClosedReturn => return self.unquoted(byte),
        }
        false
    }

    fn unquoted(&mut self, byte: u8) -> bool {
        self.state = match byte {
            b'\n' => State::RecordStart,
            byte if byte == self.delimiter => State::FieldStart,
            _ => State::Unquoted,
        };
        self.state != State::Unquoted
    }

    /// Marks a block if every quote in it stands where quotes stand.
    #[inline]
    fn fast(&mut self, bytes: &[u8; BLOCK]) -> Option<Marks> {
        let inside = match self.state {
            State::RecordStart | State::FieldStart | State::Unquoted => 0,
            State::Quoted => u64::MAX,
            _ => return None,
        };
        let block = Block::load(bytes);
        let of = |byte: Option<u8>| byte.map_or(0, |byte| block.places(byte));
        let (feeds, quotes) = (block.places(b'\n'), of(self.quote));
        let divisors = block.places(self.delimiter) | feeds;
        if of(self.escape) != 0 {
            return None;
        }
        let mut inside = inside;
        if quotes != 0 {
            inside ^= prefix_xor(quotes);
            if !self.are_regular(&block, quotes, inside, divisors) {
                return None;
            }
        }
        let (separators, lines) = (divisors & !inside, feeds & !inside);
        let starts = lines << 1 | u64::from(self.state == State::RecordStart);
        if starts & of(self.comment) != 0 {
            return None;
        }
        let returns = starts & block.places(b'\r');
        let blanks = lines & (starts | returns << 1);
        self.state = self.state_behind(bytes, quotes, inside, returns);
        Some(Marks {
            separators,
            lines,
            records: lines & !blanks,
            blanks,
            quotes,
        })
    }

    /// Says whether every opening quote is a field's first byte or the second of a pair, and
    /// every closing one is a field's last or the first of a pair.
    fn are_regular(&self, block: &Block, quotes: u64, inside: u64, divisors: u64) -> bool {
        let starts_field = matches!(self.state, State::RecordStart | State::FieldStart);
        let starts = (divisors & !inside) << 1 | u64::from(starts_field);
        let (opening, closing) = (quotes & inside, quotes & !inside);
        let behind = closing << 1;
        let returns = behind & block.places(b'\r');
        opening & !(starts | behind) == 0
            && behind & !(divisors | quotes | returns) == 0
            && returns << 1 & !block.places(b'\n') == 0
    }

    fn state_behind(&self, bytes: &[u8; BLOCK], quotes: u64, inside: u64, returns: u64) -> State {
        const LAST: u64 = 1 << (BLOCK - 1);
        let behind_closing = (quotes & !inside) << 1;
        match bytes[BLOCK - 1] {
            _ if inside & LAST != 0 => State::Quoted,
            _ if quotes & LAST != 0 => State::QuoteSeen,
            b'\n' => State::RecordStart,
            byte if byte == self.delimiter => State::FieldStart,
            b'\r' if behind_closing & LAST != 0 => State::ClosedReturn,
            b'\r' if returns & LAST != 0 => State::RecordStartReturn,
            _ => State::Unquoted,
        }
    }
}

/// Sets every bit that has an odd number of bits at or below it: from each opening quote up to,
/// not including, the closing one.
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::CsvReadOptions;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn blocks_agree_with_single_steps(
            text in "(\"[ab,\n]{0,9}\"|\"\"|a|bb|ccc|[\",\n\r#\\\\]|,|,|\n|\r\n){0,90}",
            escape: bool,
            comment: bool,
        ) {
            let options = CsvReadOptions {
                escape: escape.then(|| "\\".to_owned()),
                comment: comment.then(|| "#".to_owned()),
                ..Default::default()
            };
            let dialect = Dialect::new(&options).unwrap();
            let mut fast = Scanner::new(&dialect, State::RecordStart);
            let mut slow = fast.clone();
            for block in text.as_bytes().as_chunks::<BLOCK>().0 {
                prop_assert_eq!(fast.block(block), slow.bytes(block));
                prop_assert_eq!(fast.state, slow.state);
            }
        }
    }
}
