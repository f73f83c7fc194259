//! Rows of one stream, as Arrow columns, with what a change stream knows besides.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, BooleanArray, RecordBatch, StructArray};
use arrow_schema::{Schema, SchemaRef};

use crate::{Changes, Error, ErrorKind, Lease, Result, SplitId, StreamInfo};

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

    /// Keeps some columns, in this order, also of what is known of changes.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown column.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, StreamInfo};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert!(Batch::empty(stream).project(&["id".to_owned()]).is_err());
    /// ```
    pub fn project(&self, columns: &[String]) -> Result<Self> {
        let positions = self.stream.positions(columns)?;
        let mut narrow = Self {
            stream: Arc::new(self.stream.project(columns)?),
            rows: self.rows.project(&positions)?,
            ..self.clone()
        };
        if let Some(changes) = &self.changes {
            narrow.changes = Some(Arc::new(changes.project(&positions)?));
        }
        Ok(narrow)
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
            kept.changes = Some(Arc::new(changes.filter(keep)?));
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
