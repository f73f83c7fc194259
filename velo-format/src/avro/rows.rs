//! Records: which of their fields are wanted, and as what.

use arrow_array::{ArrayRef, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use velo_core::{Error, ErrorKind, Result};

use super::column::Column;
use super::input::{Input, Problem};
use super::schema::Type;
use super::skip::skip;
use crate::Places;

/// Fields of records in the order of the file.
pub(super) struct Rows {
    fields: Vec<Place>,
    /// For each column that is wanted its field, if the file has it.
    wanted: Vec<Option<usize>>,
    least: usize,
    width: usize,
}

/// What is done with a field.
enum Place {
    Read(String, Column),
    Skip(String, Type),
}

impl Rows {
    /// Finds the wanted columns among those of the file.
    ///
    /// # Errors
    /// `InvalidData` for a type that does not become the wanted one without loss.
    pub(super) fn new(columns: &[(String, Type)], schema: &Schema) -> Result<Self> {
        let asked = Places::of(schema);
        let place = |(name, kind): &(String, Type)| match asked.get(name) {
            Some(_) => Place::Read(name.clone(), Column::new(kind)),
            None => Place::Skip(name.clone(), kind.clone()),
        };
        let found = Places::new(columns.iter().map(|(name, _)| name.as_str()));
        let mut wanted = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let at = found.get(field.name());
            if let Some((_, kind)) = at.and_then(|at| columns.get(at)) {
                check(field, &kind.data_type())?;
            }
            wanted.push(at);
        }
        let least = columns.iter().map(|(_, kind)| kind.least());
        let widths = columns.iter().map(|(_, kind)| kind.width());
        Ok(Self {
            fields: columns.iter().map(place).collect(),
            wanted,
            least: least.fold(0, usize::saturating_add),
            width: widths.fold(0, usize::saturating_add),
        })
    }

    /// Gives the bytes that a record has at least.
    pub(super) fn least(&self) -> usize {
        self.least
    }

    /// Gives the memory that a record takes at least.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Reads one record; or says what is wrong with it and in which column.
    #[inline]
    pub(super) fn read(
        &mut self,
        input: &mut Input<'_>,
    ) -> std::result::Result<(), (Problem, Option<String>)> {
        for place in &mut self.fields {
            let (name, read) = match place {
                Place::Read(name, column) => (name, column.read(input)),
                Place::Skip(name, kind) => (name, skip(kind, input)),
            };
            read.map_err(|problem| (problem, Some(name.clone())))?;
        }
        Ok(())
    }

    /// Takes the wanted columns of the first `count` records.
    ///
    /// # Errors
    /// `InvalidData` for a timestamp that a finer unit does not hold; `Unexpected` when Arrow
    /// refuses a column.
    pub(super) fn finish(&mut self, schema: &Schema, count: usize) -> Result<Vec<ArrayRef>> {
        let finish = |place: &mut Place| match place {
            Place::Read(_, column) => column.finish(count).map(Some),
            Place::Skip(..) => Ok(None),
        };
        let fields: Vec<Option<ArrayRef>> =
            self.fields.iter_mut().map(finish).collect::<Result<_>>()?;
        let pairs = schema.fields().iter().zip(&self.wanted);
        pairs
            .map(|(field, at)| {
                let found = at.and_then(|at| fields.get(at)).cloned().flatten();
                match found {
                    None => Ok(new_null_array(field.data_type(), count)),
                    Some(array) if array.data_type() == field.data_type() => Ok(array),
                    Some(array) => widen(&array, field),
                }
            })
            .collect()
    }
}

fn widen(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(array, field.data_type(), &options).map_err(|_| {
        let message = "column has values that the type found first does not hold";
        Error::new(ErrorKind::InvalidData, message)
            .with("column", field.name())
            .with("type", array.data_type())
            .with("type found first", field.data_type())
    })
}

fn check(field: &Field, found: &DataType) -> Result<()> {
    if found == field.data_type() || widens(found, field.data_type()) {
        return Ok(());
    }
    let message = "column has another type than in the files looked at first";
    Err(Error::new(ErrorKind::InvalidData, message)
        .with("column", field.name())
        .with("type", found)
        .with("type found first", field.data_type())
        .with_hint("infer=full looks at every file"))
}

/// Says whether every value of a type read from Avro is one of another type, unchanged.
fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match (from, to) {
        (T::Null, _)
        | (T::Int32, T::Int64 | T::Float64)
        | (T::Float32, T::Float64)
        | (T::Utf8, T::LargeUtf8)
        | (T::Binary, T::LargeBinary)
        | (T::Time32(TimeUnit::Millisecond), T::Time64(_)) => true,
        (T::Int32, T::Decimal128(precision, scale) | T::Decimal256(precision, scale)) => {
            digits(*precision, *scale) >= 10
        }
        (T::Int64, T::Decimal128(precision, scale) | T::Decimal256(precision, scale)) => {
            digits(*precision, *scale) >= 19
        }
        (T::Timestamp(unit, zone), T::Timestamp(finer, same)) => finer > unit && zone == same,
        (
            T::Decimal128(precision, scale),
            T::Decimal128(wide, more) | T::Decimal256(wide, more),
        )
        | (T::Decimal256(precision, scale), T::Decimal256(wide, more)) => {
            more >= scale && digits(*wide, *more) >= digits(*precision, *scale)
        }
        _ => false,
    }
}

/// Gives the digits before the point.
fn digits(precision: u8, scale: i8) -> i16 {
    i16::from(precision) - i16::from(scale)
}
