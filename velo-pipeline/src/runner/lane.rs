//! One lane: reads the splits that it was given, writes, and prepares when it is asked to.
//!
//! Decoding and encoding keep a thread busy, so every lane has one of its own.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::mpsc;
use velo_core::{
    Barrier, Batch, Budget, DataWriter, Error, ErrorKind, Event, Mark, Progress, ReadRequest,
    Result, SourceOffset, Split, SplitId, WriteRequest,
};

use super::Shared;
use super::bindings::Bindings;
use super::order::{Note, Order, Reached};
use crate::ahead::Events;
use crate::counters::{Following, Refusals};
use crate::dead_letters::{Letter, Stage};
use crate::store::Counts;

/// Bytes of dead letters after which the epoch is ended early.
const MOST_LETTERS: u64 = 1 << 20;

pub(super) struct Lane {
    number: u32,
    pub(super) shared: Arc<Shared>,
    orders: mpsc::UnboundedReceiver<Order>,
    notes: mpsc::UnboundedSender<Note>,
    pub(super) writer: Option<Box<dyn DataWriter>>,
    /// Given, not begun: a bounded source is read split by split.
    waiting: VecDeque<(Arc<Split>, Option<SourceOffset>, bool)>,
    open: Vec<Open>,
    /// Reached since the last answer by splits that are closed.
    closed: Progress,
    pub(super) counts: Counts,
    refusals: Refusals,
    letters: Vec<Letter>,
    letters_size: u64,
    pub(super) bound: Bindings,
    /// Where the next look at the open splits begins, so that none is starved.
    turn: usize,
}

/// A split that is being read.
struct Open {
    split: Arc<Split>,
    events: Events,
    following: Following,
    mark: Option<Mark>,
    /// The last mark has not been prepared yet.
    moved: bool,
    /// Rows were yielded that no mark covers yet.
    uncovered: bool,
    bytes_counted: u64,
}

enum Happened {
    Ordered(Option<Order>),
    Read(usize, Option<Event>),
}

impl Lane {
    pub(super) fn new(
        number: u32,
        shared: Arc<Shared>,
        orders: mpsc::UnboundedReceiver<Order>,
        notes: mpsc::UnboundedSender<Note>,
    ) -> Self {
        Self {
            number,
            shared,
            orders,
            notes,
            writer: None,
            waiting: VecDeque::new(),
            open: Vec::new(),
            closed: Progress::default(),
            counts: Counts::default(),
            refusals: Refusals::default(),
            letters: Vec::new(),
            letters_size: 0,
            bound: Bindings::default(),
            turn: 0,
        }
    }

    /// Works until no order can come any more, or until the run is halted: then nothing of what
    /// was written will be prepared, so a write that is dropped does no harm.
    pub(super) async fn work(mut self) -> Result<()> {
        let halt = self.shared.halt.clone();
        tokio::select! {
            done = self.follow() => done,
            () = halt.asked() => Ok(()),
        }
    }

    async fn follow(&mut self) -> Result<()> {
        self.make_writer().await?;
        loop {
            self.open_next().await?;
            match self.next(true).await? {
                Happened::Ordered(None) => return self.close().await,
                Happened::Ordered(Some(order)) => self.obey(order).await?,
                Happened::Read(at, event) => self.took(at, event).await?,
            }
        }
    }

    async fn make_writer(&mut self) -> Result<()> {
        let shared = &self.shared;
        let (identity, budget) = (shared.identity.clone(), shared.writers.clone());
        let mut request = WriteRequest::new(self.number, identity, budget);
        request.in_order = shared.bounded;
        self.writer = Some(shared.pipeline.sink.create_writer(request).await?);
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        match self.writer.take() {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }

    async fn obey(&mut self, order: Order) -> Result<()> {
        match order {
            Order::Read {
                split,
                start,
                alone,
            } => self.waiting.push_back((split, start, alone)),
            Order::Prepare {
                epoch,
                barrier,
                leaving,
                answer,
            } => {
                let reached = self.prepare(epoch, barrier, &leaving).await?;
                // A coordinator that no longer waits has failed and says so itself.
                drop(answer.send(reached));
            }
            Order::Announce(stream) => {
                writer(&mut self.writer)?
                    .write(Batch::empty(stream))
                    .await?
            }
            Order::Forget(done) => {
                let open = &self.shared.pipeline.counters.open;
                self.open
                    .drain(..)
                    .for_each(|split| open.close(&split.split.id, &split.following));
                self.waiting.clear();
                self.closed = Progress::default();
                self.counts = Counts::default();
                self.refusals.clear();
                self.letters.clear();
                self.letters_size = 0;
                self.close().await?;
                // The coordinator outlives its lanes, or nobody needs to know.
                let _ = done.send(());
            }
            Order::GoOn => self.make_writer().await?,
        }
        Ok(())
    }

    /// Opens the next splits: of a bounded source one at a time, of others all of them.
    async fn open_next(&mut self) -> Result<()> {
        while !self.shared.bounded || self.open.is_empty() {
            let Some((split, start, alone)) = self.waiting.pop_front() else {
                break;
            };
            let pipeline = &self.shared.pipeline;
            let budget: Budget = self.shared.readers.clone();
            let mut request = ReadRequest::new(split.clone(), budget);
            request.start = start;
            request.projection = self.shared.projection.clone();
            request.filter = self.shared.filter.clone();
            let reader = pipeline.source.create_reader(request).await?;
            let events = match alone && pipeline.threads > 1 && self.shared.bounded {
                true => Events::ahead(reader),
                false => Events::Here(reader),
            };
            let following = pipeline.counters.open.open(&split.id);
            self.open.push(Open {
                split,
                events,
                following,
                mark: None,
                moved: false,
                uncovered: false,
                bytes_counted: 0,
            });
        }
        Ok(())
    }

    /// Reads on until a mark covers every row that was yielded, then prepares (P4).
    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        leaving: &[SplitId],
    ) -> Result<Reached> {
        while self.open.iter().any(|open| open.uncovered) {
            if let Happened::Read(at, event) = self.next(false).await? {
                self.took(at, event).await?;
            }
        }
        let mut progress = std::mem::take(&mut self.closed);
        for open in &mut self.open {
            if std::mem::take(&mut open.moved) {
                open.mark
                    .iter()
                    .for_each(|mark| progress.advance(mark.clone()));
            }
        }
        self.leave(leaving).await?;
        let prepared = writer(&mut self.writer)?
            .prepare(epoch, barrier, &progress)
            .await?;
        let mut counts = std::mem::take(&mut self.counts);
        let mut letters = std::mem::take(&mut self.letters);
        self.letters_size = 0;
        let refused = prepared.rejected.len() as u64;
        counts.written = counts.written.saturating_sub(refused);
        counts.rejected += refused;
        self.shared.pipeline.counters.take_rows(refused);
        let refused = prepared.rejected.iter().cloned();
        for letter in refused.map(|rejected| Letter::new(rejected, Stage::Write)) {
            self.refuse(&letter);
            letters.push(letter);
        }
        Ok(Reached {
            prepared,
            progress,
            letters,
            counts,
            refusals: std::mem::take(&mut self.refusals),
        })
    }

    async fn leave(&mut self, leaving: &[SplitId]) -> Result<()> {
        self.waiting
            .retain(|(split, _, _)| !leaving.contains(&split.id));
        let open = std::mem::take(&mut self.open).into_iter();
        let (left, kept) = open.partition::<Vec<_>, _>(|open| leaving.contains(&open.split.id));
        self.open = kept;
        for open in left {
            self.shared
                .pipeline
                .counters
                .open
                .close(&open.split.id, &open.following);
            writer(&mut self.writer)?.end_split(&open.split).await?;
        }
        Ok(())
    }

    async fn took(&mut self, at: usize, event: Option<Event>) -> Result<()> {
        let Some(event) = event else {
            return self.end(at).await;
        };
        match event {
            Event::Rows(batch) => {
                let rows = batch.num_rows() as u64;
                self.open[at].uncovered |= rows > 0;
                self.counts.read += rows;
                self.shared.pipeline.counters.add_read(rows);
                self.transform(batch).await
            }
            Event::Schema(change) => {
                let change = self
                    .bound
                    .change(&self.shared.pipeline.transforms, &change)?;
                writer(&mut self.writer)?.change_schema(&change).await
            }
            Event::Rejected(rejected) => {
                self.open[at].uncovered = true;
                self.counts.read += 1;
                self.shared.pipeline.counters.add_read(1);
                self.reject(Letter::new(rejected, Stage::Decode));
                Ok(())
            }
            Event::Mark(mark) => {
                let open = &mut self.open[at];
                let bytes = mark.bytes_read.saturating_sub(open.bytes_counted);
                self.shared.pipeline.counters.add_bytes(bytes);
                open.bytes_counted = mark.bytes_read;
                open.following.marked(&mark);
                open.uncovered = false;
                open.moved = true;
                open.mark = Some(mark);
                Ok(())
            }
            _ => Err(Error::new(
                ErrorKind::Unexpected,
                "event of an unknown kind",
            )),
        }
    }

    pub(super) fn reject(&mut self, letter: Letter) {
        self.counts.rejected += 1;
        self.shared.pipeline.counters.add_rejected();
        self.refuse(&letter);
        if !self.shared.keeps_letters {
            return;
        }
        let before = self.letters_size;
        self.letters_size += letter.size();
        self.letters.push(letter);
        if before < MOST_LETTERS && self.letters_size >= MOST_LETTERS {
            // The coordinator outlives its lanes, or nobody needs to know.
            drop(self.notes.send(Note::Full));
        }
    }

    fn refuse(&mut self, letter: &Letter) {
        let reason = (letter.stage, letter.rejected.error.kind());
        *self.refusals.entry(reason).or_default() += 1;
    }

    async fn end(&mut self, at: usize) -> Result<()> {
        let open = self.open.remove(at);
        self.shared
            .pipeline
            .counters
            .open
            .close(&open.split.id, &open.following);
        if open.uncovered {
            return Err(
                Error::new(ErrorKind::Unexpected, "reader ended without a mark")
                    .with("split", &open.split.id),
            );
        }
        writer(&mut self.writer)?.end_split(&open.split).await?;
        open.mark
            .into_iter()
            .for_each(|mark| self.closed.advance(mark));
        let id = open.split.id.clone();
        self.closed.ended.push(open.split);
        drop(self.notes.send(Note::Ended(id)));
        Ok(())
    }

    /// Waits for an order (if wanted) or an event; without orders only splits that have rows
    /// which no mark covers are read.
    async fn next(&mut self, orders: bool) -> Result<Happened> {
        let full = self.letters_size >= 2 * MOST_LETTERS;
        let open = self.open.iter_mut().enumerate();
        // With too many dead letters in memory nothing is read before they are taken away.
        let wanted = open.filter(|(_, open)| if orders { !full } else { open.uncovered });
        let mut reads: Vec<Pin<Box<dyn Future<Output = _> + Send + '_>>> = Vec::new();
        let mut places = Vec::new();
        for (at, open) in wanted {
            places.push(at);
            reads.push(Box::pin(open.events.next()));
        }
        if !reads.is_empty() {
            let first = self.turn % reads.len();
            reads.rotate_left(first);
            places.rotate_left(first);
            self.turn = self.turn.wrapping_add(1);
        }
        let mut ordered = Box::pin(self.orders.recv());
        poll_fn(|context| {
            if orders && let Poll::Ready(order) = ordered.as_mut().poll(context) {
                return Poll::Ready(Ok(Happened::Ordered(order)));
            }
            for (at, read) in places.iter().zip(&mut reads) {
                if let Poll::Ready(event) = read.as_mut().poll(context) {
                    return Poll::Ready(event.map(|event| Happened::Read(*at, event)));
                }
            }
            Poll::Pending
        })
        .await
    }
}

pub(super) fn writer(writer: &mut Option<Box<dyn DataWriter>>) -> Result<&mut dyn DataWriter> {
    match writer {
        Some(writer) => Ok(&mut **writer),
        None => Err(Error::new(ErrorKind::Unexpected, "lane has no writer")),
    }
}
