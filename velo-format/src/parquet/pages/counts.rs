//! How many values a page announces, and whether it can have them.
//!
//! Decoders take memory for as many values as a dictionary's header or the delta encodings say.

use ::parquet::basic::{Encoding, Type};
use ::parquet::errors::{ParquetError, Result};

use super::header::Dictionary;

/// What of a column its pages must fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) kind: Type,
    /// Bytes of a value of a fixed length.
    pub(super) width: usize,
    pub(super) deepest_definition: i16,
    pub(super) deepest_repetition: i16,
}

impl Leaf {
    /// Refuses a dictionary that announces more values than its bytes can be.
    pub(super) fn check_dictionary(&self, header: &Dictionary, plain: &[u8]) -> Result<()> {
        // Text and bytes have a length of four bytes each.
        let least = match self.kind {
            Type::BYTE_ARRAY | Type::INT32 | Type::FLOAT => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => self.width,
            Type::BOOLEAN => return Err(lie("a dictionary of truth values")),
        };
        match (header.values as usize).checked_mul(least) {
            Some(needed) if needed <= plain.len() => Ok(()),
            _ => Err(lie("a dictionary announces more values than it has")),
        }
    }

    /// Says whether a row can have many values.
    pub(super) fn repeats(&self) -> bool {
        self.deepest_repetition > 0
    }

    /// Finds the length of the longest text or bytes in a dictionary.
    pub(super) fn longest(&self, mut dictionary: &[u8]) -> usize {
        let mut longest = 0;
        if self.kind != Type::BYTE_ARRAY {
            return longest;
        }
        while let Some((length, rest)) = dictionary.split_first_chunk() {
            let length = u32::from_le_bytes(*length) as usize;
            longest = longest.max(length);
            dictionary = rest.get(length..).unwrap_or_default();
        }
        longest
    }

    /// Finds where values start in a page whose levels stand in front of them.
    pub(super) fn values_start(&self, page: &[u8], values: u32, levels: [Encoding; 2]) -> usize {
        let deepest = [self.deepest_repetition, self.deepest_definition];
        let mut start = 0_usize;
        for (deepest, encoding) in deepest.into_iter().zip(levels) {
            if deepest == 0 {
                continue;
            }
            let length = match encoding {
                Encoding::RLE => match page.get(start..).and_then(<[u8]>::first_chunk) {
                    Some(length) => u32::from_le_bytes(*length) as usize + 4,
                    None => return page.len(),
                },
                _ => {
                    let bits = (i16::BITS - deepest.leading_zeros()) as usize;
                    (values as usize).saturating_mul(bits).div_ceil(8)
                }
            };
            start = start.saturating_add(length);
        }
        start.min(page.len())
    }
}

/// Refuses values in delta encodings that announce more of them than their page's header.
pub(super) fn check_delta(encoding: Encoding, values: &[u8], most: u32) -> Result<()> {
    let runs = match encoding {
        // Lengths, and for the last what neighbours share as well.
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return Ok(()),
    };
    let mut delta = Delta { bytes: values };
    for run in 0..runs {
        match delta.count() {
            Some(count) if count > most.into() => {
                return Err(lie("a page announces more values than its header"));
            }
            // What makes no sense is for the decoder to complain of, which looks before it takes.
            Some(_) if run + 1 < runs && delta.pass().is_some() => {}
            _ => break,
        }
    }
    Ok(())
}

/// A run of numbers in delta encoding (parquet-format, `Encodings.md`).
struct Delta<'b> {
    bytes: &'b [u8],
}

impl Delta<'_> {
    /// Reads how many numbers there are without going on.
    fn count(&self) -> Option<u64> {
        let mut header = Self { bytes: self.bytes };
        header.number()?;
        header.number()?;
        header.number()
    }

    /// Goes behind the run.
    fn pass(&mut self) -> Option<()> {
        let (block, parts, count) = (self.number()?, self.number()?, self.number()?);
        self.number()?;
        if parts == 0 || block % parts != 0 {
            return None;
        }
        // The first number stands in the header.
        let mut left = count.saturating_sub(1);
        while left > 0 {
            self.number()?;
            let (widths, rest) = self.bytes.split_at_checked(usize::try_from(parts).ok()?)?;
            self.bytes = rest;
            for width in widths {
                // Parts behind the last number have a width and nothing else.
                if left > 0 {
                    let bytes = (block / parts).checked_mul((*width).into())? / 8;
                    self.bytes = self.bytes.get(usize::try_from(bytes).ok()?..)?;
                    left = left.saturating_sub(block / parts);
                }
            }
        }
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

fn lie(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}
