//! Reading a file that does not grow: by its own format, split by split, as without watching.

use std::collections::VecDeque;
use std::sync::Arc;

use velo_core::{
    DataReader, Event, ReadRequest, Rejected, Result, Span, Split, SplitChange, SplitEnumerator,
};
use velo_format::Layout;

use super::member::Whole;
use super::plan::Plan;
use crate::offset::FileOffset;
use crate::source::catalog::Catalog;
use crate::source::file::{Found, OpenFile};
use crate::source::piece::Piece;
use crate::source::splits::Division;
use crate::source::{Settings, groups, records};

/// A file in the course of being read.
pub(super) struct WholeFile {
    catalog: Arc<Catalog>,
    settings: Arc<Settings>,
    division: Division,
    splits: VecDeque<Arc<Split>>,
    reader: Option<Box<dyn DataReader>>,
    request: ReadRequest,
    /// What was reached; committed with the next mark.
    pub(super) reached: Whole,
    /// Records of the source before the split that is read.
    base: u64,
    bytes: u64,
}

/// What comes of a file.
pub(super) enum Part {
    /// An event whose ordinals count from the source's first record.
    Event(Event),
    /// Everything so far is covered: records of the source and bytes since the last time.
    Reached {
        records: u64,
        bytes: u64,
    },
    End,
}

impl WholeFile {
    /// Opens a file where reading stopped; `records` were yielded by the source before.
    pub(super) async fn open(
        plan: &Plan,
        path: &str,
        mut reached: Whole,
        request: ReadRequest,
        records: u64,
    ) -> Result<Self> {
        let found: Found = OpenFile::open(path)?.found().clone();
        reached.stamp = (found.size, found.modified);
        let catalog = Arc::new(plan.catalog.of_one(found, plan.format, &plan.settings)?);
        let mut file = Self {
            division: Division::new(catalog.clone(), plan.settings.clone(), None)?,
            catalog,
            settings: plan.settings.clone(),
            splits: VecDeque::new(),
            reader: None,
            request,
            base: records
                - reached
                    .inside
                    .as_ref()
                    .map_or(0, |inside| inside.record)
                    .min(records),
            reached,
            bytes: 0,
        };
        for _ in 0..file.reached.part {
            file.next_split().await?;
        }
        Ok(file)
    }

    async fn next_split(&mut self) -> Result<Option<Arc<Split>>> {
        loop {
            if let Some(split) = self.splits.pop_front() {
                return Ok(Some(split));
            }
            match self.division.next().await? {
                Some(SplitChange::Added { splits, .. }) => self.splits.extend(splits),
                _ => return Ok(None),
            }
        }
    }

    /// Waits for the next event; cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Part> {
        if self.reader.is_none() {
            let Some(split) = self.next_split().await? else {
                return Ok(Part::End);
            };
            self.reader = Some(self.open_split(split).await?);
        }
        let Some(reader) = &mut self.reader else {
            return Ok(Part::End);
        };
        match reader.read().await? {
            None => {
                let records = self.reached.inside.take().map_or(0, |inside| inside.record);
                self.base += records;
                self.reached.part += 1;
                self.reader = None;
                self.bytes = 0;
                Ok(Part::Reached {
                    records: self.base,
                    bytes: 0,
                })
            }
            Some(Event::Mark(mark)) => {
                let offset = mark.offset.open::<FileOffset>()?;
                let records = self.base + offset.record;
                self.reached.inside = Some(offset);
                let bytes = mark.bytes_read - self.bytes.min(mark.bytes_read);
                self.bytes = mark.bytes_read;
                Ok(Part::Reached { records, bytes })
            }
            Some(event) => Ok(Part::Event(self.renumbered(event))),
        }
    }

    async fn open_split(&mut self, split: Arc<Split>) -> Result<Box<dyn DataReader>> {
        let mut piece = Piece::of(&split)?;
        piece.limit = None;
        let path = piece.path.clone();
        let start = self.reached.inside.clone();
        let mut request = self.request.clone();
        request.start =
            start.map(|start| velo_core::SourceOffset::seal(FileOffset { path, ..start }));
        request.split = split;
        let file = self.catalog.file(&piece.path)?;
        match self.catalog.layout(file) {
            Layout::Random(_) => groups::open(&self.catalog, &self.settings, request, piece),
            Layout::Stream(_) => records::open(&self.catalog, &self.settings, request, piece).await,
        }
    }

    /// Counts an event's ordinals from the source's first record on.
    fn renumbered(&self, event: Event) -> Event {
        let (id, base) = (&self.request.split.id, self.base);
        match event {
            Event::Rows(batch) => {
                let span = batch.span().cloned();
                Event::Rows(match span {
                    Some(span) => batch.with_span(Span {
                        split: id.clone(),
                        order: self.request.split.order,
                        first: base + span.first,
                        last: base + span.last,
                    }),
                    None => batch,
                })
            }
            Event::Rejected(rejected) => Event::Rejected(Rejected {
                split: id.clone(),
                ordinal: base + rejected.ordinal,
                offset: None,
                ..rejected
            }),
            other => other,
        }
    }
}
