//! What a reader yields: rows, schema changes, rejected rows, marks.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::{Batch, Error, SourceOffset, SplitId, StreamInfo};

/// The next thing that happens in a split.
///
/// ```
/// use velo_core::{Event, Mark, SourceOffset, SplitId, memory::MemoryOffset};
/// let offset = SourceOffset::seal(MemoryOffset { partition: 0, row: 10 });
/// let event = Event::Mark(Mark::new(SplitId::from("0"), offset));
/// assert!(matches!(event, Event::Mark(mark) if mark.at_boundary));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Rows of one stream.
    Rows(Batch),
    /// A stream has other columns from here on.
    Schema(SchemaChange),
    /// A row that does not decode, in its place among its neighbours.
    Rejected(Rejected),
    /// Everything before this is covered by a position that is safe to resume from.
    Mark(Mark),
}

/// A position that is safe to resume from: everything the split yielded before it is covered.
///
/// Resuming at `offset` repeats nothing and skips nothing. Marks come at a bounded distance in
/// rows, bytes and time, also in the middle of a huge transaction and when nothing happens.
///
/// ```
/// use velo_core::{Mark, SourceOffset, SplitId, memory::MemoryOffset};
/// let offset = SourceOffset::seal(MemoryOffset { partition: 0, row: 10 });
/// let mark = Mark { bytes_read: 4096, ..Mark::new(SplitId::from("0"), offset) };
/// assert_eq!(mark.bytes_read, 4096);
/// ```
#[derive(Debug, Clone)]
pub struct Mark {
    /// The split that has come this far.
    pub split: SplitId,
    /// Where a new reader goes on.
    pub offset: SourceOffset,
    /// Whether no transaction of the source is open here.
    pub at_boundary: bool,
    /// How many rows the source holds beyond this mark, where it knows.
    pub lag: Option<u64>,
    /// How many bytes the source holds beyond this mark, where it knows.
    pub lag_bytes: Option<u64>,
    /// The event time up to which the split is complete, in microseconds since 1970 UTC.
    pub watermark: Option<i64>,
    /// How many bytes of the source this split has read since its reader was created.
    pub bytes_read: u64,
    /// What the same connector's sink needs besides the offset (a consumer group's metadata).
    pub token: Option<Token>,
}

impl Mark {
    /// States a position at a boundary, with nothing else known.
    ///
    /// ```
    /// # use velo_core::{Mark, SourceOffset, SplitId, memory::MemoryOffset};
    /// # let offset = SourceOffset::seal(MemoryOffset { partition: 0, row: 10 });
    /// assert!(Mark::new(SplitId::from("0"), offset).lag.is_none());
    /// ```
    #[must_use]
    pub fn new(split: SplitId, offset: SourceOffset) -> Self {
        Self {
            split,
            offset,
            at_boundary: true,
            lag: None,
            lag_bytes: None,
            watermark: None,
            bytes_read: 0,
            token: None,
        }
    }
}

/// Something that only the connector that made it can open.
///
/// ```
/// let token = velo_core::Token::new(42_u32);
/// assert_eq!(token.open::<u32>(), Some(&42));
/// assert_eq!(token.open::<u64>(), None);
/// ```
#[derive(Clone)]
pub struct Token(Arc<dyn Any + Send + Sync>);

impl Token {
    /// Wraps a connector's own value.
    ///
    /// ```
    /// let token = velo_core::Token::new(String::from("group metadata"));
    /// # assert!(token.open::<String>().is_some());
    /// ```
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// Gives the value back to whoever knows its type.
    ///
    /// ```
    /// assert!(velo_core::Token::new(1_i8).open::<i8>().is_some());
    /// ```
    #[must_use]
    pub fn open<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// A stream's columns change, in order with its data.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::Schema;
/// use velo_core::{ColumnChange, SchemaChange, StreamInfo};
/// let before = StreamInfo::new("orders", Arc::new(Schema::empty()));
/// let change = SchemaChange {
///     stream: Arc::new(before.next_version(Arc::new(Schema::empty()))),
///     columns: vec![ColumnChange::Renamed { from: "a".into(), to: "b".into() }],
/// };
/// assert_eq!(change.stream.version(), 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaChange {
    /// The stream as it is from here on.
    pub stream: Arc<StreamInfo>,
    /// What became of the columns, in the order in which it happened.
    pub columns: Vec<ColumnChange>,
}

/// What became of one column. A rename is not a drop and an add.
///
/// ```
/// let change = velo_core::ColumnChange::Added { name: "note".into() };
/// assert_eq!(change, velo_core::ColumnChange::Added { name: "note".into() });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnChange {
    /// A new column; earlier rows have no value for it.
    Added {
        /// The column.
        name: String,
    },
    /// The column is gone.
    Dropped {
        /// The column.
        name: String,
    },
    /// The same column under another name.
    Renamed {
        /// The name before.
        from: String,
        /// The name from here on.
        to: String,
    },
    /// The same column with another type or nullability.
    Retyped {
        /// The column.
        name: String,
    },
}

/// A row that does not decode, with its raw bytes and its place.
///
/// ```
/// use std::sync::Arc;
/// use velo_core::{Error, ErrorKind, Rejected, SplitId};
/// let rejected = Rejected {
///     stream: Arc::from("orders"),
///     split: SplitId::from("orders.csv"),
///     ordinal: 16,
///     offset: None,
///     raw: Arc::from(&b"1,2"[..]),
///     error: Arc::new(Error::new(ErrorKind::InvalidData, "row has 2 fields, the header has 4")),
/// };
/// assert_eq!(rejected.ordinal, 16);
/// ```
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The stream that it would have belonged to.
    pub stream: Arc<str>,
    /// The split that it was read from.
    pub split: SplitId,
    /// Its number among the rows of the split, from 0.
    pub ordinal: u64,
    /// Where it starts, if the source can say so for a single row.
    pub offset: Option<SourceOffset>,
    /// Its bytes as they were read.
    pub raw: Arc<[u8]>,
    /// Why it was refused, with file, line, column and byte as context.
    pub error: Arc<Error>,
}
