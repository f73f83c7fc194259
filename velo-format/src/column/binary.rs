//! Columns of bytes, spelled in base64 (RFC 4648).

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::BinaryBuilder;
use velo_core::Result;

use super::fields::OneByOne;
use super::{ColumnBuilder, Fields};

/// Builds a column of bytes.
pub(super) struct Binaries {
    builder: BinaryBuilder,
    length: usize,
}

impl Binaries {
    pub(super) fn new() -> Self {
        Self {
            builder: BinaryBuilder::new(),
            length: 0,
        }
    }
}

impl ColumnBuilder for Binaries {
    fn append(&mut self, text: &[u8]) -> bool {
        let bytes = parse_base64(text);
        let sound = bytes.is_some();
        self.builder.append_option(bytes);
        self.length += 1;
        sound
    }

    fn append_null(&mut self) {
        self.builder.append_null();
        self.length += 1;
    }

    fn append_fields(&mut self, fields: &Fields<'_>, refused: &mut Vec<u32>) {
        fields.feed(&mut OneByOne {
            column: self,
            refused,
        });
    }

    fn len(&self) -> usize {
        self.length
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        self.length = 0;
        Ok(Arc::new(self.builder.finish()))
    }
}

/// Reads base64 with its padding; bits that stand for nothing have to be zero.
fn parse_base64(text: &[u8]) -> Option<Vec<u8>> {
    let digits = match text {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] => digits,
        _ => text,
    };
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 || digits.ends_with(b"=") {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            bits = bits << 6 | u32::from(sextet(*byte)?);
        }
        let [_, all @ ..] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        let whole = group.len() * 6 / 8;
        if all[whole..].iter().any(|rest| *rest != 0) {
            return None;
        }
        bytes.extend_from_slice(&all[..whole]);
    }
    Some(bytes)
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_vectors_of_rfc_4648() {
        for (text, expected) in [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYg==", Some("foob")),
            ("Zm9vYmE=", Some("fooba")),
            ("Zm9vYmFy", Some("foobar")),
            ("Zg=", None),
            ("Zg", None),
            ("Zh==", None),
            ("Z===", None),
            ("====", None),
            ("Zm9v====", None),
            ("Zm-v", None),
        ] {
            let expected = expected.map(|text| text.as_bytes().to_vec());
            assert_eq!(parse_base64(text.as_bytes()), expected, "{text}");
        }
    }
}
