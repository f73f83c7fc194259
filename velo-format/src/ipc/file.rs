//! Reading files: record batches by the index at the end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow_array::RecordBatch;
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::Block;
use velo_core::{Error, ErrorKind, Predicate, Result};

use super::error::corrupt;
use super::message::{LARGEST_METADATA, Messages, PREFIX, parse, schema, too_old};
use crate::{
    Batches, Compression, Places, RandomFormat, RandomInput, RandomRequest, ReadAt, ReadOptions,
    Unit, Units,
};

const MAGIC: &[u8] = b"ARROW1";
/// Magic of the first version of Feather, which was another format.
const FEATHER: &[u8] = b"FEA1";
/// Length of the index, and magic.
const TAIL: u64 = 10;
/// Magic, padded, and the tail.
const SHORTEST: u64 = 8 + TAIL;
/// Record batches that are kept while parts of them are read.
const KEPT: usize = 2;
/// By how much compressed values are guessed to grow.
const GROWTH: u64 = 3;

/// Arrow files, for reading.
#[derive(Debug, Clone, Copy)]
pub struct ArrowFile {
    _private: (),
}

impl ArrowFile {
    /// Opens the format for reading.
    ///
    /// # Errors
    /// `Config` for a `compression` around the file, which Arrow files do not have.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        match options.common.compression {
            None | Some(Compression::None) => Ok(Self { _private: () }),
            Some(_) => Err(
                Error::new(ErrorKind::Config, "arrow is not compressed as a whole")
                    .with("option", "compression")
                    .with_hint("leave it out: the file says how its buffers are compressed"),
            ),
        }
    }
}

impl RandomFormat for ArrowFile {
    fn open(&self, input: Arc<dyn ReadAt>) -> Result<Arc<dyn RandomInput>> {
        Ok(Arc::new(Input::open(input)?))
    }
}

/// A file whose index and dictionaries are known.
struct Input {
    bytes: Arc<dyn ReadAt>,
    messages: Messages,
    blocks: Vec<Place>,
    units: Units,
    kept: Mutex<VecDeque<Kept>>,
}

/// A record batch that several readers take parts of; the first decodes it for all.
#[derive(Clone)]
struct Kept {
    unit: usize,
    columns: Option<Vec<usize>>,
    batch: Arc<OnceLock<RecordBatch>>,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    metadata: usize,
    body: usize,
}

impl Input {
    fn open(bytes: Arc<dyn ReadAt>) -> Result<Self> {
        let footer = footer(&*bytes)?;
        let footer = arrow_ipc::root_as_footer(&footer)
            .map_err(|error| corrupt().with_source(error.to_string()))?;
        let schema = schema(footer.schema().ok_or_else(|| wrong("it has no schema"))?)?;
        let places = |blocks: Option<flatbuffers::Vector<'_, Block>>| {
            let blocks = blocks.into_iter().flatten();
            blocks
                .map(|block| Place::of(block, bytes.size()))
                .collect::<Result<Vec<_>>>()
        };
        let mut messages = Messages::new(Arc::clone(&schema));
        for place in places(footer.dictionaries())? {
            let (metadata, body) = (place.metadata(&*bytes)?, place.body(&*bytes)?);
            let message = parse(&metadata[PREFIX..])?;
            let dictionary = message.header_as_dictionary_batch();
            if dictionary.is_some_and(|found| !found.isDelta() && messages.knows(&found)) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "arrow file has a dictionary twice",
                )
                .with_hint("write it as an arrow stream, or without dictionaries"));
            }
            messages.dictionary(&message, &body)?;
        }
        let blocks = places(footer.recordBatches())?;
        let units = blocks.iter().map(|place| place.unit(&*bytes));
        Ok(Self {
            units: Units {
                schema,
                units: units.collect::<Result<_>>()?,
                starts_anywhere: true,
            },
            messages,
            blocks,
            kept: Mutex::default(),
            bytes,
        })
    }

    fn decode(&self, unit: usize, columns: Option<&[usize]>) -> Result<RecordBatch> {
        let place = self.blocks.get(unit).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "no such record batch").with("record batch", unit)
        })?;
        let metadata = place.metadata(&*self.bytes)?;
        let message = parse(&metadata[PREFIX..])?;
        let batch = self
            .messages
            .batch(&message, &place.body(&*self.bytes)?, columns)?;
        match batch.num_rows() as u64 == self.units.units[unit].rows {
            true => Ok(batch),
            false => Err(wrong(
                "a record batch has another number of rows than before",
            )),
        }
    }

    /// Decodes a record batch that more than one reader will want.
    fn decode_once(&self, unit: usize, columns: Option<Vec<usize>>) -> Result<RecordBatch> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all
            .iter()
            .find(|kept| kept.unit == unit && kept.columns == columns)
            .cloned();
        let kept = known.unwrap_or_else(|| {
            let kept = Kept {
                unit,
                columns,
                batch: Arc::default(),
            };
            all.push_back(kept.clone());
            if all.len() > KEPT {
                all.pop_front();
            }
            kept
        });
        drop(all);
        if let Some(batch) = kept.batch.get() {
            return Ok(batch.clone());
        }
        // Two that come at the same time both decode; what they find is the same.
        let batch = self.decode(unit, kept.columns.as_deref())?;
        Ok(kept.batch.get_or_init(|| batch).clone())
    }
}

impl RandomInput for Input {
    fn units(&self) -> &Units {
        &self.units
    }

    /// Nothing is known of the values.
    fn prune(&self, predicate: &Predicate) -> Result<Vec<bool>> {
        let places = Places::of(&self.units.schema);
        for name in predicate.columns() {
            places.find(name)?;
        }
        Ok(vec![true; self.units.units.len()])
    }

    fn read(&self, request: RandomRequest) -> Result<Batches> {
        let Some(unit) = self.units.units.get(request.unit) else {
            return Err(Error::new(ErrorKind::InvalidInput, "no such record batch")
                .with("record batch", request.unit));
        };
        let names = request.projection.as_deref();
        let wanted = names.map(|names| {
            let places = Places::of(&self.units.schema);
            let columns = names.iter().map(|name| places.find(name));
            columns.collect::<Result<Vec<_>>>()
        });
        let wanted = wanted.transpose()?;
        // They are decoded in the file's order and each once.
        let decoded = wanted.clone().map(|mut columns| {
            columns.sort_unstable();
            columns.dedup();
            columns
        });
        let rows = request.rows.start.min(unit.rows)..request.rows.end.min(unit.rows);
        let batch = match rows.start == 0 && rows.end == unit.rows {
            true => self.decode(request.unit, decoded.as_deref())?,
            false => self.decode_once(request.unit, decoded.clone())?,
        };
        let batch = match (wanted, decoded) {
            (Some(wanted), Some(decoded)) => {
                let place = |column: &usize| decoded.binary_search(column).ok();
                batch.project(&wanted.iter().filter_map(place).collect::<Vec<_>>())?
            }
            _ => batch,
        };
        let step = request.batch_rows.max(1) as u64;
        let starts = rows.clone().step_by(request.batch_rows.max(1));
        Ok(Box::new(starts.map(move |start| {
            let length = step.min(rows.end - start);
            Ok(batch.slice(start as usize, length as usize))
        })))
    }
}

impl Place {
    fn of(block: &Block, size: u64) -> Result<Self> {
        let place = || {
            let offset = u64::try_from(block.offset()).ok()?;
            let metadata = usize::try_from(block.metaDataLength()).ok()?;
            let body = usize::try_from(block.bodyLength()).ok()?;
            let end = offset
                .checked_add(metadata as u64)?
                .checked_add(body as u64)?;
            let fits = end <= size && (PREFIX..=LARGEST_METADATA).contains(&metadata);
            fits.then_some(Self {
                offset,
                metadata,
                body,
            })
        };
        place().ok_or_else(|| wrong("its index points beyond it"))
    }

    /// Reads the metadata, prefix included.
    fn metadata(&self, bytes: &dyn ReadAt) -> Result<Vec<u8>> {
        let mut metadata = vec![0; self.metadata];
        fill(bytes, self.offset, &mut metadata)?;
        match metadata.starts_with(&[0xff; 4]) {
            true => Ok(metadata),
            false => {
                Err(too_old(&metadata).unwrap_or_else(|| wrong("its index points at no message")))
            }
        }
    }

    fn body(&self, bytes: &dyn ReadAt) -> Result<Buffer> {
        let mut body = MutableBuffer::from_len_zeroed(self.body);
        fill(bytes, self.offset + self.metadata as u64, &mut body)?;
        Ok(body.into())
    }

    fn unit(&self, bytes: &dyn ReadAt) -> Result<Unit> {
        let metadata = self.metadata(bytes)?;
        let batch = parse(&metadata[PREFIX..])?.header_as_record_batch();
        let batch = batch.ok_or_else(|| wrong("its index points at no record batch"))?;
        let body = self.body as u64;
        let rows = u64::try_from(batch.length()).ok();
        Ok(Unit {
            rows: rows.ok_or_else(|| wrong("a record batch has fewer rows than none"))?,
            bytes: self.metadata as u64 + body,
            decoded_bytes: match batch.compression() {
                None => body,
                Some(_) => body.saturating_mul(GROWTH),
            },
        })
    }
}

/// Reads the index, as bytes that were not looked at.
fn footer(bytes: &dyn ReadAt) -> Result<Vec<u8>> {
    let size = bytes.size();
    let refuse = |what: &'static str| Error::new(ErrorKind::InvalidData, what);
    if size < SHORTEST {
        return Err(refuse("not an arrow file: it is too short").with("bytes", size));
    }
    let (mut head, mut tail) = ([0; 6], [0; TAIL as usize]);
    fill(bytes, 0, &mut head)?;
    fill(bytes, size - TAIL, &mut tail)?;
    if head.starts_with(FEATHER) {
        let problem = "file is Feather of its first version, which is another format";
        return Err(Error::new(ErrorKind::Unsupported, problem)
            .with_hint("write it again, as Feather version 2 or Parquet"));
    }
    if head != MAGIC {
        let refused = refuse("not an arrow file: no ARROW1 at its start");
        return Err(match head.starts_with(&[0xff; 4]) {
            true => refused.with_hint("format=arrow_stream reads arrow streams"),
            false => refused,
        });
    }
    if tail[4..] != *MAGIC {
        return Err(refuse(
            "not an arrow file: no ARROW1 at its end; it may be truncated",
        ));
    }
    let length = i32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length as u64 > size - SHORTEST || length > LARGEST_METADATA {
        return Err(wrong(
            "its index is said to be longer than the file or 64 MiB",
        ));
    }
    let mut footer = vec![0; length];
    fill(bytes, size - TAIL - length as u64, &mut footer)?;
    Ok(footer)
}

fn fill(bytes: &dyn ReadAt, offset: u64, buffer: &mut [u8]) -> Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match bytes.read_at(offset + filled as u64, &mut buffer[filled..]) {
            Ok(0) => return Err(wrong("it ends before its size")),
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn wrong(what: &'static str) -> Error {
    corrupt().with_source(what)
}
