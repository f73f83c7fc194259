//! The compressions by name, by ending and by first bytes.

use crate::Compression;

/// Every compression with the endings of its files; the first is the one that is written.
const ENDINGS: [(Compression, &[&str]); 6] = [
    (Compression::Gzip, &["gz", "gzip"]),
    (Compression::Zstd, &["zst", "zstd"]),
    (Compression::Snappy, &["sz", "snappy"]),
    (Compression::Lz4, &["lz4"]),
    (Compression::Bzip2, &["bz2", "bzip2"]),
    (Compression::Xz, &["xz"]),
];

impl Compression {
    /// Gives the name that options and errors use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// Gives the ending of a compressed file's name, without a dot; `None` for no compression.
    #[must_use]
    pub fn ending(self) -> Option<&'static str> {
        let found = ENDINGS.iter().find(|(known, _)| *known == self);
        found.and_then(|(_, endings)| endings.first().copied())
    }

    /// Takes the ending of a compression off a file's name, which is in lower case: `orders.csv.gz`
    /// is `orders.csv`, compressed by gzip.
    ///
    /// ```
    /// use velo_format::Compression;
    /// assert_eq!(Compression::split_name("a.csv.bz2"), ("a.csv", Some(Compression::Bzip2)));
    /// assert_eq!(Compression::split_name("a.csv"), ("a.csv", None));
    /// ```
    #[must_use]
    pub fn split_name(name: &str) -> (&str, Option<Self>) {
        let split = name.rsplit_once('.').and_then(|(stem, ending)| {
            let mut known = ENDINGS.iter();
            let (compression, _) = known.find(|(_, endings)| endings.contains(&ending))?;
            Some((stem, Some(*compression)))
        });
        split.unwrap_or((name, None))
    }

    /// Reads a compression off an input's first bytes; eight are enough.
    ///
    /// A frame that decoders skip, which may stand before those of Zstandard and LZ4, is taken for
    /// Zstandard's.
    pub(crate) fn detect(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0xff, 0x06, 0x00, 0x00, b's', b'N', b'a', b'P', ..] => Some(Self::Snappy),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            // Behind the level comes a block, or at once the end; a text can start with `BZh9`.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0x00, ..] => Some(Self::Xz),
            _ => None,
        }
    }
}
