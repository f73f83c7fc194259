//! Reading: a file's row groups, whole or in part.

use std::sync::{Arc, OnceLock};

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::arrow::parquet_to_arrow_field_levels;
use ::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use velo_core::{Error, ErrorKind, Predicate, Result};

use super::batches::{Group, Reading};
use super::bloom::BloomFilters;
use super::error::{corrupt, fenced, unreadable};
use super::input::ParquetBytes;
use super::rows::Rows;
use super::{footer, prune, schema};
use crate::{
    Batches, Compression, Places, RandomFormat, RandomInput, RandomRequest, ReadAt, ReadOptions,
    Unit, Units,
};

/// Bytes that a page may always have: some writers make one of a whole row group's values.
const LONGEST_PAGE: u64 = 128 << 20;

/// Reads Parquet files.
#[derive(Debug, Clone, Copy)]
pub struct Parquet {
    /// Longest page, in bytes, decompressed or not.
    longest_page: usize,
}

impl Parquet {
    /// Opens the format for reading.
    ///
    /// # Errors
    /// `Config` for a `compression` around the file, which Parquet does not have.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        match options.common.compression {
            None | Some(Compression::None) => {
                let longest = options.common.max_line_length.0.max(LONGEST_PAGE);
                Ok(Self {
                    longest_page: usize::try_from(longest).unwrap_or(usize::MAX),
                })
            }
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
        let opened = fenced(|| ParquetInput::open(bytes.clone(), self.longest_page));
        match (opened, bytes.take_failure()) {
            (Ok(opened), _) => Ok(Arc::new(opened)),
            (Err(_), Some(failure)) => Err(failure),
            (Err(error), None) => Err(error),
        }
    }
}

/// A Parquet file whose metadata are known.
struct ParquetInput {
    bytes: ParquetBytes,
    longest_page: usize,
    metadata: ArrowReaderMetadata,
    /// The same metadata for text as views; made when first asked for.
    views: OnceLock<ArrowReaderMetadata>,
    units: Units,
    filters: BloomFilters,
}

impl ParquetInput {
    fn open(bytes: ParquetBytes, longest_page: usize) -> Result<Self> {
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
            starts_anywhere: true,
        };
        Ok(Self {
            filters: BloomFilters::new(bytes.another()),
            bytes,
            longest_page,
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
            Some(names) => {
                let places = Places::of(schema);
                names.iter().map(|name| places.find(name)).collect()
            }
        }
    }

    fn start(&self, request: &RandomRequest, rows: Rows) -> Result<Reading> {
        let metadata = self.metadata(request.views)?.clone();
        let columns = self.columns(request.projection.as_deref())?;
        let roots = roots(&metadata, &columns)?;
        let parquet = metadata.parquet_schema();
        let mask = ProjectionMask::roots(parquet, roots);
        // Types are asked for where each column of the file is one of the schema's.
        let fields = metadata.schema().fields();
        let is_whole = fields.len() == parquet.root_schema().get_fields().len();
        let levels = parquet_to_arrow_field_levels(parquet, mask, is_whole.then_some(fields))
            .map_err(unreadable)?;
        // The reader yields each wanted column once, in the file's order.
        let mut yielded = columns.clone();
        yielded.sort_unstable();
        yielded.dedup();
        let place = |column| yielded.binary_search(column).ok();
        let order: Vec<usize> = columns.iter().filter_map(place).collect();
        let in_order = order.iter().copied().eq(0..yielded.len());
        let group = Group {
            bytes: self.bytes.another(),
            file: metadata.metadata().clone(),
            levels,
            unit: request.unit,
            longest_page: self.longest_page,
        };
        let order = (!in_order).then_some(order);
        Ok(Reading::new(group, rows, request.batch_rows, order))
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
        Ok(Box::new(fenced(|| self.start(&request, rows))?))
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
    let places = Places::new(roots.iter().map(|root| root.name()));
    let root = |column: &usize| {
        let name = fields[*column].name();
        places
            .get(name)
            .ok_or_else(|| corrupt().with("column", name))
    };
    columns.iter().map(root).collect()
}
