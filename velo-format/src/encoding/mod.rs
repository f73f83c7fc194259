//! Character encodings of text: everything but UTF-8 is turned into it before it is decoded, and
//! out of it after it was encoded.
//!
//! UTF-8 itself passes through as it is: decoders check it, and hand rows over that are not valid.

mod read;
mod write;

pub use read::TextReader;
pub(crate) use write::TextEncoder;

use crate::Encoding;

/// What the user can do about text that is not UTF-8.
pub(crate) const NOT_UTF8: &str =
    "encoding= names another encoding, invalid_bytes=replace reads it anyway";
/// Marks of UTF-16 at a text's start; neither can stand in UTF-8.
const LITTLE: [u8; 2] = [0xff, 0xfe];
const BIG: [u8; 2] = [0xfe, 0xff];

impl Encoding {
    /// Gives the name that options and errors use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Latin1 => "latin1",
            Self::Windows1252 => "windows-1252",
        }
    }

    /// Takes the first two bytes of a text into account, which can be a byte order mark: `utf-8`
    /// is UTF-16 with one, and `utf-16` has its byte order from it (little endian without).
    ///
    /// ```
    /// use velo_format::Encoding;
    /// assert_eq!(Encoding::Utf8.of_text(b"\xff\xfei\0"), Encoding::Utf16Le);
    /// assert_eq!(Encoding::Utf8.of_text(b"id"), Encoding::Utf8);
    /// assert_eq!(Encoding::Latin1.of_text(b"\xff\xfe"), Encoding::Latin1);
    /// ```
    #[must_use]
    pub fn of_text(self, head: &[u8]) -> Self {
        match self {
            Self::Utf8 | Self::Utf16 if head.starts_with(&LITTLE) => Self::Utf16Le,
            Self::Utf8 | Self::Utf16 if head.starts_with(&BIG) => Self::Utf16Be,
            Self::Utf16 => Self::Utf16Le,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
