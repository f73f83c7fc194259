//! Fields between quotes.

use super::dialect::Dialect;
use crate::column::{Span, SpanKind};

const STRAY: &str = "text stands behind a closing quote";
const UNCLOSED: &str = "a quote is opened here and never closed";

/// Takes a field's text, which starts at `start`; resolves quotes and escapes into `side`.
///
/// The error is the place and what is wrong there.
pub(super) fn take(
    dialect: &Dialect,
    text: &[u8],
    start: usize,
    side: &mut Vec<u8>,
) -> Result<Span, (usize, &'static str)> {
    let span = |start: usize, end: usize, kind| Span {
        start: start as u32,
        end: end as u32,
        kind,
    };
    let (quote, inner) = match (dialect.quote, text) {
        (Some(quote), [first, inner @ ..]) if *first == quote => (quote, inner),
        _ => return Ok(span(start, start + text.len(), SpanKind::Plain)),
    };
    let escape = dialect.escape.unwrap_or(quote);
    if memchr::memchr2(quote, escape, inner) == Some(inner.len().wrapping_sub(1))
        && inner.ends_with(&[quote])
    {
        return Ok(span(start + 1, start + inner.len(), SpanKind::Quoted));
    }
    let from = side.len();
    match resolve(quote, escape, inner, side) {
        Ok(()) => Ok(span(from, side.len(), SpanKind::Unescaped)),
        Err(Some(stray)) => Err((start + 1 + stray, STRAY)),
        Err(None) => Err((start, UNCLOSED)),
    }
}

/// Copies what stands before the closing quote; the error is where text follows that, or `None`
/// when there is no closing quote.
fn resolve(quote: u8, escape: u8, inner: &[u8], side: &mut Vec<u8>) -> Result<(), Option<usize>> {
    let mut at = 0;
    loop {
        let Some(run) = memchr::memchr2(quote, escape, &inner[at..]) else {
            return Err(None);
        };
        side.extend_from_slice(&inner[at..at + run]);
        at += run;
        match (inner[at], inner.get(at + 1)) {
            (byte, None) if byte == quote => return Ok(()),
            (byte, Some(next)) if byte == quote && *next == quote => side.push(quote),
            (byte, Some(_)) if byte == quote => return Err(Some(at + 1)),
            // The escape character means itself before anything but a quote or itself.
            (_, Some(next)) if *next == quote || *next == escape => side.push(*next),
            (byte, Some(next)) => side.extend_from_slice(&[byte, *next]),
            (_, None) => return Err(None),
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::CsvReadOptions;

    #[test]
    fn resolves_quotes_and_escapes() {
        let options = CsvReadOptions {
            escape: Some("\\".to_owned()),
            ..Default::default()
        };
        let (plain, escaping) = (
            Dialect::new(&CsvReadOptions::default()).unwrap(),
            Dialect::new(&options).unwrap(),
        );
        for (dialect, text, expected) in [
            (&plain, r#"a"b"#, Ok(r#"a"b"#)),
            (&plain, r#""""#, Ok("")),
            (&plain, r#""a""b""#, Ok(r#"a"b"#)),
            (&plain, r#""""""#, Ok(r#"""#)),
            (&plain, r#""a\""#, Ok(r"a\")),
            (&plain, r#""a"b"#, Err((13, STRAY))),
            (&plain, r#"""#, Err((10, UNCLOSED))),
            (&plain, r#""a"""#, Err((10, UNCLOSED))),
            (&escaping, r#""a\"b""#, Ok(r#"a"b"#)),
            (&escaping, r#""a\\""#, Ok(r"a\")),
            (&escaping, r#""a\n""b""#, Ok(r#"a\n"b"#)),
            (&escaping, r#""a\""#, Err((10, UNCLOSED))),
        ] {
            let mut side = Vec::new();
            let taken = take(dialect, text.as_bytes(), 10, &mut side).map(|span| {
                let (from, to) = (span.start as usize, span.end as usize);
                match span.kind {
                    SpanKind::Unescaped => side[from..to].to_vec(),
                    _ => text.as_bytes()[from - 10..to - 10].to_vec(),
                }
            });
            assert_eq!(
                taken,
                expected.map(|text| text.as_bytes().to_vec()),
                "{text}"
            );
        }
    }
}
