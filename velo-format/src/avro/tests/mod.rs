//! Both directions together, and files that others made.

mod damage;
mod foreign;
mod round_trip;
mod schemas;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use velo_core::{Result, Uri};

use super::{Avro, AvroOutput};
use crate::harness::written_when_full;
use crate::{BadRow, DecodeRequest, Prologue, ReadOptions, Splitting, StreamFormat, WriteOptions};

/// Options of a URI's query.
fn queried(query: &str) -> Result<WriteOptions> {
    let uri: Uri = format!("file:///x.avro?{query}").parse()?;
    WriteOptions::take(&mut uri.query()?)
}

/// Writes as a caller does: a chunk whenever one is full, and the rest at the end.
fn write(query: &str, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let output = AvroOutput::new(&queried(query)?)?;
    written_when_full(&output, schema, batches)
}

/// What a file gave.
#[derive(Debug)]
struct Found {
    rows: RecordBatch,
    bad: Vec<BadRow>,
    starts: Vec<u64>,
    records: usize,
    /// Where decoding could start anew, and how many records came before.
    marks: Vec<(usize, usize)>,
}

fn prologue(bytes: &[u8]) -> Result<Prologue> {
    let avro = Avro::new(&ReadOptions::default())?;
    Ok(avro.prologue(bytes, true)?.unwrap())
}

fn schema(bytes: &[u8]) -> Result<SchemaRef> {
    let avro = Avro::new(&ReadOptions::default())?;
    Ok(avro.infer(&prologue(bytes)?).finish()?.schema)
}

/// Reads a whole file.
fn read(bytes: &[u8]) -> Result<Found> {
    read_part(bytes, None, &schema(bytes)?, (8192, 1 << 20))
}

/// Decodes from a place on as a caller does who reads `block` bytes at a time.
fn read_part(
    bytes: &[u8],
    from: Option<usize>,
    schema: &SchemaRef,
    (batch_rows, block): (usize, usize),
) -> Result<Found> {
    let avro = Avro::new(&ReadOptions::default())?;
    let prologue = prologue(bytes)?;
    let from = from.unwrap_or(prologue.bytes as usize);
    let mut decoder = avro.decoder(DecodeRequest {
        schema: schema.clone(),
        columns: prologue.columns,
        header: prologue.header,
        batch_rows,
        start: from as u64,
        row_starts: true,
    })?;
    let (mut at, mut end) = (from, bytes.len().min(from + block));
    let (mut batches, mut bad, mut starts, mut marks) = (vec![], vec![], vec![], vec![]);
    let mut records = 0;
    loop {
        let last = end == bytes.len();
        let used = decoder.decode(&bytes[at..end], last)?;
        at += used;
        let done = last && at == end;
        if decoder.is_full() || done {
            let before = records;
            records += decoder.records();
            let decoded = decoder.take()?;
            assert_eq!(decoded.row_starts.len(), decoded.rows.num_rows());
            batches.push(decoded.rows);
            starts.extend(decoded.row_starts);
            bad.extend(decoded.bad.into_iter().map(|bad| BadRow {
                record: bad.record + before,
                ..bad
            }));
            if decoded.resumable {
                marks.push((at, records));
            }
        } else {
            assert!(used > 0 || !last, "no progress");
            end = bytes.len().min(end + block);
        }
        if done {
            break;
        }
    }
    Ok(Found {
        rows: concat_batches(schema, &batches)?,
        bad,
        starts,
        records,
        marks,
    })
}

/// Gives where blocks end and how many records came before, by the splitter.
fn ends(bytes: &[u8], block: usize) -> Vec<(usize, u64)> {
    let avro = Avro::new(&ReadOptions::default()).unwrap();
    let prologue = prologue(bytes).unwrap();
    let Splitting::Scan(mut splitter) = avro.splitting(&prologue) else {
        panic!("avro is divided by a scan");
    };
    let (mut at, mut records, mut found) = (prologue.bytes as usize, 0, Vec::new());
    while at < bytes.len() {
        let block = &bytes[at..bytes.len().min(at + block)];
        let (ended, end) = splitter.scan(block);
        records += ended;
        found.extend(end.map(|end| (at + end, records)));
        at += block.len();
    }
    found
}

/// Writes a long as the format does.
fn long(value: i64) -> Vec<u8> {
    let zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let groups = 1.max((64 - zigzag.leading_zeros()).div_ceil(7));
    let group = |n: u32| (zigzag >> (7 * n)) as u8 & 0x7f | if n + 1 < groups { 0x80 } else { 0 };
    (0..groups).map(group).collect()
}

/// Makes a container of blocks given as records and bytes.
fn container(schema: &str, codec: &str, blocks: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let text = |text: &str| [long(text.len() as i64), text.as_bytes().to_vec()].concat();
    let entry = |key: &str, value: &str| [text(key), text(value)].concat();
    let mut file = b"Obj\x01".to_vec();
    file.extend(long(2));
    file.extend(entry("avro.schema", schema));
    file.extend(entry("avro.codec", codec));
    file.extend(long(0));
    file.extend(*b"0123456789abcdef");
    for (records, bytes) in blocks {
        file.extend(long(*records));
        file.extend(long(bytes.len() as i64));
        file.extend(bytes);
        file.extend(*b"0123456789abcdef");
    }
    file
}
