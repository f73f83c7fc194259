//! Decimals: two's complement of any length, high bytes first.

use arrow_buffer::i256;

use super::super::input::{Input, Parsed, Problem};

/// Decimals of one of Arrow's widths.
pub(super) struct Decimals<W: Width> {
    /// Bytes of a value, where all have as many.
    fixed: Option<usize>,
    /// The least number with more digits than the precision allows.
    beyond: W::Native,
    pub(super) values: Vec<W::Native>,
}

/// A width of decimals.
pub(super) trait Width {
    type Native: Copy + Default + PartialOrd + std::ops::Neg<Output = Self::Native>;

    /// Reads two's complement; `None` if the width does not hold it.
    fn read(bytes: &[u8]) -> Option<Self::Native>;

    /// Gives a power of ten; the largest value where it does not fit.
    fn power(digits: u8) -> Self::Native;
}

/// Sixteen bytes.
pub(super) struct Short;
/// Thirty-two bytes.
pub(super) struct Long;

impl Width for Short {
    type Native = i128;

    fn read(bytes: &[u8]) -> Option<i128> {
        extended(bytes).map(i128::from_be_bytes)
    }

    fn power(digits: u8) -> i128 {
        10_i128.checked_pow(digits.into()).unwrap_or(i128::MAX)
    }
}

impl Width for Long {
    type Native = i256;

    fn read(bytes: &[u8]) -> Option<i256> {
        extended(bytes).map(i256::from_be_bytes)
    }

    fn power(digits: u8) -> i256 {
        let power = i256::from_i128(10).checked_pow(digits.into());
        power.unwrap_or(i256::MAX)
    }
}

impl<W: Width> Decimals<W> {
    pub(super) fn new(fixed: Option<usize>, precision: u8) -> Self {
        Self {
            fixed,
            beyond: W::power(precision),
            values: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, input: &mut Input<'_>) -> Parsed<()> {
        let bytes = match self.fixed {
            Some(size) => input.take(size)?,
            None => input.bytes()?,
        };
        let value = W::read(bytes);
        let fits = |value: &W::Native| *value < self.beyond && *value > -self.beyond;
        let value = value.filter(fits);
        let too_long = Problem::new("a decimal has more digits than its precision");
        self.values.push(value.ok_or(too_long)?);
        Ok(())
    }

    pub(super) fn append_null(&mut self) {
        self.values.push(W::Native::default());
    }
}

/// Extends the sign to so many bytes; no bytes at all are zero.
fn extended<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let sign = match bytes.first() {
        Some(first) if first & 0x80 != 0 => 0xff,
        _ => 0,
    };
    let surplus = bytes.len().saturating_sub(N);
    let (dropped, kept) = bytes.split_at(surplus);
    let is_sign = dropped.iter().all(|byte| *byte == sign);
    let keeps_sign = surplus == 0
        || kept
            .first()
            .is_some_and(|first| first & 0x80 == sign & 0x80);
    if !is_sign || !keeps_sign {
        return None;
    }
    let mut wide = [sign; N];
    wide[N - kept.len()..].copy_from_slice(kept);
    Some(wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_extended() {
        for (bytes, expected) in [
            (&[][..], Some(0)),
            (&[5], Some(5)),
            (&[0xfb], Some(-5)),
            (&[0, 0x80], Some(128)),
            (&[0xff; 20], Some(-1)),
            (&[0; 40], Some(0)),
        ] {
            assert_eq!(Short::read(bytes), expected, "{bytes:?}");
            assert_eq!(
                Long::read(bytes),
                expected.map(i256::from_i128),
                "{bytes:?}"
            );
        }
        let mut long = [0; 17];
        long[1] = 0x80;
        assert_eq!(Short::read(&long), None);
        assert!(Long::read(&long).is_some());
    }

    #[test]
    fn digits_beyond_the_precision_are_refused() {
        let mut decimals = Decimals::<Short>::new(None, 2);
        assert!(decimals.read(&mut Input::new(&[2, 99])).is_ok());
        assert!(decimals.read(&mut Input::new(&[2, 100])).is_err());
        assert!(decimals.read(&mut Input::new(&[2, 0x9c])).is_err());
        assert_eq!(decimals.values, [99]);
    }
}
