//! How deep a schema is nested, found without recursion, and whether it says more of itself than
//! there is.
//!
//! Decoders build and drop a schema recursively, and a stack that overflows ends the process, fence
//! or not; and they take memory for as many elements and children as are announced. So the
//! schema's elements are counted before any decoder sees them, in the compact
//! encoding of Thrift that Parquet's metadata have.

/// Levels that a schema may have; a list takes two of them.
pub(super) const DEEPEST: usize = 200;

const STRUCT: u8 = 12;

/// What keeps a schema from a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is nested deeper than [`DEEPEST`].
    TooDeep,
    /// It announces more elements or children than there can be.
    TooMany,
}

/// Looks for a flaw in the schema in a file's metadata.
///
/// Metadata that cannot be made out are left for the decoder to complain of.
pub(super) fn flaw(metadata: &[u8]) -> Option<Flaw> {
    let mut input = Thrift { bytes: metadata };
    input.flaw().unwrap_or(None)
}

struct Thrift<'b> {
    bytes: &'b [u8],
}

impl Thrift<'_> {
    fn flaw(&mut self) -> Option<Option<Flaw>> {
        const SCHEMA: i64 = 2;
        let mut id = 0;
        while let Some(kind) = self.field(&mut id)? {
            if id != SCHEMA {
                self.skip(kind, 0)?;
                continue;
            }
            let (elements, STRUCT) = self.list()? else {
                return None;
            };
            return self.elements(elements);
        }
        None
    }

    /// Follows the elements, which stand in the order of a walk down first.
    fn elements(&mut self, elements: u64) -> Option<Option<Flaw>> {
        // Each has a byte at least.
        if elements > self.bytes.len() as u64 {
            return Some(Some(Flaw::TooMany));
        }
        // How many children are still to come at each level.
        let mut open: Vec<u64> = Vec::new();
        for _ in 0..elements {
            let children = self.children()?;
            if children > elements {
                return Some(Some(Flaw::TooMany));
            }
            if let Some(left) = open.last_mut() {
                *left = left.saturating_sub(1);
            }
            if children > 0 {
                open.push(children);
            }
            if open.len() > DEEPEST {
                return Some(Some(Flaw::TooDeep));
            }
            while open.last() == Some(&0) {
                open.pop();
            }
        }
        Some(None)
    }

    fn children(&mut self) -> Option<u64> {
        const CHILDREN: i64 = 5;
        let (mut id, mut children) = (0, 0);
        while let Some(kind) = self.field(&mut id)? {
            if id == CHILDREN {
                // Zigzag: even numbers are not negative.
                children = self.number()? >> 1;
            } else {
                self.skip(kind, 0)?;
            }
        }
        Some(children)
    }

    /// Reads a field's header; the inner `None` ends the structure.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let header = self.byte()?;
        if header == 0 {
            return Some(None);
        }
        *id = match header >> 4 {
            0 => {
                let zigzag = self.number()?;
                (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
            }
            delta => id.checked_add(delta.into())?,
        };
        Some(Some(header & 15))
    }

    fn list(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => self.number()?,
            length => length.into(),
        };
        Some((length, header & 15))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            // Truth values stand in the header.
            1 | 2 => {}
            3 => drop(self.byte()?),
            4..=6 => drop(self.number()?),
            7 => self.pass(8)?,
            8 => {
                let length = self.number()?;
                self.pass(length)?;
            }
            9 | 10 if depth < DEEPEST => {
                let (length, kind) = self.list()?;
                for _ in 0..length {
                    // In a list a truth value has a byte of its own.
                    self.skip(if kind < 3 { 3 } else { kind }, depth + 1)?;
                }
            }
            STRUCT if depth < DEEPEST => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth + 1)?;
                }
            }
            // Maps do not occur in what stands before and in a schema.
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn pass(&mut self, length: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(length).ok()?..)?;
        Some(())
    }
}
