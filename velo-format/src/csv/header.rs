//! What stands before the first record.

use std::collections::HashSet;
use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result};

use super::decoder::Settings;
use super::dialect::Dialect;
use super::records::{ANY_FIELDS, Limits, Records};
use super::{CsvReadOptions, Ragged};
use crate::Prologue;
use crate::encoding::NOT_UTF8;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads the byte order mark, lines to skip and the header; `None` asks for more bytes.
pub(super) fn read(
    settings: &Settings,
    options: &CsvReadOptions,
    head: &[u8],
    whole: bool,
) -> Result<Option<Prologue>> {
    let Some(start) = skip(options, head, whole) else {
        return Ok(None);
    };
    let bytes = &head[start..];
    let first = first_record(&settings.dialect, settings.record_bytes, bytes, whole)?;
    let Some(first) = first else {
        return Ok(None);
    };
    let (columns, bytes) = match first {
        None => (Vec::new(), head.len()),
        Some((fields, length)) if options.header != Some(false) => (names(fields)?, start + length),
        Some((fields, _)) => (numbered(settings, options, fields.len())?, start),
    };
    Ok(Some(Prologue {
        bytes: bytes as u64,
        columns: Some(columns.into()),
        header: Arc::default(),
    }))
}

/// Passes over the byte order mark and the lines to skip; `None` asks for more bytes.
pub(super) fn skip(options: &CsvReadOptions, head: &[u8], whole: bool) -> Option<usize> {
    if !whole && head.len() < BOM.len() && BOM.starts_with(head) {
        return None;
    }
    let mut at = if head.starts_with(BOM) { BOM.len() } else { 0 };
    for _ in 0..options.skip_lines {
        match memchr::memchr(b'\n', &head[at..]) {
            Some(feed) => at += feed + 1,
            None if whole => return Some(head.len()),
            None => return None,
        }
    }
    Some(at)
}

/// The fields of a record, and how many bytes it has with all that stands before it.
pub(super) type Record = (Vec<Vec<u8>>, usize);

/// Reads the first record that is neither blank nor a comment; the outer `None` asks for more
/// bytes, the inner one means that there is none.
pub(super) fn first_record(
    dialect: &Dialect,
    record_bytes: usize,
    bytes: &[u8],
    whole: bool,
) -> Result<Option<Option<Record>>> {
    let limits = Limits {
        records: 1,
        record_bytes,
        last: whole,
    };
    let (mut records, mut at) = (Records::default(), 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let used = records.read(dialect, ANY_FIELDS, rest, limits)?;
        if used == 0 {
            return Ok(None);
        }
        at += used;
        if let Some(fault) = records.faults.first() {
            let error = Error::new(ErrorKind::InvalidData, fault.problem.clone());
            return Err(error.with("byte", at - used + fault.byte));
        }
        if records.count > 0 {
            let fields = records.fields_of_first(&rest[..used]);
            return Ok(Some(Some((fields, at))));
        }
    }
    Ok(whole.then_some(None))
}

/// Names the columns after the header.
fn names(fields: Vec<Vec<u8>>) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::with_capacity(fields.len());
    let mut taken = HashSet::with_capacity(fields.len());
    for (at, field) in fields.into_iter().enumerate() {
        let name = match String::from_utf8(field) {
            Ok(name) if name.is_empty() => format!("column_{at}"),
            Ok(name) => name,
            Err(error) => {
                return Err(
                    Error::new(ErrorKind::InvalidData, "header is not valid UTF-8")
                        .with("field", at + 1)
                        .with_hint(NOT_UTF8)
                        .with_source(error.utf8_error()),
                );
            }
        };
        if !taken.insert(name.clone()) {
            return Err(
                Error::new(ErrorKind::InvalidData, "header names a column twice")
                    .with("column", name)
                    .with_hint(
                        "name the columns yourself: header=false&skip_lines=1, with schema=",
                    ),
            );
        }
        names.push(name);
    }
    Ok(names)
}

/// Names the columns of an input without header: after `schema`, else by their numbers.
fn numbered(settings: &Settings, options: &CsvReadOptions, fields: usize) -> Result<Vec<String>> {
    let Some(schema) = &settings.explicit.schema else {
        return Ok((0..fields).map(|at| format!("column_{at}")).collect());
    };
    let named = schema.fields().len();
    if named == fields || (named > fields && options.ragged == Ragged::Fill) {
        return Ok(schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect());
    }
    Err(Error::new(
        ErrorKind::InvalidData,
        "first row has another number of fields than schema=",
    )
    .with("fields", fields)
    .with("columns in schema", named))
}
