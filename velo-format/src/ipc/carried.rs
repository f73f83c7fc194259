//! The types that are read and written.

use arrow_schema::{DataType, Schema};
use velo_core::{Error, ErrorKind, Result};

/// Refuses columns of types that velo does not carry.
pub(super) fn check(schema: &Schema) -> Result<()> {
    for field in schema.fields() {
        check_type(field.data_type()).map_err(|hint| {
            Error::new(ErrorKind::Unsupported, "arrow type is not supported")
                .with("column", field.name())
                .with("type", field.data_type())
                .with_hint(hint)
        })?;
    }
    Ok(())
}

/// Gives what to do about a type that is not supported.
///
/// Each type that passes takes a bit or more for every value, so that a number of values without
/// their bytes is found to be a lie.
fn check_type(kind: &DataType) -> Result<(), &'static str> {
    match kind {
        DataType::Null => Err("a column of nothing but nulls has no type: cast it to one"),
        DataType::Union(..) => Err("make it a struct with one field for each type"),
        DataType::RunEndEncoded(..) => Err("cast it to the type of its values"),
        DataType::ListView(_) | DataType::LargeListView(_) => Err("cast it to a list"),
        DataType::Interval(_) => Err("cast it to text or a duration"),
        DataType::FixedSizeBinary(width) if *width < 1 => Err("values need at least one byte"),
        DataType::FixedSizeList(_, length) if *length < 1 => Err("lists need at least one value"),
        DataType::Struct(fields) if fields.is_empty() => Err("a struct needs at least one field"),
        DataType::Dictionary(_, values) if values.is_nested() => {
            Err("cast it to the type of its values")
        }
        DataType::Dictionary(_, values) => check_type(values),
        DataType::Struct(fields) => fields
            .iter()
            .try_for_each(|field| check_type(field.data_type())),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => check_type(item.data_type()),
        _ => Ok(()),
    }
}
