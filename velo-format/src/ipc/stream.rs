//! Reading streams: messages from front to back.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_buffer::Buffer;
use arrow_ipc::{Message, MessageHeader};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use velo_core::{Error, ErrorKind, Result};

use super::error::corrupt;
use super::message::{Frame, Messages, frame, parse, schema};
use crate::{
    DecodeRequest, Decoded, Decoder, Inference, Inferred, Places, Prologue, ReadOptions, Splitting,
    StreamFormat, cast_unchanged,
};

/// A batch is full at this many bytes of values: offsets of text have 31 bits.
const FULL_BYTES: usize = 128 << 20;

/// Arrow streams, for reading.
#[derive(Debug, Clone, Copy)]
pub struct ArrowStream {
    _private: (),
}

impl ArrowStream {
    /// Opens the format for reading.
    ///
    /// # Errors
    /// None so far.
    pub fn new(_options: &ReadOptions) -> Result<Self> {
        Ok(Self { _private: () })
    }
}

impl StreamFormat for ArrowStream {
    /// Looks at the schema, which the decoder reads again: without it nothing can be decoded.
    fn prologue(&self, head: &[u8], whole: bool) -> Result<Option<Prologue>> {
        match first_schema(head)? {
            Some(schema) => {
                let names = schema.fields().iter().map(|field| field.name().clone());
                Ok(Some(Prologue {
                    header: Arc::default(),
                    bytes: 0,
                    columns: Some(names.collect()),
                }))
            }
            None if whole => Err(truncated(head.len() as u64)),
            None => Ok(None),
        }
    }

    fn infer(&self, _prologue: &Prologue) -> Box<dyn Inference> {
        Box::new(Told {
            schemas: Vec::new(),
        })
    }

    fn splitting(&self, _prologue: &Prologue) -> Splitting {
        Splitting::Whole
    }

    fn starts_anywhere(&self) -> bool {
        false
    }

    fn decoder(&self, request: DecodeRequest) -> Result<Box<dyn Decoder>> {
        Ok(Box::new(StreamDecoder {
            position: request.start,
            row_starts: request.row_starts.then(Vec::new),
            request,
            messages: None,
            columns: Vec::new(),
            rest: None,
            parts: Vec::new(),
            records: 0,
            bytes: 0,
            must_take: false,
            ended: false,
        }))
    }
}

/// Reads the schema at a stream's start; `None` if it is not all there.
fn first_schema(bytes: &[u8]) -> Result<Option<SchemaRef>> {
    match frame(bytes)? {
        Frame::More => Ok(None),
        Frame::End(_) => Err(corrupt().with_source("it has no schema")),
        Frame::Message { metadata, .. } => schema_of(&parse(&bytes[metadata])?).map(Some),
    }
}

fn schema_of(message: &Message<'_>) -> Result<SchemaRef> {
    match message.header_as_schema() {
        Some(found) => schema(found),
        None => Err(corrupt().with_source("it does not begin with a schema")),
    }
}

fn truncated(end: u64) -> Error {
    Error::new(
        ErrorKind::InvalidData,
        "arrow stream ends in the middle of a message",
    )
    .with("byte", end)
    .with_hint("it is incomplete; get it again")
}

/// Columns that the schema tells.
struct Told {
    schemas: Vec<SchemaRef>,
}

impl Inference for Told {
    /// What comes behind the schema says nothing more; several streams must say the same.
    fn update(&mut self, bytes: &[u8], _last: bool) -> Result<usize> {
        match first_schema(bytes) {
            Ok(Some(schema)) => {
                self.schemas.push(schema);
                Ok(bytes.len())
            }
            Ok(None) if self.schemas.is_empty() => Ok(0),
            Err(error) if self.schemas.is_empty() => Err(error),
            Ok(None) | Err(_) => Ok(bytes.len()),
        }
    }

    fn window(&mut self, _bytes: &[u8], _reaches_end: bool) {}

    fn finish(self: Box<Self>) -> Result<Inferred> {
        let mut schemas = self.schemas.into_iter();
        let first = schemas.next().ok_or_else(|| truncated(0))?;
        for other in schemas {
            let mut pairs = first.fields().iter().zip(other.fields());
            let differ = pairs.find(|(one, other)| one.data_type() != other.data_type());
            if let Some((field, other)) = differ {
                return Err(Error::new(
                    ErrorKind::InvalidData,
                    "column has another type in another stream",
                )
                .with("column", field.name())
                .with("type", field.data_type())
                .with("other type", other.data_type())
                .with_hint("read the streams apart"));
            }
        }
        Ok(Inferred {
            declared: true,
            schema: first,
            notes: Vec::new(),
        })
    }
}

/// Decodes messages; rows of one that has more than a batch are handed out in parts.
struct StreamDecoder {
    request: DecodeRequest,
    /// Where the next byte stands in the input.
    position: u64,
    row_starts: Option<Vec<u64>>,
    messages: Option<Messages>,
    /// The columns to decode, ascending.
    columns: Vec<usize>,
    rest: Option<Rest>,
    parts: Vec<RecordBatch>,
    records: usize,
    bytes: usize,
    /// What comes next must not be in one batch with what is here.
    must_take: bool,
    ended: bool,
}

/// Rows of a message that were not handed out; its bytes are consumed with the last of them.
struct Rest {
    rows: RecordBatch,
    length: usize,
}

impl StreamDecoder {
    /// Adds rows of the message at hand until the batch is full; gives the bytes consumed.
    fn hand_out(&mut self, rest: Rest) -> usize {
        let count = rest.rows.num_rows();
        let taken = count.min(self.request.batch_rows.max(1) - self.records);
        let part = rest.rows.slice(0, taken);
        let bytes = size(&part);
        if self.records > 0 && self.bytes + bytes > FULL_BYTES {
            self.must_take = true;
            self.rest = Some(rest);
            return 0;
        }
        if let Some(starts) = &mut self.row_starts {
            starts.extend(std::iter::repeat_n(self.position, taken));
        }
        if taken > 0 {
            self.parts.push(part);
        }
        self.records += taken;
        self.bytes += bytes;
        if taken == count {
            self.position += rest.length as u64;
            return rest.length;
        }
        self.rest = Some(Rest {
            rows: rest.rows.slice(taken, count - taken),
            length: rest.length,
        });
        0
    }

    /// Takes in the message at the front; gives the bytes consumed, `None` for more.
    fn message(&mut self, input: &[u8], last: bool) -> Result<Option<usize>> {
        let (metadata, body) = match frame(input) {
            Ok(Frame::More) if last && !input.is_empty() => {
                return Err(truncated(self.position + input.len() as u64));
            }
            Ok(Frame::More) => return Ok(None),
            Ok(Frame::End(length)) => {
                self.ended = true;
                self.position += length as u64;
                return Ok(Some(length));
            }
            Ok(Frame::Message { metadata, body }) => (metadata, body),
            Err(error) => return Err(error.with("byte", self.position)),
        };
        let message = parse(&input[metadata])?;
        let taken = self.take_in(&message, &input[body.clone()]);
        let rows = taken.map_err(|error| error.with("byte", self.position))?;
        Ok(match rows {
            Taken::Rows(rows) => Some(self.hand_out(Rest {
                rows,
                length: body.end,
            })),
            Taken::Nothing => {
                self.position += body.end as u64;
                Some(body.end)
            }
            Taken::Later => {
                self.must_take = true;
                None
            }
        })
    }

    fn take_in(&mut self, message: &Message<'_>, body: &[u8]) -> Result<Taken> {
        let Some(messages) = &mut self.messages else {
            let schema = schema_of(message)?;
            let wanted = self.request.schema.fields().iter();
            let places = Places::of(&schema);
            let places = wanted.filter_map(|field| places.get(field.name()));
            self.columns = places.collect();
            self.columns.sort_unstable();
            self.columns.dedup();
            self.messages = Some(Messages::new(schema));
            return Ok(Taken::Nothing);
        };
        match message.header_type() {
            // Rows with other dictionaries do not go into one batch.
            MessageHeader::DictionaryBatch if self.records > 0 => Ok(Taken::Later),
            MessageHeader::DictionaryBatch => {
                messages.dictionary(message, &Buffer::from(body))?;
                Ok(Taken::Nothing)
            }
            MessageHeader::RecordBatch => {
                let rows = messages.batch(message, &Buffer::from(body), Some(&self.columns))?;
                Ok(Taken::Rows(rows))
            }
            MessageHeader::Schema => Err(corrupt().with_source("it has a second schema")),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "arrow stream holds more than record batches",
            )),
        }
    }

    /// Brings rows to the columns that were asked for.
    fn conform(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let found = rows.schema();
        let places = Places::of(&found);
        let columns = self.request.schema.fields().iter().map(|field| {
            let Some(place) = places.get(field.name()) else {
                return Ok(new_null_array(field.data_type(), rows.num_rows()));
            };
            cast_unchanged(rows.column(place), field.data_type())
                .map_err(|error| error.with("column", field.name()))
        });
        let columns = columns.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let schema = Arc::clone(&self.request.schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }

    fn rows(&self) -> Result<RecordBatch> {
        match self.parts.as_slice() {
            [] => Ok(RecordBatch::new_empty(Arc::clone(&self.request.schema))),
            [one] => self.conform(one),
            [first, ..] => self.conform(&concat_batches(&first.schema(), &self.parts)?),
        }
    }
}

/// What became of a message.
enum Taken {
    Rows(RecordBatch),
    Nothing,
    /// It has to wait until what is here is taken.
    Later,
}

/// Gives the size of the values.
pub(super) fn size(rows: &RecordBatch) -> usize {
    let columns = rows.columns().iter();
    let size = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_default();
    columns.map(size).sum()
}

impl Decoder for StreamDecoder {
    fn decode(&mut self, input: &[u8], last: bool) -> Result<usize> {
        let mut done = 0;
        while !self.is_full() {
            if let Some(rest) = self.rest.take() {
                done += self.hand_out(rest);
                continue;
            }
            let input = &input[done..];
            if self.ended {
                return match input.len() {
                    0 => Ok(done),
                    _ => Err(corrupt()
                        .with_source("there is more behind its end")
                        .with("byte", self.position)),
                };
            }
            match self.message(input, last)? {
                Some(consumed) => done += consumed,
                None => break,
            }
        }
        Ok(done)
    }

    fn records(&self) -> usize {
        self.records
    }

    fn is_full(&self) -> bool {
        self.must_take || self.records >= self.request.batch_rows.max(1)
    }

    fn take(&mut self) -> Result<Decoded> {
        let rows = self.rows()?;
        self.parts.clear();
        (self.records, self.bytes, self.must_take) = (0, 0, false);
        Ok(Decoded {
            resumable: true,
            rows,
            bad: Vec::new(),
            row_starts: self
                .row_starts
                .as_mut()
                .map(std::mem::take)
                .unwrap_or_default(),
        })
    }
}
