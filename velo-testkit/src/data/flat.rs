//! Columns without children: numbers, times, text and bytes.

use std::sync::Arc;

use arrow_array::types as t;
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray,
    LargeBinaryArray, LargeStringArray, StringArray, StringViewArray,
};
use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::{DataType, TimeUnit};

use super::Random;
use super::columns::Shape;

type F16 = <t::Float16Type as ArrowPrimitiveType>::Native;

const DAY_MS: i64 = 86_400_000;
/// 0001-01-01 and 9999-12-31, in days since 1970: what every destination with dates can hold.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;

pub(super) fn numbers(of: &DataType, shape: Shape, random: &mut Random) -> Option<ArrayRef> {
    use DataType as T;
    Some(match of {
        T::Boolean => {
            let values = shape.values(&[true, false], || random.next() & 1 == 1);
            Arc::new(BooleanArray::from(values))
        }
        T::Int8 => integer::<t::Int8Type>(of, shape, &[i8::MIN, i8::MAX, 0, -1], random),
        T::Int16 => integer::<t::Int16Type>(of, shape, &[i16::MIN, i16::MAX, 0, -1], random),
        T::Int32 => integer::<t::Int32Type>(of, shape, &[i32::MIN, i32::MAX, 0, -1], random),
        T::Int64 => integer::<t::Int64Type>(of, shape, &[i64::MIN, i64::MAX, 0, -1], random),
        T::UInt8 => integer::<t::UInt8Type>(of, shape, &[u8::MAX, 0], random),
        T::UInt16 => integer::<t::UInt16Type>(of, shape, &[u16::MAX, 0], random),
        T::UInt32 => integer::<t::UInt32Type>(of, shape, &[u32::MAX, 0], random),
        T::UInt64 => integer::<t::UInt64Type>(of, shape, &[u64::MAX, 0, 1 << 63], random),
        T::Float16 => floats::<t::Float16Type>(of, shape, random, F16::from_f64, F16::from_bits(1)),
        T::Float32 => {
            let smallest = f32::from_bits(1);
            floats::<t::Float32Type>(of, shape, random, |value| value as f32, smallest)
        }
        T::Float64 => floats::<t::Float64Type>(of, shape, random, |value| value, f64::from_bits(1)),
        _ => return decimals(of, shape, random),
    })
}

fn integer<T: ArrowPrimitiveType>(
    of: &DataType,
    shape: Shape,
    extremes: &[T::Native],
    random: &mut Random,
) -> ArrayRef {
    let value = || T::Native::usize_as(random.next() as usize);
    Arc::new(shape.primitive::<T>(of, extremes, value))
}

fn floats<T: ArrowPrimitiveType>(
    of: &DataType,
    shape: Shape,
    random: &mut Random,
    from: impl Fn(f64) -> T::Native,
    smallest: T::Native,
) -> ArrayRef {
    let special = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        0.0,
        0.1,
        65504.0,
        -1.5e-5,
    ];
    let mut extremes: Vec<T::Native> = special.map(&from).into();
    extremes.push(smallest);
    let value = || from((random.next() as i64 as f64) / 1e15);
    Arc::new(shape.primitive::<T>(of, &extremes, value))
}

fn decimals(of: &DataType, shape: Shape, random: &mut Random) -> Option<ArrayRef> {
    Some(match of {
        DataType::Decimal32(digits, _) => {
            let most = 10_i32.pow((*digits).into()) - 1;
            let value = || (random.next() as i32) % most;
            Arc::new(shape.primitive::<t::Decimal32Type>(of, &[most, -most, 0, 1, -1], value))
        }
        DataType::Decimal64(digits, _) => {
            let most = 10_i64.pow((*digits).into()) - 1;
            let value = || (random.next() as i64) % most;
            Arc::new(shape.primitive::<t::Decimal64Type>(of, &[most, -most, 0, 1, -1], value))
        }
        DataType::Decimal128(digits, _) => {
            let most = 10_i128.pow((*digits).into()) - 1;
            let value = || (i128::from(random.next() as i64) << 60) % most;
            Arc::new(shape.primitive::<t::Decimal128Type>(of, &[most, -most, 0, 1, -1], value))
        }
        DataType::Decimal256(digits, _) => {
            let most = i256::from_i128(10).wrapping_pow((*digits).into()) - i256::ONE;
            let extremes = [most, -most, i256::ZERO, i256::ONE, i256::MINUS_ONE];
            let value = || i256::from_i128(i128::from(random.next() as i64) << 60);
            Arc::new(shape.primitive::<t::Decimal256Type>(of, &extremes, value))
        }
        _ => return None,
    })
}

pub(super) fn times(of: &DataType, shape: Shape, random: &mut Random) -> Option<ArrayRef> {
    use DataType as T;
    let days =
        |random: &mut Random| FIRST_DAY + random.below((LAST_DAY - FIRST_DAY) as usize) as i32;
    Some(match of {
        T::Date32 => {
            let extremes = [FIRST_DAY, LAST_DAY, 0, -1];
            Arc::new(shape.primitive::<t::Date32Type>(of, &extremes, || days(random)))
        }
        T::Date64 => {
            let extremes = [FIRST_DAY, LAST_DAY, 0, -1].map(|day| i64::from(day) * DAY_MS);
            let value = || i64::from(days(random)) * DAY_MS;
            Arc::new(shape.primitive::<t::Date64Type>(of, &extremes, value))
        }
        T::Time32(unit) => {
            let end = (86_400 * per_second(*unit)) as i32;
            let value = || random.below(end as usize) as i32;
            let extremes = [0, end - 1];
            match unit {
                TimeUnit::Second => {
                    Arc::new(shape.primitive::<t::Time32SecondType>(of, &extremes, value))
                }
                _ => Arc::new(shape.primitive::<t::Time32MillisecondType>(of, &extremes, value)),
            }
        }
        T::Time64(unit) => {
            let end = 86_400 * per_second(*unit);
            longs(of, shape, &[0, end - 1], || {
                random.below(end as usize) as i64
            })?
        }
        T::Timestamp(unit, _) => {
            let (first, last) = timestamp_range(*unit);
            let value = || first.saturating_add((random.next() >> 1) as i64 % (last / 2));
            longs(of, shape, &[first, last, 0, -1, 1], value)?
        }
        T::Duration(_) => longs(of, shape, &[-i64::MAX, i64::MAX, 0, -1], || {
            random.next() as i64 >> 20
        })?,
        _ => return None,
    })
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The years 1 to 9999 where 64 bits reach so far, else all 64 bits but a day at each end.
fn timestamp_range(unit: TimeUnit) -> (i64, i64) {
    let second = per_second(unit);
    match unit {
        TimeUnit::Nanosecond => (i64::MIN + 86_400 * second, i64::MAX - 86_400 * second),
        _ => (
            i64::from(FIRST_DAY) * 86_400 * second,
            (i64::from(LAST_DAY) + 1) * 86_400 * second - 1,
        ),
    }
}

/// Any type whose values are 64-bit integers underneath.
fn longs(
    of: &DataType,
    shape: Shape,
    extremes: &[i64],
    value: impl FnMut() -> i64,
) -> Option<ArrayRef> {
    let integers = shape.primitive::<t::Int64Type>(&DataType::Int64, extremes, value);
    let data = arrow_array::Array::into_data(integers).into_builder();
    data.data_type(of.clone())
        .build()
        .ok()
        .map(arrow_array::make_array)
}

pub(super) fn texts(of: &DataType, shape: Shape, random: &mut Random) -> Option<ArrayRef> {
    use DataType as T;
    let bytes = |random: &mut Random, size: usize| -> Vec<u8> {
        (0..size).map(|_| random.next() as u8).collect()
    };
    Some(match of {
        T::Utf8 | T::LargeUtf8 | T::Utf8View => {
            let values = shape.values(&unusual_texts(), || text(random));
            match of {
                T::Utf8 => Arc::new(StringArray::from(values)),
                T::LargeUtf8 => Arc::new(LargeStringArray::from(values)),
                _ => Arc::new(StringViewArray::from_iter(values)),
            }
        }
        T::Binary | T::LargeBinary | T::BinaryView => {
            let long = bytes(random, 5000);
            let extremes = [vec![], vec![0], vec![0xff, 0xfe], (0..=255).collect(), long];
            let values = shape.values(&extremes, || {
                let size = random.below(30);
                bytes(random, size)
            });
            let values = values.iter().map(Option::as_deref);
            match of {
                T::Binary => Arc::new(BinaryArray::from_iter(values)),
                T::LargeBinary => Arc::new(LargeBinaryArray::from_iter(values)),
                _ => Arc::new(BinaryViewArray::from_iter(values)),
            }
        }
        T::FixedSizeBinary(size) => {
            let width = *size as usize;
            let extremes = [vec![0; width], vec![0xff; width]];
            let values = shape.values(&extremes, || bytes(random, width)).into_iter();
            let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, *size);
            Arc::new(array.ok()?)
        }
        _ => return None,
    })
}

fn unusual_texts() -> Vec<String> {
    let texts = [
        "",
        " ",
        "a,b;\"c\"\t'd'|e",
        "line\nbreak\r\nand another\r",
        "Zürich 東京 🦀 e\u{301} \u{202e}",
        "\u{feff}mark",
        "NULL",
        "null",
        "\\N",
        "0042",
        "+1",
        "1.50",
        "true",
        "\u{1}\u{7f}",
    ];
    let long = "0123456789äöü".repeat(400);
    texts.map(str::to_owned).into_iter().chain([long]).collect()
}

fn text(random: &mut Random) -> String {
    const LETTERS: [char; 12] = [
        'a', 'b', 'Z', '0', '9', ' ', ',', '"', '\'', 'é', '東', '🦀',
    ];
    let size = random.below(24);
    (0..size)
        .map(|_| LETTERS[random.below(LETTERS.len())])
        .collect()
}
