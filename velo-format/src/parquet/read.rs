//! Reading: a file's row groups, whole or in part.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection,
};
use ::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use arrow_array::RecordBatch;
use velo_core::{Error, ErrorKind, Predicate, Result};

use super::bloom::BloomFilters;
use super::error::{corrupt, fenced, unreadable};
use super::input::ParquetBytes;
use super::{footer, prune, schema};
use crate::{
    Batches, Compression, RandomFormat, RandomInput, RandomRequest, ReadAt, ReadOptions, Unit,
    Units,
};

/// Reads Parquet files.
#[derive(Debug, Clone, Copy)]
pub struct Parquet {
    _private: (),
}

impl Parquet {
    /// Opens the format for reading.
    ///
    /// # Errors
    /// `Config` for a `compression` around the file, which Parquet does not have.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        match options.common.compression {
            None | Some(Compression::None) => Ok(Self { _private: () }),
            Some(_) => Err(
                Error::new(ErrorKind::Config, "parquet is not compressed as a whole")
                    .with("option", "compression")
                    .with_hint("leave it out: the file says how its pages are compressed"),
            ),
        }
    }
}

impl RandomFormat for Parquet {
    fn open(&self, input: Arc<dyn ReadAt>) -> Result<Arc<dyn RandomInput>> {
        let bytes = ParquetBytes::new(input);
        footer::check(&bytes)?;
        let opened = fenced(|| ParquetInput::open(bytes.clone()));
        match (opened, bytes.take_failure()) {
            (Ok(opened), _) => Ok(Arc::new(opened)),
            (Err(_), Some(failure)) => Err(failure.into()),
            (Err(error), None) => Err(error),
        }
    }
}

/// A Parquet file whose metadata are known.
struct ParquetInput {
    bytes: ParquetBytes,
    metadata: ArrowReaderMetadata,
    /// The same metadata for text as views; made when first asked for.
    views: OnceLock<ArrowReaderMetadata>,
    units: Units,
    filters: BloomFilters,
}

impl ParquetInput {
    fn open(bytes: ParquetBytes) -> Result<Self> {
        let load = |policy| {
            let options = ArrowReaderOptions::new().with_page_index_policy(policy);
            ArrowReaderMetadata::load(&bytes, options)
        };
        // The page index only makes reading cheaper: a file that has a broken one is read without.
        let loaded = load(PageIndexPolicy::Optional)
            .or_else(|_| load(PageIndexPolicy::Skip))
            .map_err(unreadable)?;
        let plain = schema::plain(loaded.schema());
        let metadata = if &plain == loaded.schema() {
            loaded
        } else {
            retyped(loaded.metadata(), plain)?
        };
        let units = Units {
            schema: metadata.schema().clone(),
            units: units(metadata.metadata())?,
        };
        Ok(Self {
            filters: BloomFilters::new(bytes.another()),
            bytes,
            metadata,
            views: OnceLock::new(),
            units,
        })
    }

    fn metadata(&self, views: bool) -> Result<&ArrowReaderMetadata> {
        if !views {
            return Ok(&self.metadata);
        }
        if let Some(metadata) = self.views.get() {
            return Ok(metadata);
        }
        let viewed = schema::views(self.metadata.schema());
        let metadata = retyped(self.metadata.metadata(), viewed)?;
        Ok(self.views.get_or_init(|| metadata))
    }

    /// Finds the wanted columns: their places in the file's schema, in the wanted order.
    fn columns(&self, projection: Option<&[String]>) -> Result<Vec<usize>> {
        let schema = &self.units.schema;
        match projection {
            None => Ok((0..schema.fields().len()).collect()),
            Some(names) => names.iter().map(|name| prune::find(schema, name)).collect(),
        }
    }

    fn start(&self, request: &RandomRequest, rows: &Rows) -> Result<Reading> {
        let metadata = self.metadata(request.views)?.clone();
        let columns = self.columns(request.projection.as_deref())?;
        let roots = roots(&metadata, &columns)?;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
        let bytes = self.bytes.another();
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata)
            .with_row_groups(vec![request.unit])
            .with_projection(mask)
            .with_batch_size(request.batch_rows.max(1))
            .with_row_selection(rows.selection())
            .build()
            .map_err(unreadable)?;
        // The reader yields each wanted column once, in the file's order.
        let mut yielded = columns.clone();
        yielded.sort_unstable();
        yielded.dedup();
        let place = |column| yielded.iter().position(|one| one == column);
        let order: Vec<usize> = columns.iter().filter_map(place).collect();
        let in_order = order.iter().copied().eq(0..yielded.len());
        Ok(Reading {
            bytes,
            reader: Some(reader),
            order: (!in_order).then_some(order),
            missing: rows.count(),
        })
    }
}

impl RandomInput for ParquetInput {
    fn units(&self) -> &Units {
        &self.units
    }

    fn prune(&self, predicate: &Predicate) -> Result<Vec<bool>> {
        let (schema, file) = (&self.units.schema, self.metadata.metadata());
        prune::row_groups(predicate, schema, file, &self.filters)
    }

    fn read(&self, request: RandomRequest) -> Result<Batches> {
        let Some(unit) = self.units.units.get(request.unit) else {
            return Err(Error::new(ErrorKind::InvalidInput, "no such row group")
                .with("row group", request.unit));
        };
        let mut rows = Rows::clamped(&request.rows, unit.rows);
        if let Some(predicate) = &request.predicate {
            let file = self.metadata.metadata();
            let wanted = prune::pages(predicate, &self.units.schema, file, request.unit)?;
            rows.keep(wanted);
        }
        Ok(Box::new(fenced(|| self.start(&request, &rows))?))
    }
}

/// Reads with other Arrow types than the file proposes.
fn retyped(
    metadata: &Arc<ParquetMetaData>,
    schema: arrow_schema::SchemaRef,
) -> Result<ArrowReaderMetadata> {
    let options = ArrowReaderOptions::new().with_schema(schema);
    ArrowReaderMetadata::try_new(metadata.clone(), options).map_err(unreadable)
}

fn units(metadata: &ParquetMetaData) -> Result<Vec<Unit>> {
    let count = |number: i64| {
        u64::try_from(number).map_err(|_| corrupt().with_source("a count in it is negative"))
    };
    let groups = metadata.row_groups().iter().map(|group| {
        Ok(Unit {
            rows: count(group.num_rows())?,
            bytes: count(group.compressed_size())?,
            decoded_bytes: count(group.total_byte_size())?,
        })
    });
    let units = groups.collect::<Result<Vec<_>>>()?;
    let total = units.iter().map(|unit| u128::from(unit.rows)).sum::<u128>();
    if total != u128::from(count(metadata.file_metadata().num_rows())?) {
        return Err(corrupt().with_source("its row groups have another number of rows than it"));
    }
    Ok(units)
}

/// Finds columns among the roots of the Parquet schema, which can hold groups without leaves that
/// are no columns.
fn roots(metadata: &ArrowReaderMetadata, columns: &[usize]) -> Result<Vec<usize>> {
    let fields = metadata.schema().fields();
    let roots = metadata.parquet_schema().root_schema().get_fields();
    if fields.len() == roots.len() {
        return Ok(columns.to_vec());
    }
    let root = |column: &usize| {
        let name = fields[*column].name();
        let found = roots.iter().position(|root| root.name() == name);
        found.ok_or_else(|| corrupt().with("column", name))
    };
    columns.iter().map(root).collect()
}

/// Ranges of rows to read of a row group, ascending.
struct Rows {
    ranges: Vec<Range<usize>>,
    total: usize,
}

impl Rows {
    fn clamped(range: &Range<u64>, total: u64) -> Self {
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        let clamp = |row| usize::try_from(row).map_or(total, |row: usize| row.min(total));
        let range = clamp(range.start)..clamp(range.end);
        Self {
            ranges: vec![range],
            total,
        }
    }

    /// Keeps what lies in the wanted ranges too.
    fn keep(&mut self, wanted: Vec<Range<usize>>) {
        let Some(all) = self.ranges.pop() else { return };
        let cut = |one: Range<usize>| one.start.max(all.start)..one.end.min(all.end);
        self.ranges = wanted.into_iter().map(cut).collect();
        self.ranges.retain(|range| !range.is_empty());
    }

    fn count(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).sum()
    }

    fn selection(&self) -> RowSelection {
        let filled = self.ranges.iter().filter(|range| !range.is_empty());
        RowSelection::from_consecutive_ranges(filled.cloned(), self.total)
    }
}

/// Batches of one request.
struct Reading {
    bytes: ParquetBytes,
    /// Gone after the end or an error.
    reader: Option<ParquetRecordBatchReader>,
    /// Where each wanted column is among those read, if that is not the same order.
    order: Option<Vec<usize>>,
    /// Rows that are still to come.
    missing: usize,
}

impl Reading {
    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let Some(rows) = reader.next().transpose()? else {
            self.reader = None;
            return match self.missing {
                0 => Ok(None),
                _ => Err(corrupt().with_source("a row group has fewer rows than it says")),
            };
        };
        self.missing = self.missing.saturating_sub(rows.num_rows());
        Ok(Some(match &self.order {
            None => rows,
            Some(order) => rows.project(order)?,
        }))
    }
}

impl Iterator for Reading {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = fenced(|| self.advance());
        if next.is_err() {
            self.reader = None;
        }
        next.map_err(|error| match self.bytes.take_failure() {
            Some(failure) => failure.into(),
            None if error.kind() == ErrorKind::Unexpected => corrupt().with_source(error),
            None => error,
        })
        .transpose()
    }
}
