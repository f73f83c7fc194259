//! Where a byte occurs in a block of 64, as one bit for each place.

/// Bytes that are looked at together.
pub(crate) const BLOCK: usize = 64;

/// A block, loaded once and asked about several bytes.
pub(crate) struct Block(imp::Words);

impl Block {
    #[inline]
    pub(crate) fn load(bytes: &[u8; BLOCK]) -> Self {
        Self(imp::load(bytes))
    }

    /// Gives the places of `byte`, the first in the lowest bit.
    #[inline]
    pub(crate) fn places(&self, byte: u8) -> u64 {
        imp::places(&self.0, byte)
    }
}

/// Sixteen bytes at once. SSE2 belongs to every x86-64 processor, so calling it is sound.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod imp {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8,
    };

    use super::BLOCK;

    pub(super) type Words = [__m128i; 4];

    #[inline]
    pub(super) fn load(bytes: &[u8; BLOCK]) -> Words {
        let (halves, _) = bytes.as_chunks::<8>();
        let half = |at: usize| i64::from_le_bytes(halves[at]);
        // SAFETY: the processor has SSE2; the call reads no memory.
        let word = |at: usize| unsafe { _mm_set_epi64x(half(2 * at + 1), half(2 * at)) };
        [word(0), word(1), word(2), word(3)]
    }

    #[inline]
    pub(super) fn places(words: &Words, byte: u8) -> u64 {
        // SAFETY: the processor has SSE2; the calls read no memory.
        let sixteen = |at: usize| unsafe {
            let wanted = _mm_set1_epi8(byte.cast_signed());
            u64::from(_mm_movemask_epi8(_mm_cmpeq_epi8(words[at], wanted)) as u16)
        };
        sixteen(0) | sixteen(1) << 16 | sixteen(2) << 32 | sixteen(3) << 48
    }
}

#[cfg(not(target_arch = "x86_64"))]
use portable as imp;

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use super::BLOCK;

    pub(super) type Words = [u64; 8];

    #[inline]
    pub(super) fn load(bytes: &[u8; BLOCK]) -> Words {
        let (words, _) = bytes.as_chunks::<8>();
        std::array::from_fn(|at| u64::from_le_bytes(words[at]))
    }

    #[inline]
    pub(super) fn places(words: &Words, byte: u8) -> u64 {
        const LOW: u64 = 0x0101_0101_0101_0101;
        const REST: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let wanted = LOW * u64::from(byte);
        let mut places = 0;
        for (at, word) in words.iter().enumerate() {
            let differ = word ^ wanted;
            let equal = !(((differ & REST) + REST) | differ | REST) >> 7;
            // Gathers the lowest bit of each byte in the highest byte.
            places |= (equal.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_agree_with_looking_at_each_byte(bytes in prop::collection::vec(0_u8..4, BLOCK), high: bool) {
            let lift = if high { 0xfc } else { 0 };
            let bytes: [u8; BLOCK] = std::array::from_fn(|at| bytes[at] | lift);
            for byte in [lift, lift | 1, lift | 3, 0x80] {
                let expected = (0..BLOCK).fold(0, |places, at| places | u64::from(bytes[at] == byte) << at);
                prop_assert_eq!(Block::load(&bytes).places(byte), expected);
                prop_assert_eq!(portable::places(&portable::load(&bytes), byte), expected);
            }
        }
    }
}
