//! One test's place, and how to read it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use libtest_mimic::Failed;
use tokio::time::timeout;
use velo_core::{
    Batch, Budget, DataReader, Event, Mark, ReadRequest, Sink, Source, SourceOffset, Split,
    SplitChange, SplitEnumerator, StreamInfo,
};

use crate::contract::{Outcome, ensure};
use crate::harness::{Ability, Happening, Harness, Place};
use crate::{same_rows, same_rows_in_any_order};

/// The longest that a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(30);
const BUDGET: u64 = 64 << 20;
/// A polled and dropped future is polled to its end after so many times.
const DROPS: usize = 3;
/// Idle marks in a row after which an unbounded source counts as idle.
const IDLE_MARKS: usize = 3;

pub(crate) struct Stage {
    pub(crate) harness: Arc<dyn Harness>,
    places: Mutex<Vec<Place>>,
    name: String,
    lacking: Mutex<Option<String>>,
}

/// What a reader yielded, and whether it said that it has ended.
pub(crate) struct Seen {
    pub(crate) events: Vec<Event>,
    pub(crate) ended: bool,
}

impl Seen {
    pub(crate) fn batches(&self) -> Vec<Batch> {
        batches(&self.events)
    }

    pub(crate) fn marks(&self) -> Vec<Mark> {
        let marks = self.events.iter().filter_map(|event| match event {
            Event::Mark(mark) => Some(mark.clone()),
            _ => None,
        });
        marks.collect()
    }
}

pub(crate) fn batches(events: &[Event]) -> Vec<Batch> {
    let batches = events.iter().filter_map(|event| match event {
        Event::Rows(batch) => Some(batch.clone()),
        _ => None,
    });
    batches.collect()
}

pub(crate) fn count(batches: &[Batch]) -> usize {
    batches.iter().map(Batch::num_rows).sum()
}

/// Polls a future once and drops it; `None` when it was not ready.
pub(crate) async fn once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

impl Stage {
    pub(crate) fn new(harness: Arc<dyn Harness>, clause: &str) -> Self {
        let number = clause.rsplit("::").next().unwrap_or(clause);
        let letters = number.chars().take_while(char::is_ascii_alphanumeric);
        Self {
            harness,
            places: Mutex::default(),
            name: letters.collect::<String>().to_ascii_lowercase(),
            lacking: Mutex::default(),
        }
    }

    /// Makes up a fresh place.
    pub(crate) fn place(&self) -> Place {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let place = Place::new(format!("{}_{}_{number}", self.name, std::process::id()));
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.push(place.clone());
        place
    }

    pub(crate) async fn clear(&self) {
        let places = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *places)
        };
        for place in places {
            self.harness.remove(&place).await;
        }
    }

    /// Says that the test met nothing that it could test.
    pub(crate) fn lacks(&self, what: &str) {
        let mut lacking = self.lacking.lock().unwrap_or_else(PoisonError::into_inner);
        *lacking = Some(format!("lacks: {what}"));
    }

    pub(crate) fn lacking(&self) -> Option<String> {
        let lacking = self.lacking.lock().unwrap_or_else(PoisonError::into_inner);
        lacking.clone()
    }

    pub(crate) fn can(&self, ability: Ability) -> bool {
        self.harness.abilities().contains(&ability)
    }

    pub(crate) async fn fill(&self, place: &Place, split: u32, batches: &[Batch]) -> Outcome {
        Ok(self.harness.fill(place, split, batches).await?)
    }

    pub(crate) async fn provoke(&self, place: &Place, happening: Happening) -> Outcome {
        Ok(self.harness.provoke(place, happening).await?)
    }

    pub(crate) fn source(&self, place: &Place) -> Result<Source, Failed> {
        Ok(self.harness.source(place)?)
    }

    pub(crate) fn sink(&self, place: &Place) -> Result<Sink, Failed> {
        Ok(self.harness.sink(place)?)
    }

    pub(crate) async fn visible(&self, place: &Place) -> Result<Vec<Batch>, Failed> {
        Ok(self.harness.visible(place).await?)
    }

    /// Compares in order, with streams' names only where the connector keeps them.
    pub(crate) fn same(&self, expected: &[Batch], found: &[Batch]) -> Outcome {
        Ok(same_rows(&self.named(expected), &self.named(found))?)
    }

    pub(crate) fn same_in_any_order(&self, expected: &[Batch], found: &[Batch]) -> Outcome {
        Ok(same_rows_in_any_order(
            &self.named(expected),
            &self.named(found),
        )?)
    }

    fn named(&self, batches: &[Batch]) -> Vec<Batch> {
        if self.can(Ability::Streams) {
            return batches.to_vec();
        }
        let renamed = batches.iter().map(|batch| {
            let stream = StreamInfo::new("rows", batch.rows().schema());
            let renamed = batch
                .clone()
                .with_rows(Arc::new(stream), batch.rows().clone());
            renamed.unwrap_or_else(|_| batch.clone())
        });
        renamed.collect()
    }

    /// Waits for the next change; `None` when the enumerator ended or fell silent.
    pub(crate) async fn change(
        &self,
        splits: &mut dyn SplitEnumerator,
        must_come: bool,
    ) -> Result<Option<SplitChange>, Failed> {
        let wait = if must_come {
            PATIENCE
        } else {
            self.harness.quiet()
        };
        match timeout(wait, splits.next()).await {
            Ok(change) => Ok(change?),
            Err(_) if must_come => Err("no split change came in time".into()),
            Err(_) => Ok(None),
        }
    }

    /// Finds the splits that exist now.
    pub(crate) async fn splits(&self, source: &Source) -> Result<Vec<Arc<Split>>, Failed> {
        let mut enumerator = source.splits(None).await?;
        let bounded = source.capabilities().bounded;
        let mut found = Vec::new();
        while let Some(change) = self
            .change(&mut *enumerator, bounded || found.is_empty())
            .await?
        {
            if let SplitChange::Added { splits, .. } = change {
                found.extend(splits);
            }
        }
        Ok(found)
    }

    pub(crate) async fn only_split(&self, source: &Source) -> Result<Arc<Split>, Failed> {
        let splits = self.splits(source).await?;
        splits
            .into_iter()
            .next()
            .ok_or_else(|| "no split was found".into())
    }

    pub(crate) fn request(&self, split: &Arc<Split>, start: Option<SourceOffset>) -> ReadRequest {
        ReadRequest {
            start,
            ..ReadRequest::new(split.clone(), Budget::new(BUDGET))
        }
    }

    /// Reads a split to its end, or until an unbounded source has yielded `rows` and is silent.
    pub(crate) async fn read(
        &self,
        source: &Source,
        request: ReadRequest,
        rows: usize,
    ) -> Result<Seen, Failed> {
        let bounded = source.capabilities().bounded;
        let mut reader = source.create_reader(request).await?;
        self.drain(&mut *reader, bounded, rows, false).await
    }

    /// As [`read`](Self::read), with a reader at hand; `drops` futures before each event.
    pub(crate) async fn drain(
        &self,
        reader: &mut dyn DataReader,
        bounded: bool,
        rows: usize,
        drops: bool,
    ) -> Result<Seen, Failed> {
        let mut seen = Seen {
            events: Vec::new(),
            ended: false,
        };
        let (mut found, mut idle) = (0, 0);
        while idle < IDLE_MARKS {
            let must_come = bounded || found < rows;
            let Some(event) = self.event(reader, must_come, drops).await? else {
                break;
            };
            let Some(event) = event else {
                seen.ended = true;
                break;
            };
            match &event {
                Event::Rows(batch) => {
                    found += batch.num_rows();
                    idle = 0;
                }
                Event::Mark(_) if found >= rows && !bounded => idle += 1,
                _ => {}
            }
            seen.events.push(event);
        }
        Ok(seen)
    }

    /// Waits for one event; the outer `None` means silence, the inner one the end.
    pub(crate) async fn event(
        &self,
        reader: &mut dyn DataReader,
        must_come: bool,
        drops: bool,
    ) -> Result<Option<Option<Event>>, Failed> {
        for _ in 0..if drops { DROPS } else { 0 } {
            if let Some(event) = once(reader.read()).await {
                return Ok(Some(event?));
            }
            tokio::task::yield_now().await;
        }
        let wait = if must_come {
            PATIENCE
        } else {
            self.harness.quiet()
        };
        match timeout(wait, reader.read()).await {
            Ok(event) => Ok(Some(event?)),
            Err(_) if must_come => Err("reader yielded nothing in time".into()),
            Err(_) => Ok(None),
        }
    }

    /// Reads everything that the place's source has now, split after split.
    pub(crate) async fn read_all(
        &self,
        source: &Source,
        rows: usize,
    ) -> Result<Vec<Batch>, Failed> {
        let mut all = Vec::new();
        let splits = self.splits(source).await?;
        let each = if splits.len() == 1 { rows } else { 0 };
        for split in splits {
            let seen = self.read(source, self.request(&split, None), each).await?;
            all.extend(seen.batches());
        }
        ensure(count(&all) == rows, || {
            format!("expected {rows} rows, found {}", count(&all))
        })?;
        Ok(all)
    }
}
