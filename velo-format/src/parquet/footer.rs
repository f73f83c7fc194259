//! A look at a file's ends before any decoder sees it.

use ::parquet::file::reader::{ChunkReader, Length};
use velo_core::{Error, ErrorKind, Result};

use super::error::{corrupt, unreadable};
use super::input::ParquetBytes;
use super::nesting::{self, Flaw};

const MAGIC: &[u8] = b"PAR1";
const ENCRYPTED: &[u8] = b"PARE";
/// Magic at both ends, and the length of the metadata before the last.
const SHORTEST: u64 = 12;
const TAIL: usize = 8;
/// Metadata of a file with a million column chunks is a tenth of this.
const LARGEST_METADATA: u64 = 1 << 30;

/// Refuses what is not a whole Parquet file.
pub(super) fn check(bytes: &ParquetBytes) -> Result<()> {
    let size = bytes.len();
    if size < SHORTEST {
        let problem = "not a parquet file: it has fewer than 12 bytes";
        return Err(Error::new(ErrorKind::InvalidData, problem).with("bytes", size));
    }
    let head = bytes.get_bytes(0, MAGIC.len()).map_err(unreadable)?;
    let tail = bytes
        .get_bytes(size - TAIL as u64, TAIL)
        .map_err(unreadable)?;
    if &head[..] == ENCRYPTED || &tail[4..] == ENCRYPTED {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "parquet file is encrypted",
        ));
    }
    if &head[..] != MAGIC {
        return Err(refuse("not a parquet file: no PAR1 at its start"));
    }
    if &tail[4..] != MAGIC {
        return Err(refuse(
            "not a parquet file: no PAR1 at its end; it may be truncated",
        ));
    }
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if length > size - SHORTEST {
        return Err(corrupt().with_source("its metadata are said to be longer than the file"));
    }
    if length > LARGEST_METADATA {
        return Err(corrupt().with_source("its metadata are said to be longer than 1 GiB"));
    }
    let start = size - TAIL as u64 - length;
    let metadata = bytes
        .get_bytes(start, length as usize)
        .map_err(unreadable)?;
    match nesting::flaw(&metadata) {
        None => Ok(()),
        Some(Flaw::TooDeep) => {
            let problem = format!("its schema is nested over {} levels", nesting::DEEPEST);
            Err(corrupt().with_source(problem))
        }
        Some(Flaw::TooMany) => {
            Err(corrupt().with_source("its schema announces more columns than it has"))
        }
    }
}

fn refuse(problem: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, problem)
}
