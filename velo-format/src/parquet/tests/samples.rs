//! Arrays of every type, filled from a seed with nulls, extremes and odd text.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, DictionaryArray, FixedSizeBinaryArray,
    FixedSizeListArray, GenericListArray, Int32Array, LargeBinaryArray, LargeStringArray, MapArray,
    NullArray, OffsetSizeTrait, RecordBatch, StringArray, StringViewArray, StructArray, make_array,
    types::Int32Type,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, i256};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};

pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed ^ 0x1234_5678_9abc_def1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }
}

/// Every type that Parquet can hold and give back as it was.
pub(super) fn kinds() -> Vec<DataType> {
    [flat_kinds(), timed_kinds(), nested_kinds()].concat()
}

fn nested_kinds() -> Vec<DataType> {
    use DataType as D;
    let field = |kind| Arc::new(Field::new("item", kind, true));
    let text_and_numbers = Fields::from(vec![
        Field::new("a", D::Int32, true),
        Field::new("b", D::Utf8, false),
        Field::new("c", D::List(field(D::Float64)), true),
    ]);
    let entries = Fields::from(vec![
        Field::new("keys", D::Utf8, false),
        Field::new("values", D::Int64, true),
    ]);
    let entries = Arc::new(Field::new("entries", D::Struct(entries), false));
    vec![
        D::List(field(D::Int32)),
        D::List(field(D::Utf8)),
        D::LargeList(field(D::Utf8View)),
        D::List(field(D::List(field(D::Int64)))),
        D::FixedSizeList(field(D::Int16), 3),
        D::Struct(text_and_numbers.clone()),
        D::List(field(D::Struct(text_and_numbers))),
        D::Map(entries, false),
    ]
}

fn timed_kinds() -> Vec<DataType> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let mut kinds = vec![
        DataType::Time32(Second),
        DataType::Time32(Millisecond),
        DataType::Time64(Microsecond),
        DataType::Time64(Nanosecond),
    ];
    for unit in [Second, Millisecond, Microsecond, Nanosecond] {
        kinds.push(DataType::Duration(unit));
        kinds.push(DataType::Timestamp(unit, None));
        for zone in ["UTC", "+02:00", "Europe/Berlin"] {
            kinds.push(DataType::Timestamp(unit, Some(zone.into())));
        }
    }
    kinds
}

fn flat_kinds() -> Vec<DataType> {
    use DataType as D;
    vec![
        D::Null,
        D::Boolean,
        D::Int8,
        D::Int16,
        D::Int32,
        D::Int64,
        D::UInt8,
        D::UInt16,
        D::UInt32,
        D::UInt64,
        D::Float16,
        D::Float32,
        D::Float64,
        D::Date32,
        D::Date64,
        D::Decimal32(7, 2),
        D::Decimal64(15, 3),
        D::Decimal128(5, 1),
        D::Decimal128(15, 2),
        D::Decimal128(38, 10),
        D::Decimal256(9, 0),
        D::Decimal256(18, 4),
        D::Decimal256(60, 5),
        D::Interval(IntervalUnit::YearMonth),
        D::Utf8,
        D::LargeUtf8,
        D::Utf8View,
        D::Binary,
        D::LargeBinary,
        D::BinaryView,
        D::FixedSizeBinary(5),
    ]
}

/// Makes a batch with one column of each type.
pub(super) fn batch(kinds: &[DataType], rows: usize, seed: u64) -> RecordBatch {
    let mut random = Random::new(seed);
    let nullable = |kind: &DataType, at: usize| at % 3 != 2 || *kind == DataType::Null;
    let named = kinds.iter().enumerate();
    let fields =
        named.map(|(at, kind)| Field::new(format!("c{at}"), kind.clone(), nullable(kind, at)));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let columns = schema.fields().iter();
    let columns = columns.map(|f| array(f.data_type(), rows, f.is_nullable(), &mut random));
    RecordBatch::try_new(Arc::new(schema.clone()), columns.collect()).unwrap()
}

/// Makes a dictionary array.
pub(super) fn dictionary(rows: usize, random: &mut Random) -> ArrayRef {
    let values: ArrayRef = Arc::new(StringArray::from(vec![
        "x",
        "",
        "long enough for no inline",
    ]));
    let keys = (0..rows).map(|_| match random.below(4) {
        3 => None,
        key => Some(key as i32),
    });
    Arc::new(DictionaryArray::<Int32Type>::new(
        keys.collect::<Int32Array>(),
        values,
    ))
}

pub(super) fn array(kind: &DataType, rows: usize, nullable: bool, random: &mut Random) -> ArrayRef {
    let valid: Vec<bool> = (0..rows)
        .map(|_| !nullable || random.below(5) > 0)
        .collect();
    let nulls = nullable.then(|| NullBuffer::from(valid.clone()));
    match kind {
        DataType::Null => Arc::new(NullArray::new(rows)),
        DataType::Boolean => {
            let values: Vec<bool> = (0..rows).map(|_| random.below(2) == 0).collect();
            Arc::new(BooleanArray::new(values.into(), nulls))
        }
        DataType::Decimal32(precision, _)
        | DataType::Decimal64(precision, _)
        | DataType::Decimal128(precision, _)
        | DataType::Decimal256(precision, _) => {
            let width = kind.primitive_width().unwrap();
            let values = (0..rows).flat_map(|_| digits(*precision, random)[..width].to_vec());
            fixed(kind, rows, values.collect(), nulls)
        }
        DataType::FixedSizeBinary(width) => {
            let bytes: Vec<u8> = (0..rows * *width as usize)
                .map(|_| random.next() as u8)
                .collect();
            Arc::new(FixedSizeBinaryArray::new(*width, bytes.into(), nulls))
        }
        DataType::List(item) => list::<i32>(item, &valid, nulls, random),
        DataType::LargeList(item) => list::<i64>(item, &valid, nulls, random),
        DataType::FixedSizeList(item, length) => {
            let items = rows * *length as usize;
            let values = array(item.data_type(), items, item.is_nullable(), random);
            Arc::new(FixedSizeListArray::new(
                item.clone(),
                *length,
                values,
                nulls,
            ))
        }
        DataType::Struct(fields) => Arc::new(structure(fields, rows, nulls, random)),
        DataType::Map(entries, sorted) => {
            let DataType::Struct(fields) = entries.data_type() else {
                unreachable!()
            };
            let offsets = offsets::<i32>(&valid, random);
            let items = *offsets.last().unwrap() as usize;
            let values = structure(fields, items, None, random);
            Arc::new(MapArray::new(
                entries.clone(),
                offsets,
                values,
                nulls,
                *sorted,
            ))
        }
        _ if kind.primitive_width().is_none() => text(kind, &valid, random),
        _ => {
            let width = kind.primitive_width().unwrap();
            let values = (0..rows).flat_map(|_| extreme(random)[..width].to_vec());
            fixed(kind, rows, values.collect(), nulls)
        }
    }
}

fn text(kind: &DataType, valid: &[bool], random: &mut Random) -> ArrayRef {
    let texts = texts(valid, random);
    match kind {
        DataType::Utf8 => Arc::new(StringArray::from(texts)),
        DataType::LargeUtf8 => Arc::new(LargeStringArray::from(texts)),
        DataType::Utf8View => Arc::new(StringViewArray::from_iter(texts)),
        DataType::Binary => Arc::new(BinaryArray::from_iter(texts)),
        DataType::LargeBinary => Arc::new(LargeBinaryArray::from_iter(texts)),
        DataType::BinaryView => Arc::new(BinaryViewArray::from_iter(texts)),
        _ => unreachable!("{kind}"),
    }
}

fn fixed(kind: &DataType, rows: usize, values: Vec<u8>, nulls: Option<NullBuffer>) -> ArrayRef {
    let data = ArrayData::builder(kind.clone()).len(rows).nulls(nulls);
    // Into 64-byte aligned memory: decimals need 16.
    let values = Buffer::from_slice_ref(&values);
    make_array(data.add_buffer(values).build().unwrap())
}

/// Bits of zeros, ones, greatest, least, NaNs, infinities, minus zero, or anything.
fn extreme(random: &mut Random) -> [u8; 16] {
    let mut bytes = [0; 16];
    match random.below(6) {
        0 => {}
        1 => bytes = [0xff; 16],
        2 => [1, 3, 7, 15].iter().for_each(|at| bytes[*at] = 0x80),
        3 => [0x7f, 0xf8]
            .iter()
            .rev()
            .zip([6, 7])
            .for_each(|(b, at)| bytes[at] = *b),
        4 => bytes[0] = random.next() as u8,
        _ => bytes[..8].copy_from_slice(&random.next().to_le_bytes()),
    }
    bytes
}

fn digits(precision: u8, random: &mut Random) -> [u8; 32] {
    let limit = i256::from_i128(10).wrapping_pow(precision.into());
    let value = match random.below(4) {
        0 => limit - i256::ONE,
        1 => i256::ONE - limit,
        2 => i256::ZERO,
        _ => i256::from_i128(i128::from(random.next() as i64)) % limit,
    };
    value.to_le_bytes()
}

fn texts(valid: &[bool], random: &mut Random) -> Vec<Option<String>> {
    let mut one = || match random.below(6) {
        0 => String::new(),
        1 => "é𝄞\0\"\n".to_owned(),
        2 => "\u{10ffff}".repeat(40),
        3 => "a".repeat(random.below(200)),
        4 => "ab".repeat(3),
        _ => format!("{:x}", random.next()),
    };
    valid.iter().map(|valid| valid.then(&mut one)).collect()
}

fn offsets<O: OffsetSizeTrait>(valid: &[bool], random: &mut Random) -> OffsetBuffer<O> {
    let lengths = valid
        .iter()
        .map(|valid| if *valid { random.below(4) } else { 0 });
    OffsetBuffer::from_lengths(lengths)
}

fn list<O: OffsetSizeTrait>(
    item: &Arc<Field>,
    valid: &[bool],
    nulls: Option<NullBuffer>,
    random: &mut Random,
) -> ArrayRef {
    let offsets = offsets::<O>(valid, random);
    let items = offsets.last().unwrap().as_usize();
    let values = array(item.data_type(), items, item.is_nullable(), random);
    Arc::new(GenericListArray::new(item.clone(), offsets, values, nulls))
}

fn structure(
    fields: &Fields,
    rows: usize,
    nulls: Option<NullBuffer>,
    random: &mut Random,
) -> StructArray {
    let columns = fields
        .iter()
        .map(|f| array(f.data_type(), rows, f.is_nullable(), random));
    StructArray::new(fields.clone(), columns.collect(), nulls)
}
