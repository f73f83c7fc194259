//! Reading: a file's stripes, whole or in part.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use orc_rust::array_decoder::NaiveStripeDecoder;
use orc_rust::projection::ProjectionMask;
use orc_rust::proto::StripeInformation;
use orc_rust::reader::metadata::FileMetadata;
use orc_rust::stripe::Stripe;
use velo_core::{Error, ErrorKind, Predicate, Result};

use super::error::{fenced, unreadable, wrong};
use super::footer::{self, Tail};
use super::{stripe, tree};
use crate::{
    Batches, Compression, RandomFormat, RandomInput, RandomRequest, ReadAt, ReadOptions, Unit,
    Units,
};

/// By how much compressed values are guessed to grow.
const GROWTH: u64 = 3;

/// Reads ORC files.
#[derive(Debug, Clone, Copy)]
pub struct Orc {
    _private: (),
}

impl Orc {
    /// Opens the format for reading.
    ///
    /// # Errors
    /// `Config` for a `compression` around the file, which ORC does not have.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        match options.common.compression {
            None | Some(Compression::None) => Ok(Self { _private: () }),
            Some(_) => Err(
                Error::new(ErrorKind::Config, "orc is not compressed as a whole")
                    .with("option", "compression")
                    .with_hint("leave it out: the file says how its chunks are compressed"),
            ),
        }
    }
}

impl RandomFormat for Orc {
    fn open(&self, input: Arc<dyn ReadAt>) -> Result<Arc<dyn RandomInput>> {
        Ok(Arc::new(fenced(|| Input::open(input))?))
    }
}

/// A file whose footer is known.
struct Input {
    bytes: Arc<dyn ReadAt>,
    tail: Tail,
    metadata: FileMetadata,
    units: Units,
}

impl Input {
    fn open(bytes: Arc<dyn ReadAt>) -> Result<Self> {
        let tail = footer::read(&*bytes)?;
        tree::check(&tail.footer.types)?;
        let metadata = stripe::metadata(&tail.footer.types)?;
        let schema = metadata
            .root_data_type()
            .create_arrow_schema(&HashMap::new());
        let growth = match tail.chunks.is_compressed() {
            true => GROWTH,
            false => 1,
        };
        let unit = |stripe: &StripeInformation| Unit {
            rows: stripe.number_of_rows(),
            bytes: stripe.index_length() + stripe.data_length() + stripe.footer_length(),
            decoded_bytes: stripe.data_length().saturating_mul(growth),
        };
        let units = Units {
            schema: Arc::new(schema),
            units: tail.footer.stripes.iter().map(unit).collect(),
            starts_anywhere: false,
        };
        Ok(Self {
            bytes,
            tail,
            metadata,
            units,
        })
    }

    /// Starts to decode columns of a stripe, in the file's order.
    fn start(&self, unit: usize, columns: &[usize], rows: usize) -> Result<NaiveStripeDecoder> {
        let types = &self.tail.footer.types;
        let needed = tree::needed(types, columns);
        let place = &self.tail.footer.stripes[unit];
        let (mut image, place) = stripe::load(&*self.bytes, &self.tail, place, &needed)?;
        let root = self.metadata.root_data_type();
        let roots = columns
            .iter()
            .map(|column| types[0].subtypes[*column] as usize);
        let root = root.project(&ProjectionMask::roots(root, roots));
        let schema = self.units.schema.project(columns)?;
        let stripe = Stripe::new(&mut image, &self.metadata, &root, &place).map_err(unreadable)?;
        NaiveStripeDecoder::new(stripe, Arc::new(schema), rows).map_err(unreadable)
    }
}

impl RandomInput for Input {
    fn units(&self) -> &Units {
        &self.units
    }

    /// Statistics are not looked at.
    fn prune(&self, predicate: &Predicate) -> Result<Vec<bool>> {
        for name in predicate.columns() {
            column(&self.units, name)?;
        }
        Ok(vec![true; self.units.units.len()])
    }

    fn read(&self, request: RandomRequest) -> Result<Batches> {
        let Some(unit) = self.units.units.get(request.unit) else {
            return Err(
                Error::new(ErrorKind::InvalidInput, "no such stripe").with("stripe", request.unit)
            );
        };
        let wanted: Vec<usize> = match request.projection.as_deref() {
            None => (0..self.units.schema.fields().len()).collect(),
            Some(names) => {
                let columns = names.iter().map(|name| column(&self.units, name));
                columns.collect::<Result<_>>()?
            }
        };
        // They are decoded in the file's order and each once.
        let mut decoded = wanted.clone();
        decoded.sort_unstable();
        decoded.dedup();
        let rows = request.rows.start.min(unit.rows)..request.rows.end.min(unit.rows);
        let step = request.batch_rows.max(1);
        let decoder = match wanted.is_empty() || rows.is_empty() {
            true => None,
            false => Some(fenced(|| self.start(request.unit, &decoded, step))?),
        };
        let place = |column: &usize| decoded.iter().position(|one| one == column);
        Ok(Box::new(Reading {
            decoder,
            at: 0,
            rows,
            step,
            order: wanted.iter().filter_map(place).collect(),
            schema: Arc::new(self.units.schema.project(&wanted)?),
        }))
    }
}

fn column(units: &Units, name: &str) -> Result<usize> {
    units
        .schema
        .index_of(name)
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "no such column").with("column", name))
}

/// Batches of one request.
struct Reading {
    /// None for rows without columns.
    decoder: Option<NaiveStripeDecoder>,
    /// The row of the stripe that the decoder gives next.
    at: u64,
    /// The rows that are still to come.
    rows: Range<u64>,
    step: usize,
    /// Where each wanted column is among those decoded.
    order: Vec<usize>,
    schema: SchemaRef,
}

impl Reading {
    fn advance(&mut self) -> Result<RecordBatch> {
        let Some(decoder) = &mut self.decoder else {
            let length = (self.rows.end - self.rows.start).min(self.step as u64);
            self.rows.start += length;
            let options = RecordBatchOptions::new().with_row_count(Some(length as usize));
            let schema = Arc::clone(&self.schema);
            return Ok(RecordBatch::try_new_with_options(schema, vec![], &options)?);
        };
        loop {
            let few = || wrong("a stripe has fewer rows than it says");
            let rows = decoder.next().ok_or_else(few)?.map_err(unreadable)?;
            if rows.num_rows() == 0 {
                return Err(few());
            }
            let (start, end) = (self.at, self.at + rows.num_rows() as u64);
            self.at = end;
            // There is no way to a row but through those before it.
            if end <= self.rows.start {
                continue;
            }
            let (first, last) = (self.rows.start, end.min(self.rows.end));
            self.rows.start = last;
            let rows = rows.slice((first - start) as usize, (last - first) as usize);
            // The decoder forgets which columns may have nulls.
            let columns = rows.project(&self.order)?.columns().to_vec();
            return Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?);
        }
    }
}

impl Iterator for Reading {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.is_empty() {
            return None;
        }
        let next = fenced(|| self.advance());
        if next.is_err() {
            self.rows.end = self.rows.start;
        }
        Some(next.map_err(|error| match error.kind() {
            ErrorKind::Unexpected => super::error::corrupt().with_source(error),
            _ => error,
        }))
    }
}
