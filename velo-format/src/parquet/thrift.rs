//! The compact encoding of Thrift, which Parquet's metadata and page headers have (Thrift's
//! `doc/specs/thrift-compact-protocol.md`): as much of it as looking before a decoder does takes.
//!
//! Nothing is believed: each step is `None` where the bytes end or make no sense.

/// Structures and lists within each other that are passed over.
const DEEPEST: usize = 200;

pub(super) const TRUE: u8 = 1;
pub(super) const STRUCT: u8 = 12;

/// What is left to read.
pub(super) struct Thrift<'b> {
    bytes: &'b [u8],
}

impl<'b> Thrift<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    /// Says how many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len()
    }

    /// Reads a field's header; the inner `None` ends the structure.
    pub(super) fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
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

    /// Reads a list's header: how many elements it has and of which kind.
    pub(super) fn list(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => self.number()?,
            length => length.into(),
        };
        Some((length, header & 15))
    }

    /// Passes over a field's value.
    pub(super) fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
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

    /// Reads a number in groups of seven bits; a signed one is in zigzag.
    pub(super) fn number(&mut self) -> Option<u64> {
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
