//! One batch on its way through the steps: rows, before-images and what was not sent stay aligned.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, UInt32Array,
};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, Field, Schema};
use arrow_select::filter::filter;
use arrow_select::take::take;
use velo_core::{Batch, Changes, Error, ErrorKind, Op, Predicate, Result, StreamInfo};

use super::bind::{Action, Content, Placed, Step};
use super::cast::{Converted, convert};
use super::text::texts;

/// A batch on its way through the steps.
pub(super) struct Work {
    pub(super) batch: Batch,
    /// For each row its place in the batch that came in.
    origin: Vec<u32>,
    pub(super) filtered: u64,
    /// Each with its place in the batch that came in.
    pub(super) rejected: Vec<(u32, Error)>,
}

impl Work {
    pub(super) fn new(batch: Batch) -> Self {
        let rows = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
        Self {
            batch,
            origin: (0..rows).collect(),
            filtered: 0,
            rejected: Vec::new(),
        }
    }

    /// Works one step off.
    ///
    /// # Errors
    /// None that values could provoke.
    pub(super) fn take(&mut self, step: &Step) -> Result<()> {
        match &step.action {
            Action::Pick(places) => {
                let pick = |columns: &[ArrayRef]| {
                    Ok(places.iter().map(|at| columns[*at].clone()).collect())
                };
                let unsent =
                    |unsent: &Unsent| places.iter().map(|at| unsent[*at].clone()).collect();
                self.reshape(&step.stream, pick, unsent)
            }
            Action::Rename => {
                self.reshape(&step.stream, |columns| Ok(columns.to_vec()), Clone::clone)
            }
            Action::Cast(casts) => self.cast(step, casts),
            Action::Filter { condition, columns } => self.filter(condition, columns),
            Action::Set(placed) => {
                let rows = self.batch.num_rows();
                let set = |columns: &[ArrayRef]| set(placed, columns, rows);
                let unsent = |unsent: &Unsent| set_unsent(placed, unsent);
                self.reshape(&step.stream, set, unsent)
            }
        }
    }

    /// Makes other columns of the rows, and of their before-images in the same way.
    fn reshape(
        &mut self,
        stream: &Arc<StreamInfo>,
        columns: impl Fn(&[ArrayRef]) -> Result<Vec<ArrayRef>>,
        unsent: impl Fn(&Unsent) -> Unsent,
    ) -> Result<()> {
        let rows = columns(self.batch.rows().columns())?;
        let before = self.before().map(|before| columns(before.columns()));
        self.replace(stream, rows, before.transpose()?, unsent)
    }

    fn before(&self) -> Option<&RecordBatch> {
        self.batch
            .changes()
            .and_then(|changes| changes.before.as_ref())
    }

    fn replace(
        &mut self,
        stream: &Arc<StreamInfo>,
        columns: Vec<ArrayRef>,
        before: Option<Vec<ArrayRef>>,
        unsent: impl Fn(&Unsent) -> Unsent,
    ) -> Result<()> {
        let count = self.batch.num_rows();
        let rows = table(stream.schema().clone(), columns, count)?;
        let changes = self.batch.changes().cloned();
        self.batch = self.batch.clone().with_rows(stream.clone(), rows)?;
        if let Some(Changes {
            ops, unsent: known, ..
        }) = changes
        {
            let schema = Arc::new(all_nullable(stream.schema()));
            let before = before.map(|columns| table(schema, columns, count));
            let changes = Changes {
                ops,
                unsent: match known.is_empty() {
                    true => known,
                    false => unsent(&known),
                },
                before: before.transpose()?,
            };
            self.batch = self.batch.clone().with_changes(changes)?;
        }
        Ok(())
    }

    fn cast(&mut self, step: &Step, casts: &[(usize, DataType)]) -> Result<()> {
        let convert_all = |rows: &RecordBatch| {
            let converted = casts.iter().map(|(at, to)| convert(rows.column(*at), to));
            converted.collect::<Result<Vec<_>>>()
        };
        let mut rows = convert_all(self.batch.rows())?;
        let mut before = self.before().map(convert_all).transpose()?;
        let keep = self.reject_failed(step, casts, rows.iter().chain(before.iter().flatten()));
        if let Some(keep) = keep {
            let keep = BooleanArray::new(keep, None);
            for one in rows.iter_mut().chain(before.iter_mut().flatten()) {
                one.column = filter(&one.column, &keep)?;
            }
            self.keep(keep.values().clone())?;
        }
        let replaced = |all: &RecordBatch, converted: Vec<Converted>| {
            let mut columns = all.columns().to_vec();
            for ((at, _), one) in casts.iter().zip(converted) {
                columns[*at] = one.column;
            }
            columns
        };
        let rows = replaced(self.batch.rows(), rows);
        let before = self.before().zip(before);
        let before = before.map(|(all, converted)| replaced(all, converted));
        self.replace(&step.stream, rows, before, Clone::clone)
    }

    /// Rejects the rows in which some cast failed, each for its first column, and says which stay;
    /// `None` when all do.
    fn reject_failed<'c>(
        &mut self,
        step: &Step,
        casts: &[(usize, DataType)],
        converted: impl Iterator<Item = &'c Converted>,
    ) -> Option<BooleanBuffer> {
        let converted = converted.zip(casts.iter().cycle());
        let failures = converted.filter_map(|(one, (at, _))| Some((*at, one.failed.as_ref()?)));
        let failures: Vec<(usize, &BooleanBuffer)> = failures.collect();
        if failures.is_empty() {
            return None;
        }
        let failed = |row: usize| failures.iter().find(|(_, failed)| failed.value(row));
        let count = self.batch.num_rows();
        for row in 0..count {
            let Some((at, _)) = failed(row) else { continue };
            let field = step.stream.schema().field(*at);
            let message = "value does not fit the type that it is cast to";
            let error = Error::new(ErrorKind::InvalidData, message)
                .with("column", field.name())
                .with("type", field.data_type());
            self.rejected.push((self.origin[row], error));
        }
        Some(BooleanBuffer::collect_bool(count, |row| {
            failed(row).is_none()
        }))
    }

    fn filter(&mut self, condition: &Predicate, columns: &[usize]) -> Result<()> {
        self.reject_unsent(columns)?;
        let wanted = condition.evaluate(self.batch.rows())?;
        let certain = |wanted: &BooleanArray, row| wanted.is_valid(row) && wanted.value(row);
        let keep: BooleanBuffer = match self.batch.changes() {
            None => (0..wanted.len()).map(|row| certain(&wanted, row)).collect(),
            Some(changes) => {
                let before = changes.before.as_ref();
                let before = before
                    .map(|before| condition.evaluate(before))
                    .transpose()?;
                let past = before.as_ref().unwrap_or(&wanted);
                let ops = changes.ops.iter().enumerate();
                ops.map(|(row, op)| match op {
                    Op::Truncate => true,
                    Op::Delete => past.is_null(row) || past.value(row),
                    Op::Insert | Op::Update => certain(&wanted, row),
                })
                .collect()
            }
        };
        self.filtered += (keep.len() - keep.count_set_bits()) as u64;
        self.keep(keep)
    }

    /// Rejects updates that lack a value which a condition needs: nobody knows whether it holds.
    fn reject_unsent(&mut self, columns: &[usize]) -> Result<()> {
        let Some(changes) = self
            .batch
            .changes()
            .filter(|changes| !changes.unsent.is_empty())
        else {
            return Ok(());
        };
        let unsent = |row: &usize| {
            let lacks = |at: &&usize| {
                let bits = changes.unsent[**at].as_ref();
                bits.is_some_and(|bits| bits.value(*row))
            };
            let at = columns.iter().find(lacks);
            at.filter(|_| changes.ops[*row] == Op::Update)
        };
        let count = self.batch.num_rows();
        let keep = BooleanBuffer::collect_bool(count, |row| unsent(&row).is_none());
        let schema = self.batch.stream().schema();
        let refused = (0..count).filter_map(|row| Some((row, *unsent(&row)?)));
        let refused = refused.map(|(row, at)| {
            let message = "source did not send a value that a filter needs";
            let error =
                Error::new(ErrorKind::InvalidData, message).with("column", schema.field(at).name());
            (self.origin[row], error)
        });
        let refused: Vec<_> = refused.collect();
        self.rejected.extend(refused);
        self.keep(keep)
    }

    fn keep(&mut self, keep: BooleanBuffer) -> Result<()> {
        if keep.count_set_bits() == keep.len() {
            return Ok(());
        }
        let mut row = 0;
        self.origin.retain(|_| {
            row += 1;
            keep.value(row - 1)
        });
        self.batch = self.batch.filter(&BooleanArray::new(keep, None))?;
        Ok(())
    }
}

type Unsent = Vec<Option<BooleanBuffer>>;

fn set(placed: &[Placed], columns: &[ArrayRef], rows: usize) -> Result<Vec<ArrayRef>> {
    let mut all = columns.to_vec();
    for Placed { at, value } in placed {
        let column = match value {
            Content::Constant(one) => take(one, &UInt32Array::from(vec![0; rows]), None)?,
            Content::Template(template, places) => {
                let values = places.iter().map(|at| texts(&columns[*at]));
                let values: Vec<StringArray> = values.collect::<Result<_>>()?;
                template.fill(&values, rows)
            }
        };
        match at {
            Some(at) => all[*at] = column,
            None => all.push(column),
        }
    }
    Ok(all)
}

/// Text made of a value that was not sent is not known either.
fn set_unsent(placed: &[Placed], unsent: &Unsent) -> Unsent {
    let mut all = unsent.clone();
    for Placed { at, value } in placed {
        let bits = match value {
            Content::Constant(_) => None,
            Content::Template(_, places) => {
                let parts = places.iter().filter_map(|at| unsent[*at].clone());
                parts.reduce(|one, other| &one | &other)
            }
        };
        match at {
            Some(at) => all[*at] = bits,
            None => all.push(bits),
        }
    }
    all
}

fn table(schema: Arc<Schema>, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        schema, columns, &options,
    )?)
}

fn all_nullable(schema: &Schema) -> Schema {
    let nullable = |field: &Arc<Field>| field.as_ref().clone().with_nullable(true);
    Schema::new(schema.fields().iter().map(nullable).collect::<Vec<_>>())
}
