//! Records to columns, without loss.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, LargeBinaryBuilder, LargeStringBuilder,
    PrimitiveBuilder, StringBuilder,
};
use arrow_array::types as t;
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, LargeListArray, ListArray, MapArray, NullArray, RecordBatch,
    StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};

use super::StreamRecord;
use crate::{Batch, Changes, Error, ErrorKind, FieldValue, Result, StreamInfo};

pub(super) fn to_batch(stream: &Arc<StreamInfo>, records: &[StreamRecord<'_>]) -> Result<Batch> {
    let schema = stream.schema();
    if records
        .iter()
        .any(|record| record.values.len() != schema.fields().len())
    {
        return Err(
            Error::new(ErrorKind::InvalidInput, "record is of another stream")
                .with("stream", stream.name()),
        );
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (at, field) in schema.fields().iter().enumerate() {
        let values: Vec<&FieldValue<'_>> =
            records.iter().map(|record| &record.values[at]).collect();
        columns.push(column(field, &values)?);
    }
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(records.len()));
    let rows = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
    let batch = Batch::new(stream.clone(), rows)?;
    if records.iter().all(|record| record.op.is_none()) {
        return Ok(batch);
    }
    batch.with_changes(Changes::new(records.iter().map(StreamRecord::op).collect()))
}

fn column(field: &Field, values: &[&FieldValue<'_>]) -> Result<ArrayRef> {
    let refused = || {
        Error::new(ErrorKind::InvalidInput, "value does not fit its column")
            .with("column", field.name())
            .with("type", field.data_type())
    };
    if !field.is_nullable() && values.iter().any(|value| value.is_null()) {
        return Err(refused().with_hint("the column may not be null"));
    }
    build(field.data_type(), values)?.ok_or_else(refused)
}

/// Builds a column, or `None` where a value does not fit it.
fn build(kind: &DataType, values: &[&FieldValue<'_>]) -> Result<Option<ArrayRef>> {
    use FieldValue as V;
    Ok(match kind {
        DataType::Null => {
            let all_null = values.iter().all(|value| value.is_null());
            all_null.then(|| Arc::new(NullArray::new(values.len())) as ArrayRef)
        }
        DataType::Boolean => boolean(values),
        DataType::Int8 => integer::<t::Int8Type>(values, kind),
        DataType::Int16 => integer::<t::Int16Type>(values, kind),
        DataType::Int32 => integer::<t::Int32Type>(values, kind),
        DataType::Int64 => integer::<t::Int64Type>(values, kind),
        DataType::UInt8 => integer::<t::UInt8Type>(values, kind),
        DataType::UInt16 => integer::<t::UInt16Type>(values, kind),
        DataType::UInt32 => integer::<t::UInt32Type>(values, kind),
        DataType::UInt64 => integer::<t::UInt64Type>(values, kind),
        DataType::Float32 => primitive::<t::Float32Type>(values, kind, |value| match value {
            V::Float32(number) => Some(*number),
            _ => None,
        }),
        DataType::Float64 => primitive::<t::Float64Type>(values, kind, |value| value.as_f64()),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => text(kind, values)?,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => binary(kind, values)?,
        DataType::FixedSizeBinary(width) => fixed(*width, values),
        DataType::Date32 => primitive::<t::Date32Type>(values, kind, |value| match value {
            V::Date(days) => Some(*days),
            _ => None,
        }),
        DataType::Date64 => primitive::<t::Date64Type>(values, kind, |value| match value {
            V::Date64(milliseconds) => Some(*milliseconds),
            _ => None,
        }),
        DataType::Decimal128(precision, scale) => {
            let limit = 10_i128.checked_pow(u32::from(*precision));
            primitive::<t::Decimal128Type>(values, kind, |value| {
                let unscaled = unscaled(value, *scale)?.to_i128()?;
                limit
                    .is_none_or(|limit| unscaled.abs() < limit)
                    .then_some(unscaled)
            })
        }
        DataType::Decimal256(_, scale) => {
            primitive::<t::Decimal256Type>(values, kind, |value| unscaled(value, *scale))
        }
        _ if kind.is_temporal() => temporal(kind, values),
        _ => nested(kind, values)?,
    })
}

fn unscaled(value: &FieldValue<'_>, wanted: i8) -> Option<arrow_buffer::i256> {
    match value {
        FieldValue::Decimal { unscaled, scale } if *scale == wanted => Some(*unscaled),
        _ => None,
    }
}

fn primitive<T: ArrowPrimitiveType>(
    values: &[&FieldValue<'_>],
    kind: &DataType,
    read: impl Fn(&FieldValue<'_>) -> Option<T::Native>,
) -> Option<ArrayRef> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(values.len());
    for value in values {
        match value {
            FieldValue::Null => builder.append_null(),
            value => builder.append_value(read(value)?),
        }
    }
    Some(Arc::new(builder.finish().with_data_type(kind.clone())))
}

fn integer<T: ArrowPrimitiveType>(values: &[&FieldValue<'_>], kind: &DataType) -> Option<ArrayRef>
where
    T::Native: TryFrom<i64> + TryFrom<u64>,
{
    primitive::<T>(values, kind, |value| match value {
        FieldValue::Int64(number) => T::Native::try_from(*number).ok(),
        FieldValue::UInt64(number) => T::Native::try_from(*number).ok(),
        _ => None,
    })
}

fn boolean(values: &[&FieldValue<'_>]) -> Option<ArrayRef> {
    let mut builder = BooleanBuilder::with_capacity(values.len());
    for value in values {
        match value {
            FieldValue::Null => builder.append_null(),
            FieldValue::Boolean(truth) => builder.append_value(*truth),
            _ => return None,
        }
    }
    Some(Arc::new(builder.finish()))
}

fn text(kind: &DataType, values: &[&FieldValue<'_>]) -> Result<Option<ArrayRef>> {
    if values
        .iter()
        .any(|value| !value.is_null() && value.as_str().is_none())
    {
        return Ok(None);
    }
    let values = values.iter().map(|value| value.as_str());
    if *kind == DataType::LargeUtf8 {
        let mut builder = LargeStringBuilder::new();
        builder.extend(values);
        return Ok(Some(Arc::new(builder.finish())));
    }
    let mut builder = StringBuilder::new();
    builder.extend(values);
    Ok(Some(arrow_cast::cast(&builder.finish(), kind)?))
}

fn bytes<'v>(value: &'v FieldValue<'_>) -> Option<&'v [u8]> {
    match value {
        FieldValue::Binary(bytes) => Some(bytes),
        _ => None,
    }
}

fn binary(kind: &DataType, values: &[&FieldValue<'_>]) -> Result<Option<ArrayRef>> {
    if values
        .iter()
        .any(|value| !value.is_null() && bytes(value).is_none())
    {
        return Ok(None);
    }
    let values = values.iter().map(|value| bytes(value));
    if *kind == DataType::LargeBinary {
        let mut builder = LargeBinaryBuilder::new();
        builder.extend(values);
        return Ok(Some(Arc::new(builder.finish())));
    }
    let mut builder = BinaryBuilder::new();
    builder.extend(values);
    Ok(Some(arrow_cast::cast(&builder.finish(), kind)?))
}

fn fixed(width: i32, values: &[&FieldValue<'_>]) -> Option<ArrayRef> {
    let mut builder = FixedSizeBinaryBuilder::new(width);
    for value in values {
        match value {
            FieldValue::Null => builder.append_null(),
            value => builder.append_value(bytes(value)?).ok()?,
        }
    }
    Some(Arc::new(builder.finish()))
}

fn temporal(kind: &DataType, values: &[&FieldValue<'_>]) -> Option<ArrayRef> {
    use TimeUnit as U;
    macro_rules! built {
        ($($pattern:pat => $type:ty,)*) => {
            match kind {
                $($pattern => primitive::<$type>(values, kind, |value| {
                    ticks(kind, value).and_then(|ticks| ticks.try_into().ok())
                }),)*
                _ => None,
            }
        };
    }
    built! {
        DataType::Time32(U::Second) => t::Time32SecondType,
        DataType::Time32(_) => t::Time32MillisecondType,
        DataType::Time64(U::Microsecond) => t::Time64MicrosecondType,
        DataType::Time64(_) => t::Time64NanosecondType,
        DataType::Timestamp(U::Second, _) => t::TimestampSecondType,
        DataType::Timestamp(U::Millisecond, _) => t::TimestampMillisecondType,
        DataType::Timestamp(U::Microsecond, _) => t::TimestampMicrosecondType,
        DataType::Timestamp(U::Nanosecond, _) => t::TimestampNanosecondType,
        DataType::Duration(U::Second) => t::DurationSecondType,
        DataType::Duration(U::Millisecond) => t::DurationMillisecondType,
        DataType::Duration(U::Microsecond) => t::DurationMicrosecondType,
        DataType::Duration(U::Nanosecond) => t::DurationNanosecondType,
    }
}

fn ticks(kind: &DataType, value: &FieldValue<'_>) -> Option<i64> {
    match (kind, value) {
        (DataType::Time32(unit) | DataType::Time64(unit), FieldValue::Time(ticks, own))
        | (DataType::Duration(unit), FieldValue::Duration(ticks, own))
            if unit == own =>
        {
            Some(*ticks)
        }
        (DataType::Timestamp(unit, zone), FieldValue::Timestamp(ticks, own, own_zone))
            if unit == own && zone.is_some() == own_zone.is_some() =>
        {
            Some(*ticks)
        }
        _ => None,
    }
}

fn nested(kind: &DataType, values: &[&FieldValue<'_>]) -> Result<Option<ArrayRef>> {
    match kind {
        DataType::Struct(fields) => structure(fields, values),
        DataType::List(item) => {
            let Some((items, lengths, nulls)) = flatten(item, values)? else {
                return Ok(None);
            };
            let offsets = OffsetBuffer::from_lengths(lengths);
            Ok(Some(Arc::new(ListArray::try_new(
                item.clone(),
                offsets,
                items,
                nulls,
            )?)))
        }
        DataType::LargeList(item) => {
            let Some((items, lengths, nulls)) = flatten(item, values)? else {
                return Ok(None);
            };
            let offsets = OffsetBuffer::from_lengths(lengths);
            Ok(Some(Arc::new(LargeListArray::try_new(
                item.clone(),
                offsets,
                items,
                nulls,
            )?)))
        }
        DataType::Map(entry, sorted) => map(entry, *sorted, values),
        other => {
            Err(Error::new(ErrorKind::Unsupported, "type has no row view").with("type", other))
        }
    }
}

fn structure(fields: &Fields, values: &[&FieldValue<'_>]) -> Result<Option<ArrayRef>> {
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let mut members = Vec::with_capacity(values.len());
        for value in values {
            members.push(match value {
                FieldValue::Null => &FieldValue::Null,
                FieldValue::Struct(named) => named
                    .iter()
                    .find(|(name, _)| **name == **field.name())
                    .map_or(&FieldValue::Null, |(_, value)| value),
                _ => return Ok(None),
            });
        }
        columns.push(column(field, &members)?);
    }
    let nulls = values.iter().map(|value| !value.is_null()).collect();
    Ok(Some(Arc::new(StructArray::try_new(
        fields.clone(),
        columns,
        Some(nulls),
    )?)))
}

type Flattened = (ArrayRef, Vec<usize>, Option<NullBuffer>);

fn flatten(item: &FieldRef, values: &[&FieldValue<'_>]) -> Result<Option<Flattened>> {
    let (mut items, mut lengths) = (Vec::new(), Vec::with_capacity(values.len()));
    for value in values {
        match value {
            FieldValue::Null => lengths.push(0),
            FieldValue::List(list) => {
                lengths.push(list.len());
                items.extend(list);
            }
            _ => return Ok(None),
        }
    }
    let nulls = values.iter().map(|value| !value.is_null()).collect();
    Ok(Some((column(item, &items)?, lengths, Some(nulls))))
}

fn map(entry: &FieldRef, sorted: bool, values: &[&FieldValue<'_>]) -> Result<Option<ArrayRef>> {
    let DataType::Struct(fields) = entry.data_type() else {
        return Ok(None);
    };
    let (mut keys, mut items, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        match value {
            FieldValue::Null => lengths.push(0),
            FieldValue::Map(entries) => {
                lengths.push(entries.len());
                keys.extend(entries.iter().map(|(key, _)| key));
                items.extend(entries.iter().map(|(_, item)| item));
            }
            _ => return Ok(None),
        }
    }
    let columns = vec![column(&fields[0], &keys)?, column(&fields[1], &items)?];
    let entries = StructArray::try_new(fields.clone(), columns, None)?;
    let nulls: NullBuffer = values.iter().map(|value| !value.is_null()).collect();
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Some(Arc::new(MapArray::try_new(
        entry.clone(),
        offsets,
        entries,
        Some(nulls),
        sorted,
    )?)))
}
