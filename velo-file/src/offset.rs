//! Positions in files, and what tells that a file is still the same.

use std::cmp::Ordering;

use velo_core::uri::{percent_decode, percent_encode};
use velo_core::{Error, ErrorKind, Offset, Result};

/// A place in a file.
///
/// ```
/// use velo_file::Place;
/// assert!(Place::Row { group: 0, row: 9 } < Place::Row { group: 1, row: 0 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// So many bytes from the file's start.
    Byte(u64),
    /// So many bytes from the start of what the file holds decompressed.
    Decompressed(u64),
    /// A row of a row group.
    Row {
        /// The row group, from 0.
        group: u64,
        /// The rows of the group before it.
        row: u64,
    },
}

/// What a file looked like when a position in it was stored.
///
/// Times do not count: a copy of the file is the same file, a rewritten one of the same size and
/// time is not.
///
/// ```
/// let empty = velo_file::Fingerprint::default();
/// assert_eq!(empty.size, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// The size in bytes.
    pub size: u64,
    /// A hash of the first bytes.
    pub head: u64,
    /// A hash of the last bytes before the place; of the file's last bytes where the place is not
    /// a byte of the file itself.
    pub tail: u64,
}

/// From where to read on in a file.
///
/// ```
/// use velo_core::SourceOffset;
/// use velo_file::{FileOffset, Fingerprint, Place};
/// let offset = FileOffset {
///     path: "data/a b.csv".into(),
///     place: Place::Byte(1024),
///     record: 17,
///     fingerprint: Fingerprint { size: 4096, head: 1, tail: 2 },
/// };
/// let stored = SourceOffset::seal(offset.clone()).to_string();
/// assert_eq!(stored, "file.v1:b1024:17:4096:1:2:data/a%20b.csv");
/// assert_eq!(stored.parse::<SourceOffset>()?.open::<FileOffset>()?, offset);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOffset {
    /// The file.
    pub path: String,
    /// The place in it.
    pub place: Place,
    /// The number of records of the split before it, bad ones included.
    pub record: u64,
    /// What the file looked like.
    pub fingerprint: Fingerprint,
}

impl Offset for FileOffset {
    const KIND: &'static str = "file";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        let Fingerprint { size, head, tail } = self.fingerprint;
        let (place, record, path) = (spelled(self.place), self.record, percent_encode(&self.path));
        format!("{place}:{record}:{size}:{head:x}:{tail:x}:{path}")
    }

    fn decode(_version: u32, text: &str) -> Result<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or_else(damaged);
        Ok(Self {
            place: place(next()?)?,
            record: number(next()?, 10)?,
            fingerprint: Fingerprint {
                size: number(next()?, 10)?,
                head: number(next()?, 16)?,
                tail: number(next()?, 16)?,
            },
            path: percent_decode(next()?)?.into_owned(),
        })
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        let alike = std::mem::discriminant(&self.place) == std::mem::discriminant(&other.place);
        (self.path == other.path && alike).then(|| self.place.cmp(&other.place))
    }
}

/// How far files have been found and divided.
///
/// Files that come up later under a name before `path` are not found any more.
///
/// ```
/// use velo_core::SourceOffset;
/// use velo_file::{DiscoveryOffset, Place};
/// let offset = DiscoveryOffset { path: "b.csv".into(), next: None, order: 2, records: 0, row: 0 };
/// let stored = SourceOffset::seal(offset.clone()).to_string();
/// assert_eq!(stored, "file-discovery.v1:-:2:0:0:b.csv");
/// assert_eq!(stored.parse::<SourceOffset>()?.open::<DiscoveryOffset>()?, offset);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveryOffset {
    /// The last file of which a split was handed out.
    pub path: String,
    /// Where its next split starts; `None` when it is handed out whole.
    pub next: Option<Place>,
    /// The order of the next split.
    pub order: u64,
    /// The records handed out so far, where they are counted.
    pub records: u64,
    /// The rows of the file before `next`.
    pub row: u64,
}

impl Offset for DiscoveryOffset {
    const KIND: &'static str = "file-discovery";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        let next = self.next.map_or("-".to_owned(), spelled);
        let (order, records, row) = (self.order, self.records, self.row);
        format!(
            "{next}:{order}:{records}:{row}:{}",
            percent_encode(&self.path)
        )
    }

    fn decode(_version: u32, text: &str) -> Result<Self> {
        let mut parts = text.splitn(5, ':');
        let mut following = || parts.next().ok_or_else(damaged);
        let next = match following()? {
            "-" => None,
            text => Some(place(text)?),
        };
        Ok(Self {
            next,
            order: number(following()?, 10)?,
            records: number(following()?, 10)?,
            row: number(following()?, 10)?,
            path: percent_decode(following()?)?.into_owned(),
        })
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(self.order.cmp(&other.order))
    }
}

pub(crate) fn spelled(place: Place) -> String {
    match place {
        Place::Byte(at) => format!("b{at}"),
        Place::Decompressed(at) => format!("d{at}"),
        Place::Row { group, row } => format!("g{group}.{row}"),
    }
}

pub(crate) fn place(text: &str) -> Result<Place> {
    let kind = text.chars().next().ok_or_else(damaged)?;
    let rest = text.get(1..).ok_or_else(damaged)?;
    match kind {
        'b' => Ok(Place::Byte(number(rest, 10)?)),
        'd' => Ok(Place::Decompressed(number(rest, 10)?)),
        'g' => {
            let (group, row) = rest.split_once('.').ok_or_else(damaged)?;
            Ok(Place::Row {
                group: number(group, 10)?,
                row: number(row, 10)?,
            })
        }
        _ => Err(damaged()),
    }
}

pub(crate) fn number(text: &str, radix: u32) -> Result<u64> {
    u64::from_str_radix(text, radix).map_err(|_| damaged())
}

fn damaged() -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        "stored position of a file is damaged",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use velo_core::SourceOffset;

    fn offset(path: &str, place: Place) -> FileOffset {
        FileOffset {
            path: path.to_owned(),
            place,
            record: 3,
            fingerprint: Fingerprint {
                size: 10,
                head: u64::MAX,
                tail: 0,
            },
        }
    }

    #[test]
    fn text_round_trips() {
        for offset in [
            offset("a:b#c/ü.csv", Place::Byte(0)),
            offset("/x", Place::Decompressed(u64::MAX)),
            offset("/x", Place::Row { group: 3, row: 9 }),
        ] {
            let stored: SourceOffset = SourceOffset::seal(offset.clone())
                .to_string()
                .parse()
                .unwrap();
            assert_eq!(stored.open::<FileOffset>().unwrap(), offset);
        }
        for damaged in [
            "",
            "b1",
            "x1:2:3:4:5:6",
            "b1:2:3:z:z:6",
            "b-1:0:0:0:0:a",
            "ü",
        ] {
            assert!(FileOffset::decode(1, damaged).is_err(), "{damaged}");
        }
        for damaged in ["", "-", "x1:2:3:4:5", "-:a:0:0:b", "g1:0:0:0:b"] {
            assert!(DiscoveryOffset::decode(1, damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn orders_within_one_file() {
        let at = |path, byte| offset(path, Place::Byte(byte));
        assert_eq!(at("a", 1).compare(&at("a", 2)), Some(Ordering::Less));
        assert_eq!(at("a", 1).compare(&at("b", 2)), None);
        let decompressed = offset("a", Place::Decompressed(1));
        assert_eq!(at("a", 1).compare(&decompressed), None);
    }
}
