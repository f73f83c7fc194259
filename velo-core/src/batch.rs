//! Rows of one stream, as Arrow columns, with what a change stream knows besides.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, BooleanArray, RecordBatch, StructArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{Schema, SchemaRef};

use crate::{Error, ErrorKind, Lease, Result, SplitId};

/// A table, a topic or a set of files: its name, schema version, columns and key.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use velo_core::StreamInfo;
/// let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
/// let orders = StreamInfo::new("orders", schema).with_keys(["id"])?;
/// assert_eq!((orders.name(), orders.version()), ("orders", 0));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    name: Arc<str>,
    version: u32,
    schema: SchemaRef,
    keys: Arc<[String]>,
    notes: Arc<[String]>,
}

impl StreamInfo {
    /// Describes a stream in its first version, without key columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.keys().is_empty());
    /// ```
    pub fn new(name: impl Into<Arc<str>>, schema: SchemaRef) -> Self {
        Self {
            name: name.into(),
            version: 0,
            schema,
            keys: Arc::new([]),
            notes: Arc::new([]),
        }
    }

    /// Adds remarks for the user on how the columns were found, without values of records.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// let stream = stream.with_notes(["column price: NA is read as null"]);
    /// assert_eq!(stream.notes().len(), 1);
    /// ```
    #[must_use]
    pub fn with_notes<N: Into<String>>(mut self, notes: impl IntoIterator<Item = N>) -> Self {
        self.notes = notes.into_iter().map(Into::into).collect();
        self
    }

    /// Names the columns that identify a row.
    ///
    /// # Errors
    /// `InvalidInput` when one of them is not a column.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.with_keys(["id"]).is_err());
    /// ```
    pub fn with_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Result<Self> {
        let keys: Vec<String> = keys.into_iter().map(Into::into).collect();
        for key in &keys {
            if self.schema.column_with_name(key).is_none() {
                return Err(Error::new(ErrorKind::InvalidInput, "key is not a column")
                    .with("stream", &self.name)
                    .with("column", key));
            }
        }
        self.keys = keys.into();
        Ok(self)
    }

    /// Gives the same stream with other columns, one version higher; lost key columns drop out.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use arrow_schema::Schema;
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(Schema::empty()));
    /// assert_eq!(stream.next_version(Arc::new(Schema::empty())).version(), 1);
    /// ```
    #[must_use]
    pub fn next_version(&self, schema: SchemaRef) -> Self {
        let kept = self
            .keys
            .iter()
            .filter(|key| schema.column_with_name(key).is_some());
        let keys = kept.cloned().collect();
        Self {
            name: self.name.clone(),
            version: self.version + 1,
            schema,
            keys,
            notes: self.notes.clone(),
        }
    }

    /// Gives the name that is unique within its source.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(stream.name(), "t");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives how many schema changes came before.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(stream.version(), 0);
    /// ```
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Gives the columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(stream.schema().fields().len(), 0);
    /// ```
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Gives the names of the key columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.keys().is_empty());
    /// ```
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Gives the remarks for the user, one sentence each, for summaries.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.notes().is_empty());
    /// ```
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// What happened to a row.
///
/// ```
/// assert_eq!(velo_core::Op::try_from(2)?, velo_core::Op::Delete);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Op {
    /// The row is new.
    Insert = 0,
    /// The row with this key has these values now.
    Update = 1,
    /// The row with this key is gone; other columns may be null.
    Delete = 2,
    /// Every row of the stream is gone; all columns are null.
    Truncate = 3,
}

impl TryFrom<u8> for Op {
    type Error = Error;

    fn try_from(code: u8) -> Result<Self> {
        match code {
            0 => Ok(Self::Insert),
            1 => Ok(Self::Update),
            2 => Ok(Self::Delete),
            3 => Ok(Self::Truncate),
            _ => Err(Error::new(ErrorKind::InvalidInput, "no such change").with("code", code)),
        }
    }
}

/// What a change stream says of each row of a batch.
///
/// ```
/// use velo_core::{Changes, Op};
/// let changes = Changes::new(vec![Op::Insert, Op::Delete]);
/// assert_eq!(changes.ops.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// One operation for each row.
    pub ops: Vec<Op>,
    /// For each column the rows whose value the source did *not* send (an unchanged TOAST value
    /// is not NULL); empty when every value was sent.
    pub unsent: Vec<Option<BooleanBuffer>>,
    /// The rows as they were before, where the source has them: same columns, same length.
    pub before: Option<RecordBatch>,
}

impl Changes {
    /// States the operations, every value sent, no before-images.
    ///
    /// ```
    /// assert!(velo_core::Changes::new(vec![velo_core::Op::Update]).before.is_none());
    /// ```
    #[must_use]
    pub fn new(ops: Vec<Op>) -> Self {
        Self {
            ops,
            unsent: Vec::new(),
            before: None,
        }
    }

    fn slice(&self, offset: usize, length: usize) -> Self {
        let unsent = self.unsent.iter();
        Self {
            ops: self.ops[offset..offset + length].to_vec(),
            unsent: unsent
                .map(|rows| rows.as_ref().map(|r| r.slice(offset, length)))
                .collect(),
            before: self
                .before
                .as_ref()
                .map(|before| before.slice(offset, length)),
        }
    }
}

/// Which rows of a split a batch holds: the first and the last ordinal, both inclusive.
///
/// Ordinals count every row of the split from 0, also the rejected ones; dead-letter keys and
/// deduplication tokens are made from them.
///
/// ```
/// use velo_core::{Span, SplitId};
/// let span = Span { split: SplitId::from("part-0"), order: 0, first: 0, last: 8191 };
/// assert_eq!(span.last - span.first + 1, 8192);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The split that the rows come from.
    pub split: SplitId,
    /// Its place among all splits of the source.
    pub order: u64,
    /// The ordinal of the first row.
    pub first: u64,
    /// The ordinal of the last row.
    pub last: u64,
}

/// Rows of one stream as Arrow columns.
///
/// Cheap to clone: columns are shared. An empty batch announces its stream and nothing else.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use velo_core::{Batch, StreamInfo};
/// let id: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// let rows = RecordBatch::try_from_iter([("id", id)])?;
/// let stream = Arc::new(StreamInfo::new("orders", rows.schema()));
/// let batch = Batch::new(stream, rows)?;
/// assert_eq!(batch.num_rows(), 3);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Batch {
    stream: Arc<StreamInfo>,
    rows: RecordBatch,
    changes: Option<Arc<Changes>>,
    metadata: Option<StructArray>,
    span: Option<Span>,
    lease: Option<Arc<Lease>>,
}

impl Batch {
    /// Puts rows under the name of their stream.
    ///
    /// # Errors
    /// `InvalidInput` when the columns are not those of the stream.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use arrow_array::RecordBatch;
    /// # use arrow_schema::Schema;
    /// let schema = Arc::new(Schema::empty());
    /// let stream = Arc::new(velo_core::StreamInfo::new("t", schema.clone()));
    /// assert!(velo_core::Batch::new(stream, RecordBatch::new_empty(schema)).is_ok());
    /// ```
    pub fn new(stream: Arc<StreamInfo>, rows: RecordBatch) -> Result<Self> {
        if !same_columns(stream.schema(), rows.schema_ref()) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "rows do not have their stream's columns",
            )
            .with("stream", stream.name()));
        }
        Ok(Self {
            stream,
            rows,
            changes: None,
            metadata: None,
            span: None,
            lease: None,
        })
    }

    /// Makes a batch without rows, which announces its stream.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let schema = Arc::new(arrow_schema::Schema::empty());
    /// let stream = Arc::new(velo_core::StreamInfo::new("t", schema));
    /// assert_eq!(velo_core::Batch::empty(stream).num_rows(), 0);
    /// ```
    #[must_use]
    pub fn empty(stream: Arc<StreamInfo>) -> Self {
        let rows = RecordBatch::new_empty(stream.schema().clone());
        Self {
            stream,
            rows,
            changes: None,
            metadata: None,
            span: None,
            lease: None,
        }
    }

    /// Says what happened to each row.
    ///
    /// # Errors
    /// `InvalidInput` when a part of `changes` has another length than the rows.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use velo_core::{Batch, Changes, Op, StreamInfo};
    /// let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert!(Batch::empty(stream).with_changes(Changes::new(vec![Op::Insert])).is_err());
    /// ```
    pub fn with_changes(mut self, changes: Changes) -> Result<Self> {
        let rows = self.num_rows();
        let fits = changes.ops.len() == rows
            && (changes.unsent.is_empty() || changes.unsent.len() == self.rows.num_columns())
            && changes
                .unsent
                .iter()
                .flatten()
                .all(|unsent| unsent.len() == rows)
            && changes
                .before
                .as_ref()
                .is_none_or(|before| before.num_rows() == rows);
        if !fits {
            return Err(
                Error::new(ErrorKind::InvalidInput, "changes do not fit the rows")
                    .with("stream", self.stream.name()),
            );
        }
        self.changes = Some(Arc::new(changes));
        Ok(self)
    }

    /// Adds facts about each row (file, offset, partition, key, headers, event time).
    ///
    /// # Errors
    /// `InvalidInput` when it has another length than the rows.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use arrow_array::{Array, ArrayRef, StructArray, UInt64Array};
    /// use arrow_schema::{DataType, Field};
    /// # use velo_core::{Batch, StreamInfo};
    /// let field = Arc::new(Field::new("row_number", DataType::UInt64, false));
    /// let number: ArrayRef = Arc::new(UInt64Array::from(Vec::<u64>::new()));
    /// let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// let batch = Batch::empty(stream).with_metadata(StructArray::from(vec![(field, number)]))?;
    /// assert!(batch.metadata().is_some());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn with_metadata(mut self, metadata: StructArray) -> Result<Self> {
        if metadata.len() != self.num_rows() {
            return Err(
                Error::new(ErrorKind::InvalidInput, "metadata do not fit the rows")
                    .with("stream", self.stream.name()),
            );
        }
        self.metadata = Some(metadata);
        Ok(self)
    }

    /// Says which rows of which split these are.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, Span, SplitId, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// let span = Span { split: SplitId::from("0"), order: 0, first: 0, last: 0 };
    /// assert!(Batch::empty(stream).with_span(span).span().is_some());
    /// ```
    #[must_use]
    pub fn with_span(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Keeps a reservation of memory for as long as any clone of the batch lives.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, Budget, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// let budget = Budget::new(1 << 20);
    /// let batch = Batch::empty(stream).with_lease(Arc::new(budget.try_reserve(4096).unwrap()));
    /// assert_eq!(budget.used(), 4096);
    /// drop(batch);
    /// assert_eq!(budget.used(), 0);
    /// ```
    #[must_use]
    pub fn with_lease(mut self, lease: Arc<Lease>) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Gives the same facts over other rows: a projection, a cast, a filter that kept every row.
    ///
    /// # Errors
    /// `InvalidInput` when the number of rows differs or the columns are not the stream's.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// let batch = Batch::empty(stream.clone());
    /// let rows = batch.rows().clone();
    /// assert!(batch.with_rows(stream, rows).is_ok());
    /// ```
    pub fn with_rows(mut self, stream: Arc<StreamInfo>, rows: RecordBatch) -> Result<Self> {
        if rows.num_rows() != self.num_rows() || !same_columns(stream.schema(), rows.schema_ref()) {
            return Err(
                Error::new(ErrorKind::InvalidInput, "rows do not fit the batch")
                    .with("stream", stream.name()),
            );
        }
        self.stream = stream;
        self.rows = rows;
        Ok(self)
    }

    /// Keeps the rows for which `keep` is true; the span stays that of the whole batch.
    ///
    /// # Errors
    /// `InvalidInput` when `keep` has another length than the rows.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// let kept = Batch::empty(stream).filter(&arrow_array::BooleanArray::from(Vec::<bool>::new()))?;
    /// assert_eq!(kept.num_rows(), 0);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn filter(&self, keep: &BooleanArray) -> Result<Self> {
        let rows = arrow_select::filter::filter_record_batch(&self.rows, keep)?;
        let mut kept = Self {
            rows,
            ..self.clone()
        };
        if let Some(metadata) = &self.metadata {
            let filtered = arrow_select::filter::filter(metadata, keep)?;
            kept.metadata = filtered.as_any().downcast_ref::<StructArray>().cloned();
        }
        if let Some(changes) = &self.changes {
            kept.changes = Some(Arc::new(filter_changes(changes, keep)?));
        }
        Ok(kept)
    }

    /// Gives a part of the batch without copying; its span shrinks with it.
    ///
    /// # Panics
    /// When the range reaches beyond the rows.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert_eq!(Batch::empty(stream).slice(0, 0).num_rows(), 0);
    /// ```
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        let mut part = self.clone();
        part.rows = self.rows.slice(offset, length);
        part.metadata = self
            .metadata
            .as_ref()
            .map(|facts| facts.slice(offset, length));
        part.changes = self
            .changes
            .as_ref()
            .map(|all| Arc::new(all.slice(offset, length)));
        if let Some(span) = &mut part.span {
            span.first += offset as u64;
            span.last = span.first + (length as u64).saturating_sub(1);
        }
        part
    }

    /// Gives the stream that the rows belong to.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert_eq!(Batch::empty(stream).stream().name(), "t");
    /// ```
    #[must_use]
    pub fn stream(&self) -> &Arc<StreamInfo> {
        &self.stream
    }

    /// Gives the columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert_eq!(Batch::empty(stream).rows().num_columns(), 0);
    /// ```
    #[must_use]
    pub fn rows(&self) -> &RecordBatch {
        &self.rows
    }

    /// Gives the number of rows.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert_eq!(Batch::empty(stream).num_rows(), 0);
    /// ```
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.rows.num_rows()
    }

    /// Gives what happened to each row; `None` for plain rows, which are all inserts.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert!(Batch::empty(stream).changes().is_none());
    /// ```
    #[must_use]
    pub fn changes(&self) -> Option<&Changes> {
        self.changes.as_deref()
    }

    /// Gives the facts about each row, if they were asked for.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert!(Batch::empty(stream).metadata().is_none());
    /// ```
    #[must_use]
    pub fn metadata(&self) -> Option<&StructArray> {
        self.metadata.as_ref()
    }

    /// Gives which rows of which split these are, where the source says so.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert!(Batch::empty(stream).span().is_none());
    /// ```
    #[must_use]
    pub fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("stream", &self.stream.name())
            .field("version", &self.stream.version())
            .field("rows", &self.num_rows())
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

fn same_columns(expected: &SchemaRef, found: &SchemaRef) -> bool {
    let same = |a: &Schema, b: &Schema| {
        a.fields().len() == b.fields().len()
            && a.fields()
                .iter()
                .zip(b.fields())
                .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type())
    };
    Arc::ptr_eq(expected, found) || same(expected, found)
}

fn filter_changes(changes: &Changes, keep: &BooleanArray) -> Result<Changes> {
    let kept = |row: &usize| keep.is_valid(*row) && keep.value(*row);
    let rows: Vec<usize> = (0..changes.ops.len()).filter(kept).collect();
    let unsent = changes.unsent.iter().map(|unsent| {
        unsent
            .as_ref()
            .map(|bits| rows.iter().map(|&row| bits.value(row)).collect())
    });
    Ok(Changes {
        ops: rows.iter().map(|&row| changes.ops[row]).collect(),
        unsent: unsent.collect(),
        before: match &changes.before {
            Some(before) => Some(arrow_select::filter::filter_record_batch(before, keep)?),
            None => None,
        },
    })
}
