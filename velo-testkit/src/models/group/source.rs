//! A member of the group: the splits that it is given, and readers of partitions.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use velo_core::{
    Batch, DataReader, DataSource, Error, ErrorKind, Event, Mark, Progress, ReadRequest, Replay,
    Result, SourceCapabilities, SourceOffset, Span, SplitChange, SplitEnumerator, SplitId,
    StreamInfo,
};

use super::{Group, GroupOffset, number};
use crate::models::shown;

/// One member of a [`Group`].
///
/// ```
/// let member = velo_testkit::models::Group::default().member();
/// assert_eq!(member.id(), 1);
/// ```
#[derive(Debug)]
pub struct GroupSource {
    group: Group,
    member: u64,
}

impl GroupSource {
    pub(super) fn new(group: Group, member: u64) -> Self {
        Self { group, member }
    }

    /// Gives the number by which the group knows this member.
    ///
    /// ```
    /// assert_eq!(velo_testkit::models::Group::default().member().id(), 1);
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.member
    }
}

#[async_trait]
impl DataSource for GroupSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            replay: Replay::Exact,
            bounded: false,
        }
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        let batches = self.group.batches();
        let mut streams: Vec<Arc<StreamInfo>> = Vec::new();
        for batch in batches {
            if !streams
                .iter()
                .any(|known| known.name() == batch.stream().name())
            {
                streams.push(batch.stream().clone());
            }
        }
        Ok(streams)
    }

    async fn splits(&self, _resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        let mut state = self.group.lock();
        if !state.members.contains(&self.member) {
            state.members.push(self.member);
            state.news.remove(&self.member);
            state.assign();
        }
        Ok(Box::new(Membership {
            group: self.group.clone(),
            member: self.member,
        }))
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        let partition = number(&request.split.id)?;
        if let Some(names) = &request.projection {
            for stream in self.streams().await? {
                stream.positions(names)?;
            }
        }
        let row = match request.start.as_ref().or(request.split.start.as_ref()) {
            None => 0,
            Some(offset) => offset.open::<GroupOffset>()?.row,
        };
        Ok(Box::new(PartitionReader {
            group: self.group.clone(),
            request,
            partition,
            row,
            marked: row,
        }))
    }

    async fn acknowledge(&self, progress: &Progress) -> Result<()> {
        let mut state = self.group.lock();
        for mark in &progress.marks {
            let offset = mark.offset.open::<GroupOffset>()?;
            if let Some(place) = state.partitions.get_mut(offset.partition as usize) {
                place.stored = place.stored.max(Some(offset.row));
            }
        }
        Ok(())
    }
}

struct Membership {
    group: Group,
    member: u64,
}

impl Drop for Membership {
    /// A member that goes away leaves the group.
    fn drop(&mut self) {
        self.group.evict(self.member);
    }
}

#[async_trait]
impl SplitEnumerator for Membership {
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        loop {
            let changed = self.group.0.changed.notified();
            let news = {
                let mut state = self.group.lock();
                state
                    .news
                    .get_mut(&self.member)
                    .and_then(VecDeque::pop_front)
            };
            match news {
                Some(change) => return Ok(Some(change)),
                None => changed.await,
            }
        }
    }

    async fn release(&mut self, splits: &[SplitId]) -> Result<()> {
        let mut state = self.group.lock();
        for split in splits {
            let partition = number(split)?;
            let place = &state.partitions[partition as usize];
            match (place.owner, place.heir) {
                (Some(owner), Some(heir)) if owner == self.member => state.give(partition, heir),
                (Some(owner), None) if owner == self.member => {}
                _ => {
                    return Err(Error::new(ErrorKind::Fenced, "split was lost meanwhile")
                        .with("split", split));
                }
            }
        }
        drop(state);
        self.group.0.changed.notify_waiters();
        Ok(())
    }
}

struct PartitionReader {
    group: Group,
    request: ReadRequest,
    partition: u32,
    row: u64,
    marked: u64,
}

impl PartitionReader {
    /// Gives the rest of the batch in the log in which the next row stands.
    fn rows(&self) -> Option<Batch> {
        let state = self.group.lock();
        let mut before = 0;
        for batch in &state.partitions.get(self.partition as usize)?.log {
            let rows = batch.num_rows() as u64;
            if before + rows > self.row {
                let skip = (self.row - before) as usize;
                return Some(batch.slice(skip, batch.num_rows() - skip));
            }
            before += rows;
        }
        None
    }

    fn mark(&mut self) -> Event {
        self.marked = self.row;
        let (partition, row) = (self.partition, self.row);
        let offset = SourceOffset::seal(GroupOffset { partition, row });
        Event::Mark(Mark::new(self.request.split.id.clone(), offset))
    }
}

#[async_trait]
impl DataReader for PartitionReader {
    async fn read(&mut self) -> Result<Option<Event>> {
        loop {
            if self.marked < self.row {
                return Ok(Some(self.mark()));
            }
            let group = self.group.clone();
            let changed = group.0.changed.notified();
            let Some(batch) = self.rows() else {
                changed.await;
                continue;
            };
            let span = Span {
                split: self.request.split.id.clone(),
                order: self.request.split.order,
                first: self.row,
                last: self.row + batch.num_rows() as u64 - 1,
            };
            let batch = shown(batch, &self.request)?.with_span(span);
            self.row += batch.num_rows() as u64;
            return Ok(Some(Event::Rows(batch)));
        }
    }
}
