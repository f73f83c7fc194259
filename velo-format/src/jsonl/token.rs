//! The tokens of JSON (RFC 8259), strictly, without building anything.
//!
//! A line feed ends a record wherever it stands, so it is no white space here.

use super::problem::{Parsed, Problem};
use super::string;

/// Objects and arrays inside each other at most, the record itself included.
pub(super) const MAX_DEPTH: usize = 128;

/// The extent of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringToken {
    /// The first byte behind the opening quote.
    pub(super) start: usize,
    /// The closing quote.
    pub(super) end: usize,
    /// Whether there are escapes, all of them valid.
    pub(super) escaped: bool,
}

impl StringToken {
    /// Gives the bytes between the quotes.
    pub(super) fn raw<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start..self.end]
    }
}

/// Skips blanks, tabs and carriage returns.
#[inline]
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Finds the end of the string whose opening quote stands at `at`.
#[inline]
pub(super) fn string_token(bytes: &[u8], at: usize) -> Parsed<StringToken> {
    if bytes.get(at) != Some(&b'"') {
        return Err(Problem::expected(at, "a string"));
    }
    let start = at + 1;
    let end = special(bytes, start);
    if bytes.get(end) == Some(&b'"') {
        return Ok(StringToken {
            start,
            end,
            escaped: false,
        });
    }
    escaped_token(bytes, start, end)
}

#[cold]
fn escaped_token(bytes: &[u8], start: usize, mut at: usize) -> Parsed<StringToken> {
    loop {
        match bytes.get(at) {
            Some(b'"') => {
                return Ok(StringToken {
                    start,
                    end: at,
                    escaped: true,
                });
            }
            Some(b'\\') => at = special(bytes, string::escape(bytes, at)?.1),
            Some(b'\r') if matches!(bytes.get(at + 1), Some(b'\n') | None) => at += 1,
            Some(b'\n') | None => return Err(Problem::new(start - 1, "a string has no end")),
            Some(_) => return Err(Problem::new(at, "a control character inside a string")),
        }
    }
}

/// Finds the next quote, backslash or control character from `at` on, eight bytes at a time.
#[inline]
pub(super) fn special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = special_mask(u64::from_le_bytes(*word));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Sets the high bit of each byte that is a quote, a backslash or a control character; exact up
/// to the first such byte, behind which a borrow can set more.
#[inline]
pub(super) fn special_mask(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & (ONES * 0x80)
}

/// Finds the end of the number at `at`; tells whether it has neither fraction nor exponent.
pub(super) fn number_token(bytes: &[u8], at: usize) -> Parsed<(usize, bool)> {
    let start = at + usize::from(bytes.get(at) == Some(&b'-'));
    let mut end = digits(bytes, start);
    if end == start {
        return Err(Problem::expected(at, "a value"));
    }
    if bytes[start] == b'0' && end > start + 1 {
        return Err(Problem::new(
            start,
            "not valid JSON: a number starts with 0",
        ));
    }
    let whole = end;
    if bytes.get(end) == Some(&b'.') {
        let fraction = end + 1;
        end = digits(bytes, fraction);
        if end == fraction {
            return Err(Problem::expected(end, "a digit"));
        }
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = end + 1 + sign;
        end = digits(bytes, exponent);
        if end == exponent {
            return Err(Problem::expected(end, "a digit"));
        }
    }
    Ok((end, end == whole))
}

fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// Checks that `word` stands at `at` and gives the place behind it.
pub(super) fn literal(bytes: &[u8], at: usize, word: &'static str) -> Parsed<usize> {
    match bytes.get(at..at + word.len()) {
        Some(found) if found == word.as_bytes() => Ok(at + word.len()),
        _ => Err(Problem::expected(at, "a value")),
    }
}

/// Checks the value at `at`, whatever it is, and gives the place behind it.
///
/// `depth` objects and arrays are open around it. Nothing recurses, so no input can exhaust the
/// stack.
pub(super) fn skip_value(bytes: &[u8], mut at: usize, depth: usize) -> Parsed<usize> {
    let mut open = Open::new(depth);
    loop {
        at = match bytes.get(at) {
            Some(b'"') => string_token(bytes, at)?.end + 1,
            Some(b'{') => {
                open.push(at, true)?;
                let first = skip_space(bytes, at + 1);
                if bytes.get(first) != Some(&b'}') {
                    at = key(bytes, first)?.1;
                    continue;
                }
                first
            }
            Some(b'[') => {
                open.push(at, false)?;
                let first = skip_space(bytes, at + 1);
                if bytes.get(first) != Some(&b']') {
                    at = first;
                    continue;
                }
                first
            }
            _ => scalar(bytes, at)?,
        };
        match open.close(bytes, at)? {
            Next::Value(next) => at = next,
            Next::End(end) => return Ok(end),
        }
    }
}

/// Checks a number or a literal.
fn scalar(bytes: &[u8], at: usize) -> Parsed<usize> {
    match bytes.get(at) {
        Some(b't') => literal(bytes, at, "true"),
        Some(b'f') => literal(bytes, at, "false"),
        Some(b'n') => literal(bytes, at, "null"),
        _ => Ok(number_token(bytes, at)?.0),
    }
}

/// Reads a key at `at` with its colon; gives it and the place of its value.
pub(super) fn key(bytes: &[u8], at: usize) -> Parsed<(StringToken, usize)> {
    if bytes.get(at) != Some(&b'"') {
        return Err(Problem::expected(at, "a key in quotes"));
    }
    let token = string_token(bytes, at)?;
    let colon = skip_space(bytes, token.end + 1);
    if bytes.get(colon) != Some(&b':') {
        return Err(Problem::expected(colon, "a colon"));
    }
    Ok((token, skip_space(bytes, colon + 1)))
}

/// Goes on behind an element: gives the place of the next one, or `Err` of the place behind the
/// closing byte.
pub(super) fn next_element(bytes: &[u8], at: usize, closing: u8) -> Parsed<Next> {
    let at = skip_space(bytes, at);
    match bytes.get(at) {
        Some(b',') => Ok(Next::Value(skip_space(bytes, at + 1))),
        Some(&byte) if byte == closing => Ok(Next::End(at + 1)),
        _ if closing == b'}' => Err(Problem::expected(at, "a comma or `}`")),
        _ => Err(Problem::expected(at, "a comma or `]`")),
    }
}

/// What follows an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another element (or its key) at this place.
    Value(usize),
    /// The end; this place is behind it.
    End(usize),
}

/// The objects (1) and arrays (0) that are open, one bit each.
struct Open {
    bits: u128,
    outer: usize,
    depth: usize,
}

impl Open {
    fn new(outer: usize) -> Self {
        Self {
            bits: 0,
            outer,
            depth: 0,
        }
    }

    fn push(&mut self, at: usize, object: bool) -> Parsed<()> {
        check_depth(self.outer + self.depth, at)?;
        self.bits = self.bits << 1 | u128::from(object);
        self.depth += 1;
        Ok(())
    }

    /// Closes whatever ends behind the value that ended at `at`, which may be an opening byte's
    /// closing one.
    fn close(&mut self, bytes: &[u8], mut at: usize) -> Parsed<Next> {
        while self.depth > 0 {
            let object = self.bits & 1 == 1;
            match next_element(bytes, at, if object { b'}' } else { b']' })? {
                Next::Value(next) if object => return Ok(Next::Value(key(bytes, next)?.1)),
                Next::Value(next) => return Ok(Next::Value(next)),
                Next::End(end) => at = end,
            }
            self.bits >>= 1;
            self.depth -= 1;
        }
        Ok(Next::End(at))
    }
}

/// Refuses another level inside `depth` open ones.
pub(super) fn check_depth(depth: usize, at: usize) -> Parsed<()> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    Err(Problem::new(
        at,
        format!("nested deeper than {MAX_DEPTH} levels"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> bool {
        skip_value(text.as_bytes(), 0, 0) == Ok(text.len())
    }

    #[test]
    fn accepts_what_the_rfc_allows_and_nothing_else() {
        let good = [
            "0",
            "-0",
            "10",
            "-1.5e+10",
            "1E5",
            "true",
            "false",
            "null",
            "\"\"",
            "[]",
            "{}",
            "[ ]",
            "{ }",
            "[1 , 2]",
            "{\"a\":[{}, [], \"x\"] , \"b\":null}",
            r#""\u00e9\n\"""#,
            r#""\ud83d\ude00""#,
            "[[],[[]]]",
        ];
        for text in good {
            assert!(whole(text), "{text}");
        }
        let bad = [
            "",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1e",
            "NaN",
            "Infinity",
            "tru",
            "[1,]",
            "{\"a\":1,}",
            "[1 2]",
            "{\"a\" 1}",
            "{a:1}",
            "\"a",
            "\"\t\"",
            r#""\x""#,
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\u0041""#,
            r#""\u12g4""#,
            "[",
            "{",
            "{\"a\"",
            "[1}",
            "{]",
            "'a'",
            "//",
            "[,]",
            "{,}",
        ];
        for text in bad {
            assert!(!whole(text), "{text}");
        }
    }

    #[test]
    fn depth_is_limited_without_recursion() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(whole(&nested(MAX_DEPTH)));
        let refused = skip_value("[".repeat(100_000).as_bytes(), 0, 0).unwrap_err();
        assert_eq!(refused.at, MAX_DEPTH);
        assert_eq!(refused.what, "nested deeper than 128 levels");
        assert!(skip_value(nested(MAX_DEPTH).as_bytes(), 0, 1).is_err());
    }

    #[test]
    fn special_bytes_are_found_at_every_place() {
        for byte in 0..=255_u8 {
            for place in 0..20 {
                let mut text = vec![b'a'; 20];
                text[place] = byte;
                let expected = if byte < 0x20 || byte == b'"' || byte == b'\\' {
                    place
                } else {
                    20
                };
                assert_eq!(special(&text, 0), expected, "{byte} at {place}");
            }
        }
    }
}
