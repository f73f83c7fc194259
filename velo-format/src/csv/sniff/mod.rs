//! Finding out how an input is written where the options say nothing: delimiter, quote, header and
//! decimal comma.
//!
//! The first [`SNIFFED`] bytes are read under each dialect in question, with quotes respected. What
//! counts is first how many of the bytes are records with as many fields as the first one, then
//! how many of the columns get a type; that is what the published descriptions of CleverCSV
//! (van den Burg, Nazábal and Sutton 2019) and of DuckDB's sniffer have in common. Everything else
//! is a rule of our own, and an option that is given is never put in question:
//!
//! - **Delimiter**: comma, semicolon, tab or bar, if it divides the first record and over half of
//!   the bytes. The score is `share² · (1 + typed columns / columns)`. Among scores within a tenth
//!   of the best the one wins whose text columns look least like undivided ones (another candidate
//!   inside, a blank in front), then the one with more columns, then the first in the order above;
//!   and a note says so. When none divides, the input is read with commas, and fails if it must.
//! - **Quote**: `"`, unless fields between `'` make a table that `"` does not make, or nothing that
//!   `"` opens is ever closed.
//! - **Header**: the first record is data if its fields have the types of the columns below, one
//!   at least and none against it; where some have and some have not, it is a header, with a note.
//!   A first record that is alone is data if all of its fields have types. A name of `types=` or
//!   `schema=` in it makes it a header.
//! - **Decimal comma**: only where the delimiter is not a comma, if a column is all numbers with it
//!   and one of them cannot be one with commas between thousands.

mod decimal;
mod delimiter;
mod header;
mod table;
#[cfg(test)]
mod tests;

use velo_core::Result;

use super::decoder::Settings;
use super::dialect::Dialect;
use super::{CsvReadOptions, DecimalSeparator};

/// Bytes that are looked at, behind the lines to skip; more when fewer than two lines end there.
const SNIFFED: usize = 64 << 10;
/// Where the search for two lines is given up.
const MOST: usize = 8 << 20;

/// What was found.
#[derive(Debug)]
pub(super) struct Sniffed {
    /// The options, with nothing left open.
    pub(super) options: CsvReadOptions,
    /// Why they are so, one phrase for each that was open.
    pub(super) reasons: Vec<String>,
    /// What a user should know who was not asked.
    pub(super) notes: Vec<String>,
}

/// A choice, the reason, and a remark where it is unusual or in doubt.
pub(super) struct Choice<T> {
    value: T,
    reason: String,
    note: Option<String>,
}

/// Says whether the options leave anything open.
pub(super) fn is_open(options: &CsvReadOptions) -> bool {
    options.delimiter.is_none()
        || options.quote.is_none()
        || options.header.is_none()
        || options.decimal_separator.is_none()
}

/// Takes the part of `bytes` that decides; `None` asks for more bytes. The part is the same
/// however many bytes there are behind it.
pub(super) fn sample(bytes: &[u8], whole: bool) -> Option<(&[u8], bool)> {
    let second = memchr::memchr_iter(b'\n', bytes).nth(1);
    let wanted = match second {
        Some(feed) => SNIFFED.max(feed + 1),
        None if whole || bytes.len() >= MOST => bytes.len(),
        None => return None,
    };
    if bytes.len() < wanted && !whole {
        return None;
    }
    let cut = wanted.min(bytes.len()).min(MOST);
    Some((&bytes[..cut], whole && cut == bytes.len()))
}

/// Finds what the options leave open.
///
/// # Errors
/// `Config` for options that contradict each other.
pub(super) fn sniff(
    settings: &Settings,
    options: &CsvReadOptions,
    bytes: &[u8],
    whole: bool,
) -> Result<Sniffed> {
    let mut sniffed = Sniffed {
        options: options.clone(),
        reasons: Vec::new(),
        notes: Vec::new(),
    };
    let sample = table::Sample {
        bytes,
        whole,
        record_bytes: settings.record_bytes,
    };
    let found = delimiter::find(options, &sample)?;
    let table = found.table;
    let (delimiter, quote) = (found.delimiter, found.quote);
    take(
        &mut sniffed,
        options.delimiter.is_none(),
        delimiter,
        |o, v| o.delimiter = Some(v),
    );
    take(&mut sniffed, options.quote.is_none(), quote, |o, v| {
        o.quote = Some(v)
    });
    if options.decimal_separator.is_none() {
        let is_comma = sniffed.options.delimiter.as_deref() == Some(",");
        let found = decimal::find(table.as_ref().filter(|_| !is_comma));
        take(&mut sniffed, true, found, |o, v| {
            o.decimal_separator = Some(v)
        });
    }
    if options.header.is_none() {
        let dialect = Dialect::new(&sniffed.options)?;
        let names = settings.explicit.names();
        let found = header::find(table.as_ref(), &dialect, &names);
        take(&mut sniffed, true, found, |o, v| o.header = Some(v));
    }
    Ok(sniffed)
}

fn take<T>(
    sniffed: &mut Sniffed,
    open: bool,
    choice: Choice<T>,
    set: impl FnOnce(&mut CsvReadOptions, T),
) {
    if !open {
        return;
    }
    sniffed.reasons.push(choice.reason);
    sniffed.notes.extend(choice.note);
    set(&mut sniffed.options, choice.value);
}

/// Spells a dialect as its options.
pub(super) fn spelled(options: &CsvReadOptions) -> String {
    format!(
        "delimiter={} quote={} header={} decimal_separator={}",
        options.delimiter.as_deref().unwrap_or(","),
        options.quote.as_deref().unwrap_or("\""),
        options.header.unwrap_or(true),
        options
            .decimal_separator
            .unwrap_or(DecimalSeparator::Point)
            .name(),
    )
}
