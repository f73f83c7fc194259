//! Encoding flat columns: numbers, text and bytes.
//!
//! Made for the types that most tables have. Nested columns, and options that ask for something
//! else than plain values or a dictionary in pages of version 1, are left to the parquet crate; a
//! row group may hold columns of both kinds.

mod bounds;
mod bytes;
mod codec;
mod hybrid;
mod levels;
mod number;
mod pages;
mod prefix;
mod table;

use ::parquet::basic::{Encoding, Type as Physical};
use ::parquet::file::properties::{WriterProperties, WriterVersion};
use ::parquet::schema::types::ColumnDescPtr;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Int8Type, Int16Type, UInt8Type, UInt16Type,
};
use arrow_buffer::{ArrowNativeType, ScalarBuffer};
use arrow_schema::{DataType, TimeUnit};
use velo_core::{Error, ErrorKind, Result};

use self::bytes::BytesEncoder;
use self::number::{Number, NumberEncoder, Take};
use self::pages::Pages;

pub(super) use self::codec::Codecs;
pub(super) use self::pages::EncodedColumn;

/// Encodes a column of a row group.
pub(super) trait ColumnEncoder: Send {
    /// Adds rows.
    ///
    /// # Errors
    /// `InvalidData` for a value that the format cannot hold.
    fn write(&mut self, array: &dyn Array) -> Result<()>;

    /// Gives the memory that the rows hold, in bytes.
    fn memory(&self) -> usize;

    /// Finishes the column.
    fn close(self: Box<Self>) -> Result<EncodedColumn>;
}

/// What a column needs to know of the writer's properties.
struct Settings {
    nullable: bool,
    dictionary: bool,
    /// Bytes of values after which the rest of the column is written plain.
    dictionary_bytes: usize,
    dictionary_encoding: Encoding,
    index_encoding: Encoding,
    page_rows: usize,
    page_bytes: usize,
}

/// What the open pages of all columns may have together, in rows and in bytes: each column has one.
const OPEN_ROWS: usize = 2 << 20;
const OPEN_BYTES: usize = 64 << 20;
/// A page is allowed so many rows and bytes however many columns there are.
const FEWEST_PAGE_ROWS: usize = 1 << 10;
const FEWEST_PAGE_BYTES: usize = 16 << 10;

/// Makes an encoder for one of so many columns; `None` for a column that is left to the parquet crate.
///
/// # Errors
/// `Unexpected` when a codec cannot be set up.
pub(super) fn encoder(
    kind: &DataType,
    column: &ColumnDescPtr,
    columns: usize,
    properties: &WriterProperties,
    codecs: &mut Codecs,
) -> Result<Option<Box<dyn ColumnEncoder>>> {
    let path = column.path();
    let flat = column.max_rep_level() == 0 && column.max_def_level() <= 1;
    let plain = matches!(properties.encoding(path), None | Some(Encoding::PLAIN))
        && properties.writer_version() == WriterVersion::PARQUET_1_0
        && properties.bloom_filter_properties(path).is_none()
        && !properties.write_page_header_statistics(path);
    if !(flat && plain) {
        return Ok(None);
    }
    let Some(codec) = codecs.codec(properties.compression(path))? else {
        return Ok(None);
    };
    let settings = Settings {
        nullable: column.max_def_level() == 1,
        dictionary: properties.dictionary_enabled(path),
        dictionary_bytes: properties.column_dictionary_page_size_limit(path),
        dictionary_encoding: properties.dictionary_page_encoding(),
        index_encoding: properties.dictionary_data_page_encoding(),
        page_rows: properties
            .data_page_row_count_limit()
            .min((OPEN_ROWS / columns).max(FEWEST_PAGE_ROWS))
            .max(1),
        page_bytes: properties
            .column_data_page_size_limit(path)
            .min((OPEN_BYTES / columns).max(FEWEST_PAGE_BYTES)),
    };
    let pages = Pages::new(column.clone(), properties, codec);
    Ok(of_type(kind, column.physical_type(), settings, pages))
}

fn of_type(
    kind: &DataType,
    physical: Physical,
    settings: Settings,
    pages: Pages,
) -> Option<Box<dyn ColumnEncoder>> {
    use DataType as T;
    Some(match (physical, kind) {
        (Physical::INT32, T::Int32 | T::Date32 | T::Time32(TimeUnit::Millisecond)) => {
            numbers::<i32>(native, settings, pages)
        }
        (Physical::INT32, T::UInt32) => numbers::<u32>(native, settings, pages),
        (Physical::INT32, T::Int8) => numbers::<i32>(widened::<Int8Type, _>, settings, pages),
        (Physical::INT32, T::Int16) => numbers::<i32>(widened::<Int16Type, _>, settings, pages),
        (Physical::INT32, T::UInt8) => numbers::<u32>(widened::<UInt8Type, _>, settings, pages),
        (Physical::INT32, T::UInt16) => numbers::<u32>(widened::<UInt16Type, _>, settings, pages),
        (Physical::INT32, T::Decimal32(..)) => numbers::<i32>(native, settings, pages),
        (Physical::INT32, T::Decimal128(..)) => numbers::<i32>(narrowed, settings, pages),
        (Physical::INT64, T::Int64 | T::Time64(_) | T::Decimal64(..)) => {
            numbers::<i64>(native, settings, pages)
        }
        (
            Physical::INT64,
            T::Timestamp(TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond, _),
        ) => numbers::<i64>(native, settings, pages),
        (Physical::INT64, T::UInt64) => numbers::<u64>(native, settings, pages),
        (Physical::INT64, T::Decimal128(..)) => numbers::<i64>(narrowed, settings, pages),
        (Physical::FLOAT, T::Float32) => numbers::<f32>(native, settings, pages),
        (Physical::DOUBLE, T::Float64) => numbers::<f64>(native, settings, pages),
        (Physical::BYTE_ARRAY, T::Utf8 | T::LargeUtf8 | T::Utf8View) => {
            Box::new(BytesEncoder::new(true, settings, pages))
        }
        (Physical::BYTE_ARRAY, T::Binary | T::LargeBinary | T::BinaryView) => {
            Box::new(BytesEncoder::new(false, settings, pages))
        }
        _ => return None,
    })
}

fn numbers<T: Number>(take: Take<T>, settings: Settings, pages: Pages) -> Box<dyn ColumnEncoder> {
    Box::new(NumberEncoder::new(take, settings, pages))
}

/// Takes numbers that are stored as they are in memory.
fn native<T: ArrowNativeType>(array: &dyn Array) -> Result<ScalarBuffer<T>> {
    let data = array.to_data();
    let values = data
        .buffers()
        .first()
        .filter(|_| data.data_type().primitive_width() == Some(size_of::<T>()));
    let values =
        values.ok_or_else(|| Error::new(ErrorKind::Unexpected, "column is not of numbers"))?;
    Ok(ScalarBuffer::new(values.clone(), data.offset(), data.len()))
}

/// Takes numbers of one or two bytes.
fn widened<A, T>(array: &dyn Array) -> Result<ScalarBuffer<T>>
where
    A: ArrowPrimitiveType,
    T: ArrowNativeType + From<A::Native>,
{
    let values = array.as_primitive::<A>().values().iter();
    Ok(values.map(|value| T::from(*value)).collect())
}

/// Takes decimals that fit four or eight bytes by their precision.
fn narrowed<T>(array: &dyn Array) -> Result<ScalarBuffer<T>>
where
    T: ArrowNativeType + TryFrom<i128>,
{
    let array = array.as_primitive::<Decimal128Type>();
    let narrow = |(row, value): (usize, &i128)| match T::try_from(*value) {
        Ok(value) => Ok(value),
        Err(_) if array.is_null(row) => Ok(T::default()),
        Err(_) => Err(Error::new(
            ErrorKind::InvalidData,
            "a decimal has more digits than its type",
        )),
    };
    array.values().iter().enumerate().map(narrow).collect()
}
