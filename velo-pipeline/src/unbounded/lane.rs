//! One lane of an endless copy: reads whatever splits it was given, writes, prepares on demand.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{mpsc, oneshot};
use velo_core::{
    Barrier, DataReader, DataWriter, Event, Progress, ReadRequest, Result, SourceOffset, Split,
    SplitId, WriteRequest,
};

use crate::copy::Run;
use crate::lane::Follow;

pub(super) enum Order {
    /// Read a split from here on.
    Read {
        split: Arc<Split>,
        start: Option<SourceOffset>,
    },
    /// Come to a mark in every split, prepare, and answer; then leave some of the splits.
    Prepare {
        epoch: u64,
        leaving: Vec<SplitId>,
        answer: oneshot::Sender<Prepared>,
    },
    /// Close everything and drop what was not prepared.
    Forget,
}

pub(super) struct Prepared {
    pub(super) prepared: velo_core::Prepared,
    pub(super) progress: Progress,
}

pub(super) struct Lane {
    number: u32,
    run: Arc<Run>,
    orders: mpsc::UnboundedReceiver<Order>,
    ended: mpsc::UnboundedSender<SplitId>,
    writer: Box<dyn DataWriter>,
    open: Vec<Open>,
    /// Reached since the last prepare by splits that are closed.
    closed: Progress,
    uncounted: u64,
}

struct Open {
    reader: Box<dyn DataReader>,
    follow: Follow,
    /// The last mark has not been prepared yet.
    moved: bool,
}

enum Happened {
    Ordered(Option<Order>),
    Read(usize, Option<Event>),
}

impl Lane {
    pub(super) async fn open(
        number: u32,
        run: Arc<Run>,
        orders: mpsc::UnboundedReceiver<Order>,
        ended: mpsc::UnboundedSender<SplitId>,
    ) -> Result<Self> {
        let writer = writer(number, &run).await?;
        let (open, closed) = (Vec::new(), Progress::default());
        Ok(Self {
            number,
            run,
            orders,
            ended,
            writer,
            open,
            closed,
            uncounted: 0,
        })
    }

    pub(super) async fn work(mut self) -> Result<()> {
        loop {
            match self.next(true).await? {
                Happened::Ordered(None) => return self.writer.close().await,
                Happened::Ordered(Some(order)) => self.obey(order).await?,
                Happened::Read(at, event) => self.took(at, event).await?,
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<()> {
        match order {
            Order::Read { split, start } => {
                let mut request = ReadRequest::new(split.clone(), self.run.readers.clone());
                request.start = start;
                request.projection = self.run.copy.columns.clone();
                request.filter = self.run.copy.filter.clone();
                let reader = self.run.copy.source.create_reader(request).await?;
                self.open.push(Open {
                    reader,
                    follow: Follow::new(split),
                    moved: false,
                });
            }
            Order::Prepare {
                epoch,
                leaving,
                answer,
            } => {
                let prepared = self.prepare(epoch, &leaving).await?;
                // A coordinator that no longer waits has failed and says so itself.
                drop(answer.send(prepared));
            }
            Order::Forget => {
                let fresh = writer(self.number, &self.run).await?;
                std::mem::replace(&mut self.writer, fresh).close().await?;
                self.run
                    .copy
                    .counters
                    .take_rows(std::mem::take(&mut self.uncounted));
                self.open.clear();
                self.closed = Progress::default();
            }
        }
        Ok(())
    }

    /// Reads on until a mark covers every row that was yielded, then prepares.
    async fn prepare(&mut self, epoch: u64, leaving: &[SplitId]) -> Result<Prepared> {
        while self.open.iter().any(|open| open.follow.uncovered) {
            if let Happened::Read(at, event) = self.next(false).await? {
                self.took(at, event).await?;
            }
        }
        let mut progress = std::mem::take(&mut self.closed);
        for open in &mut self.open {
            if std::mem::take(&mut open.moved) {
                open.follow
                    .mark
                    .iter()
                    .for_each(|mark| progress.advance(mark.clone()));
            }
        }
        let (left, kept) = std::mem::take(&mut self.open)
            .into_iter()
            .partition::<Vec<_>, _>(|open| leaving.contains(&open.follow.split.id));
        self.open = kept;
        let left: Vec<_> = left.into_iter().map(|open| open.follow.split).collect();
        for split in left {
            self.writer.end_split(&split).await?;
        }
        let prepared = self
            .writer
            .prepare(epoch, Barrier::Pause, &progress)
            .await?;
        self.run
            .copy
            .counters
            .take_rows(prepared.rejected.len() as u64);
        self.uncounted = 0;
        Ok(Prepared { prepared, progress })
    }

    async fn took(&mut self, at: usize, event: Option<Event>) -> Result<()> {
        let copy = &self.run.copy;
        let Some(event) = event else {
            let open = self.open.remove(at);
            open.follow.check_end()?;
            self.writer.end_split(&open.follow.split).await?;
            open.follow
                .mark
                .into_iter()
                .for_each(|mark| self.closed.advance(mark));
            let id = open.follow.split.id.clone();
            self.closed.ended.push(open.follow.split);
            // The coordinator outlives its lanes, or nobody needs to know.
            drop(self.ended.send(id));
            return Ok(());
        };
        let open = &mut self.open[at];
        if let Event::Rows(batch) = &event {
            self.uncounted += batch.num_rows() as u64;
        }
        open.moved |= matches!(event, Event::Mark(_));
        open.follow
            .take(event, &mut *self.writer, &copy.counters, &self.run.letters)
            .await
    }

    /// Waits for an order (if wanted) or an event; without orders only splits that have rows
    /// which no mark covers are read.
    async fn next(&mut self, orders: bool) -> Result<Happened> {
        let open = self.open.iter_mut().enumerate();
        let wanted = open.filter(|(_, open)| orders || open.follow.uncovered);
        let mut reads: Vec<_> = wanted.map(|(at, open)| (at, open.reader.read())).collect();
        let mut ordered: Pin<Box<dyn Future<Output = Option<Order>> + Send + '_>> =
            Box::pin(self.orders.recv());
        poll_fn(|context| {
            if orders && let Poll::Ready(order) = ordered.as_mut().poll(context) {
                return Poll::Ready(Ok(Happened::Ordered(order)));
            }
            for (at, read) in &mut reads {
                if let Poll::Ready(event) = read.as_mut().poll(context) {
                    return Poll::Ready(event.map(|event| Happened::Read(*at, event)));
                }
            }
            Poll::Pending
        })
        .await
    }
}

async fn writer(number: u32, run: &Run) -> Result<Box<dyn DataWriter>> {
    let request = WriteRequest::new(number, run.identity.clone(), run.writers.clone());
    run.copy.sink.create_writer(request).await
}
