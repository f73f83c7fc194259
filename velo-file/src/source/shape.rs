//! From the rows that a file gives to the rows that were asked for.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch, RecordBatchOptions, StructArray, UInt32Array, new_null_array,
};
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take;
use velo_core::{Predicate, ReadRequest, Result, StreamInfo};
use velo_format::{Places, cast_unchanged};

use super::catalog::{Catalog, DataFile};
use super::hive;
use super::metadata;

/// Which columns to read of a file and what to make of them.
pub(super) struct Shape {
    /// The columns to read, in the order of the data.
    read: SchemaRef,
    /// What is there once the path's columns and the metadata stand beside them.
    wide: SchemaRef,
    /// One value for all rows of the file: the columns out of its path.
    constants: Vec<Constant>,
    /// For each column to yield its place in `wide`.
    order: Vec<usize>,
    filter: Option<Arc<Predicate>>,
    stream: Arc<StreamInfo>,
    metadata: bool,
}

/// A value, and the same value for as many rows as were needed last.
struct Constant {
    one: ArrayRef,
    many: ArrayRef,
}

impl Shape {
    /// Finds out what a request needs of a file.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown column.
    pub(super) fn new(catalog: &Catalog, file: &DataFile, request: &ReadRequest) -> Result<Self> {
        let all = catalog.stream.schema();
        let known = Places::of(all);
        let wanted: Vec<usize> = match &request.projection {
            None => (0..all.fields().len()).collect(),
            Some(names) => names
                .iter()
                .map(|name| known.find(name))
                .collect::<Result<_>>()?,
        };
        let filtered = request.filter.iter().flat_map(|filter| filter.columns());
        let filtered: Vec<usize> = filtered
            .map(|name| known.find(name))
            .collect::<Result<_>>()?;
        let data = catalog.data.fields().len();
        let mut places = [&wanted[..], &filtered].concat();
        places.sort_unstable();
        places.dedup();
        if !places.iter().any(|at| *at < data) && data > 0 {
            // Some column of the data must be read to know how many rows there are.
            places.insert(0, 0);
        }
        let field = |at: &usize| all.field(*at).clone();
        let fields: Vec<Field> = places.iter().map(field).collect();
        let read: Vec<Field> = places.iter().filter(|at| **at < data).map(field).collect();
        let partitions = places.iter().filter_map(|at| at.checked_sub(data));
        let constants = partitions
            .filter(|at| *at < catalog.partitions.len())
            .map(|at| Constant::new(&catalog.partitions[at], file.values[at].as_deref()))
            .collect::<Result<_>>()?;
        let order = wanted.iter().filter_map(|at| places.binary_search(at).ok());
        Ok(Self {
            metadata: fields
                .last()
                .is_some_and(|field| field.name() == metadata::COLUMN)
                && places.last().is_some_and(|at| *at >= data),
            read: Arc::new(Schema::new(read)),
            order: order.collect(),
            wide: Arc::new(Schema::new(fields)),
            constants,
            filter: request.filter.clone(),
            stream: match &request.projection {
                None => catalog.stream.clone(),
                Some(_) => projected(&catalog.stream, &wanted)?,
            },
        })
    }

    /// Gives the columns to read.
    pub(super) fn read(&self) -> &SchemaRef {
        &self.read
    }

    /// Says whether metadata of the rows are needed.
    pub(super) fn wants_metadata(&self) -> bool {
        self.metadata
    }

    /// Gives the stream of the rows that are yielded.
    pub(super) fn stream(&self) -> &Arc<StreamInfo> {
        &self.stream
    }

    /// Makes the rows that were asked for, and their metadata if there are any.
    ///
    /// # Errors
    /// `InvalidInput` for a condition whose literals do not fit the columns.
    pub(super) fn apply(
        &mut self,
        rows: RecordBatch,
        metadata: Option<StructArray>,
    ) -> Result<(RecordBatch, Option<StructArray>)> {
        let count = rows.num_rows();
        let mut columns = rows.columns().to_vec();
        for constant in &mut self.constants {
            columns.push(constant.repeated(count)?);
        }
        columns.extend(metadata.map(|metadata| Arc::new(metadata) as ArrayRef));
        let mut wide = batch(self.wide.clone(), columns, count)?;
        if let Some(filter) = &self.filter {
            let keep = filter.evaluate(&wide)?;
            wide = filter_record_batch(&wide, &keep)?;
        }
        let metadata = if self.metadata {
            let last = wide
                .columns()
                .last()
                .and_then(|last| last.as_any().downcast_ref());
            last.cloned()
        } else {
            None
        };
        let ordered = self
            .order
            .iter()
            .map(|at| wide.column(*at).clone())
            .collect();
        let rows = batch(self.stream.schema().clone(), ordered, wide.num_rows())?;
        Ok((rows, metadata))
    }
}

impl Constant {
    fn new(field: &Field, value: Option<&str>) -> Result<Self> {
        let one = hive::scalar(field, value)?;
        let many = one.clone();
        Ok(Self { one, many })
    }

    fn repeated(&mut self, count: usize) -> Result<ArrayRef> {
        if self.many.len() < count {
            self.many = take(&self.one, &UInt32Array::from(vec![0; count]), None)?;
        }
        Ok(self.many.slice(0, count))
    }
}

/// Brings the rows of a file to the columns that are read of it: casts what was widened, adds nulls
/// for what it lacks.
///
/// # Errors
/// `InvalidData` naming the column whose values its type does not hold.
pub(super) fn conform(rows: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let (found, count) = (rows.schema(), rows.num_rows());
    let places = Places::of(&found);
    let column = |field: &Arc<Field>| -> Result<ArrayRef> {
        let Some(at) = places.get(field.name()) else {
            return Ok(new_null_array(field.data_type(), count));
        };
        cast_unchanged(rows.column(at), field.data_type())
            .map_err(|error| error.with("column", field.name()))
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_>>()?;
    batch(schema.clone(), columns, count)
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>, count: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    Ok(RecordBatch::try_new_with_options(
        schema, columns, &options,
    )?)
}

fn projected(stream: &StreamInfo, wanted: &[usize]) -> Result<Arc<StreamInfo>> {
    let schema = Arc::new(stream.schema().project(wanted)?);
    let projected = StreamInfo::new(stream.name(), schema);
    Ok(Arc::new(
        projected
            .with_notes(stream.notes().iter().cloned())
            .with_details(stream.details().iter().cloned()),
    ))
}
