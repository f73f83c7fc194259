//! Columns that grow value by value from Avro's binary encoding.
//!
//! A value that does not decode leaves its column, and those inside, longer than the rows that are
//! whole; [`Column::finish`] cuts them to the number of rows that is asked for.

mod decimal;
mod finish;
mod nested;
mod text;

use arrow_array::ArrayRef;
use arrow_buffer::BooleanBufferBuilder;
use arrow_schema::{DataType, TimeUnit};
use velo_core::Result;

use self::decimal::{Decimals, Long, Short};
use self::nested::{Items, Optional, Record, Union};
use self::text::{Symbols, Texts};
use super::input::{Input, Parsed};
use super::schema::Type;
use super::shape::SHORT_DECIMAL;
use super::skip::boolean;
use crate::column::Validity;

/// A column under construction.
pub(super) struct Column {
    data_type: DataType,
    validity: Validity,
    values: Values,
}

/// The values so far, chosen by the type once for the whole file.
enum Values {
    Null(usize),
    Boolean(BooleanBufferBuilder),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Texts),
    Text(Texts),
    Uuid(Texts),
    Enum(Symbols),
    Fixed(usize, Vec<u8>, usize),
    Decimal128(Decimals<Short>),
    Decimal256(Decimals<Long>),
    Duration([Vec<u32>; 3]),
    Items(Box<Items>),
    Record(Record),
    Optional(Box<Optional>),
    Union(Box<Union>),
}

impl Column {
    pub(super) fn new(kind: &Type) -> Self {
        Self {
            data_type: kind.data_type(),
            validity: Validity::new(),
            values: Values::new(kind),
        }
    }

    /// Reads one value.
    #[inline]
    pub(super) fn read(&mut self, input: &mut Input<'_>) -> Parsed<()> {
        match &mut self.values {
            // Whether there is a value is a matter of the column inside.
            Values::Optional(optional) => return optional.read(input),
            Values::Int(values) => values.push(input.int()?),
            Values::Long(values) => values.push(input.long()?),
            Values::Text(texts) => texts.read_text(input)?,
            Values::Double(values) => values.push(f64::from_le_bytes(input.array()?)),
            Values::Union(union) => {
                let valid = union.read(input)?;
                self.validity.append(valid);
                return Ok(());
            }
            _ => self.read_rarer(input)?,
        }
        self.validity.append(true);
        Ok(())
    }

    fn read_rarer(&mut self, input: &mut Input<'_>) -> Parsed<()> {
        match &mut self.values {
            Values::Null(count) => *count += 1,
            Values::Boolean(values) => values.append(boolean(input)?),
            Values::Float(values) => values.push(f32::from_le_bytes(input.array()?)),
            Values::Bytes(texts) => texts.push(input.bytes()?),
            Values::Uuid(texts) => texts.push_uuid(u128::from_be_bytes(input.array()?)),
            Values::Enum(symbols) => symbols.read(input)?,
            Values::Fixed(size, data, count) => {
                data.extend_from_slice(input.take(*size)?);
                *count += 1;
            }
            Values::Decimal128(decimals) => decimals.read(input)?,
            Values::Decimal256(decimals) => decimals.read(input)?,
            Values::Duration(parts) => {
                for part in parts {
                    part.push(u32::from_le_bytes(input.array()?));
                }
            }
            Values::Items(items) => items.read(input)?,
            Values::Record(record) => record.read(input)?,
            Values::Int(_)
            | Values::Long(_)
            | Values::Double(_)
            | Values::Text(_)
            | Values::Optional(_)
            | Values::Union(_) => {}
        }
        Ok(())
    }

    /// Appends null, also where the type alone would not have it: inside a null struct.
    pub(super) fn append_null(&mut self) {
        match &mut self.values {
            Values::Optional(optional) => return optional.append_null(),
            Values::Null(count) => *count += 1,
            Values::Boolean(values) => values.append(false),
            Values::Int(values) => values.push(0),
            Values::Long(values) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Double(values) => values.push(0.0),
            Values::Bytes(texts) | Values::Text(texts) | Values::Uuid(texts) => texts.push(&[]),
            Values::Enum(symbols) => symbols.append_null(),
            Values::Fixed(size, data, count) => {
                data.resize(data.len() + *size, 0);
                *count += 1;
            }
            Values::Decimal128(decimals) => decimals.append_null(),
            Values::Decimal256(decimals) => decimals.append_null(),
            Values::Duration(parts) => parts.iter_mut().for_each(|part| part.push(0)),
            Values::Items(items) => items.append_null(),
            Values::Record(record) => record.append_null(),
            Values::Union(union) => union.append_null(),
        }
        self.validity.append(false);
    }

    /// Takes the first `length` values; the column starts again.
    ///
    /// # Errors
    /// `Unexpected` when Arrow refuses the column.
    pub(super) fn finish(&mut self, length: usize) -> Result<ArrayRef> {
        if let Values::Optional(optional) = &mut self.values {
            return optional.finish(length);
        }
        self.validity.truncate(length);
        let nulls = self.validity.finish();
        finish::array(&mut self.values, &self.data_type, length, nulls)
    }
}

impl Values {
    fn new(kind: &Type) -> Self {
        match kind {
            Type::Null => Self::Null(0),
            Type::Boolean => Self::Boolean(BooleanBufferBuilder::new(0)),
            Type::Int | Type::Date | Type::Time(TimeUnit::Millisecond) => Self::Int(Vec::new()),
            Type::Long | Type::Time(_) | Type::Timestamp(..) => Self::Long(Vec::new()),
            Type::Float => Self::Float(Vec::new()),
            Type::Double => Self::Double(Vec::new()),
            Type::Bytes => Self::Bytes(Texts::new()),
            Type::Text => Self::Text(Texts::new()),
            Type::Uuid => Self::Uuid(Texts::new()),
            Type::Enum(symbols) => Self::Enum(Symbols::new(symbols)),
            Type::Fixed(size) => Self::Fixed(*size, Vec::new(), 0),
            Type::Decimal {
                fixed, precision, ..
            } if *precision <= SHORT_DECIMAL => Self::Decimal128(Decimals::new(*fixed, *precision)),
            Type::Decimal {
                fixed, precision, ..
            } => Self::Decimal256(Decimals::new(*fixed, *precision)),
            Type::Duration => Self::Duration([Vec::new(), Vec::new(), Vec::new()]),
            Type::Array(item) => Self::Items(Box::new(Items::array(item))),
            Type::Map(value) => Self::Items(Box::new(Items::map(value))),
            Type::Record(fields) => {
                Self::Record(Record::new(fields.iter().map(|(_, field)| field)))
            }
            Type::Optional { null, value, inner } => {
                Self::Optional(Box::new(Optional::new(*null, *value, inner)))
            }
            Type::Union(branches) => Self::Union(Box::new(Union::new(branches))),
        }
    }
}
