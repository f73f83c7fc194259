//! Parquet's run-length and bit-packing hybrid, as data pages hold levels and dictionary indices.
//!
//! Source: the section "Run Length Encoding / Bit-Packing Hybrid" of the Parquet format. A stretch
//! is either a run (`length << 1`, then the value) or groups of eight packed values
//! (`groups << 1 | 1`, then the bits, lowest first).

/// Values that a run must have to be worth leaving a packed stretch for.
const SHORTEST_RUN: usize = 16;
/// Groups of levels that a run must have.
const SHORTEST_RUN_OF_GROUPS: usize = 4;

/// Gives the bits that numbers up to `most` take, at least one.
pub(super) fn width(most: usize) -> u8 {
    (usize::BITS - most.leading_zeros()).max(1) as u8
}

/// Encodes numbers of `width` bits, 32 at most.
pub(super) fn encode(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    let (mut packed_from, mut at) = (0, 0);
    while at < numbers.len() {
        let rest = &numbers[at..];
        if !starts_with_run(rest) {
            at += rest.len().min(8);
            continue;
        }
        let length = rest.iter().take_while(|number| **number == rest[0]).count();
        pack(&numbers[packed_from..at], width, out);
        run(length, rest[0], width, out);
        at += length;
        packed_from = at;
    }
    pack(&numbers[packed_from..], width, out);
}

fn starts_with_run(numbers: &[u32]) -> bool {
    let Some(head) = numbers.first_chunk::<SHORTEST_RUN>() else {
        return false;
    };
    head[SHORTEST_RUN - 1] == head[0] && head.iter().all(|number| *number == head[0])
}

/// Encodes the bits of a validity bitmap, lowest first, as levels of 1 and 0. Bits beyond `rows`
/// in the last byte must be 0.
pub(super) fn encode_bits(bits: &[u8], rows: usize, out: &mut Vec<u8>) {
    // Only whole groups can be runs; what is left of the last one is packed.
    let whole = rows / 8;
    let (mut packed_from, mut at) = (0, 0);
    while at < whole {
        let group = bits[at];
        let same = bits[at..whole].iter().take_while(|byte| **byte == group);
        let groups = same.count();
        if matches!(group, 0 | 0xff) && groups >= SHORTEST_RUN_OF_GROUPS {
            literal(&bits[packed_from..at], out);
            run(groups * 8, u32::from(group & 1), 1, out);
            packed_from = at + groups;
        }
        at += groups;
    }
    literal(&bits[packed_from..rows.div_ceil(8)], out);
}

fn literal(groups: &[u8], out: &mut Vec<u8>) {
    if !groups.is_empty() {
        varint((groups.len() as u64) << 1 | 1, out);
        out.extend_from_slice(groups);
    }
}

/// Encodes one value that comes `length` times.
pub(super) fn run(length: usize, number: u32, width: u8, out: &mut Vec<u8>) {
    varint((length as u64) << 1, out);
    let bytes = usize::from(width.div_ceil(8));
    out.extend_from_slice(&number.to_le_bytes()[..bytes]);
}

fn pack(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    varint((numbers.len().div_ceil(8) as u64) << 1 | 1, out);
    let (groups, rest) = numbers.as_chunks::<8>();
    for group in groups {
        pack_group(group, width, out);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        pack_group(&last, width, out);
    }
}

fn pack_group(group: &[u32; 8], width: u8, out: &mut Vec<u8>) {
    let bytes = usize::from(width);
    if width <= 8 {
        let place =
            |packed, (at, number): (usize, &u32)| packed | u64::from(*number) << (at * bytes);
        let packed = group.iter().enumerate().fold(0, place);
        out.extend_from_slice(&packed.to_le_bytes()[..bytes]);
    } else if width <= 16 {
        let place =
            |packed, (at, number): (usize, &u32)| packed | u128::from(*number) << (at * bytes);
        let packed = group.iter().enumerate().fold(0, place);
        out.extend_from_slice(&packed.to_le_bytes()[..bytes]);
    } else {
        // Halves of four numbers: 32 bits each at most.
        let (mut packed, mut bits) = (0_u64, 0);
        for number in group {
            packed |= u64::from(*number) << bits;
            bits += u32::from(width);
            while bits >= 8 {
                out.push(packed as u8);
                packed >>= 8;
                bits -= 8;
            }
        }
    }
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Decodes one value at a time, as the specification reads.
    fn decode(bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let (mut numbers, mut at) = (Vec::new(), 0);
        while numbers.len() < count {
            let (mut header, mut shift) = (0_u64, 0);
            loop {
                let byte = bytes[at];
                at += 1;
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            let length = (header >> 1) as usize;
            if header & 1 == 0 {
                let size = usize::from(width.div_ceil(8));
                let mut number = [0; 4];
                number[..size].copy_from_slice(&bytes[at..at + size]);
                at += size;
                numbers.extend(std::iter::repeat_n(u32::from_le_bytes(number), length));
            } else {
                let bit = |bit: usize| u32::from(bytes[at + bit / 8] >> (bit % 8) & 1);
                let width = usize::from(width);
                let number = |n: usize| (0..width).fold(0, |all, b| all | bit(n * width + b) << b);
                numbers.extend((0..length * 8).map(number));
                at += length * width;
            }
        }
        assert_eq!(at, bytes.len());
        assert!(numbers[count..].iter().all(|number| *number == 0));
        numbers.truncate(count);
        numbers
    }

    /// Stretches of equal and of different numbers.
    fn numbers(width: u8) -> impl Strategy<Value = Vec<u32>> {
        let most = u32::MAX >> (32 - width);
        let stretch = prop_oneof![
            (0..=most, 1..50_usize).prop_map(|(number, length)| vec![number; length]),
            prop::collection::vec(0..=most, 0..50),
        ];
        prop::collection::vec(stretch, 0..8).prop_map(|stretches| stretches.concat())
    }

    proptest! {
        #[test]
        fn numbers_come_back(
            (width, numbers) in (1..=32_u8).prop_flat_map(|width| (Just(width), numbers(width)))
        ) {
            let mut bytes = Vec::new();
            encode(&numbers, width, &mut bytes);
            prop_assert_eq!(decode(&bytes, width, numbers.len()), numbers);
        }

        #[test]
        fn bits_come_back(levels in numbers(1)) {
            let mut bits = vec![0; levels.len().div_ceil(8)];
            for (at, level) in levels.iter().enumerate() {
                bits[at / 8] |= (*level as u8) << (at % 8);
            }
            let mut bytes = Vec::new();
            encode_bits(&bits, levels.len(), &mut bytes);
            prop_assert_eq!(decode(&bytes, 1, levels.len()), levels);
        }
    }

    #[test]
    fn widths_are_those_of_the_largest_number() {
        for (most, expected) in [(0, 1), (1, 1), (2, 2), (255, 8), (256, 9), (32_767, 15)] {
            assert_eq!(width(most), expected, "{most}");
        }
    }

    #[test]
    fn runs_are_short() {
        let mut bytes = Vec::new();
        encode(&[7; 20_000], 3, &mut bytes);
        assert_eq!(bytes, [0xc0, 0xb8, 0x02, 7]);
        bytes.clear();
        encode_bits(&[0xff; 2500], 20_000, &mut bytes);
        assert_eq!(bytes, [0xc0, 0xb8, 0x02, 1]);
    }
}
