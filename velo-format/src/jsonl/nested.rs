//! Columns of arrays and objects.
//!
//! Reading recurses once for each level of the column's type, never for the input's.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use velo_core::{Error, ErrorKind, Result};

use super::column::{Column, Reading};
use super::problem::Parsed;
use super::row::{duplicate, unknown};
use super::string;
use super::token::{self, Next, StringToken};
use super::values::{Strings, Validity};

/// Arrays.
pub(super) struct ListColumn {
    items: Column,
    offsets: Vec<i32>,
    validity: Validity,
}

/// Objects with known keys.
pub(super) struct StructColumn {
    fields: Fields,
    members: Vec<Column>,
    places: HashMap<String, usize>,
    ignore_unknown_fields: bool,
    rows: usize,
    validity: Validity,
    /// The member whose key is expected next.
    expected: usize,
}

/// Objects whose keys are data.
pub(super) struct MapColumn {
    keys: Strings,
    values: Column,
    offsets: Vec<i32>,
    validity: Validity,
}

impl ListColumn {
    pub(super) fn new(item: &Field, reading: Reading) -> Result<Self> {
        let items = item.clone().with_name("[]");
        Ok(Self {
            items: Column::new(&items, reading)?,
            offsets: vec![0],
            validity: Validity::default(),
        })
    }

    /// Reads the array at `at`.
    pub(super) fn read(&mut self, bytes: &[u8], at: usize, depth: usize) -> Parsed<usize> {
        let mut at = token::skip_space(bytes, at + 1);
        let end = if bytes.get(at) == Some(&b']') {
            at + 1
        } else {
            loop {
                let end = self.items.read(bytes, at, depth)?;
                match token::next_element(bytes, end, b']')? {
                    Next::Value(next) => at = next,
                    Next::End(end) => break end,
                }
            }
        };
        self.offsets.push(self.items.len() as i32);
        self.validity.push_valid();
        Ok(end)
    }

    pub(super) fn push_null(&mut self) {
        self.validity.push_null(self.len());
        self.offsets.push(self.items.len() as i32);
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.validity.truncate(len);
        self.items.truncate(last(&self.offsets));
    }

    pub(super) fn finish(&mut self, kind: &DataType) -> Result<ArrayRef> {
        let DataType::List(item) = kind else {
            return Err(unfit(kind));
        };
        let offsets = take_offsets(&mut self.offsets);
        let items = self.items.finish()?;
        let list = ListArray::try_new(Arc::clone(item), offsets, items, self.validity.finish())?;
        Ok(Arc::new(list))
    }
}

impl StructColumn {
    pub(super) fn new(fields: &Fields, reading: Reading) -> Result<Self> {
        let columns = fields.iter().map(|field| Column::new(field, reading));
        let names = fields.iter().enumerate();
        Ok(Self {
            fields: fields.clone(),
            members: columns.collect::<Result<_>>()?,
            places: names
                .map(|(at, field)| (field.name().clone(), at))
                .collect(),
            ignore_unknown_fields: reading.ignore_unknown_fields,
            rows: 0,
            validity: Validity::default(),
            expected: 0,
        })
    }

    /// Reads the object at `at`.
    pub(super) fn read(&mut self, bytes: &[u8], at: usize, depth: usize) -> Parsed<usize> {
        let start = at;
        let mut at = token::skip_space(bytes, at + 1);
        self.expected = 0;
        let end = if bytes.get(at) == Some(&b'}') {
            at + 1
        } else {
            loop {
                let end = self.read_member(bytes, at, depth)?;
                match token::next_element(bytes, end, b'}')? {
                    Next::Value(next) => at = next,
                    Next::End(end) => break end,
                }
            }
        };
        for member in &mut self.members {
            if member.len() == self.rows {
                member.push_null(start)?;
            }
        }
        self.rows += 1;
        self.validity.push_valid();
        Ok(end)
    }

    fn read_member(&mut self, bytes: &[u8], at: usize, depth: usize) -> Parsed<usize> {
        let (key, value) = token::key(bytes, at)?;
        let Some(place) = self.place(bytes, &key)? else {
            return token::skip_value(bytes, value, depth);
        };
        let member = &mut self.members[place];
        if member.len() > self.rows {
            return Err(duplicate(at).in_column(member.name()));
        }
        self.expected = place + 1;
        member.read(bytes, value, depth)
    }

    /// Finds a key's member; `None` for an unknown one that is left out.
    fn place(&self, bytes: &[u8], key: &StringToken) -> Parsed<Option<usize>> {
        let is_expected = |column: &Column| column.name().as_bytes() == key.raw(bytes);
        if !key.escaped && self.members.get(self.expected).is_some_and(is_expected) {
            return Ok(Some(self.expected));
        }
        let name = string::name(bytes, key)?;
        match self.places.get(name.as_ref()) {
            Some(&place) => Ok(Some(place)),
            None if self.ignore_unknown_fields => Ok(None),
            None => Err(unknown(key.start - 1).in_column(&name)),
        }
    }

    pub(super) fn push_null(&mut self) {
        self.validity.push_null(self.rows);
        self.rows += 1;
        self.members.iter_mut().for_each(Column::pad);
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.rows = len.min(self.rows);
        self.validity.truncate(len);
        for member in &mut self.members {
            member.truncate(len);
        }
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let rows = std::mem::take(&mut self.rows);
        let members = self.members.iter_mut().map(Column::finish);
        let members = members.collect::<Result<Vec<_>>>()?;
        let nulls = self.validity.finish();
        if members.is_empty() {
            return Ok(Arc::new(StructArray::new_empty_fields(rows, nulls)));
        }
        let array = StructArray::try_new(self.fields.clone(), members, nulls)?;
        Ok(Arc::new(array))
    }
}

impl MapColumn {
    pub(super) fn new(entries: &Field, reading: Reading) -> Result<Self> {
        let (key, value) = entry_fields(entries)?;
        if key.data_type() != &DataType::Utf8 {
            return Err(unfit(key.data_type()));
        }
        Ok(Self {
            keys: Strings::new(),
            values: Column::new(&value.as_ref().clone().with_name("{}"), reading)?,
            offsets: vec![0],
            validity: Validity::default(),
        })
    }

    /// Reads the object at `at`.
    pub(super) fn read(&mut self, bytes: &[u8], at: usize, depth: usize) -> Parsed<usize> {
        let start = at;
        let mut at = token::skip_space(bytes, at + 1);
        let end = if bytes.get(at) == Some(&b'}') {
            at + 1
        } else {
            loop {
                let (key, value) = token::key(bytes, at)?;
                self.keys
                    .push_with(|text| string::unescape(key.raw(bytes), text))?;
                let end = self.values.read(bytes, value, depth)?;
                match token::next_element(bytes, end, b'}')? {
                    Next::Value(next) => at = next,
                    Next::End(end) => break end,
                }
            }
        };
        if self.keys.repeats_from(last(&self.offsets)) {
            return Err(duplicate(start).in_column("{}"));
        }
        self.offsets.push(self.keys.len() as i32);
        self.validity.push_valid();
        Ok(end)
    }

    pub(super) fn push_null(&mut self) {
        self.validity.push_null(self.len());
        self.offsets.push(self.keys.len() as i32);
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.validity.truncate(len);
        self.keys.truncate(last(&self.offsets));
        self.values.truncate(last(&self.offsets));
    }

    pub(super) fn finish(&mut self, kind: &DataType) -> Result<ArrayRef> {
        let DataType::Map(entries, sorted) = kind else {
            return Err(unfit(kind));
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(unfit(kind));
        };
        let offsets = take_offsets(&mut self.offsets);
        let columns = vec![self.keys.finish(&DataType::Utf8)?, self.values.finish()?];
        let pairs = StructArray::try_new(fields.clone(), columns, None)?;
        let nulls = self.validity.finish();
        let map = MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *sorted)?;
        Ok(Arc::new(map))
    }
}

fn entry_fields(entries: &Field) -> Result<(&FieldRef, &FieldRef)> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => Ok((&fields[0], &fields[1])),
        other => Err(unfit(other)),
    }
}

fn last(offsets: &[i32]) -> usize {
    offsets.last().map_or(0, |offset| *offset as usize)
}

fn take_offsets(offsets: &mut Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(offsets, vec![0])))
}

fn unfit(kind: &DataType) -> Error {
    Error::new(ErrorKind::Unsupported, "type cannot be read from JSON").with("type", kind)
}
