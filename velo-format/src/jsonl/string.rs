//! Escapes in strings.

use std::borrow::Cow;

use super::problem::{Parsed, Problem};
use super::token::{StringToken, special};

/// Decodes the escape whose backslash stands at `at`; gives the character and the place behind.
pub(super) fn escape(bytes: &[u8], at: usize) -> Parsed<(char, usize)> {
    let plain = match bytes.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(bytes, at),
        _ => return Err(Problem::new(at, "not valid JSON: an unknown escape")),
    };
    Ok((plain, at + 2))
}

fn unicode_escape(bytes: &[u8], at: usize) -> Parsed<(char, usize)> {
    let first = code_unit(bytes, at)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, at + 6));
    }
    let lone = || Problem::new(at, "half a surrogate pair in a \\u escape");
    if bytes.get(at + 6..at + 8) != Some(b"\\u") {
        return Err(lone());
    }
    let second = code_unit(bytes, at + 6)?;
    if first >= 0xdc00 || !(0xdc00..0xe000).contains(&second) {
        return Err(lone());
    }
    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    let character = char::from_u32(code).ok_or_else(lone)?;
    Ok((character, at + 12))
}

/// Reads the four digits of the `\u` at `at`.
fn code_unit(bytes: &[u8], at: usize) -> Parsed<u32> {
    let digits = bytes.get(at + 2..at + 6).unwrap_or_default();
    let digit = |code: u32, byte: &u8| Some(code << 4 | char::from(*byte).to_digit(16)?);
    match digits.iter().try_fold(0, digit) {
        Some(code) if digits.len() == 4 => Ok(code),
        _ => Err(Problem::new(
            at,
            "not valid JSON: \\u needs four hexadecimal digits",
        )),
    }
}

/// Appends a string's content, its escapes resolved, to `out`.
///
/// `raw` must be what stands between the quotes of a string that was tokenised before.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Parsed<()> {
    let mut at = 0;
    while at < raw.len() {
        let end = special(raw, at);
        out.extend_from_slice(&raw[at..end]);
        if end == raw.len() {
            break;
        }
        let (character, next) = escape(raw, end)?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        at = next;
    }
    Ok(())
}

/// Gives a key as a name.
pub(super) fn name<'a>(bytes: &'a [u8], token: &StringToken) -> Parsed<Cow<'a, str>> {
    if !token.escaped {
        return Ok(String::from_utf8_lossy(token.raw(bytes)));
    }
    let mut name = Vec::new();
    unescape(token.raw(bytes), &mut name)?;
    Ok(Cow::Owned(String::from_utf8_lossy(&name).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_escapes() {
        for (raw, expected) in [
            (r"", ""),
            (r"a\\\/\b\f\n\r\t\u0022z", "a\\/\u{8}\u{c}\n\r\t\"z"),
            (r"\u00e9\u20ac\ud83d\ude00", "é€😀"),
            (r"\u0000", "\0"),
            ("é\\n€", "é\n€"),
        ] {
            let mut out = Vec::new();
            unescape(raw.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
        for raw in [
            r"\ud83d",
            r"\ude00",
            r"\ud83dx",
            r"\ud83d\ud83d",
            r"\u00",
            r"\q",
            "\\",
        ] {
            assert!(unescape(raw.as_bytes(), &mut Vec::new()).is_err(), "{raw}");
        }
    }
}
