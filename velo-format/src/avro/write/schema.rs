//! The Avro schema of columns.

use std::collections::HashSet;

use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use serde_json::{Value, json};
use velo_core::{Error, ErrorKind, Result};

/// The name of the outermost record; those inside have the names of their columns, and where they
/// stand as their namespace.
const ROOT: &str = "row";

/// Gives the schema of a file with these columns, as JSON.
///
/// # Errors
/// `Unsupported` naming the column that Avro cannot hold.
pub(super) fn of(schema: &Schema) -> Result<String> {
    let fields = fields(schema.fields(), ROOT)?;
    Ok(json!({"type": "record", "name": ROOT, "fields": fields}).to_string())
}

fn fields(fields: &Fields, namespace: &str) -> Result<Vec<Value>> {
    let mut names = HashSet::new();
    let mut found = Vec::with_capacity(fields.len());
    for field in fields {
        let name = field.name();
        check_name(name).map_err(|error| error.with("column", name))?;
        if !names.insert(name.as_str()) {
            let error = refused("two columns have one name", "rename one of them");
            return Err(error.with("column", name));
        }
        let kind = typed(field, name, namespace);
        let kind = kind.map_err(|error| error.within("column", name));
        found.push(json!({"name": name, "type": kind?}));
    }
    Ok(found)
}

/// Checks that a name is one of Avro's: letters, digits and underscores.
fn check_name(name: &str) -> Result<()> {
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let sound = name.as_bytes().first().is_some_and(letter)
        && name
            .bytes()
            .all(|byte| letter(&byte) || byte.is_ascii_digit());
    match sound {
        true => Ok(()),
        false => Err(refused(
            "avro names have only letters, digits and underscores, and no digit first",
            "rename the column",
        )),
    }
}

/// Gives the type of a field; types that need a name are called `name`.
fn typed(field: &Field, name: &str, namespace: &str) -> Result<Value> {
    let kind = kind(field.data_type(), name, namespace)?;
    Ok(match field.is_nullable() && kind != "null" {
        true => json!(["null", kind]),
        false => kind,
    })
}

fn kind(of: &DataType, name: &str, namespace: &str) -> Result<Value> {
    use DataType as T;
    let inside = format!("{namespace}.{name}");
    Ok(match of {
        T::Null => json!("null"),
        T::Boolean => json!("boolean"),
        T::Int8 | T::Int16 | T::Int32 | T::UInt8 | T::UInt16 => json!("int"),
        T::Int64 | T::UInt32 => json!("long"),
        T::UInt64 => decimal(20, 0),
        T::Float16 | T::Float32 => json!("float"),
        T::Float64 => json!("double"),
        T::Decimal32(precision, scale)
        | T::Decimal64(precision, scale)
        | T::Decimal128(precision, scale)
        | T::Decimal256(precision, scale)
            if *scale >= 0 =>
        {
            decimal(*precision, *scale)
        }
        T::Utf8 | T::LargeUtf8 | T::Utf8View => json!("string"),
        T::Binary | T::LargeBinary | T::BinaryView => json!("bytes"),
        T::FixedSizeBinary(size) => {
            json!({"type": "fixed", "name": name, "namespace": namespace, "size": size})
        }
        T::Date32 | T::Date64 => logical("int", "date"),
        T::Time32(_) => logical("int", "time-millis"),
        T::Time64(TimeUnit::Microsecond) => logical("long", "time-micros"),
        T::Timestamp(unit, zone) => timestamp(*unit, zone.is_some()),
        T::List(item) | T::LargeList(item) | T::FixedSizeList(item, _) => {
            json!({"type": "array", "items": typed(item, "item", &inside)?})
        }
        T::Map(entries, _) => match entries.data_type() {
            T::Struct(entry) if entry.len() == 2 && is_text(entry[0].data_type()) => {
                json!({"type": "map", "values": typed(&entry[1], "value", &inside)?})
            }
            _ => return Err(unsupported(of, "keys of avro maps are text: cast them")),
        },
        T::Struct(children) => {
            let fields = fields(children, &inside)?;
            json!({"type": "record", "name": name, "namespace": namespace, "fields": fields})
        }
        T::Dictionary(_, values) => kind(values, name, namespace)?,
        T::Time64(_) => return Err(unsupported(of, "cast it to time(us) or int64")),
        T::Duration(_) => return Err(unsupported(of, "cast it to int64")),
        T::Interval(_) => return Err(unsupported(of, "cast it to text")),
        T::Union(..) => return Err(unsupported(of, "write a struct with a field for each type")),
        _ => return Err(unsupported(of, "cast it to a type that avro has")),
    })
}

fn is_text(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn decimal(precision: u8, scale: i8) -> Value {
    json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
}

fn logical(of: &str, name: &str) -> Value {
    json!({"type": of, "logicalType": name})
}

fn timestamp(unit: TimeUnit, instant: bool) -> Value {
    let local = if instant { "" } else { "local-" };
    let unit = match unit {
        TimeUnit::Second | TimeUnit::Millisecond => "millis",
        TimeUnit::Microsecond => "micros",
        TimeUnit::Nanosecond => "nanos",
    };
    logical("long", &format!("{local}timestamp-{unit}"))
}

fn unsupported(of: &DataType, hint: &'static str) -> Error {
    refused("avro cannot hold this type", hint).with("type", of)
}

fn refused(message: &'static str, hint: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, message).with_hint(hint)
}
