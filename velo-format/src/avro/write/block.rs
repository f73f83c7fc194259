//! Blocks, encoded and compressed on one worker.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use super::super::codec::BlockCompression;
use super::super::header::SYNC;
use super::node::{Node, long};
use crate::{Chunk, ChunkEncoder};

/// A chunk is full at this many bytes of rows.
const FULL: usize = 4 << 20;
/// Rows in a block at most, as many as a batch has by default: a reader that was interrupted goes on
/// at the start of a block.
const MOST_ROWS: u64 = 8192;

/// The body of a chunk: blocks without the marker behind each.
#[derive(Default)]
pub(super) struct BlocksBody {
    pub(super) bytes: Vec<u8>,
    /// Where each block ends.
    pub(super) ends: Vec<usize>,
}

/// Encodes blocks.
pub(super) struct Blocks {
    schema: SchemaRef,
    compression: BlockCompression,
    block_size: usize,
    /// The rows of the open block.
    open: Vec<u8>,
    open_rows: u64,
    compressed: Vec<u8>,
    done: BlocksBody,
    /// Rows of the chunk, and their bytes before compression.
    rows: u64,
    bytes: usize,
}

impl Blocks {
    pub(super) fn new(schema: SchemaRef, compression: BlockCompression, block_size: usize) -> Self {
        Self {
            schema,
            compression,
            block_size,
            open: Vec::new(),
            open_rows: 0,
            compressed: Vec::new(),
            done: BlocksBody::default(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Prepares the columns of a batch.
    fn nodes(&self, rows: &RecordBatch) -> Result<Vec<Node>> {
        let fields = self.schema.fields();
        if rows.num_columns() != fields.len() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "rows have another number of columns than the file",
            ));
        }
        let node = |(field, array): (&Arc<Field>, &ArrayRef)| {
            let wrong = |kind, problem| Error::new(kind, problem).with("column", field.name());
            if array.data_type() != field.data_type() {
                let problem = "rows have another type than the file's column";
                return Err(wrong(ErrorKind::InvalidInput, problem));
            }
            let holds_nulls = field.is_nullable() || *field.data_type() == DataType::Null;
            if !holds_nulls && array.logical_null_count() > 0 {
                let problem = "a null in a column that has no nulls";
                return Err(wrong(ErrorKind::InvalidData, problem));
            }
            Node::new(field, array).map_err(|error| error.within("column", field.name()))
        };
        fields.iter().zip(rows.columns()).map(node).collect()
    }

    fn close(&mut self) -> Result<()> {
        if self.open_rows == 0 {
            return Ok(());
        }
        self.compressed.clear();
        self.compression
            .compress(&self.open, &mut self.compressed)?;
        let done = &mut self.done;
        long(self.open_rows.cast_signed(), &mut done.bytes);
        super::node::bytes(&self.compressed, &mut done.bytes);
        done.ends.push(done.bytes.len());
        self.open.clear();
        self.open_rows = 0;
        Ok(())
    }
}

impl ChunkEncoder for Blocks {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let nodes = self.nodes(rows)?;
        for row in 0..rows.num_rows() {
            let before = self.open.len();
            nodes
                .iter()
                .for_each(|node| node.write(row, &mut self.open));
            self.bytes += self.open.len() - before;
            self.open_rows += 1;
            if self.open.len() >= self.block_size || self.open_rows == MOST_ROWS {
                self.close()?;
            }
        }
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn memory(&self) -> usize {
        self.open.capacity() + self.compressed.capacity() + self.done.bytes.capacity()
    }

    fn is_full(&self) -> bool {
        self.bytes >= FULL
    }

    fn finish(&mut self) -> Result<Chunk> {
        self.close()?;
        let body = std::mem::take(&mut self.done);
        self.bytes = 0;
        Ok(Chunk {
            rows: std::mem::take(&mut self.rows),
            bytes: (body.bytes.len() + body.ends.len() * SYNC) as u64,
            body: Box::new(body),
        })
    }
}
