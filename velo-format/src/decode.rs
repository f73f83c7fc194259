//! The reading interfaces: what every format gives to whoever holds the bytes.
//!
//! A *stream* format is read from front to back and is fed blocks of bytes; a *random* format has
//! its index elsewhere in the file and asks for ranges. Neither does any I/O of its own. No
//! decoder applies a policy: a row that does not decode is handed over as a [`BadRow`], and the
//! caller fails, skips or keeps it.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use velo_core::{Predicate, Result};

use crate::ReadAt;

/// How a format lies in its file, with the decoder that fits.
pub enum Layout {
    /// Read from front to back.
    Stream(Box<dyn StreamFormat>),
    /// Read by its index.
    Random(Box<dyn RandomFormat>),
}

/// A format that is decoded from front to back, record by record.
pub trait StreamFormat: Send + Sync {
    /// Settles by an input's first bytes what the options leave open, such as the delimiter.
    ///
    /// `whole` says that the input ends with `head`. The answer depends on the bytes alone, not on
    /// how many more of them `head` holds than were asked for.
    ///
    /// # Errors
    /// `Config` for options that contradict each other.
    fn settle(&self, head: &[u8], whole: bool) -> Result<Settled> {
        let _ = (head, whole);
        Ok(Settled::AsItIs)
    }

    /// Reads what stands before the first record: byte order mark, lines to skip, header.
    ///
    /// `head` are the first bytes; `whole` says that the input ends with them. `None` asks for
    /// more bytes.
    ///
    /// # Errors
    /// `InvalidData` for a malformed header.
    fn prologue(&self, head: &[u8], whole: bool) -> Result<Option<Prologue>>;

    /// Starts to find out the columns and their types.
    fn infer(&self, prologue: &Prologue) -> Box<dyn Inference>;

    /// Says how an input can be divided among several readers; what its records are may depend on
    /// its columns.
    fn splitting(&self, prologue: &Prologue) -> Splitting;

    /// Says whether a decoder can start at any record; otherwise it starts at the first one, and
    /// whoever goes on later leaves out the records that it had before.
    fn starts_anywhere(&self) -> bool {
        true
    }

    /// Starts to decode at a record's first byte.
    ///
    /// # Errors
    /// `Unsupported` for a type that cannot be read from this format.
    fn decoder(&self, request: DecodeRequest) -> Result<Box<dyn Decoder>>;
}

/// What an input's first bytes settled.
pub enum Settled {
    /// More bytes are needed to tell.
    More,
    /// Nothing was open.
    AsItIs,
    /// The input is to be read so.
    To {
        /// The format with nothing left open.
        format: Arc<dyn StreamFormat>,
        /// What was settled, as the options that would say the same: `delimiter=; header=true`.
        dialect: String,
        /// Why, without values of records.
        reason: String,
    },
}

/// What stands before the first record of an input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prologue {
    /// The first record's offset in bytes (of the decompressed input).
    pub bytes: u64,
    /// The names in the input's own order; `None` where records carry their names.
    pub columns: Option<Arc<[String]>>,
    /// What must be known to decode a record anywhere in the input, in the format's own form;
    /// empty where nothing must be.
    pub header: Arc<[u8]>,
}

/// Finds columns and types from samples, or from everything.
///
/// Deterministic: the result depends on the bytes and windows alone.
pub trait Inference: Send {
    /// Takes in bytes that start at a record and continue where the last call stopped consuming;
    /// returns how many bytes of whole records were consumed. `last`: the input ends with them.
    ///
    /// # Errors
    /// `InvalidData` when a record cannot end within the longest allowed length.
    fn update(&mut self, bytes: &[u8], last: bool) -> Result<usize>;

    /// Takes in a window from somewhere inside the input, which need not start at a record;
    /// `reaches_end`: the input ends with it. Evidence only: what cannot be read is left out.
    fn window(&mut self, bytes: &[u8], reaches_end: bool);

    /// Gives the columns found.
    ///
    /// # Errors
    /// `InvalidData` when no columns can be made out.
    fn finish(self: Box<Self>) -> Result<Inferred>;
}

/// Columns and types found, and what a user should know about them.
#[derive(Debug, Clone)]
pub struct Inferred {
    /// The columns.
    pub schema: SchemaRef,
    /// Remarks for the summary, such as spellings taken as null; without values of records.
    pub notes: Vec<String>,
    /// Whether the input itself names the types. Values then have no spelling, so that text is no
    /// type for what two inputs have of different types.
    pub declared: bool,
}

/// How an input can be divided.
pub enum Splitting {
    /// Only as a whole.
    Whole,
    /// Behind any line feed.
    Newline,
    /// Where a scan from the first record finds a record's end (quotes may hide line feeds), or
    /// the end of a block of records.
    Scan(Box<dyn Splitter>),
}

/// Follows records through an input without decoding them.
///
/// In a format of blocks a record ends where its block does: between two of a block nothing can be
/// divided. A damaged input has no further ends; whoever decodes it says why.
pub trait Splitter: Send {
    /// Scans bytes that follow those scanned before; the first call starts at a record.
    ///
    /// Returns the number of records that ended in `block`, and the offset in `block` behind the
    /// last of those ends, if there was one.
    fn scan(&mut self, block: &[u8]) -> (u64, Option<usize>);
}

/// What a stream decoder is to make.
#[derive(Debug, Clone)]
pub struct DecodeRequest {
    /// The columns to yield, in this order; names missing from the input become null columns.
    pub schema: SchemaRef,
    /// The input's own names in its own order, from [`Prologue::columns`].
    pub columns: Option<Arc<[String]>>,
    /// The input's own, from [`Prologue::header`].
    pub header: Arc<[u8]>,
    /// Rows in a batch at most.
    pub batch_rows: usize,
    /// Where the first byte stands in the input; offsets of bad rows count from the input's start.
    pub start: u64,
    /// Whether to record where each row starts, for metadata.
    pub row_starts: bool,
}

/// Decodes blocks of bytes into batches.
pub trait Decoder: Send {
    /// Decodes whole records from the front of `input` and returns how many bytes it consumed.
    ///
    /// Consumes until the batch is full or no whole record is left; the caller passes the
    /// remainder again with more bytes behind it. `last`: the input (or split) ends with these
    /// bytes, so that a record without a final line feed counts as whole and everything is
    /// consumed unless the batch is full. A block of records is consumed with its last record: a
    /// batch that is full before leaves it where it is.
    ///
    /// # Errors
    /// `InvalidData` only for what ends the decoding: a record over the longest allowed length,
    /// and blocks whose borders cannot be made out.
    fn decode(&mut self, input: &[u8], last: bool) -> Result<usize>;

    /// Gives the number of records decoded since the last `take`, bad ones included.
    fn records(&self) -> usize;

    /// Says whether the batch is full and `take` must come next.
    fn is_full(&self) -> bool;

    /// Takes what was decoded since the last call.
    ///
    /// # Errors
    /// `Unexpected` when the columns cannot be built.
    fn take(&mut self) -> Result<Decoded>;
}

/// A batch's worth of decoded records.
#[derive(Debug)]
pub struct Decoded {
    /// The good rows.
    pub rows: RecordBatch,
    /// The bad ones, in order.
    pub bad: Vec<BadRow>,
    /// The offset in the input of each good row, if it was asked for; else empty. In a format of
    /// blocks it is that of the row's block.
    pub row_starts: Vec<u64>,
    /// Whether decoding can start anew behind the bytes that were consumed so far; not so while
    /// records of a block are left.
    pub resumable: bool,
}

/// A record that does not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its number among the records of this `take`, bad ones included, from 0.
    pub record: usize,
    /// Where the record starts in the input, in bytes.
    pub record_start: u64,
    /// Where the trouble is in the input, in bytes.
    pub byte: u64,
    /// The column, where one is to blame.
    pub column: Option<String>,
    /// What is wrong, without the value: `not a whole number (int64)`.
    pub problem: String,
    /// What the user can do: `types=price:text`.
    pub hint: Option<String>,
    /// The record's bytes.
    pub raw: Vec<u8>,
    /// Where it stands in its block; `None` in formats of lines.
    pub block: Option<BlockRest>,
}

/// What a bad record in a block stands for: nothing behind it in the block can be made out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRest {
    /// The number of the bad record in its block, from 1.
    pub record: u64,
    /// How many records it stands for: itself and all that follow it in the block.
    pub records: usize,
}

impl BadRow {
    /// Gives the number of records that it stands for.
    #[must_use]
    pub fn records(&self) -> usize {
        self.block.map_or(1, |block| block.records)
    }
}

/// A format that is read by its index: Parquet, Arrow files, ORC.
pub trait RandomFormat: Send + Sync {
    /// Reads the index of an input, once for all that is read from it.
    ///
    /// # Errors
    /// `InvalidData` for a file that is truncated, corrupt or something else.
    fn open(&self, input: Arc<dyn ReadAt>) -> Result<Arc<dyn RandomInput>>;
}

/// An input whose index is known; several threads read from it at once.
pub trait RandomInput: Send + Sync {
    /// Gives the columns, and the units that can be read by themselves.
    fn units(&self) -> &Units;

    /// Says which of the units can hold wanted rows; the rest need not be read.
    ///
    /// Never leaves out a unit with a row for which the predicate is true.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown column.
    fn prune(&self, predicate: &Predicate) -> Result<Vec<bool>>;

    /// Reads rows of one unit.
    ///
    /// # Errors
    /// `InvalidData` for a corrupt file; `InvalidInput` for an unknown unit or column.
    fn read(&self, request: RandomRequest) -> Result<Batches>;
}

/// Batches, one after the other; the last is followed by nothing or by an error.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// What a random format's index says.
#[derive(Debug, Clone)]
pub struct Units {
    /// The columns as the file has them.
    pub schema: SchemaRef,
    /// Its row groups, record batches or stripes.
    pub units: Vec<Unit>,
    /// Whether a part of a unit can be read without decoding what is before it; else a unit is
    /// best read by one reader.
    pub starts_anywhere: bool,
}

/// One part that can be read by itself: a row group, a record batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its number of rows.
    pub rows: u64,
    /// Its size in the file in bytes.
    pub bytes: u64,
    /// Its size in bytes once decompressed.
    pub decoded_bytes: u64,
}

/// Which rows and columns of a unit to read.
#[derive(Debug, Clone)]
pub struct RandomRequest {
    /// The unit's number.
    pub unit: usize,
    /// The rows of the unit, counted from its first.
    pub rows: Range<u64>,
    /// The top-level columns to read, in this order; `None` means all.
    pub projection: Option<Arc<[String]>>,
    /// Pages that cannot hold wanted rows may be left out when this is set; then row numbers are
    /// no longer dense.
    pub predicate: Option<Arc<Predicate>>,
    /// Rows in a batch at most.
    pub batch_rows: usize,
    /// Text and bytes of top-level columns come as views into the pages, which costs less when
    /// they are only looked at; else, and in formats without pages, they come as the schema says.
    pub views: bool,
}
