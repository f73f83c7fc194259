//! Telling by content what a file is a copy of: of one that was read, plain or compressed.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use velo_core::Result;

use super::follow::{HEAD, TAIL, holds, read_at};
use super::member::Lines;
use super::scan;
use crate::source::Settings;
use crate::source::coding::Coding;
use crate::source::detect;
use crate::source::file::{OpenFile, hash};
use crate::source::stream::fill;

/// What a file has in common with one that was read up to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It begins with all that was read.
    Copy {
        /// It is compressed.
        packed: bool,
        /// It ends where the reading ended.
        whole: bool,
    },
    /// It begins like it, and is too short or not finished yet.
    Begun,
    /// It is another file.
    None,
}

/// A file that is looked at.
pub(super) struct Candidate {
    file: File,
    size: u64,
    path: String,
    coding: Option<Coding>,
}

impl Candidate {
    /// Opens a file; `None` where that cannot be done.
    pub(super) fn open(path: &str, settings: &Settings) -> Option<Self> {
        let file = scan::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        let magic = read_at(&file, 0, detect::MAGIC as usize).ok()?;
        let compression = detect::compression(&settings.formats, path, &magic, &mut Vec::new());
        let compression = compression.ok()?;
        let coding = Coding::new(compression, &magic, &settings.formats);
        Some(Self {
            file,
            size,
            path: path.to_owned(),
            coding: (!coding.is_plain()).then_some(coding),
        })
    }

    /// Says whether it is compressed.
    pub(super) fn is_packed(&self) -> bool {
        self.coding.is_some()
    }

    /// Compares it with what was read of a file up to a place.
    pub(super) fn compare(&self, read: Lines) -> Likeness {
        let compared = match self.coding {
            None => self.compare_plain(read),
            Some(coding) => self.compare_packed(coding, read),
        };
        // What cannot be read now may be readable later.
        compared.unwrap_or(Likeness::Begun)
    }

    fn compare_plain(&self, read: Lines) -> io::Result<Likeness> {
        if read.at == 0 {
            return Ok(Likeness::None);
        }
        if self.size >= read.at {
            return Ok(match holds(&self.file, read)? {
                true => Likeness::Copy {
                    packed: false,
                    whole: self.size == read.at,
                },
                false => Likeness::None,
            });
        }
        let enough = self.size >= read.at.min(HEAD as u64) && self.size > 0;
        let head = read_at(&self.file, 0, read.at.min(HEAD as u64) as usize)?;
        Ok(match enough && hash(&head) != read.head {
            true => Likeness::None,
            false => Likeness::Begun,
        })
    }

    /// Decompresses up to the place, keeping no more than what is compared.
    fn compare_packed(&self, coding: Coding, read: Lines) -> io::Result<Likeness> {
        if read.at == 0 {
            return Ok(Likeness::None);
        }
        let opened = |path: &str| -> Result<Box<dyn Read + Send>> {
            coding.contents(&Arc::new(OpenFile::open(path)?))
        };
        let mut input = opened(&self.path).map_err(io::Error::other)?;
        let head = read.at.min(HEAD as u64) as usize;
        let (mut kept, mut passed) = (vec![0; head], head as u64);
        if fill(&mut input, &mut kept)? < head || hash(&kept) != read.head {
            return Ok(Likeness::None);
        }
        let mut block = vec![0; 64 << 10];
        while passed < read.at {
            let wanted = usize::try_from(read.at - passed).unwrap_or(usize::MAX);
            let wanted = wanted.min(block.len());
            let filled = fill(&mut input, &mut block[..wanted])?;
            kept.extend_from_slice(&block[..filled]);
            kept.drain(..kept.len().saturating_sub(TAIL));
            passed += filled as u64;
            if filled < wanted {
                return Ok(Likeness::None);
            }
        }
        let tail = &kept[kept.len().saturating_sub(TAIL)..];
        Ok(match hash(tail) == read.tail {
            true => Likeness::Copy {
                packed: true,
                whole: fill(&mut input, &mut block[..1])? == 0,
            },
            false => Likeness::None,
        })
    }

    /// Says whether both begin with the same bytes, as many as both have.
    pub(super) fn begins_like(&self, path: &str) -> bool {
        let begin = |file: &File| read_at(file, 0, HEAD);
        let own = match self.coding {
            None => begin(&self.file),
            Some(coding) => OpenFile::open(&self.path)
                .and_then(|file| coding.contents(&Arc::new(file)))
                .map_err(io::Error::other)
                .and_then(|mut input| {
                    let mut bytes = vec![0; HEAD];
                    let filled = fill(&mut input, &mut bytes)?;
                    bytes.truncate(filled);
                    Ok(bytes)
                }),
        };
        let other = scan::open(path).and_then(|file| begin(&file));
        let (Ok(own), Ok(other)) = (own, other) else {
            return false;
        };
        let common = own.len().min(other.len());
        common > 0 && own[..common] == other[..common]
    }
}
