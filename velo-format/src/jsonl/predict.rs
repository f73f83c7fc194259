//! The order in which keys are expected, learned from the rows before.

/// Bytes of a key, with what stands around it, that are compared at once.
const WINDOW: usize = 32;
/// Longest key, with what stands around it, that is worth keeping.
const MAX_GLUE: usize = 1_024;
/// Places that may be looked through in vain before learning is given up, and how many of each
/// place's worth a row gives back: rows whose keys have no order are not worth the search.
const PATIENCE: usize = 1 << 24;
const REGAINED: usize = 16;

/// Expects each row's keys in the order of the rows before, spelled and spaced the same.
///
/// Within a row, every field that was read has its place in the order before `next`.
#[derive(Debug)]
pub(super) struct Prediction {
    /// Fields by number.
    order: Vec<u32>,
    /// What stood between the value before and each field's value: `,"key":`.
    glues: Vec<Glue>,
    /// Whether a field has a place in `order`.
    known: Vec<bool>,
    /// The place in `order` of the field that is expected.
    next: usize,
    /// Places that may still be looked through; nothing is expected any more when there are none.
    patience: usize,
}

impl Default for Prediction {
    fn default() -> Self {
        Self {
            order: Vec::new(),
            glues: Vec::new(),
            known: Vec::new(),
            next: 0,
            patience: PATIENCE,
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Glue {
    bytes: Vec<u8>,
    words: [u64; WINDOW / 8],
    masks: [u64; WINDOW / 8],
}

impl Prediction {
    /// Starts a row.
    #[inline]
    pub(super) fn start(&mut self) {
        self.next = 0;
        if self.patience < PATIENCE && self.patience > 0 {
            self.patience += REGAINED * self.order.len();
        }
    }

    /// Gives the field and the place of its value, if what stands at `at` is as expected.
    #[inline]
    pub(super) fn hit(&mut self, bytes: &[u8], at: usize) -> Option<(usize, usize)> {
        let field = *self.order.get(self.next)? as usize;
        let glue = self.glues.get(field)?;
        if !glue.stands_at(bytes, at) {
            return None;
        }
        self.next += 1;
        Some((field, at + glue.bytes.len()))
    }

    /// Learns that `field` came instead, with `glue` before its value.
    #[cold]
    pub(super) fn learn(&mut self, field: usize, glue: &[u8]) {
        if self.patience == 0 {
            return;
        }
        if field >= self.glues.len() {
            self.glues.resize_with(field + 1, Glue::default);
            self.known.resize(field + 1, false);
        }
        let place = self.place(field);
        if self.patience == 0 {
            self.order.clear();
            return;
        }
        match place {
            // Fields between were left out in this row alone, perhaps.
            Some(place) if place > self.next => self.next = place + 1,
            Some(place) if place == self.next => {
                self.glues[field] = Glue::new(glue);
                self.next += 1;
            }
            Some(place) => {
                self.order[place..self.next].rotate_left(1);
                self.glues[field] = Glue::new(glue);
            }
            None => {
                self.known[field] = true;
                self.order.insert(self.next, field as u32);
                self.glues[field] = Glue::new(glue);
                self.next += 1;
            }
        }
    }

    /// Finds a field's place, from the expected one on.
    fn place(&mut self, field: usize) -> Option<usize> {
        if !self.known[field] {
            return None;
        }
        let (before, behind) = self.order.split_at(self.next);
        let is_it = |known: &u32| *known as usize == field;
        let place = match behind.iter().position(is_it) {
            Some(place) => Some(self.next + place),
            None => before.iter().position(is_it),
        };
        let steps = match place {
            Some(place) if place >= self.next => place - self.next,
            _ => self.order.len(),
        };
        self.patience = self.patience.saturating_sub(steps);
        place
    }
}

impl Glue {
    fn new(bytes: &[u8]) -> Self {
        if bytes.len() > MAX_GLUE {
            return Self::default();
        }
        let mut text = [0_u8; WINDOW];
        let mut mask = [0_u8; WINDOW];
        for (place, byte) in bytes.iter().take(WINDOW).enumerate() {
            text[place] = *byte;
            mask[place] = 0xff;
        }
        Self {
            bytes: bytes.to_vec(),
            words: words(&text),
            masks: words(&mask),
        }
    }

    #[inline]
    fn stands_at(&self, bytes: &[u8], at: usize) -> bool {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(window) = rest.first_chunk::<WINDOW>() else {
            return !self.bytes.is_empty() && rest.starts_with(&self.bytes);
        };
        let found = words(window);
        let mut difference = 0;
        for ((found, word), mask) in found.iter().zip(&self.words).zip(&self.masks) {
            difference |= (found ^ word) & mask;
        }
        match self.bytes.len() {
            0 => false,
            1..=WINDOW => difference == 0,
            _ => difference == 0 && rest.starts_with(&self.bytes),
        }
    }
}

#[inline]
fn words(bytes: &[u8; WINDOW]) -> [u64; WINDOW / 8] {
    let mut words = [0; WINDOW / 8];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(prediction: &mut Prediction, keys: &[&str]) -> usize {
        prediction.start();
        let mut misses = 0;
        for key in keys {
            let glue = format!(",\"{key}\":");
            let field = key.len() - 1;
            match prediction.hit(glue.as_bytes(), 0) {
                Some(hit) => assert_eq!(hit, (field, glue.len())),
                None => {
                    misses += 1;
                    prediction.learn(field, glue.as_bytes());
                }
            }
        }
        misses
    }

    #[test]
    fn order_is_learned_and_left_out_keys_are_remembered() {
        let mut prediction = Prediction::default();
        let long = "x".repeat(40);
        for (keys, misses) in [
            (&["a", "bb", "ccc"][..], 3),
            (&["a", "bb", "ccc"], 0),
            (&["a", "ccc"], 1),
            (&["a", "bb", "ccc"], 0),
            (&["ccc", "a", "bb"], 3),
            (&["ccc", "a", "bb", &long], 1),
            (&["ccc", "a", "bb", &long], 0),
            (&["dddd", "a", "bb"], 2),
        ] {
            assert_eq!(read(&mut prediction, keys), misses, "{keys:?}");
        }
    }

    #[test]
    fn keys_without_an_order_are_given_up() {
        let mut prediction = Prediction::default();
        let keys: Vec<String> = (1..100).map(|length| "x".repeat(length)).collect();
        let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        assert_eq!(read(&mut prediction, &keys), keys.len());
        assert_eq!(read(&mut prediction, &keys), 0);
        for _ in 0..10_000 {
            keys.reverse();
            read(&mut prediction, &keys);
        }
        assert_eq!(read(&mut prediction, &keys), keys.len());
        assert_eq!(prediction.patience, 0);
    }
}
