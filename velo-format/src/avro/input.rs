//! A cursor over bytes in Avro's binary encoding.

/// Bytes that are read from front to back.
pub(super) struct Input<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Memory in bytes that items without an end of their own may still take.
    allowance: usize,
}

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) what: &'static str,
    /// More bytes could mend it.
    pub(super) is_short: bool,
}

/// What reading gives.
pub(super) type Parsed<T> = std::result::Result<T, Problem>;

/// Memory that the items of one record may take, in bytes: a few bytes can stand for very many
/// items that are empty or null.
pub(super) const RECORD_MEMORY: usize = 256 << 20;

impl Problem {
    pub(super) const fn new(what: &'static str) -> Self {
        Self {
            what,
            is_short: false,
        }
    }

    const fn short() -> Self {
        Self {
            what: "data end within a value",
            is_short: true,
        }
    }
}

impl<'b> Input<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            allowance: RECORD_MEMORY,
        }
    }

    /// Goes on at a place.
    pub(super) fn starting(bytes: &'b [u8], at: usize) -> Self {
        Self {
            at,
            ..Self::new(bytes)
        }
    }

    /// Gives how many bytes were read.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Gives how many bytes are left.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Gives the memory that items took since the input was made.
    pub(super) fn spent(&self) -> usize {
        RECORD_MEMORY - self.allowance
    }

    /// Takes memory for items.
    pub(super) fn spend(&mut self, items: usize, width: usize) -> Parsed<()> {
        let left = items
            .checked_mul(width)
            .and_then(|bytes| self.allowance.checked_sub(bytes));
        match left {
            Some(left) => {
                self.allowance = left;
                Ok(())
            }
            None => Err(Problem::new("a record has more items than 256 MiB hold")),
        }
    }

    /// Reads bytes of a known number.
    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Parsed<&'b [u8]> {
        let end = self.at.checked_add(length).ok_or(Problem::short())?;
        let bytes = self.bytes.get(self.at..end).ok_or(Problem::short())?;
        self.at = end;
        Ok(bytes)
    }

    /// Reads as many bytes as an array has.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let bytes = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        let bytes = *bytes.ok_or(Problem::short())?;
        self.at += N;
        Ok(bytes)
    }

    /// Reads a long: zigzag in base 128, low groups first.
    #[inline]
    pub(super) fn long(&mut self) -> Parsed<i64> {
        match self.bytes.get(self.at) {
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok(unzigzag(u64::from(*byte)))
            }
            _ => self.longer(),
        }
    }

    fn longer(&mut self) -> Parsed<i64> {
        let mut bits = 0_u64;
        for shift in (0..).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(Problem::short())?;
            self.at += 1;
            let group = u64::from(byte & 0x7f);
            if shift > 63 || (shift == 63 && group > 1) {
                break;
            }
            bits |= group << shift;
            if byte < 0x80 {
                return Ok(unzigzag(bits));
            }
        }
        Err(Problem::new("a number has more than 64 bits"))
    }

    /// Reads an int.
    #[inline]
    pub(super) fn int(&mut self) -> Parsed<i32> {
        let long = self.long()?;
        i32::try_from(long).map_err(|_| Problem::new("an int has more than 32 bits"))
    }

    /// Reads the length of what follows, which is known to be there.
    #[inline]
    pub(super) fn length(&mut self) -> Parsed<usize> {
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| Problem::new("a length is negative"))?;
        if length > self.left() {
            return Err(Problem::short());
        }
        Ok(length)
    }

    /// Reads bytes behind their length.
    #[inline]
    pub(super) fn bytes(&mut self) -> Parsed<&'b [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// Reads the number of a branch or symbol among so many.
    #[inline]
    pub(super) fn choice(&mut self, among: usize) -> Parsed<usize> {
        let choice = usize::try_from(self.long()?);
        choice
            .ok()
            .filter(|choice| *choice < among)
            .ok_or(Problem::new("no such branch or symbol"))
    }

    /// Reads the head of a block of items: their number, 0 at the end, and where the block ends
    /// if it says so. `least` is the number of bytes that an item has at least.
    pub(super) fn items(&mut self, least: usize) -> Parsed<(usize, Option<usize>)> {
        let count = self.long()?;
        let end = if count < 0 {
            let size = self.length()?;
            Some(self.at + size)
        } else {
            None
        };
        let count = usize::try_from(count.unsigned_abs());
        let count = count.map_err(|_| Problem::short())?;
        match count.checked_mul(least) {
            Some(bytes) if bytes <= self.left() => Ok((count, end)),
            _ => Err(Problem::short()),
        }
    }

    /// Checks that a block of items ended where it said.
    pub(super) fn end_items(&self, end: Option<usize>) -> Parsed<()> {
        match end {
            Some(end) if end != self.at => Err(Problem::new("items have another size than said")),
            _ => Ok(()),
        }
    }
}

#[inline]
fn unzigzag(bits: u64) -> i64 {
    (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_are_zigzag_in_base_128() {
        for (bytes, expected) in [
            (&[0][..], Some(0)),
            (&[1], Some(-1)),
            (&[2], Some(1)),
            (&[0x7f], Some(-64)),
            (&[0x80, 1], Some(64)),
            (
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                Some(i64::MAX),
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                Some(i64::MIN),
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
                None,
            ),
            (
                &[
                    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0,
                ],
                None,
            ),
            (&[0x80], None),
            (&[], None),
        ] {
            let mut input = Input::new(bytes);
            assert_eq!(input.long().ok(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn lengths_beyond_the_data_are_refused() {
        assert!(Input::new(&[6, 1, 2]).bytes().unwrap_err().is_short);
        assert!(!Input::new(&[1]).bytes().unwrap_err().is_short);
        assert!(
            Input::new(&[0xfe, 0xff, 0xff, 0xff, 0xf, 0])
                .items(1)
                .is_err()
        );
        assert_eq!(Input::new(&[3, 4, 0, 0]).items(1), Ok((2, Some(4))));
    }
}
