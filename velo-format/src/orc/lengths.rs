//! Lengths as runs of numbers (ORC 1, "Integer Run Length Encoding", versions 1 and 2), added up.
//!
//! The decoder makes room for as many bytes or values as the lengths say, so that they are looked
//! at before.

use velo_core::Result;

use super::error::wrong;

/// Numbers of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Total {
    /// How many there are.
    pub(super) count: u64,
    /// Their sum, or as much as there can be.
    pub(super) sum: u64,
}

/// Adds up the unsigned numbers of a stream, in the second version or the first.
pub(super) fn total(stream: &[u8], second: bool) -> Result<Total> {
    let mut runs = Runs {
        rest: stream,
        total: Total::default(),
    };
    while let Some((&header, rest)) = runs.rest.split_first() {
        runs.rest = rest;
        let run = match (second, header >> 6) {
            (false, _) => runs.first_version(header),
            (true, 0) => runs.repeat(header),
            (true, 1) => runs.direct(header),
            (true, 2) => runs.patched(header),
            (true, _) => runs.delta(header),
        };
        run.ok_or_else(|| wrong("its lengths are no numbers"))?;
    }
    Ok(runs.total)
}

struct Runs<'a> {
    rest: &'a [u8],
    total: Total,
}

impl Runs<'_> {
    fn add(&mut self, count: u64, sum: u64) {
        self.total.count += count;
        self.total.sum = self.total.sum.saturating_add(sum);
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
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

    fn big_endian(&mut self, bytes: u8) -> Option<u64> {
        (0..bytes).try_fold(0, |number, _| Some(number << 8 | u64::from(self.byte()?)))
    }

    /// Reads numbers of so many bits each, which end at a byte's end.
    fn packed(&mut self, count: u64, bits: u32, mut each: impl FnMut(u64)) -> Option<()> {
        let bytes = usize::try_from((count * u64::from(bits)).div_ceil(8)).ok()?;
        let (mut packed, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        let (mut held, mut number) = (0_u128, 0_u32);
        for _ in 0..count {
            while number < bits {
                let (&byte, behind) = packed.split_first()?;
                (held, number, packed) = (held << 8 | u128::from(byte), number + 8, behind);
            }
            number -= bits;
            each((held >> number) as u64);
            held &= (1 << number) - 1;
        }
        Some(())
    }

    fn first_version(&mut self, header: u8) -> Option<()> {
        let header = header as i8;
        if header < 0 {
            for _ in 0..header.unsigned_abs() {
                let number = self.varint()?;
                self.add(1, number);
            }
            return Some(());
        }
        let count = header as u64 + 3;
        let step = i128::from(self.byte()? as i8);
        let first = self.varint()?;
        self.steps(count, first, step)
    }

    /// Adds a number and others, each a step away from the one before; none is below zero.
    fn steps(&mut self, count: u64, first: u64, step: i128) -> Option<()> {
        let (count, first) = (i128::from(count), i128::from(first));
        let last = first + step * (count - 1);
        let sum = (first + last) * count / 2;
        self.add(count as u64, u64::try_from(sum).unwrap_or(u64::MAX));
        (last >= 0).then_some(())
    }

    fn repeat(&mut self, header: u8) -> Option<()> {
        let number = self.big_endian((header >> 3 & 7) + 1)?;
        let count = u64::from(header & 7) + 3;
        self.add(count, number.saturating_mul(count));
        Some(())
    }

    /// Gives the number of numbers in a run that has two bytes of header.
    fn count(&mut self, header: u8) -> Option<u64> {
        Some((u64::from(header & 1) << 8 | u64::from(self.byte()?)) + 1)
    }

    fn direct(&mut self, header: u8) -> Option<()> {
        let count = self.count(header)?;
        let mut sum = 0_u64;
        self.packed(count, width(header >> 1 & 31), |number| {
            sum = sum.saturating_add(number);
        })?;
        self.add(count, sum);
        Some(())
    }

    /// Numbers above a base, and the upper bits of some.
    fn patched(&mut self, header: u8) -> Option<()> {
        let bits = width(header >> 1 & 31);
        let count = self.count(header)?;
        let (third, fourth) = (self.byte()?, self.byte()?);
        let base_bytes = (third >> 5) + 1;
        let base = self.big_endian(base_bytes)?;
        // The highest bit says that it is below zero.
        if base >> (8 * base_bytes - 1) == 1 {
            return None;
        }
        let patch_bits = width(third & 31);
        let gap_bits = u32::from(fourth >> 5) + 1;
        let mut sum = base.saturating_mul(count);
        self.packed(count, bits, |number| sum = sum.saturating_add(number))?;
        let patches = u64::from(fourth & 31);
        self.packed(patches, closest(patch_bits + gap_bits)?, |patch| {
            // In front of it stands how far it is from the patch before.
            let patch = u128::from(patch) & ((1 << patch_bits) - 1);
            let patch = u64::try_from(patch << bits).unwrap_or(u64::MAX);
            sum = sum.saturating_add(patch);
        })?;
        self.add(count, sum);
        Some(())
    }

    /// Numbers that grow, or shrink, by what follows the first two.
    fn delta(&mut self, header: u8) -> Option<()> {
        let code = header >> 1 & 31;
        let count = self.count(header)?;
        let first = self.varint()?;
        let step = self.varint()?;
        let step = i128::from((step >> 1) as i64 ^ -((step & 1) as i64));
        if code == 0 {
            return self.steps(count, first, step);
        }
        let mut last = i128::from(first) + step;
        let mut sum = i128::from(first) + last;
        let rest = count.checked_sub(2)?;
        self.packed(rest, width(code), |number| {
            last += match step > 0 {
                true => i128::from(number),
                false => -i128::from(number),
            };
            sum += last;
        })?;
        self.add(count, u64::try_from(sum).unwrap_or(u64::MAX));
        (last >= 0).then_some(())
    }
}

/// Gives the bits that a code of five bits stands for.
fn width(code: u8) -> u32 {
    match code {
        0..24 => u32::from(code) + 1,
        24..28 => 26 + 2 * (u32::from(code) - 24),
        _ => 40 + 8 * (u32::from(code) - 28),
    }
}

/// Gives the least width that has a code and is not below.
fn closest(bits: u32) -> Option<u32> {
    (0..32).map(width).find(|width| *width >= bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The samples of the specification.
    #[test]
    fn runs_are_added_up() {
        let patched = [
            0x8e, 0x13, 0x2b, 0x21, 0x07, 0xd0, 0x1e, 0x00, 0x14, 0x70, 0x28, 0x32, 0x3c, 0x46,
            0x50, 0x5a, 0x64, 0x6e, 0x78, 0x82, 0x8c, 0x96, 0xa0, 0xaa, 0xb4, 0xbe, 0xfc, 0xe8,
        ];
        let steps: u64 = (0..16).map(|n| 2040 + 10 * n).sum();
        let direct = [0x5e, 0x03, 0x5c, 0xa1, 0xab, 0x1e, 0xde, 0xad, 0xbe, 0xef];
        for (stream, second, count, sum) in [
            (&[0x61, 0x00, 0x07][..], false, 100, 700),
            (&[0x61, 0xff, 0x64], false, 100, 5050),
            (&[0xfb, 0x02, 0x03, 0x06, 0x07, 0x0b], false, 5, 29),
            (&[0x0a, 0x27, 0x10], true, 5, 50_000),
            (&direct, true, 4, 173_403),
            (&patched, true, 20, 2030 + 2000 + 2020 + 1_000_000 + steps),
            (
                &[0xc6, 0x09, 0x02, 0x02, 0x22, 0x42, 0x42, 0x46],
                true,
                10,
                129,
            ),
            // Falls by one from 9 to 0.
            (&[0xc0, 0x09, 0x09, 0x01], true, 10, 45),
            (&[], true, 0, 0),
        ] {
            assert_eq!(total(stream, second).unwrap(), Total { count, sum });
        }
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for (stream, second) in [
            (&[0x61, 0xff][..], false),
            (&[0x61, 0xff, 0x62], false),
            (&[0xfb, 0x02], false),
            (&[0x0a, 0x27], true),
            (&[0x5e, 0x03, 0x5c], true),
            (&[0x8e, 0x13, 0x2b, 0x21, 0x07], true),
            // Falls below zero; fewer numbers than stand in its header.
            (&[0xc0, 0x09, 0x08, 0x01], true),
            (&[0xc6, 0x00, 0x02, 0x02], true),
        ] {
            assert!(total(stream, second).is_err(), "{stream:x?}");
        }
        let most = [0xff_u8; 9].into_iter().chain([1]);
        let huge: Vec<u8> = [0x61, 0x00].into_iter().chain(most).collect();
        assert_eq!(total(&huge, false).unwrap().sum, u64::MAX);
    }
}
