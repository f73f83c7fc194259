//! Integers and decimals.

use arrow_buffer::i256;

use crate::text::Text;

const ZEROS: u64 = 0x3030_3030_3030_3030;
const EIGHT: u64 = 100_000_000;

/// Writes an unsigned integer.
#[inline(always)]
pub(crate) fn unsigned(value: u64, text: &mut Text) {
    if value < EIGHT {
        leading(value, text);
    } else {
        long(value, text);
    }
}

/// Writes a signed integer.
#[inline(always)]
pub(crate) fn signed(value: i64, text: &mut Text) {
    if value < 0 {
        text.byte(b'-');
    }
    unsigned(value.unsigned_abs(), text);
}

/// Writes a decimal of any scale that fits 128 bits.
#[inline]
pub(crate) fn decimal128(value: i128, scale: i8, text: &mut Text) {
    if value < 0 {
        text.byte(b'-');
    }
    let magnitude = value.unsigned_abs();
    match u64::try_from(magnitude) {
        Ok(magnitude) if scale == 2 => {
            unsigned(magnitude / 100, text);
            hundredths(magnitude % 100, text);
        }
        Ok(magnitude) if (1..=8).contains(&scale) => {
            let one = 10_u64.pow(u32::from(scale.unsigned_abs()));
            unsigned(magnitude / one, text);
            text.byte(b'.');
            fraction(magnitude % one, u32::from(scale.unsigned_abs()), text);
        }
        _ => digits_with_scale(
            itoa::Buffer::new().format(magnitude).as_bytes(),
            scale,
            text,
        ),
    }
}

/// Writes a decimal of any scale that fits 256 bits.
pub(crate) fn decimal256(value: i256, scale: i8, text: &mut Text) {
    if let Some(value) = value.to_i128() {
        return decimal128(value, scale, text);
    }
    if value.is_negative() {
        text.byte(b'-');
    }
    // Peeled off nineteen digits at a time, from the back; 2^255 has 77.
    let mut digits = [b'0'; 80];
    let mut from = digits.len();
    let step = i256::from_i128(10_000_000_000_000_000_000);
    // The smallest value has no positive twin, so the remainders are taken with their sign.
    let mut rest = value;
    while rest != i256::ZERO && from >= 19 {
        let part = rest.wrapping_rem(step).to_i128().unwrap_or_default();
        let mut buffer = itoa::Buffer::new();
        let part = buffer.format(part.unsigned_abs()).as_bytes();
        digits[from - part.len()..from].copy_from_slice(part);
        from -= 19;
        rest = rest.wrapping_div(step);
    }
    if rest != i256::ZERO {
        let part = rest.to_i128().unwrap_or_default().unsigned_abs();
        let mut buffer = itoa::Buffer::new();
        let part = buffer.format(part).as_bytes();
        digits[from - part.len()..from].copy_from_slice(part);
    }
    let first = digits.iter().position(|digit| *digit != b'0');
    digits_with_scale(&digits[first.unwrap_or(0)..], scale, text);
}

/// Writes a point and two digits.
#[inline(always)]
fn hundredths(value: u64, text: &mut Text) {
    let (tens, ones) = (value / 10, value % 10);
    text.put([b'.', b'0' + tens as u8, b'0' + ones as u8, 0], 3);
}

/// Writes exactly `digits` digits (at most 8) of a value that has no more.
#[inline(always)]
pub(crate) fn fraction(value: u64, digits: u32, text: &mut Text) {
    let ascii = (eight_digits(value) | ZEROS) >> (8 * (8 - digits));
    text.put(ascii.to_le_bytes(), digits as usize);
}

/// Gives the eight digits of a value below 10^8, the first in the lowest byte, not yet ASCII.
///
/// Divides by 10,000, then two halves at once by 100, then four quarters at once by 10, each by
/// multiplying with a reciprocal that is exact in its range.
#[inline(always)]
pub(crate) fn eight_digits(value: u64) -> u64 {
    let halves = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let quarters = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((quarters * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((quarters - 10 * tens) << 8)
}

#[inline(always)]
fn leading(value: u64, text: &mut Text) {
    let digits = eight_digits(value);
    let zeros = (digits.trailing_zeros() / 8).min(7);
    let ascii = (digits | ZEROS) >> (8 * zeros);
    text.put(ascii.to_le_bytes(), 8 - zeros as usize);
}

fn long(value: u64, text: &mut Text) {
    let (high, low) = (value / EIGHT, value % EIGHT);
    if high < EIGHT {
        leading(high, text);
    } else {
        leading(high / EIGHT, text);
        text.put((eight_digits(high % EIGHT) | ZEROS).to_le_bytes(), 8);
    }
    text.put((eight_digits(low) | ZEROS).to_le_bytes(), 8);
}

fn digits_with_scale(digits: &[u8], scale: i8, text: &mut Text) {
    let places = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        text.bytes(digits);
        if digits != b"0" {
            (0..places).for_each(|_| text.byte(b'0'));
        }
        return;
    }
    let point = digits.len().saturating_sub(places);
    if point == 0 {
        text.byte(b'0');
    }
    text.bytes(&digits[..point]);
    text.byte(b'.');
    (digits.len()..places).for_each(|_| text.byte(b'0'));
    text.bytes(&digits[point..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn written(write: impl FnOnce(&mut Text)) -> String {
        let mut text = Text::new(0);
        write(&mut text);
        String::from_utf8(text.into_vec()).unwrap()
    }

    #[test]
    fn decimals_keep_sign_and_scale() {
        for (value, scale, expected) in [
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (123, 0, "123"),
            (123, -2, "12300"),
            (0, -2, "0"),
            (-1, 38, "-0.00000000000000000000000000000000000001"),
            (12_345_678, 3, "12345.678"),
            (1_999_999_999_999_999_999, 8, "19999999999.99999999"),
            (i128::MAX, 9, "170141183460469231731687303715.884105727"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
        ] {
            assert_eq!(written(|text| decimal128(value, scale, text)), expected);
            let wide = i256::from_i128(value);
            assert_eq!(written(|text| decimal256(wide, scale, text)), expected);
        }
        assert_eq!(
            written(|text| decimal256(i256::MIN, 0, text)),
            i256::MIN.to_string()
        );
        let max = i256::MAX.to_string();
        let expected = format!("{}.{}", &max[..7], &max[7..]);
        assert_eq!(written(|text| decimal256(i256::MAX, 70, text)), expected);
    }

    proptest! {
        #[test]
        fn integers_are_written_as_the_standard_library_does(value: u64, bits in 0_u32..64) {
            let value = value >> bits;
            assert_eq!(written(|text| unsigned(value, text)), value.to_string());
            let value = value as i64;
            assert_eq!(written(|text| signed(value, text)), value.to_string());
        }

        #[test]
        fn wide_integers_are_written_as_arrow_does(
            low: u128, high in any::<i128>(), bits in 0_u32..128,
        ) {
            let value = i256::from_parts(low, high >> bits);
            assert_eq!(written(|text| decimal256(value, 0, text)), value.to_string());
        }
    }

    #[test]
    fn integers_at_the_ends_are_whole() {
        for value in [i64::MIN, i64::MAX, 0, -1, 99_999_999, 100_000_000] {
            assert_eq!(written(|text| signed(value, text)), value.to_string());
        }
        assert_eq!(
            written(|text| unsigned(u64::MAX, text)),
            u64::MAX.to_string()
        );
    }
}
