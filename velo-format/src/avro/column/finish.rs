//! Arrow arrays out of the values of columns.

use std::mem::{replace, take};
use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Decimal256Type, Float32Type, Float64Type, UInt32Type};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, ListArray, MapArray, NullArray,
    PrimitiveArray, StringArray, StructArray, make_array,
};
use arrow_buffer::{ArrowNativeType, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType, Fields};
use velo_core::{Error, ErrorKind, Result};

use super::nested::Items;
use super::text::{Texts, end, take_offsets};
use super::{Column, Values};

/// Makes an array of the first `length` values and leaves none.
pub(super) fn array(
    values: &mut Values,
    kind: &DataType,
    length: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    Ok(match values {
        Values::Null(count) => {
            *count = 0;
            Arc::new(NullArray::new(length))
        }
        Values::Boolean(bits) => {
            bits.truncate(length);
            Arc::new(BooleanArray::new(bits.finish(), nulls))
        }
        // These may be dates and times, which are the same underneath.
        Values::Int(values) => retyped(first(values, length), kind, nulls)?,
        Values::Long(values) => retyped(first(values, length), kind, nulls)?,
        Values::Float(values) => primitive::<Float32Type>(first(values, length), kind, nulls)?,
        Values::Double(values) => primitive::<Float64Type>(first(values, length), kind, nulls)?,
        Values::Decimal128(decimals) => {
            primitive::<Decimal128Type>(first(&mut decimals.values, length), kind, nulls)?
        }
        Values::Decimal256(decimals) => {
            primitive::<Decimal256Type>(first(&mut decimals.values, length), kind, nulls)?
        }
        Values::Bytes(texts) => {
            let (offsets, data) = texts.take(length);
            let array = BinaryArray::try_new(buffer(offsets), Buffer::from_vec(data), nulls);
            Arc::new(array.map_err(refused)?)
        }
        Values::Text(texts) | Values::Uuid(texts) => text(texts, length, nulls)?,
        Values::Enum(symbols) => text(&mut symbols.texts, length, nulls)?,
        Values::Fixed(size, data, count) => {
            *count = 0;
            let mut data = take(data);
            data.truncate(length * *size);
            built(kind, length, data, nulls)?
        }
        Values::Duration(parts) => {
            let part = |values: &mut Vec<u32>| {
                primitive::<UInt32Type>(first(values, length), &DataType::UInt32, None)
            };
            let parts = parts.iter_mut().map(part).collect::<Result<_>>()?;
            structure(parts, kind, length, nulls)?
        }
        Values::Items(list) => items(list, kind, length, nulls)?,
        Values::Record(record) => {
            let fields = fields(&mut record.fields, length)?;
            structure(fields, kind, length, nulls)?
        }
        Values::Union(union) => {
            let fields = fields(&mut union.fields, length)?;
            structure(fields, kind, length, nulls)?
        }
        Values::Optional(optional) => optional.finish(length)?,
    })
}

/// Takes the first values; room for as many stays.
fn first<T>(values: &mut Vec<T>, length: usize) -> Vec<T> {
    let next = Vec::with_capacity(values.len());
    let mut taken = replace(values, next);
    taken.truncate(length);
    taken
}

fn primitive<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    kind: &DataType,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let array = PrimitiveArray::<T>::try_new(ScalarBuffer::from(values), nulls);
    Ok(Arc::new(
        array.map_err(refused)?.with_data_type(kind.clone()),
    ))
}

fn retyped<T: ArrowNativeType>(
    values: Vec<T>,
    kind: &DataType,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    built(kind, values.len(), values, nulls)
}

/// Makes an array whose only buffer is given.
fn built<T: ArrowNativeType>(
    kind: &DataType,
    length: usize,
    values: Vec<T>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let data = ArrayData::builder(kind.clone())
        .len(length)
        .nulls(nulls)
        .add_buffer(Buffer::from_vec(values))
        .build();
    Ok(make_array(data.map_err(refused)?))
}

fn text(texts: &mut Texts, length: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let (offsets, data) = texts.take(length);
    let array = StringArray::try_new(buffer(offsets), Buffer::from_vec(data), nulls);
    Ok(Arc::new(array.map_err(refused)?))
}

fn items(
    items: &mut Items,
    kind: &DataType,
    length: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let offsets = take_offsets(&mut items.offsets, length);
    items.restart();
    let inside = end(&offsets);
    let values = items.values.finish(inside)?;
    let keys = items.keys.as_mut().map(|keys| keys.finish(inside));
    let offsets = buffer(offsets);
    Ok(match (kind, keys) {
        (DataType::List(item), None) => {
            let array = ListArray::try_new(item.clone(), offsets, values, nulls);
            Arc::new(array.map_err(refused)?)
        }
        (DataType::Map(entry, sorted), Some(keys)) => {
            let entries = structure_of(vec![keys?, values], entry.data_type(), inside, None)?;
            let array = MapArray::try_new(entry.clone(), offsets, entries, nulls, *sorted);
            Arc::new(array.map_err(refused)?)
        }
        _ => return Err(unlike(kind)),
    })
}

fn fields(columns: &mut [Column], length: usize) -> Result<Vec<ArrayRef>> {
    columns
        .iter_mut()
        .map(|column| column.finish(length))
        .collect()
}

fn structure(
    columns: Vec<ArrayRef>,
    kind: &DataType,
    length: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    Ok(Arc::new(structure_of(columns, kind, length, nulls)?))
}

fn structure_of(
    columns: Vec<ArrayRef>,
    kind: &DataType,
    length: usize,
    nulls: Option<NullBuffer>,
) -> Result<StructArray> {
    let DataType::Struct(fields) = kind else {
        return Err(unlike(kind));
    };
    let fields: Fields = fields.clone();
    let array = StructArray::try_new_with_length(fields, columns, nulls, length);
    array.map_err(refused)
}

fn buffer(offsets: Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(offsets))
}

fn unlike(kind: &DataType) -> Error {
    Error::new(ErrorKind::Unexpected, "values are not of the column's type").with("type", kind)
}

fn refused(error: ArrowError) -> Error {
    Error::new(ErrorKind::Unexpected, "build a column").with_source(error)
}
