//! One split: batches at the pace that was asked for, a mark behind each.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep_until};
use velo_core::{
    Budget, DataReader, Event, Lease, Mark, Pace, ReadRequest, Result, SourceOffset, Span, Split,
};

use super::GeneratorSource;
use super::shape::Shape;
use crate::convert::Numbers;
use crate::offset::GeneratorOffset;

/// Rows are made for so long at once where there is a rate.
const PORTION: Duration = Duration::from_millis(10);
/// No row is larger; the widest have about 120 bytes.
const ROW_BYTES: u64 = 256;
const BATCH_BYTES: u64 = 8 << 20;

/// Reads one split.
pub(super) struct GeneratorReader {
    split: Arc<Split>,
    shape: Shape,
    /// Where the split begins and how far its rows are apart.
    first: u64,
    step: u64,
    /// The next row.
    at: GeneratorOffset,
    rows: u64,
    bounded: bool,
    /// Rows in a batch at most.
    most: u64,
    pace: Option<Arc<Pace>>,
    budget: Budget,
    /// What the next batch has got already, should the call be dropped that waits for the rest.
    slot: Option<Instant>,
    lease: Option<Lease>,
    mark: Option<Mark>,
}

impl GeneratorReader {
    pub(super) fn new(
        source: &GeneratorSource,
        request: ReadRequest,
        split: u32,
        row: u64,
    ) -> Result<Self> {
        let shape = Shape::new(source.recipe, &source.stream, &request)?;
        // A small budget must have room for the next batch as well.
        let bytes = BATCH_BYTES.min(request.budget.total() / 4);
        let mut most = (source.config.batch_size as u64).min(bytes / ROW_BYTES);
        if let Some(pace) = &source.pace {
            most = most.min(pace.portion(PORTION));
        }
        Ok(Self {
            split: request.split,
            shape,
            first: u64::from(split),
            step: u64::from(source.config.splits),
            at: source.offset(split, row),
            rows: source.rows_of(split),
            bounded: source.config.rows.is_some(),
            most: most.max(1),
            pace: source.pace.clone(),
            budget: request.budget,
            slot: None,
            lease: None,
            mark: None,
        })
    }

    /// Makes the next batch and the mark behind it.
    fn batch(&mut self, count: u64, lease: Lease) -> Result<Event> {
        let numbers = Numbers {
            first: self.first + self.step * self.at.row,
            step: self.step,
            count: usize::try_from(count).unwrap_or(usize::MAX),
        };
        let span = Span {
            split: self.split.id.clone(),
            order: self.split.order,
            first: self.at.row,
            last: self.at.row + count - 1,
        };
        let batch = self.shape.batch(&numbers, span)?;
        self.at.row += count;
        self.mark = Some(Mark {
            lag: self.bounded.then_some(self.rows - self.at.row),
            ..Mark::new(self.split.id.clone(), SourceOffset::seal(self.at))
        });
        Ok(Event::Rows(batch.with_lease(Arc::new(lease))))
    }
}

#[async_trait]
impl DataReader for GeneratorReader {
    /// What is waited for (the pace, memory) is kept should the call be dropped.
    async fn read(&mut self) -> Result<Option<Event>> {
        if let Some(mark) = self.mark.take() {
            return Ok(Some(Event::Mark(mark)));
        }
        let count = self.most.min(self.rows - self.at.row);
        if count == 0 {
            return Ok(None);
        }
        if let Some(pace) = &self.pace {
            let slot = *self.slot.get_or_insert_with(|| pace.claim(count));
            sleep_until(slot).await;
        }
        let lease = match self.lease.take() {
            Some(lease) => lease,
            None => self.budget.reserve(count * ROW_BYTES).await,
        };
        self.slot = None;
        self.batch(count, lease).map(Some)
    }
}
