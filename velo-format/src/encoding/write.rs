//! Turning text that was written as UTF-8 into another encoding.

use std::borrow::Cow;

use encoding_rs::{EncoderResult, WINDOWS_1252};
use velo_core::{Error, ErrorKind, Result};

use super::LITTLE;
use crate::{Encoding, InvalidBytes};

/// What is written for a character that the encoding does not have.
const SUBSTITUTE: u8 = b'?';

/// Encodes pieces of text, each whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextEncoder {
    encoding: Encoding,
    invalid: InvalidBytes,
}

impl TextEncoder {
    /// Encodes to `encoding`; `invalid` says what becomes of characters that it does not have.
    pub(crate) fn new(encoding: Encoding, invalid: InvalidBytes) -> Self {
        Self { encoding, invalid }
    }

    /// Gives the byte order mark that a file begins with.
    pub(crate) fn mark(self) -> &'static [u8] {
        match self.encoding {
            Encoding::Utf16 => &LITTLE,
            _ => &[],
        }
    }

    /// Says whether the text can be encoded under the policy.
    pub(crate) fn takes(self, text: &[u8]) -> bool {
        match self.encoding {
            Encoding::Utf8 | Encoding::Utf16 | Encoding::Utf16Le | Encoding::Utf16Be => true,
            Encoding::Latin1 | Encoding::Windows1252 => self.encode(text).is_ok(),
        }
    }

    /// Encodes a piece of text.
    ///
    /// # Errors
    /// `InvalidData` for a character that the encoding does not have.
    pub(crate) fn encode(self, text: &[u8]) -> Result<Cow<'_, [u8]>> {
        let sound = || {
            str::from_utf8(text).map_err(|error| {
                Error::new(ErrorKind::Unexpected, "written text is not UTF-8").with_source(error)
            })
        };
        Ok(match self.encoding {
            Encoding::Utf8 => Cow::Borrowed(text),
            Encoding::Utf16 | Encoding::Utf16Le => units(sound()?, u16::to_le_bytes),
            Encoding::Utf16Be => units(sound()?, u16::to_be_bytes),
            _ if text.is_ascii() => Cow::Borrowed(text),
            Encoding::Latin1 => Cow::Owned(self.latin1(sound()?)?),
            Encoding::Windows1252 => Cow::Owned(self.windows(sound()?)?),
        })
    }

    fn latin1(self, text: &str) -> Result<Vec<u8>> {
        let byte = |char: char| u8::try_from(u32::from(char)).or_else(|_| self.substitute());
        text.chars().map(byte).collect()
    }

    fn windows(self, mut text: &str) -> Result<Vec<u8>> {
        let mut encoder = WINDOWS_1252.new_encoder();
        // Every character becomes one byte.
        let mut bytes = vec![0; text.len()];
        let mut written = 0;
        loop {
            let room = &mut bytes[written..];
            let (result, read, wrote) =
                encoder.encode_from_utf8_without_replacement(text, room, true);
            text = &text[read..];
            written += wrote;
            match result {
                EncoderResult::InputEmpty => break,
                EncoderResult::OutputFull => bytes.resize(bytes.len() + text.len() + 1, 0),
                EncoderResult::Unmappable(_) => {
                    bytes[written] = self.substitute()?;
                    written += 1;
                }
            }
        }
        bytes.truncate(written);
        Ok(bytes)
    }

    fn substitute(self) -> Result<u8> {
        match self.invalid {
            InvalidBytes::Replace => Ok(SUBSTITUTE),
            InvalidBytes::Fail => Err(self.refuse()),
        }
    }

    /// Says that a text has a character that the encoding does not have.
    #[cold]
    pub(crate) fn refuse(self) -> Error {
        Error::new(
            ErrorKind::InvalidData,
            "text has a character that the encoding does not have",
        )
        .with("encoding", self.encoding.name())
        .with_hint("encoding=utf-8 holds every character, invalid_bytes=replace writes `?` for it")
    }
}

fn units(text: &str, bytes: fn(u16) -> [u8; 2]) -> Cow<'static, [u8]> {
    let mut encoded = Vec::with_capacity(2 * text.len());
    for unit in text.encode_utf16() {
        encoded.extend_from_slice(&bytes(unit));
    }
    Cow::Owned(encoded)
}
