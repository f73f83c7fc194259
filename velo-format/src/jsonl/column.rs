//! One column, or one place inside nested columns, and the JSON values that go there.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field};
use velo_core::Result;

use super::fast::{self, POWERS};
use super::nested::{ListColumn, MapColumn, StructColumn};
use super::problem::{Parsed, Problem};
use super::values::{Fixed, Shared, Strings};
use super::{string, token};
use crate::column::{Spelling, column_builder, expectation};
use crate::scalar;

/// A growing column that reads its values where they stand in a record.
pub(super) struct Column {
    name: String,
    kind: DataType,
    nullable: bool,
    /// Whether the user named the type: then strings are read as text of it, and floats may be
    /// rounded.
    explicit: bool,
    values: Values,
}

/// The frequent types have builders that parse in place.
enum Values {
    Int64(Fixed<i64>),
    Float64(Fixed<f64>),
    Decimal128(Fixed<i128>, Decimal),
    Date32(Fixed<i32>),
    Text(Strings),
    Shared(Shared),
    List(Box<ListColumn>),
    Struct(StructColumn),
    Map(Box<MapColumn>),
}

#[derive(Debug, Clone, Copy)]
struct Decimal {
    precision: u8,
    scale: i8,
}

/// Options that reach into nested columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// Whether the user named the type.
    pub(super) explicit: bool,
    /// Whether unknown fields are left out.
    pub(super) ignore_unknown_fields: bool,
}

impl Column {
    /// Starts a column.
    ///
    /// # Errors
    /// `Unsupported` for a type that cannot be read from JSON.
    pub(super) fn new(field: &Field, reading: Reading) -> Result<Self> {
        let kind = field.data_type();
        let values = match kind {
            DataType::Int64 => Values::Int64(Fixed::new()),
            DataType::Float64 => Values::Float64(Fixed::new()),
            &DataType::Decimal128(precision, scale) => {
                Values::Decimal128(Fixed::new(), Decimal { precision, scale })
            }
            DataType::Date32 => Values::Date32(Fixed::new()),
            DataType::Utf8 => Values::Text(Strings::new()),
            DataType::List(item) => Values::List(Box::new(ListColumn::new(item, reading)?)),
            DataType::Struct(fields) => Values::Struct(StructColumn::new(fields, reading)?),
            DataType::Map(entries, _) => Values::Map(Box::new(MapColumn::new(entries, reading)?)),
            other => Values::Shared(Shared::new(column_builder(other, reading.spelling())?)),
        };
        Ok(Self {
            name: field.name().clone(),
            kind: kind.clone(),
            nullable: field.is_nullable(),
            explicit: reading.explicit,
            values,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads the value at `at` and gives the place behind it; `depth` objects and arrays are open
    /// around it.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], at: usize, depth: usize) -> Parsed<usize> {
        match self.read_in_place(bytes, at) {
            Some(end) => Ok(end),
            None => self.read_any(bytes, at, depth),
        }
    }

    /// Reads the usual spelling of a frequent type.
    #[inline]
    fn read_in_place(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        match &mut self.values {
            Values::Int64(values) => {
                let number = fast::number(bytes, at)?;
                values.push(number.signed()?);
                Some(number.end)
            }
            Values::Float64(values) => {
                let number = fast::number(bytes, at)?;
                values.push(number.float()?);
                Some(number.end)
            }
            Values::Decimal128(values, decimal) => {
                let number = fast::number(bytes, at)?;
                values.push(decimal.value(&number)?);
                Some(number.end)
            }
            Values::Date32(values) => {
                let [b'"', text @ .., b'"'] = bytes.get(at..)?.first_chunk::<12>()? else {
                    return None;
                };
                values.push(scalar::parse_date32(text)?);
                Some(at + 12)
            }
            Values::Text(values) => {
                if bytes.get(at) != Some(&b'"') {
                    return None;
                }
                let end = token::special(bytes, at + 1);
                if bytes.get(end) != Some(&b'"') {
                    return None;
                }
                values.push(&bytes[at + 1..end]);
                Some(end + 1)
            }
            _ => None,
        }
    }

    /// Reads any value.
    fn read_any(&mut self, bytes: &[u8], at: usize, depth: usize) -> Parsed<usize> {
        // A key that was predicted can have other space behind it.
        let at = token::skip_space(bytes, at);
        match bytes.get(at) {
            Some(b'n') => {
                let end = token::literal(bytes, at, "null")?;
                self.push_null(at)?;
                Ok(end)
            }
            Some(b'"') => self.read_string(bytes, at),
            Some(b't') => self.read_boolean(bytes, at, "true"),
            Some(b'f') => self.read_boolean(bytes, at, "false"),
            Some(b'{' | b'[') => self.read_nested(bytes, at, depth),
            _ => {
                let (end, _) = token::number_token(bytes, at)?;
                match self.takes_numbers() && self.push_text(&bytes[at..end]) {
                    true => Ok(end),
                    false => Err(self.mismatch(at)),
                }
            }
        }
    }

    fn read_string(&mut self, bytes: &[u8], at: usize) -> Parsed<usize> {
        let token = token::string_token(bytes, at)?;
        let raw = token.raw(bytes);
        let sound = if let Values::Text(values) = &mut self.values {
            values.push_with(|text| string::unescape(raw, text))?;
            true
        } else if !self.takes_strings() {
            false
        } else if token.escaped {
            let mut text = Vec::new();
            string::unescape(raw, &mut text)?;
            self.push_text(&text)
        } else {
            self.push_text(raw)
        };
        match sound {
            true => Ok(token.end + 1),
            false => Err(self.mismatch(at)),
        }
    }

    fn read_boolean(&mut self, bytes: &[u8], at: usize, word: &'static str) -> Parsed<usize> {
        let end = token::literal(bytes, at, word)?;
        let takes = matches!(self.kind, DataType::Boolean | DataType::Utf8);
        match takes && self.push_text(word.as_bytes()) {
            true => Ok(end),
            false => Err(self.mismatch(at)),
        }
    }

    fn read_nested(&mut self, bytes: &[u8], at: usize, depth: usize) -> Parsed<usize> {
        token::check_depth(depth, at)?;
        let read = match (&mut self.values, bytes[at]) {
            (Values::Text(values), _) => {
                let end = token::skip_value(bytes, at, depth)?;
                values.push(&bytes[at..end]);
                Ok(end)
            }
            (Values::List(list), b'[') => list.read(bytes, at, depth + 1),
            (Values::Struct(members), b'{') => members.read(bytes, at, depth + 1),
            (Values::Map(map), b'{') => map.read(bytes, at, depth + 1),
            _ => return Err(self.mismatch(at)),
        };
        read.map_err(|problem| problem.within(&self.name))
    }

    /// Adds the value that `text` spells; nothing if it spells none.
    fn push_text(&mut self, text: &[u8]) -> bool {
        let lossy = !self.explicit && is_negative_zero(text);
        match &mut self.values {
            Values::Int64(_) | Values::Decimal128(..) if lossy => false,
            Values::Int64(values) => values.push_some(scalar::parse_i64(text)),
            Values::Float64(values) if self.explicit => values.push_some(scalar::parse_f64(text)),
            Values::Float64(values) => values.push_some(scalar::parse_f64_exact(text)),
            Values::Decimal128(values, decimal) => values.push_some(decimal.parse(text)),
            Values::Date32(values) => values.push_some(scalar::parse_date32(text)),
            Values::Text(values) => {
                values.push(text);
                true
            }
            Values::Shared(values) => values.push(text),
            Values::List(_) | Values::Struct(_) | Values::Map(_) => false,
        }
    }

    /// Says whether the type has JSON numbers as its values.
    fn takes_numbers(&self) -> bool {
        self.kind.is_numeric() || self.kind == DataType::Utf8
    }

    /// Says whether strings are read as text of the type.
    fn takes_strings(&self) -> bool {
        self.explicit || !(self.kind.is_numeric() || self.kind == DataType::Boolean)
    }

    /// Adds null for a value or a key that is missing at `at`.
    pub(super) fn push_null(&mut self, at: usize) -> Parsed<()> {
        if !self.nullable {
            return Err(
                Problem::new(at, "no value, which the schema requires").in_column(&self.name)
            );
        }
        self.pad();
        Ok(())
    }

    /// Adds a value that stands for nothing.
    pub(super) fn pad(&mut self) {
        match &mut self.values {
            Values::Int64(values) => values.push_null(),
            Values::Float64(values) => values.push_null(),
            Values::Decimal128(values, _) => values.push_null(),
            Values::Date32(values) => values.push_null(),
            Values::Text(values) => values.push_null(),
            Values::Shared(values) => values.push_null(),
            Values::List(values) => values.push_null(),
            Values::Struct(values) => values.push_null(),
            Values::Map(values) => values.push_null(),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Int64(values) => values.len(),
            Values::Float64(values) => values.len(),
            Values::Decimal128(values, _) => values.len(),
            Values::Date32(values) => values.len(),
            Values::Text(values) => values.len(),
            Values::Shared(values) => values.len(),
            Values::List(values) => values.len(),
            Values::Struct(values) => values.len(),
            Values::Map(values) => values.len(),
        }
    }

    /// Forgets all rows but the first `len`, and whatever a bad record left behind them.
    pub(super) fn truncate(&mut self, len: usize) {
        match &mut self.values {
            Values::Int64(values) => values.truncate(len),
            Values::Float64(values) => values.truncate(len),
            Values::Decimal128(values, _) => values.truncate(len),
            Values::Date32(values) => values.truncate(len),
            Values::Text(values) => values.truncate(len),
            Values::Shared(values) => values.truncate(len),
            Values::List(values) => values.truncate(len),
            Values::Struct(values) => values.truncate(len),
            Values::Map(values) => values.truncate(len),
        }
    }

    /// Takes the rows.
    ///
    /// # Errors
    /// `Unexpected` when Arrow refuses the column.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        match &mut self.values {
            Values::Int64(values) => values.finish(&self.kind),
            Values::Float64(values) => values.finish(&self.kind),
            Values::Decimal128(values, _) => values.finish(&self.kind),
            Values::Date32(values) => values.finish(&self.kind),
            Values::Text(values) => values.finish(&self.kind),
            Values::Shared(values) => values.finish(),
            Values::List(values) => values.finish(&self.kind),
            Values::Struct(values) => values.finish(),
            Values::Map(values) => values.finish(&self.kind),
        }
    }

    #[cold]
    fn mismatch(&self, at: usize) -> Box<Problem> {
        let what = match (&self.kind, self.explicit) {
            (DataType::List(_), _) => "not an array (list)".to_owned(),
            (DataType::Struct(_) | DataType::Map(..), _) => "not an object (struct)".to_owned(),
            (DataType::Float64, false) => "not a number that float64 holds exactly".to_owned(),
            (kind, _) => expectation(kind),
        };
        Problem::new(at, what).in_column(&self.name)
    }
}

/// Says whether a number is a zero whose sign only a float keeps.
fn is_negative_zero(text: &[u8]) -> bool {
    text.starts_with(b"-0")
        && scalar::Number::parse(text).is_some_and(|number| number.digits.is_empty())
}

impl Reading {
    fn spelling(self) -> Spelling {
        match self.explicit {
            true => Spelling::Any,
            false => Spelling::Plain,
        }
    }
}

impl Decimal {
    #[inline]
    fn value(self, number: &fast::Short) -> Option<i128> {
        let zeros = usize::try_from(self.scale)
            .ok()?
            .checked_sub(number.fraction)?;
        let negative_zero = number.negative && number.mantissa == 0;
        if negative_zero || number.digits + zeros > usize::from(self.precision) {
            return None;
        }
        let value = i128::from(number.mantissa) * i128::from(*POWERS.get(zeros)?);
        Some(if number.negative { -value } else { value })
    }

    fn parse(self, text: &[u8]) -> Option<i128> {
        scalar::parse_decimal128(text, self.precision, self.scale)
    }
}
