//! One lane: batches become finished chunks here, on the calling thread.

use std::sync::Arc;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use velo_core::{
    Barrier, Batch, Budget, DataWriter, Error, ErrorKind, Op, Prepared, Progress, Result,
    SchemaChange, Split, StreamInfo, WriteRequest,
};
use velo_format::ChunkEncoder;

use super::destination::Kind;
use super::failure::spent;
use super::order::Admission;
use super::piece::{Piece, Route, size};
use super::router::Router;
use super::run::Run;
use crate::config::SchemaPolicy;

/// Rows and bytes of a split below which it gets no chunk of its own.
///
/// Whether it does depends on the split's own rows alone, so the file is the same for every
/// number of lanes.
const SMALL_ROWS: u64 = 61_440;
const SMALL_BYTES: u64 = 4 << 20;

/// Bytes of rows that are handed over together where they are encoded behind each other.
const HAND_OVER: u64 = 1 << 20;

pub(super) struct FileWriter {
    run: Arc<Run>,
    lane: u32,
    budget: Budget,
    /// Rows of a split wait for those of the splits before it.
    in_order: bool,
    router: Router,
    /// The order of the split that rows come from.
    at: u64,
    parts: Vec<Part>,
    /// Bytes of rows that are not encoded yet.
    held: u64,
    /// Rows came that are not prepared.
    unprepared: bool,
    /// The round that this lane has prepared and others have not.
    prepared: Option<u64>,
    /// A call failed or was dropped half-way.
    poisoned: bool,
}

/// What a split has for one route.
struct Part {
    route: Arc<Route>,
    /// Rows of a split that may turn out to be small.
    rows: Vec<RecordBatch>,
    count: u64,
    bytes: u64,
    encoder: Option<Box<dyn ChunkEncoder>>,
}

impl FileWriter {
    pub(super) fn new(run: Arc<Run>, request: WriteRequest) -> Self {
        run.order.join();
        Self {
            run,
            lane: request.lane,
            budget: request.budget,
            in_order: request.in_order,
            router: Router::default(),
            at: 0,
            parts: Vec::new(),
            held: 0,
            unprepared: false,
            prepared: None,
            poisoned: false,
        }
    }

    /// Begins a call; until it is left the writer is poisoned.
    fn enter(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.poisoned, true) {
            return Err(spent());
        }
        Ok(())
    }

    fn leave<T>(&mut self, done: Result<T>) -> Result<T> {
        match &done {
            Ok(_) => self.poisoned = false,
            // What the other lanes write can no longer be shown.
            Err(_) => self.run.order.fail(),
        }
        done
    }

    async fn accept(&mut self, batch: Batch) -> Result<()> {
        self.next_round().await?;
        refuse_changes(&batch)?;
        let order = batch.span().filter(|_| self.in_order);
        let order = order.map_or(0, |span| span.order);
        if self.at != order {
            self.hand_over(true).await?;
            self.at = order;
        }
        self.unprepared = true;
        let stream = batch.stream().clone();
        if batch.num_rows() == 0 {
            return self.announce(&stream).await;
        }
        let rows = batch.rows().clone();
        // What waits here counts as the writers' memory, or readers would wait for writers.
        drop(batch);
        let partition_by = &self.run.settings.options.partition_by;
        for (route, rows) in self.router.divide(&stream, rows, partition_by)? {
            self.add(&route, rows).await?;
        }
        if self.run.settings.in_sequence && self.held >= self.hand_over_at() {
            self.hand_over(true).await?;
        }
        Ok(())
    }

    async fn announce(&mut self, stream: &Arc<StreamInfo>) -> Result<()> {
        let partition_by = &self.run.settings.options.partition_by;
        match self.router.announce(stream, partition_by)? {
            Some(route) => self.run.announce(&route).await,
            None => Ok(()),
        }
    }

    /// Rows that others wait for are not collected.
    fn hand_over_at(&self) -> u64 {
        match self.run.claim.destination.kind {
            Kind::Through(_) => 0,
            _ => HAND_OVER,
        }
    }

    async fn add(&mut self, route: &Arc<Route>, rows: RecordBatch) -> Result<()> {
        let known = self
            .parts
            .iter()
            .position(|part| Arc::ptr_eq(&part.route, route));
        let at = known.unwrap_or(self.parts.len());
        if known.is_none() {
            self.parts.push(Part::new(route));
        }
        let part = &mut self.parts[at];
        if part.encoder.is_none() {
            let bytes = size(&rows);
            part.count += rows.num_rows() as u64;
            part.bytes += bytes;
            part.rows.push(rows);
            self.held += bytes;
            if self.run.settings.in_sequence || part.is_small() {
                return Ok(());
            }
            self.held -= part.bytes;
            part.encoder = Some(self.run.settings.format.chunks(&route.schema)?);
            for rows in std::mem::take(&mut part.rows) {
                self.encode(at, &rows).await?;
            }
            return Ok(());
        }
        self.encode(at, &rows).await
    }

    async fn encode(&mut self, at: usize, rows: &RecordBatch) -> Result<()> {
        let part = &mut self.parts[at];
        let Some(encoder) = &mut part.encoder else {
            return Ok(());
        };
        encoder.write(rows)?;
        let mut full = Vec::new();
        while encoder.is_full() {
            full.push(Piece::chunk(&part.route, encoder.finish()?));
        }
        for piece in full {
            self.emit(piece, true).await?;
        }
        Ok(())
    }

    /// Hands over what is left of a split.
    async fn hand_over(&mut self, may_wait: bool) -> Result<()> {
        self.held = 0;
        for part in std::mem::take(&mut self.parts) {
            for piece in part.into_pieces()? {
                self.emit(piece, may_wait).await?;
            }
        }
        Ok(())
    }

    /// Passes a piece on; may wait until the splits before it have ended.
    async fn emit(&mut self, mut piece: Piece, may_wait: bool) -> Result<()> {
        let order = &self.run.order;
        if order.admit(self.at, piece.bytes) != Admission::Due {
            piece.lease = self.budget.try_reserve(piece.bytes);
            // Asked again: the turn may have come meanwhile.
            let wait = match order.admit(self.at, piece.bytes) {
                Admission::Due => false,
                Admission::Ahead => piece.lease.is_none(),
                Admission::Wait => true,
            };
            if wait && may_wait {
                piece.lease = None;
                order.turn(self.lane, self.at).await?;
            }
        }
        order.push(self.at, piece)?;
        self.run.append_due().await
    }

    /// Waits until the others have prepared the epoch that this lane prepared.
    async fn next_round(&mut self) -> Result<()> {
        if let Some(prepared) = self.prepared {
            self.run.order.round(prepared).await?;
            self.prepared = None;
        }
        Ok(())
    }

    async fn end(&mut self, split: &Split) -> Result<()> {
        self.next_round().await?;
        if !self.in_order {
            // Whoever has the split next finds these rows before its own.
            return self.hand_over(true).await;
        }
        if self.at == split.order {
            self.hand_over(true).await?;
        }
        self.run.order.end(split.order);
        self.run.append_due().await
    }

    async fn end_epoch(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        progress: &Progress,
    ) -> Result<Prepared> {
        self.next_round().await?;
        self.run.claim.hold()?;
        self.hand_over(false).await?;
        for split in progress.ended.iter().filter(|_| self.in_order) {
            self.run.order.end(split.order);
        }
        self.unprepared = false;
        self.prepared = Some(self.run.order.rounds());
        if self.run.order.prepare() {
            return self.run.prepare(epoch, barrier).await;
        }
        self.run.append_due().await?;
        Ok(Prepared::default())
    }

    fn follow(&self, change: &SchemaChange) -> Result<()> {
        let policy = self.run.settings.options.schema_policy;
        let follows = match self.run.claim.destination.kind {
            Kind::Directory => policy != Some(SchemaPolicy::Fail),
            _ => false,
        };
        if follows || !self.router.has_other_columns(&change.stream) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unsupported, "columns have changed")
            .with("stream", change.stream.name())
            .with("file", self.run.claim.destination.shown())
            .with_hint("write into a directory with schema_policy=new_file"))
    }
}

impl Part {
    fn new(route: &Arc<Route>) -> Self {
        Self {
            route: route.clone(),
            rows: Vec::new(),
            count: 0,
            bytes: 0,
            encoder: None,
        }
    }

    fn is_small(&self) -> bool {
        self.count < SMALL_ROWS && self.bytes < SMALL_BYTES
    }

    fn into_pieces(self) -> Result<Vec<Piece>> {
        let Some(mut encoder) = self.encoder else {
            let some = !self.rows.is_empty();
            return Ok(some
                .then(|| Piece::rows(&self.route, self.rows))
                .into_iter()
                .collect());
        };
        let rows = encoder.rows();
        if rows == 0 {
            return Ok(Vec::new());
        }
        if rows < SMALL_ROWS && (encoder.memory() as u64) < SMALL_BYTES {
            return Ok(vec![Piece::begun(&self.route, encoder)]);
        }
        let mut pieces = Vec::new();
        while encoder.rows() > 0 {
            pieces.push(Piece::chunk(&self.route, encoder.finish()?));
        }
        Ok(pieces)
    }
}

/// Refuses changes that files cannot show: nothing in them is ever altered.
fn refuse_changes(batch: &Batch) -> Result<()> {
    let inserts = |ops: &[Op]| ops.iter().all(|op| *op == Op::Insert);
    if batch.changes().is_none_or(|changes| inserts(&changes.ops)) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        "files hold rows, not updates or deletes of rows",
    )
    .with("stream", batch.stream().name())
    .with_hint("write to a table, or turn changes into rows first"))
}

#[async_trait]
impl DataWriter for FileWriter {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        self.enter()?;
        let done = self.accept(batch).await;
        self.leave(done)
    }

    async fn change_schema(&mut self, change: &SchemaChange) -> Result<()> {
        self.enter()?;
        let done = self.follow(change);
        self.leave(done)
    }

    async fn end_split(&mut self, split: &Arc<Split>) -> Result<()> {
        self.enter()?;
        let done = self.end(split).await;
        self.leave(done)
    }

    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        progress: &Progress,
    ) -> Result<Prepared> {
        self.enter()?;
        let done = self.end_epoch(epoch, barrier, progress).await;
        self.leave(done)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if self.poisoned || self.unprepared {
            self.run.order.fail();
        }
        let waits = self
            .prepared
            .is_some_and(|round| round == self.run.order.rounds());
        self.run.leave(self.lane, waits);
    }
}
