//! What a change stream says of each row of a batch.

use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;

use crate::{Error, ErrorKind, Result};

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

    pub(crate) fn project(&self, columns: &[usize]) -> Result<Self> {
        let unsent = columns.iter().filter(|_| !self.unsent.is_empty());
        Ok(Self {
            ops: self.ops.clone(),
            unsent: unsent.map(|&column| self.unsent[column].clone()).collect(),
            before: match &self.before {
                Some(before) => Some(before.project(columns)?),
                None => None,
            },
        })
    }

    pub(crate) fn slice(&self, offset: usize, length: usize) -> Self {
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

    /// Keeps the rows for which `keep` is true.
    pub(crate) fn filter(&self, keep: &BooleanArray) -> Result<Self> {
        let kept = |row: &usize| keep.is_valid(*row) && keep.value(*row);
        let rows: Vec<usize> = (0..self.ops.len()).filter(kept).collect();
        let unsent = self.unsent.iter().map(|unsent| {
            unsent
                .as_ref()
                .map(|bits| rows.iter().map(|&row| bits.value(row)).collect())
        });
        Ok(Self {
            ops: rows.iter().map(|&row| self.ops[row]).collect(),
            unsent: unsent.collect(),
            before: match &self.before {
                Some(before) => Some(arrow_select::filter::filter_record_batch(before, keep)?),
                None => None,
            },
        })
    }
}
