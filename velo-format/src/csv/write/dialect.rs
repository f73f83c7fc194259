//! The characters of a CSV file, and which strings they make unsafe to write bare.

use velo_core::{Error, ErrorKind, Result};

use crate::csv::{CsvWriteOptions, DecimalSeparator};
use crate::text::{Special, Text, find_equal, find_less, repeat};

/// What readers take for null in columns that are not text.
const USUAL_NULLS: [&[u8]; 5] = [b"NA", b"N/A", b"NULL", b"null", b"\\N"];

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Delimiter, quote and null spelling.
pub(super) struct Dialect {
    special: CsvSpecial,
    null: Box<[u8]>,
    /// Whether a string may need quotes for how it starts.
    suspicious: [bool; 256],
    /// Whether numbers, dates and the like can hold the delimiter or quote, or spell null.
    scalars_need_care: bool,
    decimal_comma: bool,
}

/// Delimiter, quote and control characters up to the carriage return, the ends of lines among them:
/// one comparison finds them all.
#[derive(Clone, Copy)]
pub(super) struct CsvSpecial {
    delimiter: u64,
    quote: u64,
}

impl CsvSpecial {
    fn is_special(self, byte: u8) -> bool {
        byte <= b'\r' || byte == self.delimiter as u8 || byte == self.quote as u8
    }
}

impl Special for CsvSpecial {
    #[inline(always)]
    fn find(self, word: u64) -> u64 {
        find_less(word, repeat(b'\r' + 1))
            | find_equal(word, self.delimiter)
            | find_equal(word, self.quote)
    }
}

impl Dialect {
    /// Checks the options against each other.
    pub(super) fn new(options: &CsvWriteOptions) -> Result<Self> {
        let delimiter = match options.delimiter.as_deref() {
            None => b',',
            Some("\\t") => b'\t',
            Some(text) => character("delimiter", text)?,
        };
        let quote = character("quote", &options.quote)?;
        if delimiter == quote {
            return Err(refuse(
                "quote",
                "delimiter and quote are the same character",
            ));
        }
        let special = CsvSpecial {
            delimiter: repeat(delimiter),
            quote: repeat(quote),
        };
        let null = options.null.as_bytes();
        if null.iter().any(|byte| special.is_special(*byte)) {
            let message = "the null spelling holds a delimiter, quote or line end";
            return Err(refuse("null", message));
        }
        let mut suspicious = [false; 256];
        for byte in 0..=b' ' {
            suspicious[usize::from(byte)] = true;
        }
        let spellings = USUAL_NULLS.iter().copied().chain([null, BYTE_ORDER_MARK]);
        for first in spellings.filter_map(<[u8]>::first) {
            suspicious[usize::from(*first)] = true;
        }
        let decimal_comma = options.decimal_separator == DecimalSeparator::Comma;
        let occurs = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.:/=".contains(&byte);
        Ok(Self {
            special,
            null: null.into(),
            suspicious,
            scalars_need_care: decimal_comma
                || !null.is_empty()
                || occurs(delimiter)
                || occurs(quote),
            decimal_comma,
        })
    }

    /// Gives the byte between fields.
    #[inline(always)]
    pub(super) fn delimiter(&self) -> u8 {
        self.special.delimiter as u8
    }

    /// Gives the bytes that no bare field may hold.
    #[inline(always)]
    pub(super) fn special(&self) -> CsvSpecial {
        self.special
    }

    /// Says whether scalars must go through [`settle`](Self::settle).
    #[inline(always)]
    pub(super) fn scalars_need_care(&self) -> bool {
        self.scalars_need_care
    }

    /// Writes a null.
    #[inline(always)]
    pub(super) fn write_null(&self, text: &mut Text) {
        if !self.null.is_empty() {
            text.bytes(&self.null);
        }
    }

    /// Writes a string, bare or quoted.
    pub(super) fn write_string(&self, string: &[u8], text: &mut Text) {
        if self.needs_any_quotes(string) {
            self.quote(string, text);
        } else {
            text.bytes(string);
        }
    }

    /// Quotes what stands behind `start` if it needs quotes.
    #[inline(never)]
    pub(super) fn settle(&self, start: usize, text: &mut Text) {
        if self.needs_any_quotes(text.since(start)) {
            let value = text.since(start).to_vec();
            text.truncate(start);
            self.quote(&value, text);
        }
    }

    /// Gives the number behind `start` its decimal separator, and quotes if it needs them.
    #[inline(never)]
    pub(super) fn settle_number(&self, start: usize, text: &mut Text) {
        let point = memchr::memchr(b'.', text.since(start)).filter(|_| self.decimal_comma);
        if let Some(point) = point {
            text.set(start + point, b',');
        }
        self.settle(start, text);
    }

    /// Says whether a string without special bytes needs quotes all the same.
    #[inline(always)]
    pub(super) fn needs_quotes(&self, string: &[u8]) -> bool {
        match string {
            [] => true,
            [first, ..] if self.suspicious[usize::from(*first)] => self.is_suspicious(string),
            [.., last] => *last <= b' ',
        }
    }

    /// Writes a string between quotes, those inside it doubled.
    #[inline(never)]
    pub(super) fn quote(&self, string: &[u8], text: &mut Text) {
        let quote = self.special.quote as u8;
        text.byte(quote);
        let mut from = 0;
        for at in memchr::memchr_iter(quote, string) {
            text.bytes(&string[from..=at]);
            text.byte(quote);
            from = at + 1;
        }
        text.bytes(&string[from..]);
        text.byte(quote);
    }

    fn needs_any_quotes(&self, string: &[u8]) -> bool {
        string.iter().any(|byte| self.special.is_special(*byte)) || self.needs_quotes(string)
    }

    #[inline(never)]
    fn is_suspicious(&self, string: &[u8]) -> bool {
        let blank = |byte: Option<&u8>| byte.is_some_and(|byte| *byte <= b' ');
        blank(string.first())
            || blank(string.last())
            || string == &*self.null
            || (string.len() <= 4 && USUAL_NULLS.contains(&string))
            || string.starts_with(BYTE_ORDER_MARK)
    }
}

fn character(option: &'static str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err(refuse(option, "not one ASCII character")),
    }
}

fn refuse(option: &'static str, message: &'static str) -> Error {
    Error::new(ErrorKind::Config, message)
        .with("option", option)
        .with_hint("choose others, for example delimiter=, or delimiter=\\t and quote=\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(delimiter: &str, quote: &str, null: &str) -> CsvWriteOptions {
        CsvWriteOptions {
            delimiter: Some(delimiter.to_owned()),
            quote: quote.to_owned(),
            null: null.to_owned(),
            ..CsvWriteOptions::default()
        }
    }

    #[test]
    fn quotes_what_would_read_back_as_something_else() {
        let dialect = Dialect::new(&options(";", "'", "-")).unwrap();
        for (string, expected) in [
            ("", "''"),
            ("a,b", "a,b"),
            ("a;b", "'a;b'"),
            ("it's", "'it''s'"),
            ("''", "''''''"),
            ("\n", "'\n'"),
            (" a", "' a'"),
            ("a\t", "'a\t'"),
            ("NA", "'NA'"),
            ("\\N", "'\\N'"),
            ("NULLS", "NULLS"),
            ("None", "None"),
            ("-", "'-'"),
            ("-1", "-1"),
            ("\u{feff}a", "'\u{feff}a'"),
            ("é", "é"),
            ("a\tb", "'a\tb'"),
            ("a\u{1b}b", "a\u{1b}b"),
        ] {
            let mut text = Text::new(0);
            dialect.write_string(string.as_bytes(), &mut text);
            assert_eq!(text.as_slice(), expected.as_bytes(), "{string:?}");
        }
    }

    #[test]
    fn refuses_characters_that_contradict_each_other() {
        for (delimiter, quote, null, option) in [
            ("", "\"", "", "delimiter"),
            (",,", "\"", "", "delimiter"),
            ("é", "\"", "", "delimiter"),
            ("\n", "\"", "", "delimiter"),
            (",", "none", "", "quote"),
            (",", ",", "", "quote"),
            (",", "\"", "a,b", "null"),
        ] {
            let error = Dialect::new(&options(delimiter, quote, null))
                .err()
                .unwrap();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert_eq!(error.context("option"), Some(option));
        }
    }
}
