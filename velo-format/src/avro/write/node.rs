//! Values of a column, written one by one.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int32Type, Int64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray,
    LargeStringArray, StringArray, StringViewArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer, i256};
use arrow_schema::{DataType, Field};
use velo_core::{Error, ErrorKind, Result};

use super::canonical::canonical;

/// A column of a batch, ready to be written.
pub(super) struct Node {
    /// Whether values stand in a union with null.
    is_optional: bool,
    nulls: Option<NullBuffer>,
    values: Values,
}

enum Values {
    Null,
    Boolean(BooleanBuffer),
    Int(ScalarBuffer<i32>),
    Long(ScalarBuffer<i64>),
    Float(ScalarBuffer<f32>),
    Double(ScalarBuffer<f64>),
    Decimal128(ScalarBuffer<i128>),
    Decimal256(ScalarBuffer<i256>),
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    Bytes(BinaryArray),
    LargeBytes(LargeBinaryArray),
    BytesView(BinaryViewArray),
    Fixed(FixedSizeBinaryArray),
    List(Offsets, Box<Node>),
    Map(Offsets, Box<(Node, Node)>),
    Record(Vec<Node>),
}

/// Where the items of each list lie among those of all.
enum Offsets {
    Short(OffsetBuffer<i32>),
    Long(OffsetBuffer<i64>),
    /// Each has as many.
    Even(usize),
}

impl Node {
    /// Prepares a column.
    ///
    /// # Errors
    /// `InvalidData` for a value that Avro's type does not hold, or a null where none may be.
    pub(super) fn new(field: &Field, array: &ArrayRef) -> Result<Self> {
        let array = canonical(array)?;
        let is_optional = field.is_nullable() && *array.data_type() != DataType::Null;
        Ok(Self {
            is_optional,
            nulls: array.nulls().filter(|_| is_optional).cloned(),
            values: values(&array)?,
        })
    }

    /// Writes the value of a row.
    #[inline]
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_optional {
            // Branch 0 is null, branch 1 the value: zigzag doubles them.
            if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                out.push(0);
                return;
            }
            out.push(2);
        }
        self.write_value(row, out);
    }

    fn write_value(&self, row: usize, out: &mut Vec<u8>) {
        match &self.values {
            Values::Null => {}
            Values::Boolean(values) => out.push(u8::from(values.value(row))),
            Values::Int(values) => long(values[row].into(), out),
            Values::Long(values) => long(values[row], out),
            Values::Float(values) => out.extend(values[row].to_le_bytes()),
            Values::Double(values) => out.extend(values[row].to_le_bytes()),
            Values::Decimal128(values) => decimal(&values[row].to_be_bytes(), out),
            Values::Decimal256(values) => decimal(&values[row].to_be_bytes(), out),
            Values::Text(values) => bytes(values.value(row).as_bytes(), out),
            Values::LargeText(values) => bytes(values.value(row).as_bytes(), out),
            Values::TextView(values) => bytes(values.value(row).as_bytes(), out),
            Values::Bytes(values) => bytes(values.value(row), out),
            Values::LargeBytes(values) => bytes(values.value(row), out),
            Values::BytesView(values) => bytes(values.value(row), out),
            Values::Fixed(values) => out.extend_from_slice(values.value(row)),
            Values::List(offsets, item) => {
                let (start, end) = offsets.of(row);
                start_items(end - start, out);
                (start..end).for_each(|at| item.write(at, out));
                out.push(0);
            }
            Values::Map(offsets, entry) => {
                let (start, end) = offsets.of(row);
                start_items(end - start, out);
                for at in start..end {
                    entry.0.write_value(at, out);
                    entry.1.write(at, out);
                }
                out.push(0);
            }
            Values::Record(fields) => fields.iter().for_each(|field| field.write(row, out)),
        }
    }
}

impl Offsets {
    /// Gives the first item of a list and the one behind its last.
    fn of(&self, row: usize) -> (usize, usize) {
        match self {
            Self::Short(offsets) => {
                let base = offsets[0];
                (
                    (offsets[row] - base) as usize,
                    (offsets[row + 1] - base) as usize,
                )
            }
            Self::Long(offsets) => {
                let base = offsets[0];
                (
                    (offsets[row] - base) as usize,
                    (offsets[row + 1] - base) as usize,
                )
            }
            Self::Even(size) => (row * size, (row + 1) * size),
        }
    }

    /// Gives the items that belong to any list.
    fn used(&self, items: &ArrayRef) -> ArrayRef {
        let (first, last) = match self {
            Self::Short(offsets) => (offsets[0] as usize, offsets[offsets.len() - 1] as usize),
            Self::Long(offsets) => (offsets[0] as usize, offsets[offsets.len() - 1] as usize),
            Self::Even(_) => (0, items.len()),
        };
        items.slice(first, last - first)
    }
}

fn values(array: &ArrayRef) -> Result<Values> {
    use DataType as T;
    Ok(match array.data_type() {
        T::Null => Values::Null,
        T::Boolean => Values::Boolean(array.as_boolean().values().clone()),
        T::Int32 => Values::Int(array.as_primitive::<Int32Type>().values().clone()),
        T::Int64 => Values::Long(array.as_primitive::<Int64Type>().values().clone()),
        T::Float32 => Values::Float(array.as_primitive::<Float32Type>().values().clone()),
        T::Float64 => Values::Double(array.as_primitive::<Float64Type>().values().clone()),
        T::Decimal128(..) => {
            Values::Decimal128(array.as_primitive::<Decimal128Type>().values().clone())
        }
        T::Decimal256(..) => {
            Values::Decimal256(array.as_primitive::<Decimal256Type>().values().clone())
        }
        T::Utf8 => Values::Text(array.as_string().clone()),
        T::LargeUtf8 => Values::LargeText(array.as_string().clone()),
        T::Utf8View => Values::TextView(array.as_string_view().clone()),
        T::Binary => Values::Bytes(array.as_binary().clone()),
        T::LargeBinary => Values::LargeBytes(array.as_binary().clone()),
        T::BinaryView => Values::BytesView(array.as_binary_view().clone()),
        T::FixedSizeBinary(_) => Values::Fixed(array.as_fixed_size_binary().clone()),
        _ => nested(array)?,
    })
}

fn nested(array: &ArrayRef) -> Result<Values> {
    use DataType as T;
    let list = |offsets: Offsets, item: &Field, items: &ArrayRef| -> Result<Values> {
        let items = Node::new(item, &offsets.used(items))?;
        Ok(Values::List(offsets, Box::new(items)))
    };
    match array.data_type() {
        T::List(item) => {
            let array = array.as_list::<i32>();
            list(
                Offsets::Short(array.offsets().clone()),
                item,
                array.values(),
            )
        }
        T::LargeList(item) => {
            let array = array.as_list::<i64>();
            list(Offsets::Long(array.offsets().clone()), item, array.values())
        }
        T::FixedSizeList(item, size) => {
            let size = usize::try_from(*size).unwrap_or_default();
            list(
                Offsets::Even(size),
                item,
                array.as_fixed_size_list().values(),
            )
        }
        T::Map(..) => {
            let array = array.as_map();
            let offsets = Offsets::Short(array.offsets().clone());
            let (keys, values) = array.entries_fields();
            let keys = Node::new(keys, &offsets.used(array.keys()))?;
            let values = Node::new(values, &offsets.used(array.values()))?;
            Ok(Values::Map(offsets, Box::new((keys, values))))
        }
        T::Struct(fields) => {
            let columns = array.as_struct().columns();
            let nodes = fields.iter().zip(columns);
            let nodes = nodes.map(|(field, column)| Node::new(field, column));
            Ok(Values::Record(nodes.collect::<Result<_>>()?))
        }
        other => {
            let error = Error::new(ErrorKind::Unexpected, "type is not encoded");
            Err(error.with("type", other))
        }
    }
}

/// Writes a long: zigzag in base 128, low groups first.
#[inline]
pub(super) fn long(value: i64, out: &mut Vec<u8>) {
    let mut bits = (value << 1 ^ value >> 63).cast_unsigned();
    while bits >= 0x80 {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

/// Writes bytes behind their length.
#[inline]
pub(super) fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

/// Writes two's complement in as few bytes as keep the sign.
fn decimal(wide: &[u8], out: &mut Vec<u8>) {
    let mut short = wide;
    while let [first @ (0 | 0xff), rest @ ..] = short
        && rest.first().is_some_and(|next| (next ^ first) & 0x80 == 0)
    {
        short = rest;
    }
    bytes(short, out);
}

/// Starts the only block of a list; an empty one has none.
fn start_items(count: usize, out: &mut Vec<u8>) {
    if count > 0 {
        long(count as i64, out);
    }
}
