//! What one split reads, and how it is kept as text.

use velo_core::uri::{percent_decode, percent_encode};
use velo_core::{Error, ErrorKind, Result, Split};

use super::file::Found;
use crate::offset::{Place, number, place, spelled};

/// A file or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) path: String,
    pub(super) part: Part,
    /// The number of records of the file before it, where it is known.
    pub(super) first_row: Option<u64>,
    /// Reads so many records at most.
    pub(super) limit: Option<u64>,
    /// Size and time of the file when it was divided.
    stamp: (u64, i64),
}

/// How much of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Bytes from a record's start to a record's start or the file's end.
    Bytes { start: u64, end: u64 },
    /// Rows of a row group.
    Rows { group: u64, start: u64, end: u64 },
}

impl Piece {
    pub(super) fn new(file: &Found, part: Part, first_row: Option<u64>) -> Self {
        Self {
            path: file.path.clone(),
            part,
            first_row,
            limit: None,
            stamp: (file.size, file.modified),
        }
    }

    /// Makes the split that stands for it.
    pub(super) fn split(&self, order: u64) -> Split {
        let path = percent_encode(&self.path);
        let id = match self.part {
            Part::Whole => path.into_owned(),
            Part::Bytes { start, end } => format!("{path}#{start}-{end}"),
            Part::Rows { group, start, end } => format!("{path}#g{group}.{start}-{end}"),
        };
        Split {
            descriptor: self.encode().into(),
            ..Split::new(id, order)
        }
    }

    /// Reads the piece of a split, made now or before a restart.
    pub(super) fn of(split: &Split) -> Result<Self> {
        Self::decode(&split.descriptor).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "split is not one of files")
                .with("split", &split.id)
        })
    }

    /// Refuses a part of a file that was divided when it was another one.
    pub(super) fn check(&self, file: &Found) -> Result<()> {
        if self.part == Part::Whole || self.stamp == (file.size, file.modified) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Gap,
            "file changed after it was divided into splits",
        )
        .with("file", &self.path)
        .with_hint("read it from its start, or put the old file back"))
    }

    fn encode(&self) -> String {
        let part = match self.part {
            Part::Whole => "-".to_owned(),
            Part::Bytes { start, end } => format!("{}-{end}", spelled(Place::Byte(start))),
            Part::Rows { group, start, end } => {
                format!("{}-{end}", spelled(Place::Row { group, row: start }))
            }
        };
        let optional = |number: Option<u64>| number.map_or("-".to_owned(), |n| n.to_string());
        let (first_row, limit) = (optional(self.first_row), optional(self.limit));
        let ((size, modified), path) = (self.stamp, percent_encode(&self.path));
        format!("{part}:{first_row}:{limit}:{size}:{modified}:{path}")
    }

    fn decode(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let part = match parts.next()? {
            "-" => Part::Whole,
            text => {
                let (from, end) = text.split_once('-')?;
                let end = number(end, 10).ok()?;
                match place(from).ok()? {
                    Place::Byte(start) => Part::Bytes { start, end },
                    Place::Row { group, row: start } => Part::Rows { group, start, end },
                    Place::Decompressed(_) => return None,
                }
            }
        };
        let mut optional = || match parts.next()? {
            "-" => Some(None),
            text => text.parse().ok().map(Some),
        };
        Some(Self {
            part,
            first_row: optional()?,
            limit: optional()?,
            stamp: (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?),
            path: percent_decode(parts.next()?).ok()?.into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_keeps_what_a_reader_needs() {
        let file = Found {
            path: "/data/a b#c.csv".to_owned(),
            size: 100,
            modified: -5,
        };
        for (part, id) in [
            (Part::Whole, "/data/a%20b%23c.csv"),
            (
                Part::Bytes { start: 3, end: 90 },
                "/data/a%20b%23c.csv#3-90",
            ),
            (
                Part::Rows {
                    group: 1,
                    start: 0,
                    end: 9,
                },
                "/data/a%20b%23c.csv#g1.0-9",
            ),
        ] {
            let mut piece = Piece::new(&file, part, Some(7));
            piece.limit = Some(10);
            let split = piece.split(4);
            assert_eq!((split.id.as_str(), split.order), (id, 4));
            assert_eq!(Piece::of(&split).unwrap(), piece);
        }
        for damaged in ["", "-", "x:-:-:0:0:a", "b1-:-:-:0:0:a", "-:-:-:0:0"] {
            let split = Split {
                descriptor: damaged.into(),
                ..Split::new("a", 0)
            };
            assert!(Piece::of(&split).is_err(), "{damaged}");
        }
    }
}
