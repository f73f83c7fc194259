//! Base64 (RFC 4648) with padding.

use crate::text::Text;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes as base64.
pub(crate) fn base64(bytes: &[u8], text: &mut Text) {
    let (triples, rest) = bytes.as_chunks::<3>();
    for [first, second, third] in triples {
        text.put(quad([*first, *second, *third]), 4);
    }
    match *rest {
        [first] => {
            let [a, b, ..] = quad([first, 0, 0]);
            text.put([a, b, b'=', b'='], 4);
        }
        [first, second] => {
            let [a, b, c, _] = quad([first, second, 0]);
            text.put([a, b, c, b'='], 4);
        }
        _ => {}
    }
}

fn quad(bytes: [u8; 3]) -> [u8; 4] {
    let [first, second, third] = bytes.map(u32::from);
    let bits = first << 16 | second << 8 | third;
    [18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift & 63) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 4648, section 10, and the last two letters of the alphabet.
    #[test]
    fn matches_the_standard() {
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"fooba", "Zm9vYmE="),
            (b"foobar", "Zm9vYmFy"),
            (&[0xff, 0xef, 0xbe], "/+++"),
        ] {
            let mut text = Text::new(0);
            base64(bytes, &mut text);
            assert_eq!(text.as_slice(), expected.as_bytes());
        }
    }
}
