//! Dictionaries: every distinct value of a column gets a number.
//!
//! Open addressing with linear probing, at most half full.

use super::prefix::prefix;

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Few, for files of many columns: a table grows quickly.
const FIRST_SLOTS: usize = 1 << 6;

/// Numbers values of up to eight bytes, which are told apart by their bits.
pub(super) struct Numbered {
    /// Bits of a value and its number plus one; 0 marks an empty slot.
    slots: Vec<(u64, u32)>,
    shift: u32,
    count: usize,
}

impl Numbered {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![(0, 0); FIRST_SLOTS],
            shift: u64::BITS - FIRST_SLOTS.ilog2(),
            count: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn memory(&self) -> usize {
        self.slots.len() * size_of::<(u64, u32)>()
    }

    /// Gives a value's number, and whether the value is new.
    pub(super) fn number(&mut self, bits: u64) -> (u32, bool) {
        let mask = self.slots.len() - 1;
        let mut at = (bits.wrapping_mul(FACTOR) >> self.shift) as usize;
        loop {
            let (known, number) = self.slots[at & mask];
            if number != 0 && known == bits {
                return (number - 1, false);
            }
            if number == 0 {
                break;
            }
            at += 1;
        }
        let number = self.count as u32;
        self.slots[at & mask] = (bits, number + 1);
        self.count += 1;
        if self.count * 2 > self.slots.len() {
            self.grow();
        }
        (number, true)
    }

    fn grow(&mut self) {
        let doubled = vec![(0, 0); self.slots.len() * 2];
        let slots = std::mem::replace(&mut self.slots, doubled);
        self.shift -= 1;
        let mask = self.slots.len() - 1;
        for (bits, number) in slots.into_iter().filter(|(_, number)| *number != 0) {
            let mut at = (bits.wrapping_mul(FACTOR) >> self.shift) as usize;
            while self.slots[at & mask].1 != 0 {
                at += 1;
            }
            self.slots[at & mask] = (bits, number);
        }
    }
}

/// Numbers byte strings.
pub(super) struct NumberedBytes {
    slots: Vec<Slot>,
    shift: u32,
    /// The values, one behind the other, and where each ends.
    values: Vec<u8>,
    ends: Vec<usize>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// The first eight bytes, which are all there are of a short value.
    prefix: u64,
    length: u32,
    /// Plus one; 0 marks an empty slot.
    number: u32,
}

impl Default for NumberedBytes {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); FIRST_SLOTS],
            shift: u64::BITS - FIRST_SLOTS.ilog2(),
            values: Vec::new(),
            ends: Vec::new(),
        }
    }
}

impl NumberedBytes {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Gives the values as a page has them: the length in four bytes, then the value.
    pub(super) fn plain(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.values.len() + 4 * self.ends.len());
        for value in (0..self.len()).map(|number| self.value(number)) {
            body.extend_from_slice(&(value.len() as u32).to_le_bytes());
            body.extend_from_slice(value);
        }
        body
    }

    /// Gives the bytes of all values.
    pub(super) fn bytes(&self) -> usize {
        self.values.len()
    }

    pub(super) fn memory(&self) -> usize {
        self.slots.len() * size_of::<Slot>() + self.values.len() + self.ends.len() * 8
    }

    /// Gives a value by its number.
    pub(super) fn value(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.values[start..self.ends[number]]
    }

    /// Gives a value's number.
    pub(super) fn number(&mut self, value: &[u8]) -> u32 {
        let mask = self.slots.len() - 1;
        let (prefix, length) = (prefix(value), value.len() as u32);
        let mut at = (hash(prefix, value) >> self.shift) as usize;
        loop {
            let slot = self.slots[at & mask];
            if slot.number == 0 {
                break;
            }
            let alike = slot.prefix == prefix && slot.length == length;
            let number = slot.number - 1;
            if alike && (length <= 8 || self.value(number as usize) == value) {
                return number;
            }
            at += 1;
        }
        let number = self.ends.len() as u32;
        self.values.extend_from_slice(value);
        self.ends.push(self.values.len());
        self.slots[at & mask] = Slot {
            prefix,
            length,
            number: number + 1,
        };
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let doubled = vec![Slot::default(); self.slots.len() * 2];
        let slots = std::mem::replace(&mut self.slots, doubled);
        self.shift -= 1;
        let mask = self.slots.len() - 1;
        for slot in slots.into_iter().filter(|slot| slot.number != 0) {
            let value = self.value(slot.number as usize - 1);
            let mut at = (hash(slot.prefix, value) >> self.shift) as usize;
            while self.slots[at & mask].number != 0 {
                at += 1;
            }
            self.slots[at & mask] = slot;
        }
    }
}

/// Mixes the prefix, the length and, of longer values, the rest eight bytes at a time.
fn hash(first: u64, value: &[u8]) -> u64 {
    let mix = |state: u64, word: u64| (state ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let state = mix(value.len() as u64, first);
    let rest = value.get(8..).unwrap_or_default();
    rest.chunks(8)
        .fold(state, |state, word| mix(state, prefix(word)))
        .wrapping_mul(FACTOR)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_dense_and_stay(values in prop::collection::vec(0..3_000_u64, 0..6_000)) {
            let (mut table, mut known) = (Numbered::new(), HashMap::new());
            for value in values {
                let next = known.len() as u32;
                let expected = known.get(&value).map_or((next, true), |number| (*number, false));
                prop_assert_eq!(table.number(value), expected);
                known.insert(value, expected.0);
                prop_assert_eq!(table.len(), known.len());
            }
        }

        #[test]
        fn bytes_come_back_by_their_number(
            values in prop::collection::vec(prop::collection::vec(0..3_u8, 0..20), 0..3_000)
        ) {
            let (mut table, mut known) = (NumberedBytes::default(), HashMap::new());
            for value in values {
                let next = known.len() as u32;
                let expected = *known.entry(value.clone()).or_insert(next);
                prop_assert_eq!(table.number(&value), expected);
                prop_assert_eq!(table.value(expected as usize), &value[..]);
            }
            prop_assert_eq!(table.len(), known.len());
        }
    }
}
