//! Columns built from the text of their values; the text formats share them.
//!
//! A builder is chosen once for a column ([`column_builder`]) and never again for a value. What
//! each type accepts is what [`scalar`](crate::scalar) reads; binary is base64 (RFC 4648)
//! with its padding. Lists have no text form and are [`Unsupported`].
//!
//! [`Unsupported`]: velo_core::ErrorKind::Unsupported

mod binary;
mod boolean;
mod create;
mod fields;
mod number;
mod text;
mod validity;

use arrow_array::ArrayRef;
use velo_core::Result;

pub use create::{column_builder, comma_column_builder, expectation};
pub use fields::{Fields, Span, SpanKind};
#[cfg(feature = "avro")]
pub(crate) use validity::Validity;

/// A column that grows by the text of one value, or of many.
pub trait ColumnBuilder: Send {
    /// Appends one value. `false`: the text is no value of this type, and null stands in its
    /// place so that the columns stay aligned.
    fn append(&mut self, text: &[u8]) -> bool;

    /// Appends null.
    fn append_null(&mut self);

    /// Appends the same field of many records; the places in `fields` of texts that are no value
    /// of this type are added to `refused`, and null stands in their place.
    fn append_fields(&mut self, fields: &Fields<'_>, refused: &mut Vec<u32>);

    /// Gives the number of values, nulls included.
    fn len(&self) -> usize;

    /// Says whether there is no value yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the column; the builder starts again.
    ///
    /// # Errors
    /// `Unexpected` when Arrow refuses the column.
    fn finish(&mut self) -> Result<ArrayRef>;
}

/// How faithfully a number has to be spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// In any way that means a value of the type; floats are rounded to the nearest. For types
    /// that a user has named.
    Any,
    /// So that nothing is lost by reading it as a number: no leading plus, no needless leading
    /// zeros, no negative zero without a place for it, no digits beyond a float's. For types that
    /// were inferred from other values.
    Plain,
}
