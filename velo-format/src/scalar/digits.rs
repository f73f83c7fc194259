//! Digits, eight at a time in one word.

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Powers of ten that fit a `u64`.
pub(super) const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut at = 1;
    while at < 20 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Reads a whole number from digits alone.
#[inline]
pub(super) fn whole(text: &[u8]) -> Option<u64> {
    match text.len() {
        1..=8 => up_to_eight(text),
        9..=16 => {
            let (head, tail) = text.split_at(text.len() - 8);
            Some(up_to_eight(head)? * POWERS[8] + up_to_eight(tail)?)
        }
        17..=20 => {
            let (head, tail) = text.split_at(text.len() - 16);
            up_to_eight(head)?
                .checked_mul(POWERS[16])?
                .checked_add(whole(tail)?)
        }
        0 => None,
        _ => match text.split_first() {
            Some((b'0', rest)) => whole(rest),
            _ => None,
        },
    }
}

/// Reads `int.frac` of up to sixteen bytes (`12`, `12.`, `.5`, `12.50`): the number without its
/// point, and how many of its digits stand behind the point.
#[inline]
pub(super) fn with_point(text: &[u8]) -> Option<(u64, usize)> {
    match text.len() {
        1..=8 => {
            let word = right_aligned(text);
            let Some(point) = point(word) else {
                return Some((eight(word)?, 0));
            };
            // Everything before the point moves up by one place, over the point.
            let before = low_bytes(point);
            let joined = (word & !before & !(0xff << (8 * point)))
                | ((word & before) << 8)
                | u64::from(b'0');
            (text.len() > 1).then_some(())?;
            Some((eight(joined)?, 7 - point as usize))
        }
        9..=16 => {
            let (head, tail) = text.split_at(text.len() - 8);
            let (high, low) = (right_aligned(head), right_aligned(tail));
            let both = u128::from(high) | (u128::from(low) << 64);
            let (joined, fraction) = match (point(high), point(low)) {
                (None, None) => (both, 0),
                (Some(at), None) => (without_point(both, at), 15 - at as usize),
                (None, Some(at)) => (without_point(both, at + 8), 7 - at as usize),
                (Some(_), Some(_)) => return None,
            };
            let (high, low) = (joined as u64, (joined >> 64) as u64);
            Some((eight(high)? * POWERS[8] + eight(low)?, fraction))
        }
        _ => None,
    }
}

fn without_point(word: u128, point: u32) -> u128 {
    let before = (1_u128 << (8 * point)) - 1;
    (word & !before & !(0xff << (8 * point))) | ((word & before) << 8) | u128::from(b'0')
}

#[inline]
fn up_to_eight(text: &[u8]) -> Option<u64> {
    eight(right_aligned(text))
}

/// Loads one to eight bytes so that the last is the word's highest, with `0` digits below them.
#[inline]
fn right_aligned(text: &[u8]) -> u64 {
    let missing = 8 * (8 - text.len() as u32);
    let loaded = if let (Some(first), Some(last)) =
        (text.first_chunk::<4>(), text.last_chunk::<4>())
    {
        // The two halves overlap where they hold the same bytes.
        (u64::from(u32::from_le_bytes(*first)) << missing)
            | (u64::from(u32::from_le_bytes(*last)) << 32)
    } else {
        let (first, middle, last) = (text[0], text[text.len() / 2], text[text.len() - 1]);
        let middle_at = missing + 8 * (text.len() as u32 / 2);
        (u64::from(first) << missing) | (u64::from(middle) << middle_at) | (u64::from(last) << 56)
    };
    loaded | (ZEROS & low_bytes(missing / 8))
}

/// Gives a mask of the lowest `count` bytes, up to seven.
#[inline]
fn low_bytes(count: u32) -> u64 {
    (1 << (8 * count)) - 1
}

/// Finds the first point in a word.
#[inline]
fn point(word: u64) -> Option<u32> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let marked = word ^ (LOW * b'.' as u64);
    let found = marked.wrapping_sub(LOW) & !marked & (LOW << 7);
    (found != 0).then(|| found.trailing_zeros() / 8)
}

/// Reads eight digits, the first in the lowest byte.
#[inline]
pub(super) fn eight(word: u64) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let carried = (word.wrapping_add(0x0606_0606_0606_0606) & HIGH) >> 4;
    if ((word & HIGH) | carried) != 0x3333_3333_3333_3333 {
        return None;
    }
    let pairs = ((word & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(2561)) >> 8;
    let fours = ((pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(6_553_601)) >> 16;
    Some(((fours & 0x0000_ffff_0000_ffff).wrapping_mul(42_949_672_960_001)) >> 32)
}

/// Reads two digits.
#[inline]
pub(super) fn two(text: [u8; 2]) -> Option<u32> {
    let (tens, ones) = (text[0].wrapping_sub(b'0'), text[1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_not_all_digits() {
        for text in ["", " ", "1 ", "12a4", "1234567/", ":2345678", "1.2", "-1"] {
            assert_eq!(whole(text.as_bytes()), None, "{text}");
        }
        for text in [
            "",
            ".",
            "1..2",
            "..",
            "1.2.3",
            "1.23456789.0",
            "-1.5",
            "1e5",
        ] {
            assert_eq!(with_point(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whole_agrees_with_the_standard_library(value: u64, zeros in 0_usize..30, text in "[0-9.]{0,22}") {
            let padded = format!("{}{value}", "0".repeat(zeros));
            prop_assert_eq!(whole(padded.as_bytes()), Some(value));
            prop_assert_eq!(whole(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn point_may_stand_anywhere(digits in "[0-9]{1,15}", at in 0_usize..16) {
            let at = at.min(digits.len());
            let text = format!("{}.{}", &digits[..at], &digits[at..]);
            let expected = (digits.parse().unwrap(), digits.len() - at);
            prop_assert_eq!(with_point(text.as_bytes()), Some(expected));
            prop_assert_eq!(with_point(digits.as_bytes()), Some((expected.0, 0)));
        }
    }
}
