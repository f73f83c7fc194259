//! Percent-escapes (RFC 3986, section 2.1): decoded to bytes first, then read as UTF-8.

use std::borrow::Cow;

use crate::{Error, ErrorKind, Result};

/// Decodes `%XX` escapes to bytes and reads the result as UTF-8; `+` stays a plus.
///
/// # Errors
/// `InvalidInput` for an escape without two hex digits and for bytes that are not UTF-8.
///
/// ```
/// use velo_core::uri::percent_decode;
/// assert_eq!(percent_decode("caf%C3%A9")?, "café");
/// assert!(percent_decode("%E9").is_err());
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn decode(text: &str) -> Result<Cow<'_, str>> {
    if !text.as_bytes().contains(&b'%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let digits = tail
            .get(..2)
            .and_then(|two| Some((hex(two[0])?, hex(two[1])?)));
        let Some((high, low)) = digits else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "`%` is not followed by two hex digits",
            )
            .with("byte", text.len() - rest.len())
            .with_hint("write a literal percent sign as %25"));
        };
        bytes.push(high << 4 | low);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| {
        Error::new(
            ErrorKind::InvalidInput,
            "percent-escapes decode to bytes that are not UTF-8",
        )
    })
}

/// Escapes everything but letters, digits and `-_.~/,:*`, so that the text fits any place of a URI.
///
/// ```
/// assert_eq!(velo_core::uri::percent_encode("a&b=ü"), "a%26b%3D%C3%BC");
/// ```
#[must_use]
pub fn encode(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/,:*".contains(&byte);
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            for digit in [byte >> 4, byte & 15] {
                escaped.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    Cow::Owned(escaped)
}

/// Decodes text that the URI parser has checked already.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    decode(text).unwrap_or(Cow::Borrowed(text))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
