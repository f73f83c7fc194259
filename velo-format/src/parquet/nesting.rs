//! How deep a schema is nested, found without recursion.
//!
//! Decoders build and drop a schema recursively, and a stack that overflows ends the process, fence
//! or not. So the schema's elements are counted before any decoder sees them, in the compact
//! encoding of Thrift that Parquet's metadata have.

/// Levels that a schema may have; a list takes two of them.
pub(super) const DEEPEST: usize = 200;

const STRUCT: u8 = 12;

/// Says whether the schema in a file's metadata is nested deeper than [`DEEPEST`].
///
/// Metadata that cannot be made out are left for the decoder to complain of.
pub(super) fn is_too_deep(metadata: &[u8]) -> bool {
    let mut input = Thrift { bytes: metadata };
    input.is_too_deep().unwrap_or(false)
}

struct Thrift<'b> {
    bytes: &'b [u8],
}

impl Thrift<'_> {
    fn is_too_deep(&mut self) -> Option<bool> {
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
    fn elements(&mut self, elements: u64) -> Option<bool> {
        // How many children are still to come at each level.
        let mut open: Vec<u64> = Vec::new();
        for _ in 0..elements {
            let children = self.children()?;
            if let Some(left) = open.last_mut() {
                *left = left.saturating_sub(1);
            }
            if children > 0 {
                open.push(children);
            }
            if open.len() > DEEPEST {
                return Some(true);
            }
            while open.last() == Some(&0) {
                open.pop();
            }
        }
        Some(false)
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
