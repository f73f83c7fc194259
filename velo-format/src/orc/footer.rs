//! What stands at a file's end (ORC 1, "File Tail"), checked before the decoder sees any of it.

use orc_rust::proto::{PostScript, StripeInformation, Type};
use prost::Message;
use velo_core::{Error, ErrorKind, Result};

use super::chunks::Chunks;
use super::error::{corrupt, wrong};
use crate::ReadAt;

const MAGIC: &[u8] = b"ORC";
/// Magic, one byte of postscript, and its length.
const SHORTEST: u64 = 5;
/// A footer of a file or of a stripe, in bytes, compressed or not.
pub(super) const LARGEST_FOOTER: u64 = 32 << 20;

/// What of a file's footer is looked at; its statistics are not.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Footer {
    #[prost(message, repeated, tag = "3")]
    pub(super) stripes: Vec<StripeInformation>,
    #[prost(message, repeated, tag = "4")]
    pub(super) types: Vec<Type>,
    #[prost(uint64, optional, tag = "6")]
    pub(super) rows: Option<u64>,
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(super) encryption: Option<Vec<u8>>,
}

/// A file's footer, and how its streams are compressed.
pub(super) struct Tail {
    pub(super) footer: Footer,
    pub(super) chunks: Chunks,
}

/// Reads a file's end.
pub(super) fn read(bytes: &dyn ReadAt) -> Result<Tail> {
    let size = bytes.size();
    if size < SHORTEST {
        let problem = "not an orc file: it has fewer than 5 bytes";
        return Err(Error::new(ErrorKind::InvalidData, problem).with("bytes", size));
    }
    if *fetch(bytes, 0, MAGIC.len() as u64)? != *MAGIC {
        let problem = "not an orc file: no ORC at its start";
        return Err(Error::new(ErrorKind::InvalidData, problem));
    }
    let cut = || {
        let problem = "orc file has no postscript at its end; it may be truncated";
        Error::new(ErrorKind::InvalidData, problem)
    };
    let length = u64::from(fetch(bytes, size - 1, 1)?[0]);
    let end = (size - 1).checked_sub(length).ok_or_else(cut)?;
    let postscript = fetch(bytes, end, length)?;
    let postscript = PostScript::decode(&*postscript).map_err(|_| cut())?;
    if postscript.magic().as_bytes() != MAGIC {
        return Err(cut());
    }
    let length = postscript.footer_length();
    if length > LARGEST_FOOTER || length > end - MAGIC.len() as u64 {
        return Err(wrong(
            "its footer is said to be longer than the file or 32 MiB",
        ));
    }
    let chunks = Chunks::new(
        postscript.compression.unwrap_or_default(),
        postscript.compression_block_size,
    )?;
    let footer = chunks.decompress(fetch(bytes, end - length, length)?, LARGEST_FOOTER)?;
    let footer = Footer::decode(&*footer).map_err(|error| corrupt().with_source(error))?;
    if footer.encryption.is_some() {
        return Err(encrypted());
    }
    check_places(&footer, end - length)?;
    Ok(Tail { footer, chunks })
}

/// Refuses stripes that do not lie before `end`, and rows that are not theirs.
fn check_places(footer: &Footer, end: u64) -> Result<()> {
    let mut rows = Some(0_u64);
    for stripe in &footer.stripes {
        let lengths = [
            stripe.index_length(),
            stripe.data_length(),
            stripe.footer_length(),
        ];
        let place = lengths
            .into_iter()
            .try_fold(stripe.offset(), u64::checked_add);
        if place.is_none_or(|stripe| stripe > end) || stripe.footer_length() > LARGEST_FOOTER {
            return Err(wrong("it has a stripe beyond its end"));
        }
        rows = rows.and_then(|rows| rows.checked_add(stripe.number_of_rows()));
    }
    match rows == Some(footer.rows.unwrap_or_default()) {
        true => Ok(()),
        false => Err(wrong("its stripes have another number of rows than it")),
    }
}

/// Says that data are encrypted.
pub(super) fn encrypted() -> Error {
    Error::new(ErrorKind::Unsupported, "orc file is encrypted")
}

/// Reads bytes that are within the file.
pub(super) fn fetch(bytes: &dyn ReadAt, offset: u64, length: u64) -> Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(|_| wrong("it has a part that is too long"))?;
    let mut buffer = vec![0; length];
    let mut filled = 0;
    while filled < buffer.len() {
        match bytes.read_at(offset + filled as u64, &mut buffer[filled..]) {
            Ok(0) => return Err(wrong("it ends before its size")),
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(buffer)
}
