//! Blocks of a container: a number of records, a size, so many bytes, the marker.

use velo_core::{Error, ErrorKind, Result};

use super::header::SYNC;
use super::input::{Input, Parsed};

/// A block as it stands in the file.
pub(super) struct Block<'b> {
    /// Records in it.
    pub(super) records: u64,
    /// Its records, compressed.
    pub(super) bytes: &'b [u8],
    /// Its length with all that belongs to it.
    pub(super) length: usize,
}

/// The two numbers before a block.
pub(super) struct Sizes {
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// The length of the numbers themselves.
    pub(super) length: usize,
}

/// Reads the numbers before a block.
pub(super) fn sizes(bytes: &[u8]) -> Parsed<Option<Sizes>> {
    let mut input = Input::new(bytes);
    let mut number = || match input.long() {
        Err(problem) if problem.is_short => Ok(None),
        number => number.map(Some),
    };
    let (Some(records), Some(bytes)) = (number()?, number()?) else {
        return Ok(None);
    };
    match (u64::try_from(records), u64::try_from(bytes)) {
        (Ok(records), Ok(bytes)) => Ok(Some(Sizes {
            records,
            bytes,
            length: input.at(),
        })),
        _ => Err(super::input::Problem::new(
            "a block has a negative size or number of records",
        )),
    }
}

/// Reads the block at the front of `input`, which stands at `place` in the file; `None` if it is
/// not whole.
///
/// # Errors
/// `InvalidData` for a block that is longer than `most` bytes or not followed by the marker.
pub(super) fn read<'b>(
    input: &'b [u8],
    place: u64,
    sync: &[u8; SYNC],
    most: usize,
) -> Result<Option<Block<'b>>> {
    let corrupt = |what: &'static str| {
        let error = Error::new(ErrorKind::InvalidData, "avro file is corrupt");
        error.with("because", what).with("byte", place)
    };
    let Some(sizes) = sizes(input).map_err(|problem| corrupt(problem.what))? else {
        return Ok(None);
    };
    let size = usize::try_from(sizes.bytes)
        .ok()
        .filter(|size| *size <= most);
    let size = size.ok_or_else(|| too_long(place, most))?;
    let body = &input[sizes.length..];
    let Some((bytes, marker)) = body.split_at_checked(size) else {
        return Ok(None);
    };
    match marker.first_chunk::<SYNC>() {
        None => Ok(None),
        Some(marker) if marker != sync => Err(corrupt("a block does not end with the marker")),
        Some(_) => Ok(Some(Block {
            records: sizes.records,
            bytes,
            length: sizes.length + size + SYNC,
        })),
    }
}

/// Starts the error for a block that is longer than allowed.
pub(super) fn too_long(place: u64, most: usize) -> Error {
    Error::new(ErrorKind::InvalidData, "block is longer than allowed")
        .with("byte", place)
        .with("max_line_length", most)
        .with_hint("max_line_length= allows more, if the file is sound")
}
