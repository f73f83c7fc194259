//! What is wrong with a record, and where.

use std::borrow::Cow;

/// The result of parsing a part of a record.
pub(super) type Parsed<T> = Result<T, Box<Problem>>;

/// Why a record does not decode; becomes a [`BadRow`](crate::BadRow).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Where, as an index into the block.
    pub(super) at: usize,
    /// The column, as a dotted path where it is nested.
    pub(super) column: Option<String>,
    /// What is wrong, without any value.
    pub(super) what: Cow<'static, str>,
    /// What the user can do.
    pub(super) hint: Option<String>,
}

impl Problem {
    #[cold]
    pub(super) fn new(at: usize, what: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self {
            at,
            column: None,
            what: what.into(),
            hint: None,
        })
    }

    /// Malformed JSON: says what should stand there.
    #[cold]
    pub(super) fn expected(at: usize, what: &str) -> Box<Self> {
        Self::new(at, format!("not valid JSON: {what} expected"))
    }

    pub(super) fn with_hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hint = Some(hint.into());
        self
    }

    /// Blames a column.
    pub(super) fn in_column(mut self: Box<Self>, name: &str) -> Box<Self> {
        self.column = Some(name.to_owned());
        self
    }

    /// Puts a name in front of the column's path, if a column is to blame.
    pub(super) fn within(mut self: Box<Self>, name: &str) -> Box<Self> {
        self.column = self.column.take().map(|path| match path.starts_with('[') {
            true => format!("{name}{path}"),
            false => format!("{name}.{path}"),
        });
        self
    }
}
