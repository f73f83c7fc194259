//! How each column is made: whole columns at once, nothing allocated for a row.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::{ArrowPrimitiveType, Decimal128Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray, TimestampMicrosecondArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};

use super::words::{COUPONS, EVENT_TYPES, FIRST_NAMES, LAST_NAMES, PAGES, PRODUCTS};
use super::{Numbers, Recipe};

/// So many users, orders before the first one, and sensors there are.
const USERS: u64 = 100_000;
const FIRST_ORDER: u64 = 1_000_001;
const SENSORS: u64 = 1000;

const MICROS_PER_ROW: i64 = 1000;
const TEXT_BYTES: usize = 16;

/// What is drawn for a row is drawn for one purpose.
#[derive(Clone, Copy)]
enum Draw {
    Name = 1,
    Age,
    Email,
    Active,
    Event,
    User,
    Page,
    Product,
    Quantity,
    Coupon,
    Paid,
    Sensor,
    Temperature,
    Humidity,
    Healthy,
}

/// Spreads a number over 64 bits: the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
pub(super) fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Makes the generator of a purpose: from a row's number to 64 random bits.
fn drawing(recipe: &Recipe, draw: Draw) -> impl Fn(u64) -> u64 + Copy + use<> {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let base = mixed(recipe.seed ^ (draw as u64).wrapping_mul(GOLDEN));
    move |row| mixed(base.wrapping_add(row.wrapping_mul(GOLDEN)))
}

/// Brings random bits below a bound (Lemire's multiplication, without its rejection).
fn below(bits: u64, bound: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

fn one_of<T: Copy>(bits: u64, words: &[T]) -> T {
    words[below(bits, words.len() as u64) as usize]
}

/// One row of sixteen.
fn is_null(bits: u64) -> bool {
    bits & 15 == 0
}

fn values<T: ArrowPrimitiveType>(
    numbers: &Numbers,
    value: impl Fn(u64) -> T::Native,
) -> PrimitiveArray<T> {
    PrimitiveArray::from_iter_values(numbers.iter().map(value))
}

fn booleans(numbers: &Numbers, value: impl Fn(u64) -> bool) -> BooleanBuffer {
    let Numbers { first, step, count } = *numbers;
    BooleanBuffer::collect_bool(count, |at| value(first + step * at as u64))
}

fn texts(numbers: &Numbers, append: impl Fn(&mut StringBuilder, u64)) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(numbers.count, numbers.count * TEXT_BYTES);
    numbers.iter().for_each(|row| append(&mut builder, row));
    Arc::new(builder.finish())
}

pub(super) fn number(_: &Recipe, numbers: &Numbers) -> ArrayRef {
    Arc::new(values::<Int64Type>(numbers, |row| row as i64))
}

pub(super) fn time(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let at = |row: u64| recipe.epoch + row as i64 * MICROS_PER_ROW;
    let times = TimestampMicrosecondArray::from_iter_values(numbers.iter().map(at));
    Arc::new(times.with_timezone("UTC"))
}

pub(super) fn user_number(_: &Recipe, numbers: &Numbers) -> ArrayRef {
    Arc::new(values::<Int64Type>(numbers, |row| row as i64 + 1))
}

pub(super) fn name(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Name);
    texts(numbers, |builder, row| {
        let bits = draw(row);
        let last = one_of(bits.rotate_left(32), &LAST_NAMES);
        // Writing to memory does not fail.
        let _ = builder.write_str(one_of(bits, &FIRST_NAMES));
        let _ = builder.write_str(" ");
        builder.append_value(last);
    })
}

pub(super) fn age(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Age);
    Arc::new(values::<Int32Type>(numbers, |row| {
        18 + below(draw(row), 73) as i32
    }))
}

pub(super) fn email(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Email);
    texts(numbers, |builder, row| {
        if is_null(draw(row)) {
            return builder.append_null();
        }
        let _ = write!(builder, "user{}", row + 1);
        builder.append_value("@example.com");
    })
}

pub(super) fn active(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Active);
    let active = booleans(numbers, |row| below(draw(row), 10) > 0);
    Arc::new(BooleanArray::new(active, None))
}

pub(super) fn event_type(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Event);
    texts(numbers, |builder, row| {
        builder.append_value(one_of(draw(row), &EVENT_TYPES));
    })
}

pub(super) fn user_id(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::User);
    Arc::new(values::<Int64Type>(numbers, |row| {
        1 + below(draw(row), USERS) as i64
    }))
}

pub(super) fn page(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    some_of(recipe, numbers, Draw::Page, &PAGES)
}

pub(super) fn coupon(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    some_of(recipe, numbers, Draw::Coupon, &COUPONS)
}

fn some_of(recipe: &Recipe, numbers: &Numbers, draw: Draw, words: &[&str]) -> ArrayRef {
    let draw = drawing(recipe, draw);
    texts(numbers, |builder, row| {
        let bits = draw(row);
        let word = (!is_null(bits)).then(|| one_of(bits, words));
        builder.append_option(word);
    })
}

pub(super) fn order_id(_: &Recipe, numbers: &Numbers) -> ArrayRef {
    Arc::new(values::<Int64Type>(numbers, |row| {
        (FIRST_ORDER + row) as i64
    }))
}

pub(super) fn product(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Product);
    texts(numbers, |builder, row| {
        builder.append_value(one_of(draw(row), &PRODUCTS).0);
    })
}

/// From 1 to 9.
fn quantity_of(bits: u64) -> i32 {
    1 + below(bits, 9) as i32
}

pub(super) fn quantity(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Quantity);
    Arc::new(values::<Int32Type>(numbers, |row| quantity_of(draw(row))))
}

/// The product's price times the quantity.
pub(super) fn amount(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let product = drawing(recipe, Draw::Product);
    let quantity = drawing(recipe, Draw::Quantity);
    let cents = |row: u64| {
        let price = one_of(product(row), &PRODUCTS).1;
        i128::from(price) * i128::from(quantity_of(quantity(row)))
    };
    let amounts = values::<Decimal128Type>(numbers, cents);
    Arc::new(amounts.with_data_type(arrow_schema::DataType::Decimal128(12, 2)))
}

pub(super) fn paid(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Paid);
    let paid = booleans(numbers, |row| below(draw(row), 4) > 0);
    Arc::new(BooleanArray::new(paid, None))
}

pub(super) fn sensor_id(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Sensor);
    Arc::new(values::<Int64Type>(numbers, |row| {
        1 + below(draw(row), SENSORS) as i64
    }))
}

/// From -20.00 to 44.99, in hundredths.
pub(super) fn temperature(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Temperature);
    Arc::new(values::<Float64Type>(numbers, |row| {
        (below(draw(row), 6500) as f64 - 2000.0) / 100.0
    }))
}

/// From 0.0 to 100.0, in tenths.
pub(super) fn humidity(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Humidity);
    let tenths = numbers
        .iter()
        .map(|row| below(draw(row), 1001) as f64 / 10.0);
    let valid = booleans(numbers, |row| !is_null(draw(row)));
    let humidity = PrimitiveArray::<Float64Type>::new(
        tenths.collect::<Vec<_>>().into(),
        Some(NullBuffer::new(valid)),
    );
    Arc::new(humidity)
}

pub(super) fn healthy(recipe: &Recipe, numbers: &Numbers) -> ArrayRef {
    let draw = drawing(recipe, Draw::Healthy);
    let healthy = booleans(numbers, |row| below(draw(row), 100) > 0);
    Arc::new(BooleanArray::new(healthy, None))
}
