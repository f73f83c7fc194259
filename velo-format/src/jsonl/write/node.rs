//! A column and what is nested in it, as a tree of typed views that is written row by row.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UnionArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Fields};
use velo_core::Result;

use super::string::{JsonSpecial, escaped, quoted};
use crate::text::{Scalar, Strings, Text, indirect, unsupported};

/// Whether null fields of objects are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    Written,
    LeftOut,
}

/// Columns with their names: a row, or a struct in it.
pub(super) struct Object<'a> {
    members: Vec<Member<'a>>,
    nulls: Nulls,
}

struct Member<'a> {
    /// A comma, the key and a colon, and the value's opening quote if it has one, in blocks.
    key: Vec<[u8; 16]>,
    length: usize,
    node: Node<'a>,
}

/// A column.
pub(super) struct Node<'a> {
    nulls: Option<&'a NullBuffer>,
    value: Value<'a>,
}

enum Value<'a> {
    Null,
    /// What JSON writes without quotes.
    Bare(Scalar<'a>),
    Quoted(Scalar<'a>),
    Strings(Strings<'a>),
    Object(Object<'a>),
    List(Vec<Range<usize>>, Box<Node<'a>>),
    /// Ranges of entries, keys, values.
    Map(Vec<Range<usize>>, Box<(Node<'a>, Node<'a>)>),
    /// A dictionary or runs: the row of the inner column for each row.
    Indirect(Vec<usize>, Box<Node<'a>>),
    /// The children by type id.
    Union(&'a UnionArray, Vec<(i8, Node<'a>)>),
}

impl<'a> Object<'a> {
    /// Pairs columns with their names.
    pub(super) fn new(fields: &Fields, columns: &'a [ArrayRef], nulls: Nulls) -> Result<Self> {
        let members = fields.iter().zip(columns);
        let members = members.map(|(field, column)| {
            let node = Node::new(column, nulls)?;
            Ok(Member::new(field.name(), node))
        });
        Ok(Self {
            members: members.collect::<Result<_>>()?,
            nulls,
        })
    }

    /// Writes a row.
    #[inline(always)]
    pub(super) fn write(&self, row: usize, text: &mut Text) {
        let start = text.len();
        for member in &self.members {
            member.write(row, self.nulls, text);
        }
        if text.len() == start {
            text.byte(b'{');
        }
        // Every member begins with a comma; the first one's becomes the brace.
        text.set(start, b'{');
        text.byte(b'}');
    }
}

impl<'a> Member<'a> {
    fn new(name: &str, node: Node<'a>) -> Self {
        let mut key = Text::new(64);
        key.byte(b',');
        quoted(name.as_bytes(), &mut key);
        key.byte(b':');
        if node.is_quoted() {
            key.byte(b'"');
        }
        let length = key.len();
        key.bytes(&[0; 15]);
        let (blocks, _) = key.as_slice().as_chunks();
        Self {
            key: blocks.to_vec(),
            length,
            node,
        }
    }

    #[inline(always)]
    fn write(&self, row: usize, nulls: Nulls, text: &mut Text) {
        if self.node.is_null(row) {
            if nulls == Nulls::Written {
                self.write_key(self.length - usize::from(self.node.is_quoted()), text);
                text.put(*b"null", 4);
            }
            return;
        }
        self.write_key(self.length, text);
        self.node.write_open(row, text);
    }

    #[inline(always)]
    fn write_key(&self, length: usize, text: &mut Text) {
        let mut rest = length;
        for block in &self.key {
            text.put(*block, rest.min(16));
            rest = rest.saturating_sub(16);
        }
    }
}

impl<'a> Node<'a> {
    /// Takes the values out of an array and those nested in it.
    pub(super) fn new(array: &'a dyn Array, nulls: Nulls) -> Result<Self> {
        let value = if array.data_type().is_null() {
            Value::Null
        } else if let Some(strings) = Strings::new(array) {
            Value::Strings(strings)
        } else if let Some(scalar) = Scalar::new(array) {
            match scalar.is_bare() {
                true => Value::Bare(scalar),
                false => Value::Quoted(scalar),
            }
        } else if let Some((rows, values)) = indirect(array) {
            Value::Indirect(rows, Box::new(Self::behind_keys(values, nulls)?))
        } else {
            Value::nested(array, nulls)?
        };
        Ok(Self {
            nulls: array.nulls(),
            value,
        })
    }

    /// Says whether the row is null, through a dictionary, runs or a union too.
    #[inline(always)]
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
            || match &self.value {
                Value::Null => true,
                Value::Indirect(..) | Value::Union(..) => self.is_null_inside(row),
                _ => false,
            }
    }

    /// Writes the value of a row.
    pub(super) fn write(&self, row: usize, text: &mut Text) {
        if self.is_null(row) {
            return text.put(*b"null", 4);
        }
        if self.is_quoted() {
            text.byte(b'"');
        }
        self.write_open(row, text);
    }

    fn behind_keys(values: &'a ArrayRef, nulls: Nulls) -> Result<Self> {
        let node = Self::new(values, nulls)?;
        Ok(match values.is_empty() {
            true => Self {
                nulls: None,
                value: Value::Null,
            },
            false => node,
        })
    }

    fn is_null_inside(&self, row: usize) -> bool {
        match &self.value {
            Value::Indirect(rows, inner) => inner.is_null(rows[row]),
            Value::Union(array, children) => {
                let child = child(array, children, row);
                child.is_none_or(|child| child.is_null(array.value_offset(row)))
            }
            _ => false,
        }
    }

    #[inline(always)]
    fn is_quoted(&self) -> bool {
        matches!(self.value, Value::Quoted(_) | Value::Strings(_))
    }

    /// Writes a value that is not null, its opening quote excepted.
    #[inline(always)]
    fn write_open(&self, row: usize, text: &mut Text) {
        match &self.value {
            Value::Bare(scalar) => scalar.write(row, text),
            Value::Quoted(scalar) => {
                scalar.write(row, text);
                text.byte(b'"');
            }
            Value::Strings(strings) => {
                let start = text.len();
                if strings.copy(row, text, JsonSpecial) {
                    text.truncate(start);
                    escaped(strings.get(row), text);
                }
                text.byte(b'"');
            }
            _ => self.write_nested(row, text),
        }
    }

    #[inline(never)]
    fn write_nested(&self, row: usize, text: &mut Text) {
        match &self.value {
            Value::Object(object) => object.write(row, text),
            Value::List(ranges, items) => {
                text.byte(b'[');
                for (number, item) in ranges[row].clone().enumerate() {
                    if number > 0 {
                        text.byte(b',');
                    }
                    items.write(item, text);
                }
                text.byte(b']');
            }
            Value::Map(ranges, entries) => {
                let (keys, values) = &**entries;
                text.byte(b'{');
                for (number, entry) in ranges[row].clone().enumerate() {
                    if number > 0 {
                        text.byte(b',');
                    }
                    keys.write_key(entry, text);
                    text.byte(b':');
                    values.write(entry, text);
                }
                text.byte(b'}');
            }
            Value::Indirect(rows, inner) => inner.write(rows[row], text),
            Value::Union(array, children) => {
                if let Some(child) = child(array, children, row) {
                    child.write(array.value_offset(row), text);
                }
            }
            Value::Null | Value::Bare(_) | Value::Quoted(_) | Value::Strings(_) => {}
        }
    }

    /// Writes a map's key: whatever it is, as a string.
    fn write_key(&self, row: usize, text: &mut Text) {
        match &self.value {
            Value::Bare(scalar) => {
                text.byte(b'"');
                scalar.write(row, text);
                text.byte(b'"');
            }
            Value::Indirect(rows, inner) => inner.write_key(rows[row], text),
            _ => self.write(row, text),
        }
    }
}

impl<'a> Value<'a> {
    fn nested(array: &'a dyn Array, nulls: Nulls) -> Result<Self> {
        match array.data_type() {
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                Ok(Self::Object(Object::new(fields, columns, nulls)?))
            }
            DataType::Map(_, _) => {
                let array = array.as_map();
                let keys = Node::new(array.keys(), nulls)?;
                if keys.is_nested() {
                    let hint = "only numbers, strings, dates and times can name a map's values";
                    return Err(unsupported(array.data_type(), hint));
                }
                let values = Node::new(array.values(), nulls)?;
                let entries = Box::new((keys, values));
                Ok(Self::Map(ranges(array.value_offsets()), entries))
            }
            DataType::Union(fields, _) => {
                let array = array.as_union();
                let children = fields.iter().map(|(id, _)| {
                    let node = Node::new(array.child(id), nulls)?;
                    Ok((id, node))
                });
                Ok(Self::Union(array, children.collect::<Result<_>>()?))
            }
            other => {
                let (ranges, items) = items(array)
                    .ok_or_else(|| unsupported(other, "write parquet, or leave the column out"))?;
                Ok(Self::List(ranges, Box::new(Node::new(items, nulls)?)))
            }
        }
    }
}

impl Node<'_> {
    fn is_nested(&self) -> bool {
        match &self.value {
            Value::Object(_) | Value::List(..) | Value::Map(..) | Value::Union(..) => true,
            Value::Indirect(_, inner) => inner.is_nested(),
            _ => false,
        }
    }
}

fn child<'n, 'a>(
    array: &UnionArray,
    children: &'n [(i8, Node<'a>)],
    row: usize,
) -> Option<&'n Node<'a>> {
    let wanted = array.type_id(row);
    children
        .iter()
        .find_map(|(id, node)| (*id == wanted).then_some(node))
}

/// Gives each row's items in a list of any layout, and the items.
fn items(array: &dyn Array) -> Option<(Vec<Range<usize>>, &ArrayRef)> {
    Some(match array.data_type() {
        DataType::List(_) => {
            let array = array.as_list::<i32>();
            (ranges(array.value_offsets()), array.values())
        }
        DataType::LargeList(_) => {
            let array = array.as_list::<i64>();
            (ranges(array.value_offsets()), array.values())
        }
        DataType::ListView(_) => {
            let array = array.as_list_view::<i32>();
            let ranges = views(array.value_offsets(), array.value_sizes());
            (ranges, array.values())
        }
        DataType::LargeListView(_) => {
            let array = array.as_list_view::<i64>();
            let ranges = views(array.value_offsets(), array.value_sizes());
            (ranges, array.values())
        }
        DataType::FixedSizeList(_, length) => {
            let array = array.as_fixed_size_list();
            let starts = (0..array.len()).map(|row| array.value_offset(row) as usize);
            let ranges = starts.map(|start| start..start + *length as usize);
            (ranges.collect(), array.values())
        }
        _ => return None,
    })
}

fn ranges<O: Copy + Into<i64>>(offsets: &[O]) -> Vec<Range<usize>> {
    let pairs = offsets.array_windows();
    let ranges = pairs.map(|[from, to]| (*from).into() as usize..(*to).into() as usize);
    ranges.collect()
}

fn views<O: Copy + Into<i64>>(offsets: &[O], sizes: &[O]) -> Vec<Range<usize>> {
    let pairs = offsets.iter().zip(sizes);
    let ranges = pairs.map(|(from, size)| {
        let (from, size): (i64, i64) = ((*from).into(), (*size).into());
        from as usize..(from + size) as usize
    });
    ranges.collect()
}
