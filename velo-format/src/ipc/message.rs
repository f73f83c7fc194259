//! Messages: their frames, and what is in them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{DictionaryBatch, Endianness, Message, MetadataVersion};
use arrow_schema::SchemaRef;
use velo_core::{Error, ErrorKind, Result};

use super::carried;
use super::check::check;
use super::error::{corrupt, fenced, unreadable};

/// Stands before the length of each message's metadata.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Continuation and length.
pub(super) const PREFIX: usize = 8;
/// Metadata of a message at most; those of ten thousand columns take a few megabytes.
pub(super) const LARGEST_METADATA: usize = 64 << 20;
/// Body of a message in a stream at most.
const LARGEST_BODY: i64 = 2 << 30;

/// What stands at the front of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A message that is not all there.
    More,
    /// The mark at a stream's end, of this length.
    End(usize),
    /// A message: where its metadata and its body are.
    Message {
        metadata: Range<usize>,
        body: Range<usize>,
    },
}

/// Finds the message at the front.
///
/// # Errors
/// `InvalidData` for what begins no message, or says that it is too long.
pub(super) fn frame(bytes: &[u8]) -> Result<Frame> {
    let marked = bytes.len().min(CONTINUATION.len());
    if bytes[..marked] != CONTINUATION[..marked] {
        return Err(too_old(bytes).unwrap_or_else(|| {
            corrupt()
                .with_source("no message begins here")
                .with_hint("is it an arrow stream, written by Arrow 0.15 or later?")
        }));
    }
    let Some(length) = bytes.get(4..PREFIX).and_then(|rest| rest.first_chunk()) else {
        return Ok(Frame::More);
    };
    let length = usize::try_from(i32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length == 0 {
        return Ok(Frame::End(PREFIX));
    }
    if length > LARGEST_METADATA {
        return Err(corrupt().with_source("the metadata of a message are over 64 MiB"));
    }
    let metadata = PREFIX..PREFIX + length;
    let Some(bytes_of_it) = bytes.get(metadata.clone()) else {
        return Ok(Frame::More);
    };
    let body = parse(bytes_of_it)?.bodyLength();
    if !(0..=LARGEST_BODY).contains(&body) {
        return Err(corrupt().with_source("a message is said to be over 2 GiB"));
    }
    let body = metadata.end..metadata.end + body as usize;
    match body.end <= bytes.len() {
        true => Ok(Frame::Message { metadata, body }),
        false => Ok(Frame::More),
    }
}

/// Gives the error for a message as it was before Arrow 0.15: it began with its length, without a
/// mark.
pub(super) fn too_old(bytes: &[u8]) -> Option<Error> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    // A copy stands where metadata have to stand: at a multiple of eight.
    let metadata = rest.get(..length)?.to_vec();
    parse(&metadata).ok()?;
    let error = Error::new(
        ErrorKind::Unsupported,
        "arrow data are from before Arrow 0.15",
    );
    Some(error.with_hint("write them again with a later one"))
}

/// Reads a message's metadata.
pub(super) fn parse(metadata: &[u8]) -> Result<Message<'_>> {
    arrow_ipc::root_as_message(metadata).map_err(|error| corrupt().with_source(error.to_string()))
}

/// Reads a schema, with everything in it that velo carries.
pub(super) fn schema(of: arrow_ipc::Schema<'_>) -> Result<SchemaRef> {
    if of.endianness() != Endianness::Little {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "arrow data are big-endian",
        ));
    }
    let schema = fenced(|| {
        // The conversion takes both for granted.
        match of.fields() {
            Some(_) => Ok(fb_to_schema(of)),
            None => Err(corrupt().with_source("its schema has no columns")),
        }
    })?;
    carried::check(&schema)?;
    Ok(Arc::new(schema))
}

/// Decodes messages that belong to one schema.
#[derive(Debug)]
pub(super) struct Messages {
    schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl Messages {
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            dictionaries: HashMap::new(),
        }
    }

    /// Says whether a dictionary is there already.
    pub(super) fn knows(&self, dictionary: &DictionaryBatch<'_>) -> bool {
        self.dictionaries.contains_key(&dictionary.id())
    }

    /// Takes in a dictionary, or more of one.
    pub(super) fn dictionary(&mut self, message: &Message<'_>, body: &Buffer) -> Result<()> {
        let version = version(message)?;
        let dictionary = message.header_as_dictionary_batch();
        let dictionary = dictionary.ok_or_else(|| misplaced("a dictionary"))?;
        let data = dictionary.data().ok_or_else(|| misplaced("a dictionary"))?;
        check(&data, body)?;
        let (schema, known) = (&self.schema, &mut self.dictionaries);
        fenced(|| read_dictionary(body, dictionary, schema, known, &version).map_err(unreadable))
    }

    /// Decodes a record batch: all columns, or these in ascending order.
    pub(super) fn batch(
        &self,
        message: &Message<'_>,
        body: &Buffer,
        columns: Option<&[usize]>,
    ) -> Result<RecordBatch> {
        let version = version(message)?;
        let batch = message.header_as_record_batch();
        let batch = batch.ok_or_else(|| misplaced("a record batch"))?;
        check(&batch, body)?;
        let schema = Arc::clone(&self.schema);
        fenced(|| {
            read_record_batch(body, batch, schema, &self.dictionaries, columns, &version)
                .map_err(unreadable)
        })
    }
}

fn version(message: &Message<'_>) -> Result<MetadataVersion> {
    match message.version() {
        version @ (MetadataVersion::V4 | MetadataVersion::V5) => Ok(version),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "arrow data are of an unknown version",
        )),
    }
}

fn misplaced(expected: &str) -> Error {
    corrupt().with_source(format!(
        "another message stands where {expected} is expected"
    ))
}
