//! Reading a split of a format with an index: rows of a row group.

use std::sync::Arc;

use arrow_array::{ArrayRef, new_null_array};
use async_trait::async_trait;
use velo_core::{
    Batch, Budget, DataReader, Error, ErrorKind, Event, Lease, Mark, Predicate, ReadRequest,
    Result, SourceOffset, Span, Split,
};
use velo_format::{Batches, Places, RandomInput, RandomRequest};

use super::catalog::{Catalog, DataFile};
use super::drift;
use super::file::{Found, OpenFile};
use super::metadata;
use super::opening::start;
use super::piece::{Part, Piece};
use super::prune::{Verdict, decide};
use super::shape::{Shape, conform};
use super::{Nothing, Settings, known_columns, share};
use crate::error;
use crate::offset::{FileOffset, Fingerprint, Place};

const FIRST_LEASE: u64 = 1 << 20;

/// Reads rows of one row group.
struct GroupReader {
    split: Arc<Split>,
    piece: Piece,
    found: Found,
    file: Arc<OpenFile>,
    batches: Batches,
    shape: Shape,
    group: u64,
    /// The first row of the split in its group, the next one to read, and the one behind the last.
    rows: (u64, u64, u64),
    /// Pages were left out: rows are no longer counted, so that the only mark is at the end.
    sparse: bool,
    bytes: u64,
    fingerprint: Fingerprint,
    mark: Option<Mark>,
    budget: Budget,
    lease: Option<Lease>,
    batch_bytes: u64,
    ended: bool,
}

/// Opens a split.
pub(super) fn open(
    catalog: &Catalog,
    settings: &Settings,
    request: ReadRequest,
    piece: Piece,
) -> Result<Box<dyn DataReader>> {
    let (group, first, end) = rows(&piece, &request)?;
    let file = catalog.file(&piece.path)?;
    piece.check(&file.found)?;
    let shape = Shape::new(catalog, file, &request)?;
    let index = catalog.index(file)?;
    let opened = match catalog.spooled() {
        Some(spooled) => spooled.clone(),
        None => Arc::new(catalog.open(file)?),
    };
    let fingerprint = opened.fingerprint(Place::Row { group, row: first })?;
    let next = match start(&request, &piece)? {
        None => first,
        Some(start) => resume(&start, group, fingerprint)?,
    };
    let end = piece.limit.map_or(end, |limit| end.min(first + limit));
    let schema = &index.units().schema;
    let names = schema.fields().iter().map(|field| field.name().as_str());
    drift::check_file(catalog, settings.options.schema_drift, &piece.path, names)?;
    let predicate = match wanted(catalog, file, &index, &request, group)? {
        Wanted::None => return Ok(Box::new(Nothing)),
        Wanted::All => None,
        Wanted::Pages(predicate) => (!shape.wants_metadata()).then_some(predicate),
    };
    if next >= end {
        return Ok(Box::new(Nothing));
    }
    let read = shape.read().fields().iter().map(|field| field.name());
    let places = Places::of(schema);
    let present = read.filter(|name| places.get(name).is_some());
    let batches = index.read(RandomRequest {
        unit: usize::try_from(group).unwrap_or(usize::MAX),
        rows: next..end,
        projection: Some(present.cloned().collect()),
        predicate: predicate.clone(),
        batch_rows: settings.batch_rows(shape.read().fields().len()),
        views: false,
    });
    let unit = usize::try_from(group)
        .ok()
        .and_then(|at| index.units().units.get(at));
    Ok(Box::new(GroupReader {
        split: request.split,
        found: file.found.clone(),
        file: opened,
        batches: batches.map_err(|error| error.within("file", &piece.path))?,
        bytes: unit.map_or(0, |unit| part(unit.bytes, end - first, unit.rows)),
        piece,
        shape,
        group,
        rows: (first, next, end),
        sparse: predicate.is_some(),
        fingerprint,
        mark: None,
        budget: request.budget,
        lease: None,
        batch_bytes: FIRST_LEASE,
        ended: false,
    }))
}

/// Gives the row group of a split, with its first row and the one behind its last.
fn rows(piece: &Piece, request: &ReadRequest) -> Result<(u64, u64, u64)> {
    match piece.part {
        Part::Rows { group, start, end } => Ok((group, start, end)),
        _ => Err(
            Error::new(ErrorKind::InvalidInput, "split is not one of row groups")
                .with("split", &request.split.id),
        ),
    }
}

fn resume(start: &FileOffset, group: u64, now: Fingerprint) -> Result<u64> {
    if start.fingerprint != now {
        let message = "file has other contents than when reading stopped";
        return Err(Error::new(ErrorKind::Gap, message)
            .with("file", &start.path)
            .with_hint("read it from its start, or put the old file back"));
    }
    match start.place {
        Place::Row { group: own, row } if own == group => Ok(row),
        _ => Err(
            Error::new(ErrorKind::InvalidInput, "position is not one of the split")
                .with("file", &start.path),
        ),
    }
}

enum Wanted {
    None,
    All,
    /// Pages without rows of this condition can be left out.
    Pages(Arc<Predicate>),
}

/// Finds out whether rows of a group can be wanted, by the columns known for the whole file and by
/// the group's statistics.
fn wanted(
    catalog: &Catalog,
    file: &DataFile,
    index: &Arc<dyn RandomInput>,
    request: &ReadRequest,
    group: u64,
) -> Result<Wanted> {
    let Some(filter) = &request.filter else {
        return Ok(Wanted::All);
    };
    let mut known = known_columns(catalog, file)?;
    let own = &index.units().schema;
    let places = Places::of(own);
    for field in catalog.data.fields() {
        if places.get(field.name()).is_none() {
            let null: ArrayRef = new_null_array(field.data_type(), 1);
            known.push((field.name(), null));
        }
    }
    let rest = match decide(filter, &known)? {
        Verdict::Known(Some(true)) | Verdict::Mixed => return Ok(Wanted::All),
        Verdict::Known(_) => return Ok(Wanted::None),
        Verdict::Rows(rest) => rest,
    };
    if rest.columns().contains(&metadata::COLUMN) {
        return Ok(Wanted::All);
    }
    let groups = index
        .prune(&rest)
        .map_err(|error| error.within("file", &file.found.path))?;
    let kept = usize::try_from(group).ok().and_then(|at| groups.get(at));
    Ok(match kept {
        Some(false) => Wanted::None,
        _ => Wanted::Pages(Arc::new(rest)),
    })
}

#[async_trait]
impl DataReader for GroupReader {
    /// Reads and decodes as part of the call: it takes some milliseconds of the thread. Waiting
    /// for memory changes nothing, so that a dropped call loses nothing.
    async fn read(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(mark) = self.mark.take() {
                return Ok(Some(Event::Mark(mark)));
            }
            if self.ended {
                return Ok(None);
            }
            if self.lease.is_none() {
                self.lease = Some(
                    self.budget
                        .reserve(share(&self.budget, self.batch_bytes))
                        .await,
                );
            }
            if let Some(batch) = self.next()? {
                return Ok(Some(Event::Rows(batch)));
            }
        }
    }
}

impl GroupReader {
    /// Reads the next rows; the mark behind them follows when it is due.
    fn next(&mut self) -> Result<Option<Batch>> {
        let (first, at, end) = self.rows;
        let Some(rows) = self.batches.next() else {
            self.ended = true;
            if !self.sparse && at != end {
                return Err(error::changed(&self.piece.path));
            }
            // Rows of a file that changed under the reader are not to be trusted.
            self.file.check_unchanged(&self.found)?;
            self.rows.1 = end;
            self.mark = self.sparse.then(|| self.mark_here());
            return Ok(None);
        };
        let rows = rows.map_err(|error| error.within("file", &self.piece.path))?;
        let count = rows.num_rows() as u64;
        let rows = conform(rows, self.shape.read());
        let rows = rows.map_err(|error| error.within("file", &self.piece.path))?;
        let metadata = self.shape.wants_metadata().then(|| {
            let before = self.piece.first_row.unwrap_or_default() + at - first;
            metadata::column(
                &self.found,
                (before + 1..=before + count).collect(),
                Vec::new(),
            )
        });
        self.rows.1 = at + count;
        if !self.sparse {
            self.mark = Some(self.mark_here());
        }
        let (rows, metadata) = self.shape.apply(rows, metadata)?;
        if rows.num_rows() == 0 {
            return Ok(None);
        }
        let bytes = rows.get_array_memory_size() as u64;
        self.batch_bytes = self.batch_bytes.max(bytes);
        let mut batch = Batch::new(self.shape.stream().clone(), rows)?.with_span(Span {
            split: self.split.id.clone(),
            order: self.split.order,
            first: at - first,
            last: at - first + count - 1,
        });
        if let Some(metadata) = metadata {
            batch = batch.with_metadata(metadata)?;
        }
        if let Some(mut lease) = self.lease.take() {
            lease.shrink_to(bytes);
            batch = batch.with_lease(Arc::new(lease));
        }
        Ok(Some(batch))
    }

    fn mark_here(&self) -> Mark {
        let (first, at, end) = self.rows;
        let offset = FileOffset {
            path: self.piece.path.clone(),
            place: Place::Row {
                group: self.group,
                row: at,
            },
            record: at - first,
            fingerprint: self.fingerprint,
        };
        Mark {
            lag: Some(end - at),
            lag_bytes: Some(part(self.bytes, end - at, end - first)),
            bytes_read: part(self.bytes, at - first, end - first),
            ..Mark::new(self.split.id.clone(), SourceOffset::seal(offset))
        }
    }
}

/// Gives the bytes that so many of `all` rows have of those of all; a file may say anything of them.
fn part(bytes: u64, rows: u64, all: u64) -> u64 {
    let part = u128::from(bytes) * u128::from(rows) / u128::from(all.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbers_whatever_a_file_says() {
        assert_eq!(part(100, 5, 10), 50);
        assert_eq!(part(1, 0, 0), 0);
        assert_eq!(part(u64::MAX, 1 << 40, 1 << 40), u64::MAX);
        assert_eq!(part(u64::MAX, 1 << 40, 1), u64::MAX);
    }
}
