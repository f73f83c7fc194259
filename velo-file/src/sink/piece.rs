//! What lanes hand over to the file: rows or finished chunks, for one of the open files.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, SchemaRef};
use velo_core::Lease;
use velo_format::{Chunk, ChunkEncoder};

/// Where rows of a destination belong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) stream: Arc<str>,
    /// The Hive directories below the root; empty without partitions.
    pub(super) directory: String,
    pub(super) schema: SchemaRef,
}

/// A part of what a split has for one route, in the split's order.
pub(super) struct Piece {
    pub(super) route: Arc<Route>,
    pub(super) content: Content,
    pub(super) bytes: u64,
    /// Memory that is counted while the piece waits.
    pub(super) lease: Option<Lease>,
}

pub(super) enum Content {
    Chunk(Chunk),
    /// Too few for a chunk of their own: they share one with their neighbours.
    Rows(Vec<RecordBatch>),
    /// The begun chunk at the end of a larger split.
    Begun(Box<dyn ChunkEncoder>),
}

impl Piece {
    pub(super) fn chunk(route: &Arc<Route>, chunk: Chunk) -> Self {
        let bytes = chunk.bytes;
        Self::new(route, Content::Chunk(chunk), bytes)
    }

    pub(super) fn rows(route: &Arc<Route>, rows: Vec<RecordBatch>) -> Self {
        let bytes = rows.iter().map(size).sum();
        Self::new(route, Content::Rows(rows), bytes)
    }

    pub(super) fn begun(route: &Arc<Route>, encoder: Box<dyn ChunkEncoder>) -> Self {
        let bytes = encoder.memory() as u64;
        Self::new(route, Content::Begun(encoder), bytes)
    }

    fn new(route: &Arc<Route>, content: Content, bytes: u64) -> Self {
        Self {
            route: route.clone(),
            content,
            bytes,
            lease: None,
        }
    }
}

/// Gives the size of the values, which unlike the size of the buffers does not depend on how they
/// came to be there: decisions made by it are the same in every run.
pub(super) fn size(rows: &RecordBatch) -> u64 {
    let column_size = |column: &Arc<dyn arrow_array::Array>| -> usize {
        let views = 16 * column.len();
        match column.data_type() {
            DataType::Utf8View => views + column.as_string_view().total_bytes_len(),
            DataType::BinaryView => views + column.as_binary_view().total_bytes_len(),
            _ => column.to_data().get_slice_memory_size().unwrap_or(views),
        }
    };
    rows.columns().iter().map(column_size).sum::<usize>() as u64
}
