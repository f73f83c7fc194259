//! A list that is bound to a stream: what goes in, what comes out, and how both change.

use std::sync::Arc;

use arrow_schema::Schema;
use velo_core::{
    Batch, ColumnChange, Error, ErrorKind, Rejected, Result, SchemaChange, SplitId, StreamInfo,
};

use super::bind::Step;
use super::work::Work;
use super::{Transforms, raw};

/// A list of transforms, checked against one stream.
///
/// ```
/// # use std::sync::Arc;
/// # use arrow_array::{ArrayRef, RecordBatch, StringArray};
/// # use velo_core::{Batch, StreamInfo};
/// # use velo_pipeline::Transforms;
/// # let text: ArrayRef = Arc::new(StringArray::from(vec!["1", "x", "3"]));
/// # let rows = RecordBatch::try_from_iter([("id", text)])?;
/// # let stream = Arc::new(StreamInfo::new("orders", rows.schema()));
/// let list = serde_json::json!([{ "cast": { "id": "int64" } }, { "filter": "id > 1" }]);
/// let bound = Transforms::parse(&list)?.bind(&stream)?;
/// let applied = bound.apply(Batch::new(stream, rows)?)?;
/// assert_eq!(applied.batch.map(|batch| batch.num_rows()), Some(1));
/// assert_eq!((applied.filtered, applied.rejected.len()), (1, 1));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Bound {
    transforms: Transforms,
    /// All columns of the source, and those that are needed.
    source: Arc<StreamInfo>,
    read: Arc<StreamInfo>,
    needed: Option<Vec<String>>,
    steps: Vec<Step>,
}

/// What became of a batch: `rows in = rows out + filtered + rejected`; see [`Bound`].
#[derive(Debug)]
pub struct Applied {
    /// The rows that are left; `None` when there were rows and none is.
    pub batch: Option<Batch>,
    /// How many rows a filter left out.
    pub filtered: u64,
    /// Rows with a value that a cast cannot represent, in their order. `raw` is the row as it came
    /// in, as JSON. The ordinal counts the batch's rows from the first of its span: the row's own
    /// where the source filtered none, and no other row's in any case. Without a span rows are
    /// counted from 0 in a split without a name.
    pub rejected: Vec<Rejected>,
}

impl Bound {
    pub(super) fn new(
        transforms: &Transforms,
        (source, read): (Arc<StreamInfo>, Arc<StreamInfo>),
        needed: Option<Vec<String>>,
        steps: Vec<Step>,
    ) -> Self {
        Self {
            transforms: transforms.clone(),
            source,
            read,
            needed,
            steps,
        }
    }

    /// Gives the stream that comes out: the same name and version, other columns, and its key
    /// under the new names as long as all of it is there.
    #[must_use]
    pub fn stream(&self) -> &Arc<StreamInfo> {
        self.steps.last().map_or(&self.source, |step| &step.stream)
    }

    /// Gives the columns that the source must yield, in its order; `None` means all of them.
    ///
    /// Rejected rows hold what was read and no more.
    #[must_use]
    pub fn columns_needed(&self) -> Option<&[String]> {
        self.needed.as_deref()
    }

    /// Works the list off. The batch has all columns of the stream or those that are needed.
    ///
    /// A filter judges an insert or update by its new values. A delete is left out only where its
    /// before-image, or else what it carries, certainly does not match; a truncate never.
    ///
    /// # Errors
    /// `InvalidInput` for a batch with other columns than the list was bound to.
    pub fn apply(&self, batch: Batch) -> Result<Applied> {
        let mut work = Work::new(self.fitting(&batch)?);
        for step in &self.steps {
            work.take(step)?;
        }
        let nothing_left = work.batch.num_rows() == 0 && batch.num_rows() > 0;
        Ok(Applied {
            filtered: work.filtered,
            rejected: rejected(&batch, work.rejected)?,
            batch: (!nothing_left).then_some(work.batch),
        })
    }

    /// Binds the same list to the next version of the stream, and says what the change is for
    /// those behind.
    ///
    /// # Errors
    /// As [`Transforms::bind`]: a column that an item names may be gone.
    pub fn change(&self, change: &SchemaChange) -> Result<(Self, SchemaChange)> {
        let next = self.transforms.bind(&self.whole(&change.stream)?)?;
        let columns = changed(
            self.stream().schema(),
            next.stream().schema(),
            &change.columns,
        );
        let stream = next.stream().clone();
        Ok((next, SchemaChange { stream, columns }))
    }

    /// Adds to a stream the columns that nobody needs: a source that left them out of the rows
    /// leaves them out of what it says of a change as well.
    fn whole(&self, stream: &StreamInfo) -> Result<StreamInfo> {
        let Some(needed) = &self.needed else {
            return Ok(stream.clone());
        };
        let known = stream.schema();
        let left_out = self.source.schema().fields().iter().filter(|field| {
            !needed.contains(field.name()) && known.column_with_name(field.name()).is_none()
        });
        let fields = known.fields().iter().chain(left_out).cloned();
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let keys = self.source.keys().iter();
        let keys: Vec<String> = keys
            .filter(|key| schema.column_with_name(key).is_some())
            .cloned()
            .collect();
        match keys.len() == self.source.keys().len() && stream.keys().len() < keys.len() {
            true => stream.with_schema(schema).with_keys(keys),
            false => Ok(stream.with_schema(schema)),
        }
    }

    /// Brings a batch to the needed columns.
    fn fitting(&self, batch: &Batch) -> Result<Batch> {
        let same = |batch: &Batch| {
            let (found, expected) = (batch.rows().schema_ref(), self.read.schema());
            let names = |schema: &Schema| {
                let fields = schema.fields().iter();
                let facts = fields.map(|field| (field.name().clone(), field.data_type().clone()));
                facts.collect::<Vec<_>>()
            };
            Arc::ptr_eq(found, expected) || names(found) == names(expected)
        };
        if same(batch) {
            return Ok(batch.clone());
        }
        let needed = self.needed.as_deref();
        let narrow = needed.map(|names| batch.project(names)).transpose()?;
        narrow.filter(same).ok_or_else(|| {
            let message = "batch has other columns than its stream had before";
            Error::new(ErrorKind::InvalidInput, message).with("stream", batch.stream().name())
        })
    }
}

/// Makes the rejected rows of a batch, in the order of its rows.
fn rejected(batch: &Batch, mut refused: Vec<(u32, Error)>) -> Result<Vec<Rejected>> {
    if refused.is_empty() {
        return Ok(Vec::new());
    }
    refused.sort_by_key(|(row, _)| *row);
    let rows: Vec<u32> = refused.iter().map(|(row, _)| *row).collect();
    let raw = raw::rows(batch.rows(), &rows)?;
    let span = batch.span();
    let rejected = refused
        .into_iter()
        .zip(raw)
        .map(|((row, error), raw)| Rejected {
            stream: batch.stream().name().into(),
            split: span.map_or_else(|| SplitId::from(""), |span| span.split.clone()),
            ordinal: span.map_or(0, |span| span.first) + u64::from(row),
            offset: None,
            raw,
            error: Arc::new(error.with("stage", "transform")),
        });
    Ok(rejected.collect())
}

/// Says what changed from one schema to another, where a source has said what was renamed.
fn changed(before: &Schema, after: &Schema, said: &[ColumnChange]) -> Vec<ColumnChange> {
    let has = |schema: &Schema, name: &str| schema.column_with_name(name).is_some();
    let renamed = |from: &str| {
        said.iter().find_map(|change| match change {
            ColumnChange::Renamed { from: old, to } if old == from => {
                (has(after, to) && !has(before, to)).then(|| to.clone())
            }
            _ => None,
        })
    };
    let (mut changes, mut known) = (Vec::new(), Vec::new());
    for field in before.fields() {
        let name = field.name();
        let now = match after.column_with_name(name) {
            Some((_, now)) => now,
            None => match renamed(name) {
                Some(to) => {
                    let (from, name) = (name.clone(), to.clone());
                    changes.push(ColumnChange::Renamed { from, to });
                    known.push(name.clone());
                    match after.field_with_name(&name) {
                        Ok(now) => now,
                        Err(_) => continue,
                    }
                }
                None => {
                    changes.push(ColumnChange::Dropped { name: name.clone() });
                    continue;
                }
            },
        };
        if now.data_type() != field.data_type() {
            let name = now.name().clone();
            changes.push(ColumnChange::Retyped { name });
        }
    }
    let added = after.fields().iter().map(|field| field.name());
    let added = added.filter(|name| !has(before, name) && !known.contains(name));
    changes.extend(added.map(|name| ColumnChange::Added { name: name.clone() }));
    changes
}
