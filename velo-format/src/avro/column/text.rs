//! Values of varying length: text, bytes, symbols.

use super::super::input::{Input, Parsed, Problem};

/// Texts or bytes, one after the other.
pub(super) struct Texts {
    pub(super) data: Vec<u8>,
    pub(super) offsets: Vec<i32>,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self {
            data: Vec::new(),
            offsets: vec![0],
        }
    }

    /// Appends bytes; what a batch may hold keeps the offsets within 31 bits.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
        self.offsets.push(self.data.len() as i32);
    }

    #[inline]
    pub(super) fn read_text(&mut self, input: &mut Input<'_>) -> Parsed<()> {
        let bytes = input.bytes()?;
        if !bytes.is_ascii() && simdutf8::basic::from_utf8(bytes).is_err() {
            return Err(Problem::new("a string is not valid UTF-8"));
        }
        self.push(bytes);
        Ok(())
    }

    /// Appends a UUID as RFC 9562 spells it.
    pub(super) fn push_uuid(&mut self, value: u128) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for digit in 0..32 {
            if matches!(digit, 8 | 12 | 16 | 20) {
                self.data.push(b'-');
            }
            let bits = (value >> (124 - 4 * digit)) & 15;
            self.data.push(DIGITS[bits as usize]);
        }
        self.push(&[]);
    }

    /// Takes the first values and starts again.
    pub(super) fn take(&mut self, length: usize) -> (Vec<i32>, Vec<u8>) {
        // The next batch will most likely be as long.
        let next = Vec::with_capacity(self.data.len());
        let mut data = std::mem::replace(&mut self.data, next);
        let offsets = take_offsets(&mut self.offsets, length);
        data.truncate(end(&offsets));
        (offsets, data)
    }
}

/// Takes the offsets of the first values; the rest starts again.
pub(super) fn take_offsets(offsets: &mut Vec<i32>, length: usize) -> Vec<i32> {
    let mut next = Vec::with_capacity(offsets.len());
    next.push(0);
    let mut taken = std::mem::replace(offsets, next);
    taken.truncate(length + 1);
    taken
}

/// Gives where the last value ends.
pub(super) fn end(offsets: &[i32]) -> usize {
    let end = offsets.last().copied().unwrap_or_default();
    usize::try_from(end).unwrap_or_default()
}

/// Symbols of an enum, as text.
pub(super) struct Symbols {
    symbols: Vec<String>,
    pub(super) texts: Texts,
}

impl Symbols {
    pub(super) fn new(symbols: &[String]) -> Self {
        Self {
            symbols: symbols.to_vec(),
            texts: Texts::new(),
        }
    }

    pub(super) fn read(&mut self, input: &mut Input<'_>) -> Parsed<()> {
        let symbol = input.choice(self.symbols.len())?;
        let symbol = self.symbols[symbol].as_bytes();
        // A byte of the file stands for all of the symbol.
        input.spend(symbol.len(), 1)?;
        self.texts.push(symbol);
        Ok(())
    }

    pub(super) fn append_null(&mut self) {
        self.texts.push(&[]);
    }
}
