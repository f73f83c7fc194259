//! Which rows are wanted: comparisons of columns with literals, for pushdown and for filtering.

mod evaluate;
mod parse;

use std::fmt;
use std::str::FromStr;

use arrow_array::{BooleanArray, RecordBatch};

use crate::{Error, Result};

/// A condition on rows. A row is wanted when it is true; null counts as not true.
///
/// Written as in SQL: `price >= 10 and (region = 'EU' or region is null)`, with `and`, `or`,
/// `not`, `in (…)`, `is null`, `is not null`, and `"quoted names"` for unusual columns.
///
/// ```
/// use velo_core::Predicate;
/// let wanted: Predicate = "price >= 10 and region in ('EU', 'UK')".parse()?;
/// assert_eq!(wanted.columns(), ["price", "region"]);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Predicate {
    /// A column compared with a literal.
    Compare {
        /// The column.
        column: String,
        /// How.
        comparison: Comparison,
        /// With what.
        literal: Literal,
    },
    /// The column is null.
    IsNull(String),
    /// The column has a value.
    IsNotNull(String),
    /// The opposite; of null it is null.
    Not(Box<Predicate>),
    /// All of them.
    And(Vec<Predicate>),
    /// At least one of them.
    Or(Vec<Predicate>),
}

/// How a column is compared.
///
/// ```
/// assert_eq!(velo_core::Comparison::AtLeast.to_string(), ">=");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=` or `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        })
    }
}

/// A literal as it was written; it takes the column's type when it is compared.
///
/// ```
/// assert_eq!(velo_core::Literal::Number("1.50".into()).text(), "1.50");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `true` or `false`.
    Boolean(bool),
    /// Digits with sign, fraction, exponent.
    Number(String),
    /// Text between single quotes: strings, dates, timestamps.
    Text(String),
}

impl Literal {
    /// Gives the literal without quotes.
    ///
    /// ```
    /// assert_eq!(velo_core::Literal::Boolean(true).text(), "true");
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
            Self::Number(text) | Self::Text(text) => text,
        }
    }
}

impl Predicate {
    /// Lists the columns that it looks at, sorted, each once.
    ///
    /// ```
    /// let wanted: velo_core::Predicate = "b = 1 or a = 2 or b = 3".parse()?;
    /// assert_eq!(wanted.columns(), ["a", "b"]);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        self.collect(&mut columns);
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Says for each row whether it is wanted; null where a comparison met a null.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown column or a literal that the column's type cannot hold.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    /// let a: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    /// let rows = RecordBatch::try_from_iter([("a", a)])?;
    /// let wanted: velo_core::Predicate = "a > 1.5".parse()?;
    /// assert_eq!(wanted.evaluate(&rows)?.true_count(), 2);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn evaluate(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        evaluate::evaluate(self, rows)
    }

    fn collect<'p>(&'p self, columns: &mut Vec<&'p str>) {
        match self {
            Self::Compare { column, .. } | Self::IsNull(column) | Self::IsNotNull(column) => {
                columns.push(column);
            }
            Self::Not(one) => one.collect(columns),
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.collect(columns)),
        }
    }
}

impl FromStr for Predicate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse::parse(text)
    }
}
