//! The options of reading, validated.

use velo_core::{Error, ErrorKind, Result};

use super::{CsvReadOptions, DecimalSeparator, Ragged};

/// Unquoted spellings of null in columns that are not text, unless `null` says otherwise.
const USUAL_NULLS: [&[u8]; 5] = [b"NA", b"N/A", b"NULL", b"null", b"\\N"];

/// The bytes that have a meaning, and what becomes of unusual rows.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    /// Before a quote inside a quoted field, besides doubling it.
    pub(super) escape: Option<u8>,
    pub(super) comment: Option<u8>,
    pub(super) ragged: Ragged,
    /// Fractions stand behind a comma.
    pub(super) decimal_comma: bool,
    nulls: Option<Vec<Vec<u8>>>,
}

impl Dialect {
    pub(super) fn new(options: &CsvReadOptions) -> Result<Self> {
        let delimiter = match options.delimiter.as_deref() {
            None => b',',
            Some(text) => character("delimiter", text)?,
        };
        let quote = match options.quote.as_deref() {
            None => Some(b'"'),
            Some("none") => None,
            Some(text) => Some(character("quote", text)?),
        };
        let optional = |name, text: &Option<String>| {
            let text = text.as_deref().filter(|text| *text != "none");
            text.map(|text| character(name, text)).transpose()
        };
        let escape = optional("escape", &options.escape)?.filter(|escape| Some(*escape) != quote);
        let comment = optional("comment", &options.comment)?;
        if escape.is_some() && quote.is_none() {
            return Err(Error::new(ErrorKind::Config, "escape without quote")
                .with("option", "escape")
                .with_hint("leave it out, or set quote="));
        }
        differ(&[
            ("delimiter", Some(delimiter)),
            ("quote", quote),
            ("escape", escape),
            ("comment", comment),
        ])?;
        let nulls = options.null.as_ref().map(|spellings| {
            let spellings = spellings.iter();
            spellings.map(|text| text.clone().into_bytes()).collect()
        });
        Ok(Self {
            delimiter,
            quote,
            escape,
            comment,
            ragged: options.ragged,
            decimal_comma: options.decimal_separator == Some(DecimalSeparator::Comma),
            nulls,
        })
    }

    /// Gives the same dialect with fractions behind a comma.
    pub(super) fn with_decimal_comma(&self) -> Self {
        Self {
            decimal_comma: true,
            ..self.clone()
        }
    }

    /// Gives the spellings of null in every column, if they replace the usual ones.
    pub(super) fn nulls(&self) -> Option<&[Vec<u8>]> {
        self.nulls.as_deref()
    }

    /// Says whether an unquoted text is one of the usual nulls of columns that are not text.
    pub(super) fn is_usual_null(&self, text: &[u8]) -> bool {
        self.nulls.is_none() && USUAL_NULLS.contains(&text)
    }

    pub(super) fn is_comment(&self, record: &[u8]) -> bool {
        self.comment.is_some() && record.first().copied() == self.comment
    }
}

fn character(option: &'static str, text: &str) -> Result<u8> {
    match text.as_bytes() {
        b"\\t" | b"\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err(
            Error::new(ErrorKind::Config, "option is not one ASCII character")
                .with("option", option)
                .with("value", text.escape_debug())
                .with_hint("write one character, or \\t for a tab"),
        ),
    }
}

fn differ(characters: &[(&'static str, Option<u8>)]) -> Result<()> {
    for (at, (name, byte)) in characters.iter().enumerate() {
        let same = |(_, other): &&(&str, Option<u8>)| byte.is_some() && other == byte;
        if let Some((other, _)) = characters[..at].iter().find(same) {
            return Err(
                Error::new(ErrorKind::Config, "two options are the same character")
                    .with("option", other)
                    .with("option", name),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_be_told_apart() {
        let change = |change: fn(&mut CsvReadOptions)| {
            let mut options = CsvReadOptions::default();
            change(&mut options);
            Dialect::new(&options)
        };
        assert_eq!(
            change(|o| o.delimiter = Some("\\t".into()))
                .unwrap()
                .delimiter,
            b'\t'
        );
        assert_eq!(
            change(|o| o.quote = Some("none".into())).unwrap().quote,
            None
        );
        assert_eq!(
            change(|o| o.escape = Some("\"".into())).unwrap().escape,
            None
        );
        for bad in [
            change(|o| o.delimiter = Some(String::new())),
            change(|o| o.delimiter = Some("||".into())),
            change(|o| o.delimiter = Some("\n".into())),
            change(|o| o.delimiter = Some("é".into())),
            change(|o| o.delimiter = Some("\"".into())),
            change(|o| o.comment = Some(",".into())),
            change(|o| {
                o.quote = Some("none".into());
                o.escape = Some("\\".into());
            }),
        ] {
            assert_eq!(bad.unwrap_err().kind(), ErrorKind::Config);
        }
    }
}
