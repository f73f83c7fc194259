//! Floats.

use arrow_array::types::{ArrowPrimitiveType, Float16Type};

use super::integer::unsigned;
use crate::text::{Problem, Text};

/// Beyond this a number of hundredths has more digits than every double can tell apart.
const MOST_HUNDREDTHS: f64 = 1e15;

/// Writes the shortest text of a 64-bit float.
#[inline(always)]
pub(crate) fn float64(value: f64, text: &mut Text) {
    let hundredths = value * 100.0;
    // Fewer than 16 digits that read back as the value are its shortest text. Minus zero is told
    // by its sign alone, so it goes the other way; so do NaN and infinities, equal to nothing here.
    let whole = hundredths as i64;
    if hundredths.abs() < MOST_HUNDREDTHS && whole as f64 / 100.0 == value && whole != 0 {
        money(whole, text);
    } else {
        shortest(value, text);
    }
}

/// Writes the shortest text of a 32-bit float.
pub(crate) fn float32(value: f32, text: &mut Text) {
    if value.is_finite() {
        text.bytes(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        not_finite(f64::from(value), text);
    }
}

/// Writes the shortest text of a 16-bit float.
pub(crate) fn float16(value: <Float16Type as ArrowPrimitiveType>::Native, text: &mut Text) {
    let wide = value.to_f64();
    if !wide.is_finite() {
        return not_finite(wide, text);
    }
    // Five significant digits tell all 16-bit floats apart.
    for digits in 0..5_i32 {
        let rounded = round_to(wide, digits);
        if <Float16Type as ArrowPrimitiveType>::Native::from_f64(rounded) == value {
            return shortest(rounded.copysign(wide), text);
        }
    }
    shortest(wide, text);
}

/// Rounds to one significant digit and `more`.
fn round_to(value: f64, more: i32) -> f64 {
    if value == 0.0 {
        return value;
    }
    let power = more - value.abs().log10().floor() as i32;
    let scaled = (value * 10_f64.powi(power)).round();
    // Dividing by a whole power of ten rounds once, so that the nearest double comes out.
    if power >= 0 {
        scaled / 10_f64.powi(power)
    } else {
        scaled * 10_f64.powi(-power)
    }
}

#[inline(always)]
fn money(value: i64, text: &mut Text) {
    let magnitude = value.unsigned_abs();
    let (whole, rest) = (magnitude / 100, magnitude % 100);
    if value < 0 {
        text.byte(b'-');
    }
    unsigned(whole, text);
    let (tenths, hundredths) = (rest / 10, rest % 10);
    let digits = [b'.', b'0' + tenths as u8, b'0' + hundredths as u8, 0];
    text.put(digits, 3 - usize::from(hundredths == 0));
}

#[inline(never)]
fn shortest(value: f64, text: &mut Text) {
    if value.is_finite() {
        text.bytes(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        not_finite(value, text);
    }
}

#[cold]
fn not_finite(value: f64, text: &mut Text) {
    if text.is_finite_only() {
        text.refuse(Problem::NotFinite);
    }
    text.bytes(match value {
        value if value.is_nan() => b"NaN",
        value if value > 0.0 => b"inf",
        _ => b"-inf",
    });
}
