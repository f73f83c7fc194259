//! Columns with children: lists, structs, maps, dictionaries.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeListArray, LargeListArray, ListArray, MapArray,
    PrimitiveArray, StringArray, StructArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields};
use velo_core::Result;

use super::Random;
use super::columns::{Shape, column, unsupported};

const LENGTHS: [usize; 4] = [0, 1, 3, 2];

pub(super) fn nested(of: &DataType, shape: Shape, random: &mut Random) -> Result<ArrayRef> {
    use DataType as T;
    Ok(match of {
        T::List(item) => {
            let lengths = lengths(shape);
            let values = child(item, lengths.iter().sum(), random)?;
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::try_new(
                item.clone(),
                offsets,
                values,
                shape.nulls(),
            )?)
        }
        T::LargeList(item) => {
            let lengths = lengths(shape);
            let values = child(item, lengths.iter().sum(), random)?;
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(LargeListArray::try_new(
                item.clone(),
                offsets,
                values,
                shape.nulls(),
            )?)
        }
        T::FixedSizeList(item, size) => {
            let values = child(item, shape.rows * *size as usize, random)?;
            let nulls = shape.nulls();
            Arc::new(FixedSizeListArray::try_new(
                item.clone(),
                *size,
                values,
                nulls,
            )?)
        }
        T::Struct(fields) => Arc::new(structure(fields, shape, random)?),
        T::Map(entries, sorted) => {
            let lengths = lengths(shape);
            let entry = map_entries(entries, lengths.iter().sum(), random)?;
            let offsets = OffsetBuffer::from_lengths(lengths);
            let nulls = shape.nulls();
            Arc::new(MapArray::try_new(
                entries.clone(),
                offsets,
                entry,
                nulls,
                *sorted,
            )?)
        }
        T::Dictionary(..) => dictionary(of, shape, random)?,
        _ => return Err(unsupported(of)),
    })
}

/// Lengths of lists; a null list has no items.
fn lengths(shape: Shape) -> Vec<usize> {
    let length = |row: usize| match shape.is_null(row) {
        true => 0,
        false => LENGTHS[row % LENGTHS.len()],
    };
    (0..shape.rows).map(length).collect()
}

fn child(field: &Field, rows: usize, random: &mut Random) -> Result<ArrayRef> {
    column(field.data_type(), rows, field.is_nullable(), random)
}

fn structure(fields: &Fields, shape: Shape, random: &mut Random) -> Result<StructArray> {
    let children = fields.iter().map(|field| child(field, shape.rows, random));
    let children = children.collect::<Result<Vec<_>>>()?;
    Ok(StructArray::try_new(
        fields.clone(),
        children,
        shape.nulls(),
    )?)
}

/// Keys are all different, so that no reader merges two entries of one map.
fn map_entries(entries: &Field, rows: usize, random: &mut Random) -> Result<StructArray> {
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(unsupported(entries.data_type()));
    };
    let keys = (0..rows).map(|n| Some(format!("schlüssel {n}")));
    let keys: ArrayRef = Arc::new(StringArray::from_iter(keys));
    let values = child(&fields[1], rows, random)?;
    Ok(StructArray::try_new(
        fields.clone(),
        vec![keys, values],
        None,
    )?)
}

fn dictionary(of: &DataType, shape: Shape, random: &mut Random) -> Result<ArrayRef> {
    let (DataType::Dictionary(key, value), words) = (of, 20) else {
        return Err(unsupported(of));
    };
    if **key != DataType::Int32 {
        return Err(unsupported(of));
    }
    let values = column(value, words, false, random)?;
    let keys: PrimitiveArray<Int32Type> =
        shape.primitive(&DataType::Int32, &[0, 1], || random.below(words) as i32);
    Ok(Arc::new(DictionaryArray::try_new(keys, values)?))
}
