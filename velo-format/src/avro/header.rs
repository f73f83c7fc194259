//! The header of an object container file (Avro 1.12, "Object Container Files").

use velo_core::{Error, ErrorKind, Result};

use super::codec::BlockCodec;
use super::input::{Input, Parsed, Problem};
use super::schema::{self, Type};

pub(super) const MAGIC: &[u8] = b"Obj\x01";
/// Bytes of the marker behind every block.
pub(super) const SYNC: usize = 16;
/// Memory that a record may take whatever its values, in bytes: nulls of a long fixed take it all.
const WIDEST: usize = 64 << 20;
/// Longest header.
const LONGEST: usize = 64 << 20;

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    /// The columns of the file.
    pub(super) columns: Vec<(String, Type)>,
    pub(super) codec: BlockCodec,
    pub(super) sync: [u8; SYNC],
    /// Its own length.
    pub(super) bytes: usize,
}

/// The parts of a header, not looked into.
struct Parts<'b> {
    schema: Option<&'b [u8]>,
    codec: Option<&'b [u8]>,
    sync: [u8; SYNC],
    bytes: usize,
}

/// Reads a header; `None` asks for more bytes.
///
/// # Errors
/// `InvalidData` for what is no header; `Unsupported` for a schema or codec that is not read.
pub(super) fn read(head: &[u8], whole: bool) -> Result<Option<Header>> {
    let start = &head[..head.len().min(MAGIC.len())];
    if !MAGIC.starts_with(start) || (whole && start.len() < MAGIC.len()) {
        let error = Error::new(ErrorKind::InvalidData, "file is not an avro container");
        return Err(error.with_hint("it does not start with Obj and 1: set format="));
    }
    match parts(head) {
        Ok(parts) => look_into(&parts).map(Some),
        Err(problem) if problem.is_short && !whole && head.len() <= LONGEST => Ok(None),
        Err(problem) if problem.is_short && whole => Err(Error::new(
            ErrorKind::InvalidData,
            "file ends within its header",
        )
        .with("byte", head.len())),
        Err(problem) => {
            Err(Error::new(ErrorKind::InvalidData, "header is corrupt")
                .with("because", problem.what))
        }
    }
}

fn parts(head: &[u8]) -> Parsed<Parts<'_>> {
    let mut input = Input::new(head);
    input.take(MAGIC.len())?;
    let (mut schema, mut codec) = (None, None);
    loop {
        let (count, end) = input.items(0)?;
        if count == 0 {
            break;
        }
        for _ in 0..count {
            let (key, value) = (entry(&mut input)?, entry(&mut input)?);
            match key {
                b"avro.schema" => schema = Some(value),
                b"avro.codec" => codec = Some(value),
                _ => {}
            }
        }
        input.end_items(end)?;
    }
    Ok(Parts {
        schema,
        codec,
        sync: input.array()?,
        bytes: input.at(),
    })
}

fn entry<'b>(input: &mut Input<'b>) -> Parsed<&'b [u8]> {
    let length = usize::try_from(input.long()?);
    match length {
        Ok(length) if length <= LONGEST => input.take(length),
        _ => Err(Problem::new("an entry has a length that cannot be")),
    }
}

fn look_into(parts: &Parts<'_>) -> Result<Header> {
    let Some(schema) = parts.schema else {
        return Err(Error::new(ErrorKind::InvalidData, "header has no schema"));
    };
    let columns = schema::parse(schema)?.into_columns();
    let widths = columns.iter().map(|(_, kind)| kind.width());
    if widths.fold(0, usize::saturating_add) > WIDEST {
        let message = "a record takes more than 64 MiB even when it is empty";
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    Ok(Header {
        columns,
        codec: BlockCodec::of_name(parts.codec.unwrap_or(b"null"))?,
        sync: parts.sync,
        bytes: parts.bytes,
    })
}

/// Reads a header that was read before.
///
/// # Errors
/// As [`read`].
pub(super) fn read_whole(head: &[u8]) -> Result<Header> {
    let header = read(head, true)?;
    header.ok_or_else(|| Error::new(ErrorKind::Unexpected, "header is not whole"))
}
