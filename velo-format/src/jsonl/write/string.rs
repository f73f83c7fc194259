//! Strings as RFC 8259 writes them.

use crate::text::{Special, Text, find_equal, find_less, repeat};

/// Quotes, backslashes and control characters.
#[derive(Clone, Copy)]
pub(super) struct JsonSpecial;

impl JsonSpecial {
    fn is_special(byte: u8) -> bool {
        byte < b' ' || byte == b'"' || byte == b'\\'
    }
}

impl Special for JsonSpecial {
    #[inline(always)]
    fn find(self, word: u64) -> u64 {
        find_less(word, repeat(b' '))
            | find_equal(word, repeat(b'"'))
            | find_equal(word, repeat(b'\\'))
    }
}

/// Writes a string between quotes.
pub(super) fn quoted(string: &[u8], text: &mut Text) {
    text.byte(b'"');
    escaped(string, text);
    text.byte(b'"');
}

/// Writes a string without quotes around it, its special bytes escaped.
#[inline(never)]
pub(super) fn escaped(string: &[u8], text: &mut Text) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut from = 0;
    for (at, byte) in string.iter().enumerate() {
        if !JsonSpecial::is_special(*byte) {
            continue;
        }
        text.bytes(&string[from..at]);
        from = at + 1;
        match byte {
            b'"' | b'\\' => text.put([b'\\', *byte], 2),
            b'\n' => text.put(*b"\\n", 2),
            b'\r' => text.put(*b"\\r", 2),
            b'\t' => text.put(*b"\\t", 2),
            0x08 => text.put(*b"\\b", 2),
            0x0c => text.put(*b"\\f", 2),
            _ => {
                let [high, low] = [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
                text.put([b'\\', b'u', b'0', b'0', high, low], 6);
            }
        }
    }
    text.bytes(&string[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_must_be_and_nothing_else() {
        for (string, expected) in [
            ("", r#""""#),
            ("a\"b\\c/", r#""a\"b\\c/""#),
            ("\n\r\t\u{8}\u{c}", r#""\n\r\t\b\f""#),
            ("\0\u{1f}\u{7f}", "\"\\u0000\\u001f\u{7f}\""),
            ("é\u{2028}😀", "\"é\u{2028}😀\""),
        ] {
            let mut text = Text::new(0);
            quoted(string.as_bytes(), &mut text);
            assert_eq!(text.as_slice(), expected.as_bytes());
        }
    }
}
