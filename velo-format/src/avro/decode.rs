//! Decoding blocks into batches.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use velo_core::{Error, ErrorKind, Result};

use super::block::{self, Block, too_long};
use super::codec::Failure;
use super::header::Header;
use super::input::{Input, Problem};
use super::rows::Rows;
use crate::{BadRow, BlockRest, DecodeRequest, Decoded, Decoder};

/// A batch is full at this memory: offsets of text have 31 bits.
const FULL: usize = 128 << 20;
/// Records in a block at most where a record has no bytes.
const EMPTY_RECORDS: u64 = 1 << 20;

/// Decodes blocks of records.
pub(super) struct AvroDecoder {
    header: Header,
    schema: SchemaRef,
    rows: Rows,
    batch_rows: usize,
    /// Longest block, compressed or not.
    longest: usize,
    /// Offset in the input of the next byte that comes.
    position: u64,
    row_starts: Option<Vec<u64>>,
    bad: Vec<BadRow>,
    /// Good rows since the last `take`.
    count: usize,
    records: usize,
    memory: usize,
    /// The block that is being decoded; its bytes are the next to come.
    open: Option<Open>,
    /// Decompressed records of the open block.
    body: Vec<u8>,
    /// The batch ends here: where a block broke off, or so that it ends with a block.
    is_cut: bool,
}

/// What is left of a block.
struct Open {
    /// Its length in the file.
    length: usize,
    records: u64,
    left: u64,
    /// Where the next record starts in its body.
    at: usize,
    /// Whether some of its records are in a batch that was taken.
    is_divided: bool,
}

impl AvroDecoder {
    pub(super) fn new(header: Header, longest: usize, request: DecodeRequest) -> Result<Self> {
        Ok(Self {
            rows: Rows::new(&header.columns, &request.schema)?,
            header,
            schema: request.schema,
            batch_rows: request.batch_rows.max(1),
            longest,
            position: request.start,
            row_starts: request.row_starts.then(Vec::new),
            bad: Vec::new(),
            count: 0,
            records: 0,
            memory: 0,
            open: None,
            body: Vec::new(),
            is_cut: false,
        })
    }

    /// Decompresses a block, or keeps it as a bad record if it does not decompress.
    fn open(&mut self, block: &Block<'_>, place: u64) -> Result<bool> {
        let codec = self.header.codec;
        match codec.decompress(block.bytes, self.longest, &mut self.body) {
            Ok(()) => {
                self.check(block.records, place)?;
                self.open = Some(Open {
                    length: block.length,
                    records: block.records,
                    left: block.records,
                    at: 0,
                    is_divided: false,
                });
                Ok(true)
            }
            Err(Failure::TooLong) => Err(too_long(place, self.longest)),
            Err(Failure::Corrupt(what)) => {
                // Without its bytes nothing tells how many records it has but itself.
                let records = block.records.min(block.bytes.len() as u64 + EMPTY_RECORDS);
                self.reject(place, what, None, (1, records), block.bytes.to_vec());
                Ok(false)
            }
        }
    }

    /// Refuses a number of records that the block's bytes cannot be.
    fn check(&self, records: u64, place: u64) -> Result<()> {
        let (bytes, least) = (self.body.len() as u64, self.rows.least() as u64);
        let most = bytes.checked_div(least).unwrap_or(EMPTY_RECORDS);
        if records <= most {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidData, "avro file is corrupt")
            .with(
                "because",
                "a block says that it has more records than it can hold",
            )
            .with("byte", place))
    }

    /// Decodes records of the open block until the batch is full; gives the block's length when it
    /// is done.
    fn records_of_block(&mut self, place: u64) -> Result<Option<usize>> {
        let Some(mut open) = self.open.take() else {
            return Ok(Some(0));
        };
        while open.left > 0 {
            if self.is_full() {
                self.open = Some(open);
                return Ok(None);
            }
            let mut input = Input::starting(&self.body, open.at);
            if let Err((problem, column)) = self.rows.read(&mut input) {
                let number = (open.records - open.left + 1, open.left);
                let raw = self.body[open.at..].to_vec();
                self.reject(place, of_record(problem), column, number, raw);
                return Ok(Some(open.length));
            }
            self.memory += input.at() - open.at + input.spent() + self.rows.width();
            open.at = input.at();
            open.left -= 1;
            self.count += 1;
            self.records += 1;
            if let Some(starts) = &mut self.row_starts {
                starts.push(place);
            }
        }
        if open.at == self.body.len() {
            self.is_cut |= open.is_divided;
            return Ok(Some(open.length));
        }
        Err(Error::new(ErrorKind::InvalidData, "avro file is corrupt")
            .with("because", "a block has bytes behind its last record")
            .with("byte", place))
    }

    /// Keeps the rest of a block as one bad record; `number` is that of its first record and how
    /// many there are.
    #[cold]
    fn reject(
        &mut self,
        place: u64,
        problem: &'static str,
        column: Option<String>,
        number: (u64, u64),
        raw: Vec<u8>,
    ) {
        let records = usize::try_from(number.1).unwrap_or(usize::MAX);
        self.bad.push(BadRow {
            record: self.records,
            record_start: place,
            byte: place,
            column,
            problem: problem.to_owned(),
            hint: None,
            raw,
            block: Some(BlockRest {
                record: number.0,
                records,
            }),
        });
        self.records = self.records.saturating_add(records);
        self.is_cut = true;
    }
}

/// Within a block that is whole, data do not end early but say something wrong.
fn of_record(problem: Problem) -> &'static str {
    match problem.is_short {
        true => "a record goes beyond its block",
        false => problem.what,
    }
}

impl Decoder for AvroDecoder {
    fn decode(&mut self, input: &[u8], last: bool) -> Result<usize> {
        let mut done = 0;
        while !self.is_full() {
            let place = self.position + done as u64;
            if self.open.is_none() {
                let rest = &input[done..];
                let Some(block) = block::read(rest, place, &self.header.sync, self.longest)? else {
                    if last && !rest.is_empty() {
                        return Err(
                            Error::new(ErrorKind::InvalidData, "file ends within a block")
                                .with("byte", place),
                        );
                    }
                    break;
                };
                // Blocks are divided only where one alone is more than a batch: decoding can start
                // anew at their ends alone.
                if self.records > 0 && block.records > (self.batch_rows - self.records) as u64 {
                    self.is_cut = true;
                    break;
                }
                let length = block.length;
                if !self.open(&block, place)? {
                    done += length;
                    continue;
                }
            }
            match self.records_of_block(place)? {
                Some(length) => done += length,
                None => break,
            }
        }
        self.position += done as u64;
        Ok(done)
    }

    fn records(&self) -> usize {
        self.records
    }

    fn is_full(&self) -> bool {
        self.records >= self.batch_rows || self.memory >= FULL || self.is_cut
    }

    fn take(&mut self) -> Result<Decoded> {
        let count = std::mem::take(&mut self.count);
        let columns: Vec<ArrayRef> = self.rows.finish(&self.schema, count)?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let schema = Arc::clone(&self.schema);
        (self.records, self.memory, self.is_cut) = (0, 0, false);
        if let Some(open) = &mut self.open {
            open.is_divided = true;
        }
        Ok(Decoded {
            rows: RecordBatch::try_new_with_options(schema, columns, &options)?,
            bad: std::mem::take(&mut self.bad),
            row_starts: self
                .row_starts
                .as_mut()
                .map(std::mem::take)
                .unwrap_or_default(),
            resumable: self.open.is_none(),
        })
    }
}
