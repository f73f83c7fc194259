//! The first eight bytes of a value as one word, by which most comparisons are settled.

/// Gives the first eight bytes, fewer padded with zeros, the first lowest.
pub(super) fn prefix(bytes: &[u8]) -> u64 {
    if let Some(eight) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*eight);
    }
    let length = bytes.len();
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // The two overlap, with the same bits.
        (Some(head), Some(tail)) => {
            let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
            u64::from(head) | u64::from(tail) << ((length - 4) * 8)
        }
        _ if length == 0 => 0,
        _ => {
            let byte = |at: usize| u64::from(bytes[at]) << (at * 8);
            byte(0) | byte(length / 2) | byte(length - 1)
        }
    }
}

/// Gives the word that sorts as the bytes do; where two are equal, the bytes decide.
pub(super) fn rank(bytes: &[u8]) -> u64 {
    prefix(bytes).swap_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_prefix_is_the_first_bytes(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut padded = bytes.clone();
            padded.resize(8.max(bytes.len()), 0);
            let expected = u64::from_le_bytes(*padded.first_chunk().unwrap());
            prop_assert_eq!(prefix(&bytes), expected);
        }

        #[test]
        fn different_ranks_sort_as_the_bytes(
            a in prop::collection::vec(0..3_u8, 0..12),
            b in prop::collection::vec(0..3_u8, 0..12),
        ) {
            if rank(&a) != rank(&b) {
                prop_assert_eq!(rank(&a).cmp(&rank(&b)), a.cmp(&b));
            }
        }
    }
}
