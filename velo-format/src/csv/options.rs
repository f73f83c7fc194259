//! Options of CSV.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of a row with another number of fields than the header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ragged {
    /// It is a bad row.
    #[default]
    Error,
    /// Missing fields at its end are null; a row with more fields is a bad row.
    Fill,
}

/// The character before the fraction of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DecimalSeparator {
    /// A point: `1234.5`.
    #[serde(rename = ".")]
    Point,
    /// A comma: `1234,5`.
    #[serde(rename = ",")]
    Comma,
}

impl DecimalSeparator {
    /// Gives the character as options spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Point => ".",
            Self::Comma => ",",
        }
    }
}

/// Options of reading CSV. What is not set of delimiter, quote, header and decimal separator is
/// found from the first bytes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CsvReadOptions {
    /// The byte between fields: one ASCII character, or `\t`; a tab when the name ends in `.tsv`.
    /// Otherwise found: comma, semicolon, tab or bar.
    pub delimiter: Option<String>,
    /// The character around fields that hold delimiters, quotes or line feeds; `none` for no quoting.
    /// Found when it is not set: `"` nearly always.
    pub quote: Option<String>,
    /// The character before a quote, or before itself, inside a quoted field; a doubled quote means a
    /// quote in any case.
    pub escape: Option<String>,
    /// Lines that start with this character are left out; none when it is not set.
    pub comment: Option<String>,
    /// Whether the first record names the columns; otherwise they have the names in `schema`, or are
    /// column_0, column_1, …. Found by the types of the columns when it is not set.
    pub header: Option<bool>,
    /// What stands before the fraction of a number: `.` or `,`; with a comma, points may divide
    /// thousands. Found when it is not set and the delimiter is not a comma.
    pub decimal_separator: Option<DecimalSeparator>,
    /// Lines to leave out before the header.
    pub skip_lines: u64,
    /// Spellings of null in unquoted fields, separated by commas; they hold in every column and
    /// replace the usual ones (an empty field everywhere; NA, N/A, NULL, null and \N in columns that
    /// are not text), so that an empty field is then the empty string.
    pub null: Option<Vec<String>>,
    /// What becomes of a row with another number of fields than the header.
    pub ragged: Ragged,
}

impl Default for CsvReadOptions {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: None,
            escape: None,
            comment: None,
            header: None,
            decimal_separator: None,
            skip_lines: 0,
            null: None,
            ragged: Ragged::Error,
        }
    }
}

/// Options of writing CSV.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CsvWriteOptions {
    /// The byte between fields: one ASCII character, or `\t`; a tab when the name ends in `.tsv`.
    pub delimiter: Option<String>,
    /// The character around fields that need it.
    pub quote: String,
    /// Whether every file starts with the names of the columns.
    pub header: bool,
    /// How null is written, unquoted; an empty string is written as a pair of quotes.
    pub null: String,
    /// What stands before the fraction of a number; what holds the delimiter is quoted.
    pub decimal_separator: DecimalSeparator,
}

impl Default for CsvWriteOptions {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: "\"".to_owned(),
            header: true,
            null: String::new(),
            decimal_separator: DecimalSeparator::Point,
        }
    }
}
