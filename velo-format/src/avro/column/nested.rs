//! Columns of columns: lists, maps, structs, unions.

use arrow_array::ArrayRef;
use velo_core::Result;

use super::super::input::{Input, Parsed};
use super::super::schema::Type;
use super::Column;

/// Lists, or maps when there are keys.
pub(super) struct Items {
    pub(super) offsets: Vec<i32>,
    pub(super) keys: Option<Column>,
    pub(super) values: Column,
    count: usize,
    least: usize,
    width: usize,
}

/// Structs.
pub(super) struct Record {
    pub(super) fields: Vec<Column>,
}

/// Values that may be null.
pub(super) struct Optional {
    branches: usize,
    value: usize,
    inner: Column,
}

/// Structs of which one field at most has a value.
pub(super) struct Union {
    /// For each branch its column; null has none.
    places: Vec<Option<usize>>,
    pub(super) fields: Vec<Column>,
}

impl Items {
    pub(super) fn array(item: &Type) -> Self {
        Self {
            offsets: vec![0],
            keys: None,
            values: Column::new(item),
            count: 0,
            least: item.least(),
            width: item.width(),
        }
    }

    pub(super) fn map(value: &Type) -> Self {
        Self {
            keys: Some(Column::new(&Type::Text)),
            least: value.least().saturating_add(1),
            width: value.width().saturating_add(4),
            ..Self::array(value)
        }
    }

    pub(super) fn read(&mut self, input: &mut Input<'_>) -> Parsed<()> {
        loop {
            let (count, end) = input.items(self.least)?;
            if count == 0 {
                input.end_items(end)?;
                // What a batch may hold keeps the offsets within 31 bits.
                self.offsets.push(self.count as i32);
                return Ok(());
            }
            input.spend(count, self.width)?;
            for _ in 0..count {
                if let Some(keys) = &mut self.keys {
                    keys.read(input)?;
                }
                self.values.read(input)?;
            }
            self.count += count;
            input.end_items(end)?;
        }
    }

    pub(super) fn append_null(&mut self) {
        self.offsets.push(self.count as i32);
    }

    /// Starts to count items anew.
    pub(super) fn restart(&mut self) {
        self.count = 0;
    }
}

impl Record {
    pub(super) fn new<'t>(fields: impl Iterator<Item = &'t Type>) -> Self {
        Self {
            fields: fields.map(Column::new).collect(),
        }
    }

    pub(super) fn read(&mut self, input: &mut Input<'_>) -> Parsed<()> {
        self.fields
            .iter_mut()
            .try_for_each(|field| field.read(input))
    }

    pub(super) fn append_null(&mut self) {
        self.fields.iter_mut().for_each(Column::append_null);
    }
}

impl Optional {
    pub(super) fn new(null: Option<usize>, value: usize, inner: &Type) -> Self {
        Self {
            branches: 1 + usize::from(null.is_some()),
            value,
            inner: Column::new(inner),
        }
    }

    #[inline]
    pub(super) fn read(&mut self, input: &mut Input<'_>) -> Parsed<()> {
        if input.choice(self.branches)? == self.value {
            self.inner.read(input)
        } else {
            self.inner.append_null();
            Ok(())
        }
    }

    pub(super) fn append_null(&mut self) {
        self.inner.append_null();
    }

    pub(super) fn finish(&mut self, length: usize) -> Result<ArrayRef> {
        self.inner.finish(length)
    }
}

impl Union {
    pub(super) fn new(branches: &[(String, Type)]) -> Self {
        let mut places = Vec::with_capacity(branches.len());
        let mut fields = Vec::new();
        for (_, branch) in branches {
            let valued = *branch != Type::Null;
            places.push(valued.then_some(fields.len()));
            if valued {
                fields.push(Column::new(branch));
            }
        }
        Self { places, fields }
    }

    /// Reads a value; says whether it was another than null.
    pub(super) fn read(&mut self, input: &mut Input<'_>) -> Parsed<bool> {
        let branch = input.choice(self.places.len())?;
        let place = self.places[branch];
        for (at, field) in self.fields.iter_mut().enumerate() {
            if Some(at) == place {
                field.read(input)?;
            } else {
                field.append_null();
            }
        }
        Ok(place.is_some())
    }

    pub(super) fn append_null(&mut self) {
        self.fields.iter_mut().for_each(Column::append_null);
    }
}
