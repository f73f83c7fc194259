//! What values of a type take: as Arrow columns, in the file, in memory.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};

use super::schema::Type;

/// The column's name where a file's values are not records.
const ONLY_COLUMN: &str = "value";
/// The most digits that 16 bytes hold.
pub(super) const SHORT_DECIMAL: u8 = 38;
/// The parts of a duration.
pub(super) const DURATION: [&str; 3] = ["months", "days", "milliseconds"];

impl Type {
    /// Gives the columns of a file of this type with their names.
    pub(super) fn into_columns(self) -> Vec<(String, Type)> {
        match self {
            Self::Record(fields) => fields,
            other => vec![(ONLY_COLUMN.to_owned(), other)],
        }
    }

    /// Gives the type that a column of such values has.
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Boolean => DataType::Boolean,
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Bytes => DataType::Binary,
            Self::Text | Self::Enum(_) | Self::Uuid => DataType::Utf8,
            // Sizes were checked to have 31 bits.
            Self::Fixed(size) => DataType::FixedSizeBinary(*size as i32),
            Self::Array(item) => DataType::List(list_item(item)),
            Self::Map(value) => DataType::Map(map_entries(value), false),
            Self::Record(fields) => DataType::Struct(struct_fields(fields)),
            Self::Optional { inner, .. } => inner.data_type(),
            Self::Union(branches) => DataType::Struct(branch_fields(branches)),
            Self::Decimal {
                precision, scale, ..
            } if *precision <= SHORT_DECIMAL => DataType::Decimal128(*precision, *scale),
            Self::Decimal {
                precision, scale, ..
            } => DataType::Decimal256(*precision, *scale),
            Self::Date => DataType::Date32,
            Self::Time(TimeUnit::Millisecond) => DataType::Time32(TimeUnit::Millisecond),
            Self::Time(unit) => DataType::Time64(*unit),
            Self::Timestamp(unit, instant) => {
                DataType::Timestamp(*unit, instant.then(|| "UTC".into()))
            }
            Self::Duration => DataType::Struct(duration_fields()),
        }
    }

    /// Says whether null can be among the values.
    pub(super) fn is_nullable(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Optional { null, inner, .. } => null.is_some() || inner.is_nullable(),
            Self::Union(branches) => branches.iter().any(|(_, branch)| branch.is_nullable()),
            _ => false,
        }
    }

    /// Gives the number of bytes that a value has at least in the file; 0 only for types whose
    /// values never have any.
    pub(super) fn least(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Float => 4,
            Self::Double => 8,
            Self::Fixed(size) => *size,
            Self::Decimal {
                fixed: Some(size), ..
            } => *size,
            Self::Uuid => 16,
            Self::Duration => 12,
            Self::Record(fields) => {
                let all = fields.iter().map(|(_, field)| field.least());
                all.fold(0, usize::saturating_add)
            }
            Self::Optional {
                null: None, inner, ..
            } => inner.least().saturating_add(1),
            _ => 1,
        }
    }

    /// Gives the memory in bytes that a value takes in its columns even when it is null or empty.
    pub(super) fn width(&self) -> usize {
        let all = |fields: &[(String, Self)]| {
            let widths = fields.iter().map(|(_, field)| field.width());
            widths.fold(1, usize::saturating_add)
        };
        match self {
            Self::Null | Self::Boolean => 1,
            Self::Long | Self::Double | Self::Timestamp(..) | Self::Time(_) => 8,
            Self::Fixed(size) => size.saturating_add(1),
            Self::Decimal { precision, .. } if *precision <= SHORT_DECIMAL => 16,
            Self::Decimal { .. } => 32,
            Self::Duration => 12,
            Self::Optional { inner, .. } => inner.width().saturating_add(1),
            Self::Record(fields) | Self::Union(fields) => all(fields),
            _ => 4,
        }
    }
}

/// Gives the columns of a file.
pub(super) fn schema(columns: &[(String, Type)]) -> SchemaRef {
    Arc::new(Schema::new(struct_fields(columns)))
}

pub(super) fn field(name: &str, kind: &Type) -> Field {
    Field::new(name, kind.data_type(), kind.is_nullable())
}

pub(super) fn list_item(item: &Type) -> FieldRef {
    Arc::new(field(Field::LIST_FIELD_DEFAULT_NAME, item))
}

pub(super) fn map_entries(value: &Type) -> FieldRef {
    let entry = vec![
        Field::new("keys", DataType::Utf8, false),
        field("values", value),
    ];
    Arc::new(Field::new_struct("entries", entry, false))
}

pub(super) fn struct_fields(fields: &[(String, Type)]) -> Fields {
    fields
        .iter()
        .map(|(name, kind)| field(name, kind))
        .collect()
}

/// Gives one column for each branch but null, of which one at most has a value in a row.
pub(super) fn branch_fields(branches: &[(String, Type)]) -> Fields {
    let valued = branches.iter().filter(|(_, branch)| *branch != Type::Null);
    let nullable = valued.map(|(name, branch)| Field::new(name, branch.data_type(), true));
    nullable.collect()
}

pub(super) fn duration_fields() -> Fields {
    let part = |name| Field::new(name, DataType::UInt32, false);
    DURATION.map(part).into_iter().collect()
}
