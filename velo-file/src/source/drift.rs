//! Files with different columns: one schema for all of them, or a clear refusal.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use velo_core::{Error, ErrorKind, Result};
use velo_format::Places;

use super::catalog::Catalog;
use crate::config::SchemaDrift;

/// The columns of one file that was looked at.
pub(super) struct FileSchema<'p> {
    pub(super) path: &'p str,
    pub(super) schema: SchemaRef,
}

/// Finds the columns of all files together.
///
/// `text`: values have a spelling, so that text is a type for any two that have no other in common.
///
/// # Errors
/// `InvalidData` naming the file and the column.
pub(super) fn merge(
    policy: SchemaDrift,
    files: &[FileSchema<'_>],
    text: bool,
) -> Result<SchemaRef> {
    let Some((first, others)) = files.split_first() else {
        return Ok(Arc::new(Schema::empty()));
    };
    for file in files {
        let names = file.schema.fields().iter();
        unique(file.path, names.map(|field| field.name().as_str()))?;
    }
    let mut fields: Vec<Field> = first
        .schema
        .fields()
        .iter()
        .map(|f| (**f).clone())
        .collect();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (place, field) in fields.iter().enumerate() {
        places.insert(field.name().clone(), place);
    }
    for file in others {
        if policy == SchemaDrift::Fail {
            same(first, file)?;
        }
        for field in file.schema.fields() {
            match places.get(field.name()) {
                Some(place) => {
                    let known = &mut fields[*place];
                    let wide = wider(known.data_type(), field.data_type());
                    let wide = wide.or_else(|| text.then_some(DataType::Utf8));
                    let wide = wide.ok_or_else(|| types_differ(file, known, field))?;
                    let nullable = known.is_nullable() || field.is_nullable();
                    *known = Field::new(field.name(), wide, nullable);
                }
                None if policy == SchemaDrift::Union => {
                    places.insert(field.name().clone(), fields.len());
                    fields.push((**field).clone());
                }
                None => {}
            }
        }
    }
    // Names are unique in each file.
    let mut files_with = vec![0_usize; fields.len()];
    for field in files.iter().flat_map(|file| file.schema.fields()) {
        if let Some(place) = places.get(field.name()) {
            files_with[*place] += 1;
        }
    }
    let nullable = |(field, files_with): (Field, usize)| {
        let nullable = field.is_nullable() || files_with < files.len();
        field.with_nullable(nullable)
    };
    Ok(Arc::new(Schema::new(
        fields
            .into_iter()
            .zip(files_with)
            .map(nullable)
            .collect::<Vec<_>>(),
    )))
}

/// Refuses names that stand twice: columns are found by their names, so that one would be read for
/// both.
fn unique<'n>(path: &str, names: impl Iterator<Item = &'n str>) -> Result<()> {
    let mut known = HashSet::new();
    for name in names {
        if !known.insert(name) {
            let message = "file has two columns of one name";
            return Err(refuse(message, path, name).with_hint("rename one of them in the file"));
        }
    }
    Ok(())
}

/// Checks the columns of a file that was not looked at when the schema was made.
///
/// # Errors
/// `InvalidData` naming the file and the column.
pub(super) fn check<'n>(
    policy: SchemaDrift,
    path: &str,
    names: impl Iterator<Item = &'n str> + Clone,
    schema: &Schema,
) -> Result<()> {
    unique(path, names.clone())?;
    let known = Places::of(schema);
    let extra = names.clone().find(|name| known.get(name).is_none());
    if let (Some(extra), true) = (extra, policy != SchemaDrift::Ignore) {
        let message = "file has a column that the files looked at first do not have";
        return Err(refuse(message, path, extra)
            .with_hint("schema_drift=ignore leaves it out, infer=full looks at every file"));
    }
    let found = Places::new(names);
    for field in schema.fields() {
        let missing = found.get(field.name()).is_none();
        if missing && (policy == SchemaDrift::Fail || !field.is_nullable()) {
            return Err(refuse("file lacks a column", path, field.name())
                .with_hint("schema_drift=union makes it null"));
        }
    }
    Ok(())
}

/// Refuses columns of a file that drift, those of Hive partitions apart.
///
/// # Errors
/// As [`check`].
pub(super) fn check_file<'n>(
    catalog: &Catalog,
    policy: SchemaDrift,
    path: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Result<()> {
    let partition = |name: &&str| catalog.partitions.iter().any(|field| field.name() == name);
    check(
        policy,
        path,
        names.filter(|name| !partition(name)),
        &catalog.data,
    )
}

fn same(first: &FileSchema<'_>, file: &FileSchema<'_>) -> Result<()> {
    let (expected, found) = (first.schema.fields(), file.schema.fields());
    let (in_first, in_file) = (Places::of(&first.schema), Places::of(&file.schema));
    let is_in = |field: &Field, places: &Places<'_>, fields: &Fields| {
        let other = places.get(field.name()).map(|place| &fields[place]);
        other.is_some_and(|other| other.data_type() == field.data_type())
    };
    let mut odd = found
        .iter()
        .filter(|field| !is_in(field, &in_first, expected));
    let odd = odd.next().or_else(|| {
        let mut missing = expected.iter();
        missing.find(|field| !is_in(field, &in_file, found))
    });
    match odd {
        None => Ok(()),
        Some(field) => Err(refuse(
            "file has other columns than the first",
            file.path,
            field.name(),
        )
        .with("first", first.path)
        .with_hint("schema_drift=union reads both")),
    }
}

fn types_differ(file: &FileSchema<'_>, known: &Field, field: &Field) -> Error {
    refuse(
        "column has types that no type holds together",
        file.path,
        field.name(),
    )
    .with("type", field.data_type())
    .with("type before", known.data_type())
    .with_hint("read the files apart")
}

fn refuse(message: &'static str, path: &str, column: &str) -> Error {
    Error::new(ErrorKind::InvalidData, message)
        .with("file", path)
        .with("column", column)
}

/// Gives the type that holds every value of both unchanged.
fn wider(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (T::Null, other) | (other, T::Null) => Some(other.clone()),
        (T::Utf8, T::LargeUtf8) | (T::LargeUtf8, T::Utf8) => Some(T::LargeUtf8),
        (T::Binary, T::LargeBinary) | (T::LargeBinary, T::Binary) => Some(T::LargeBinary),
        (T::Float32, T::Float64) | (T::Float64, T::Float32) => Some(T::Float64),
        (T::Float64 | T::Float32, integer) | (integer, T::Float64 | T::Float32)
            if integer.is_integer() =>
        {
            // 2^53 holds 32 bits and not 64.
            (integer.primitive_width()? <= 4).then_some(T::Float64)
        }
        (T::Timestamp(x, zone), T::Timestamp(y, other)) if zone == other => {
            Some(T::Timestamp(finer(*x, *y), zone.clone()))
        }
        _ if a.is_integer() && b.is_integer() => wider_integer(a, b),
        _ => wider_decimal(a, b),
    }
}

fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    a.max(b)
}

fn wider_integer(a: &DataType, b: &DataType) -> Option<DataType> {
    let (width_a, width_b) = (a.primitive_width()?, b.primitive_width()?);
    if a.is_signed_integer() == b.is_signed_integer() {
        return Some(if width_a >= width_b { a } else { b }.clone());
    }
    let (signed, unsigned) = if a.is_signed_integer() {
        (width_a, width_b)
    } else {
        (width_b, width_a)
    };
    match signed.max(2 * unsigned) {
        2 => Some(DataType::Int16),
        4 => Some(DataType::Int32),
        8 => Some(DataType::Int64),
        _ => Some(DataType::Decimal128(20, 0)),
    }
}

fn wider_decimal(a: &DataType, b: &DataType) -> Option<DataType> {
    let ((whole_a, scale_a), (whole_b, scale_b)) = (digits(a)?, digits(b)?);
    let scale = scale_a.max(scale_b);
    let precision = u8::try_from(whole_a.max(whole_b) + i16::from(scale)).ok()?;
    match precision {
        0..=38 => Some(DataType::Decimal128(precision, scale)),
        39..=76 => Some(DataType::Decimal256(precision, scale)),
        _ => None,
    }
}

/// Gives the digits before the point and the scale.
fn digits(kind: &DataType) -> Option<(i16, i8)> {
    match kind {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some((i16::from(*precision) - i16::from(*scale), *scale))
        }
        integer if integer.is_integer() => match integer.primitive_width()? {
            1 => Some((3, 0)),
            2 => Some((5, 0)),
            4 => Some((10, 0)),
            _ => Some((20, 0)),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
        let fields = fields.iter();
        let fields = fields.map(|(name, kind)| Field::new(*name, kind.clone(), false));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    fn merged(policy: SchemaDrift, schemas: &[SchemaRef], text: bool) -> Result<SchemaRef> {
        let paths = ["a", "b", "c"];
        let files = schemas.iter().zip(paths).map(|(schema, path)| FileSchema {
            path,
            schema: schema.clone(),
        });
        merge(policy, &files.collect::<Vec<_>>(), text)
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let twice = schema(&[
            ("a", DataType::Int64),
            ("b", DataType::Int64),
            ("a", DataType::Utf8),
        ]);
        for policy in [SchemaDrift::Union, SchemaDrift::Ignore, SchemaDrift::Fail] {
            let error = merged(policy, std::slice::from_ref(&twice), false).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert!(error.report().contains("column a"), "{}", error.report());
            let names = ["a", "b", "a"].into_iter();
            let known = schema(&[("a", DataType::Int64), ("b", DataType::Int64)]);
            let error = check(policy, "later", names, &known).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
        }
    }

    #[test]
    fn widens_only_where_no_value_changes() {
        use DataType as T;
        let us = |zone: Option<&str>| T::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        for (a, b, expected) in [
            (T::Int32, T::Int64, Some(T::Int64)),
            (T::Int8, T::UInt8, Some(T::Int16)),
            (T::UInt32, T::Int32, Some(T::Int64)),
            (T::UInt64, T::Int8, Some(T::Decimal128(20, 0))),
            (T::Int32, T::Float32, Some(T::Float64)),
            (T::Int64, T::Float64, None),
            (T::Int64, T::Decimal128(10, 2), Some(T::Decimal128(22, 2))),
            (
                T::Decimal128(5, 0),
                T::Decimal128(5, 4),
                Some(T::Decimal128(9, 4)),
            ),
            (T::Date32, us(None), None),
            (us(None), us(Some("UTC")), None),
            (T::Null, T::Date32, Some(T::Date32)),
            (T::Utf8, T::Int64, None),
        ] {
            assert_eq!(wider(&a, &b), expected, "{a} {b}");
            assert_eq!(wider(&b, &a), expected, "{b} {a}");
        }
    }

    #[test]
    fn follows_the_policy() {
        let a = schema(&[("x", DataType::Int32), ("y", DataType::Utf8)]);
        let b = schema(&[
            ("y", DataType::Utf8),
            ("x", DataType::Int64),
            ("z", DataType::Date32),
        ]);
        let both = [a.clone(), b];
        let union = merged(SchemaDrift::Union, &both, false).unwrap();
        let names: Vec<_> = union.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["x", "y", "z"]);
        assert_eq!(union.field(0).data_type(), &DataType::Int64);
        assert!(union.field(2).is_nullable() && !union.field(0).is_nullable());
        assert_eq!(
            merged(SchemaDrift::Ignore, &both, false)
                .unwrap()
                .fields()
                .len(),
            2
        );
        let report = merged(SchemaDrift::Fail, &both, false)
            .unwrap_err()
            .report();
        assert!(report.starts_with("b, column x"), "{report}");
        let odd = [a, schema(&[("x", DataType::Utf8)])];
        assert!(merged(SchemaDrift::Union, &odd, false).is_err());
        let text = merged(SchemaDrift::Union, &odd, true).unwrap();
        assert_eq!(text.field(0).data_type(), &DataType::Utf8);
    }

    #[test]
    fn checks_files_that_come_later() {
        let mut known = (*schema(&[("x", DataType::Int32)])).clone();
        let names = |names: &'static [&str]| names.iter().copied();
        assert!(check(SchemaDrift::Union, "f", names(&["x"]), &known).is_ok());
        assert!(check(SchemaDrift::Union, "f", names(&["x", "y"]), &known).is_err());
        assert!(check(SchemaDrift::Ignore, "f", names(&["x", "y"]), &known).is_ok());
        assert!(check(SchemaDrift::Union, "f", names(&[]), &known).is_err());
        known = Schema::new(vec![Field::new("x", DataType::Int32, true)]);
        assert!(check(SchemaDrift::Union, "f", names(&[]), &known).is_ok());
        assert!(check(SchemaDrift::Fail, "f", names(&[]), &known).is_err());
    }
}
