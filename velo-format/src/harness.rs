//! What the tests of several formats share: a file in memory, decoding in blocks.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use velo_core::Result;

use crate::{
    BadRow, ChunkEncoder, DecodeRequest, OutputFormat, ReadAt, StreamFormat, parse_columns,
};

/// A sink whose bytes can be looked at afterwards.
#[derive(Clone, Default)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a file, a chunk of each batch.
pub(crate) fn written(
    output: &dyn OutputFormat,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<Vec<u8>> {
    lay(output, schema, batches, |chunks| chunks.rows() > 0)
}

/// Writes as a caller does: a chunk whenever one is full, and the rest at the end.
pub(crate) fn written_when_full(
    output: &dyn OutputFormat,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<Vec<u8>> {
    lay(output, schema, batches, |chunks| chunks.is_full())
}

fn lay(
    output: &dyn OutputFormat,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    due: fn(&dyn ChunkEncoder) -> bool,
) -> Result<Vec<u8>> {
    let out = Shared::default();
    let mut file = output.file(schema, Box::new(out.clone()))?;
    let mut chunks = output.chunks(schema)?;
    for batch in batches {
        chunks.write(batch)?;
        while due(&*chunks) {
            file.append(chunks.finish()?)?;
        }
    }
    while chunks.rows() > 0 {
        file.append(chunks.finish()?)?;
    }
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(file.rows(), rows as u64);
    let length = file.finish()?;
    let bytes = std::mem::take(&mut *out.0.lock().unwrap());
    assert_eq!(length, bytes.len() as u64);
    Ok(bytes)
}

/// An input that fails from the given read on.
pub(crate) struct Failing(pub(crate) Bytes, pub(crate) AtomicU64);

impl ReadAt for Failing {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.1.store(0, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "gone"));
        }
        // In small pieces, as a remote store may answer.
        let piece = buffer.len().min(1000);
        self.0.read_at(offset, &mut buffer[..piece])
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

pub(crate) fn schema(columns: &str) -> SchemaRef {
    let columns = parse_columns(columns).unwrap();
    let fields = columns
        .into_iter()
        .map(|(name, kind)| Field::new(name, kind, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(crate) fn request(schema: &SchemaRef) -> DecodeRequest {
    DecodeRequest {
        schema: Arc::clone(schema),
        header: Arc::default(),
        columns: None,
        batch_rows: 1_000,
        start: 0,
        row_starts: true,
    }
}

/// Everything that decoding gives, whatever the batches.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) rows: RecordBatch,
    pub(crate) row_starts: Vec<u64>,
    pub(crate) bad: Vec<BadRow>,
    /// Where each batch but the last ended, with the records up to there.
    pub(crate) marks: Vec<(u64, usize)>,
}

/// Decodes a whole file, fed in blocks of `block` bytes.
pub(crate) fn read(
    format: &dyn StreamFormat,
    request: &DecodeRequest,
    input: &[u8],
    block: usize,
) -> Result<Outcome> {
    let prologue = format.prologue(input, true)?.unwrap();
    let start = prologue.bytes;
    let request = DecodeRequest {
        start,
        columns: prologue.columns,
        ..request.clone()
    };
    read_from(format, &request, &input[start as usize..], block)
}

/// Decodes what stands at `request.start`.
pub(crate) fn read_from(
    format: &dyn StreamFormat,
    request: &DecodeRequest,
    input: &[u8],
    block: usize,
) -> Result<Outcome> {
    let mut decoder = format.decoder(request.clone())?;
    let (mut batches, mut row_starts, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    let (mut from, mut to, mut records, mut marks) = (0, 0, 0, Vec::new());
    loop {
        let consumed = decoder.decode(&input[from..to], to == input.len())?;
        from += consumed;
        let ended = to == input.len() && from == to;
        if decoder.is_full() || ended {
            let count = decoder.records();
            assert!(count <= request.batch_rows);
            let mut decoded = decoder.take()?;
            assert_eq!(decoded.rows.num_rows() + decoded.bad.len(), count);
            decoded.bad.iter_mut().for_each(|row| row.record += records);
            records += count;
            batches.push(decoded.rows);
            row_starts.extend(decoded.row_starts);
            bad.extend(decoded.bad);
            marks.push((request.start + from as u64, records));
        } else {
            assert!(to < input.len(), "a record is left undecoded");
            to = (to + block).min(input.len());
        }
        if ended {
            break;
        }
    }
    Ok(Outcome {
        rows: concat_batches(&request.schema, &batches)?,
        row_starts,
        bad,
        marks,
    })
}
