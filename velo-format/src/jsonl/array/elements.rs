//! Where the elements of an array end, found without decoding them.
//!
//! Elements become lines: each separator becomes a line feed, and line feeds elsewhere become
//! blanks, so that the text has the same length as the array and every byte keeps its place. A
//! line feed inside a string, which JSON does not allow, becomes another control character, which
//! it does not allow either.
//!
//! Sixty-four bytes are looked at together: where the strings are follows from the parity of the
//! quotes before each byte, and only brackets outside of strings are looked at one by one.

use crate::csv::mask::{BLOCK, Block};

/// Stands for a line feed inside a string.
const CONTROL: u8 = 1;

/// Why a text is no array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    /// Where, counted from the first byte that is not consumed.
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// The elements of an array as lines.
///
/// It begins behind the array's `[`, or behind any of its elements.
#[derive(Debug, Default)]
pub(super) struct Elements {
    text: Vec<u8>,
    /// The first byte that is not consumed.
    from: usize,
    /// Up to here elements are whole: the place of a separator.
    ready: usize,
    /// Behind the last separator.
    open: usize,
    scanner: Scanner,
}

#[derive(Debug, Default)]
struct Scanner {
    /// All ones inside a string, else zero.
    in_string: u64,
    /// The next byte stands behind a backslash.
    escaped: bool,
    /// Objects and arrays that are open.
    depth: usize,
    element: Element,
    /// Behind the array's `]`.
    end: Option<usize>,
}

/// What stands behind the last separator.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Element {
    /// Nothing so far, and there was no separator.
    #[default]
    First,
    /// Nothing that was seen: text without brackets is not looked at.
    Wanted,
    /// An object or an array that is closed again.
    Closed,
}

/// Places in a block that matter outside of strings.
struct Marks {
    opening: u64,
    closing: u64,
    commas: u64,
}

impl Elements {
    /// Gives the whole elements, one on each line.
    pub(super) fn lines(&self) -> &[u8] {
        self.text.get(self.from..self.ready).unwrap_or_default()
    }

    /// Takes bytes off the front of the lines.
    pub(super) fn consume(&mut self, count: usize) {
        self.from = (self.from + count).min(self.ready);
    }

    /// Gives how many bytes were fed and are not consumed.
    pub(super) fn pending(&self) -> usize {
        self.text.len() - self.from
    }

    /// Gives how many bytes were fed of an element that is not whole.
    pub(super) fn unfinished(&self) -> usize {
        self.text.len() - self.ready
    }

    /// Says whether the array may end here: its `]` was seen, or this begins behind it.
    pub(super) fn may_end(&self) -> bool {
        let nothing = || self.scanner.element == Element::First && blank(&self.text);
        self.scanner.end.is_some() || (self.scanner.depth == 0 && nothing())
    }

    /// Adds bytes at the end.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.text.drain(..self.from);
        self.ready -= self.from;
        self.open = self.open.saturating_sub(self.from);
        self.scanner.end = self.scanner.end.map(|end| end.saturating_sub(self.from));
        self.from = 0;
        let mut at = self.text.len();
        self.text.extend_from_slice(bytes);
        while at < self.text.len() && self.scanner.end.is_none() {
            at += self.block(at)?;
        }
        match self.scanner.end {
            Some(end) => self.finish(end),
            None => Ok(()),
        }
    }

    /// Only white space may follow the array.
    fn finish(&mut self, end: usize) -> Result<(), Broken> {
        let behind = self.text.get(end..).unwrap_or_default();
        if let Some(at) = behind.iter().position(|byte| !is_blank(*byte)) {
            return Err(broken(end + at, "more text behind the array"));
        }
        self.ready = self.text.len();
        Ok(())
    }

    /// Looks at a block, or at what there is of it; gives its length.
    fn block(&mut self, at: usize) -> Result<usize, Broken> {
        let rest = &self.text[at..];
        let length = rest.len().min(BLOCK);
        let marks = match rest.first_chunk() {
            Some(bytes) => self.scanner.look(bytes, length),
            None => {
                let mut bytes = [b' '; BLOCK];
                bytes[..length].copy_from_slice(rest);
                self.scanner.look(&bytes, length)
            }
        };
        let (marks, feeds, strings) = marks;
        for place in bits(feeds) {
            let inside = strings >> place & 1 == 1;
            self.text[at + place] = if inside { CONTROL } else { b' ' };
        }
        let brackets = marks.opening | marks.closing;
        if brackets != 0 || self.scanner.depth == 0 {
            self.walk(at, &marks)?;
        }
        Ok(length)
    }

    /// Follows the brackets of a block.
    fn walk(&mut self, at: usize, marks: &Marks) -> Result<(), Broken> {
        let mut outside = 0;
        for place in bits(marks.opening | marks.closing) {
            let opens = marks.opening >> place & 1 == 1;
            if self.scanner.depth == 0 {
                self.separate(at, marks.commas & !below(outside) & below(place))?;
                match opens {
                    true => self.open_element(at + place)?,
                    false => return self.close_array(at + place),
                }
            }
            if opens {
                self.scanner.depth += 1;
                continue;
            }
            self.scanner.depth -= 1;
            if self.scanner.depth == 0 {
                self.scanner.element = Element::Closed;
                outside = place;
            }
        }
        match self.scanner.depth {
            0 => self.separate(at, marks.commas & !below(outside)),
            _ => Ok(()),
        }
    }

    /// Makes line feeds of the commas between elements.
    fn separate(&mut self, at: usize, commas: u64) -> Result<(), Broken> {
        for place in bits(commas) {
            let place = at + place;
            // This may begin right before a comma.
            if self.scanner.element == Element::Wanted && self.is_missing(place) {
                return Err(broken(place, "no element before this comma"));
            }
            self.text[place] = b'\n';
            self.ready = place;
            self.open = place + 1;
            self.scanner.element = Element::Wanted;
        }
        Ok(())
    }

    fn open_element(&self, place: usize) -> Result<(), Broken> {
        match self.scanner.element {
            Element::Closed => Err(broken(place, "no comma between two elements")),
            Element::First | Element::Wanted => Ok(()),
        }
    }

    fn close_array(&mut self, place: usize) -> Result<(), Broken> {
        if self.text[place] == b'}' {
            return Err(broken(place, "`}` without its `{`"));
        }
        if self.scanner.element == Element::Wanted && self.is_missing(place) {
            return Err(broken(place, "no element behind the last comma"));
        }
        self.text[place] = b'\n';
        self.scanner.end = Some(place + 1);
        Ok(())
    }

    /// Says whether nothing stands between the last separator and this one.
    fn is_missing(&self, place: usize) -> bool {
        blank(&self.text[self.open..place])
    }
}

impl Scanner {
    /// Finds the places that matter, the line feeds, and the insides of strings.
    #[inline]
    fn look(&mut self, bytes: &[u8; BLOCK], length: usize) -> (Marks, u64, u64) {
        let block = Block::load(bytes);
        let escaped = self.escaped(block.places(b'\\'), length);
        let quotes = block.places(b'"') & !escaped;
        let strings = parity(quotes) ^ self.in_string;
        self.in_string = (strings >> 63).wrapping_neg();
        let marks = Marks {
            opening: (block.places(b'{') | block.places(b'[')) & !strings,
            closing: (block.places(b'}') | block.places(b']')) & !strings,
            commas: block.places(b',') & !strings,
        };
        (marks, block.places(b'\n'), strings)
    }

    /// Finds the bytes behind a backslash that is not itself behind one.
    #[inline]
    fn escaped(&mut self, backslashes: u64, length: usize) -> u64 {
        let mut escaped = u64::from(std::mem::take(&mut self.escaped));
        let mut rest = backslashes & !escaped;
        while rest != 0 {
            let behind = rest.trailing_zeros() as usize + 1;
            if behind == length {
                self.escaped = true;
                break;
            }
            escaped |= 1 << behind;
            rest &= !(below(behind) | 1 << behind);
        }
        escaped
    }
}

fn broken(at: usize, what: &'static str) -> Broken {
    Broken { at, what }
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

pub(super) fn blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| is_blank(*byte))
}

/// Gives the places of the bits, from the lowest.
fn bits(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(place)
    })
}

/// Gives the bits below a place.
fn below(place: usize) -> u64 {
    (1 << place) - 1
}

/// Says for each place whether the number of bits up to it is odd.
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str, portion: usize) -> Result<String, Broken> {
        let mut elements = Elements::default();
        for bytes in text.as_bytes().chunks(portion) {
            elements.feed(bytes)?;
        }
        assert_eq!(elements.pending(), text.len());
        Ok(String::from_utf8(elements.lines().to_vec()).unwrap())
    }

    #[test]
    fn elements_become_lines_of_the_same_length() {
        for (text, expected) in [
            ("{}]", "{}\n"),
            ("{\"a\":[1,\n2]},{}] ", "{\"a\":[1, 2]}\n{}\n "),
            (
                "{\"a\":\"],\\\"}\"} , 1,[2,3]]",
                "{\"a\":\"],\\\"}\"} \n 1\n[2,3]\n",
            ),
            ("\"a\nb\"]", "\"a\u{1}b\"\n"),
            ("{},{\"a\":", "{}"),
            (",{},", "\n{}"),
            (" ]", " \n"),
        ] {
            assert_eq!(lines(text, 100).unwrap(), expected, "{text}");
            assert_eq!(lines(text, 1).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_array_is_told_with_its_place() {
        for (text, at, words) in [
            ("{},,{}]", 3, "before this comma"),
            ("{}, ]", 4, "behind the last comma"),
            ("{} {}]", 3, "no comma"),
            ("{}] {}", 4, "behind the array"),
            ("{}}", 2, "without its"),
        ] {
            let found = lines(text, 100).unwrap_err();
            assert_eq!(found.at, at, "{text}");
            assert!(found.what.contains(words), "{text}");
        }
    }

    proptest! {
        #[test]
        fn strings_are_found_as_byte_by_byte(
            pieces in prop::collection::vec(prop::sample::select(vec!["\\", "\"", "\\\"", "a", "\n", "1234567890123"]), 0..80),
            portion in 1_usize..90,
        ) {
            let text = pieces.concat();
            let (mut expected, mut inside, mut escaped) = (String::new(), false, false);
            for byte in text.chars() {
                let quote = byte == '"' && !escaped;
                escaped = byte == '\\' && !escaped;
                inside ^= quote;
                expected.push(match byte {
                    '\n' if inside => '\u{1}',
                    '\n' => ' ',
                    other => other,
                });
            }
            let mut elements = Elements::default();
            for bytes in text.as_bytes().chunks(portion) {
                elements.feed(bytes).unwrap();
            }
            prop_assert_eq!(String::from_utf8_lossy(&elements.text), expected);
        }
    }
}
