//! The rules of the commit protocol, one by one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use velo_core::memory::{Memory, MemoryOffset};
use velo_core::{
    Action, Barrier, Batch, Commit, DataSink, DataWriter, Error, ErrorKind, Identity, Prepared,
    Progress, Recovered, Result, SchemaChange, Sink, SinkCapabilities, Source, SourceOffset, Split,
    SplitId, StreamInfo, WriteRequest,
};
use velo_pipeline::store::{Checkpoint, CheckpointStore, MemoryStore, Tenure};
use velo_pipeline::{Limit, Pipeline, Retry};

use crate::numbers::Numbers;
use crate::two_phase::TwoPhase;

/// What happened, in order, without repeats in a row.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn add(&self, event: &'static str) {
        let mut events = self.0.lock().unwrap();
        if events.last() != Some(&event) {
            events.push(event);
        }
    }

    fn events(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

/// A sink that tells what is asked of it, and whose commits may go wrong.
struct Told<S> {
    sink: S,
    log: Log,
    prepared: &'static str,
    committed: &'static str,
    /// Commits that are done and whose answer is lost.
    lost: AtomicU32,
    /// Calls of `prepare` that fail.
    broken: bool,
}

impl<S> Told<S> {
    fn new(sink: S, log: &Log, prepared: &'static str, committed: &'static str) -> Self {
        Self {
            sink,
            log: log.clone(),
            prepared,
            committed,
            lost: AtomicU32::new(0),
            broken: false,
        }
    }
}

#[async_trait]
impl<S: DataSink> DataSink for Told<S> {
    fn capabilities(&self) -> SinkCapabilities {
        self.sink.capabilities()
    }

    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        self.sink.plan(streams).await
    }

    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered> {
        self.sink.recover(identity, pending).await
    }

    async fn claim(
        &self,
        identity: &Identity,
        splits: &[SplitId],
    ) -> Result<Vec<Option<SourceOffset>>> {
        self.sink.claim(identity, splits).await
    }

    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>> {
        Ok(Box::new(ToldWriter {
            writer: self.sink.create_writer(request).await?,
            log: self.log.clone(),
            prepared: self.prepared,
            broken: self.broken,
        }))
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        self.sink.commit(commit).await?;
        self.log.add(self.committed);
        if self.lost.load(Ordering::SeqCst) > 0 {
            self.lost.fetch_sub(1, Ordering::SeqCst);
            return Err(Error::new(
                ErrorKind::OutcomeUnknown,
                "connection was reset",
            ));
        }
        Ok(())
    }
}

struct ToldWriter {
    writer: Box<dyn DataWriter>,
    log: Log,
    prepared: &'static str,
    broken: bool,
}

#[async_trait]
impl DataWriter for ToldWriter {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        self.writer.write(batch).await
    }

    async fn change_schema(&mut self, change: &SchemaChange) -> Result<()> {
        self.writer.change_schema(change).await
    }

    async fn end_split(&mut self, split: &Arc<Split>) -> Result<()> {
        self.writer.end_split(split).await
    }

    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        progress: &Progress,
    ) -> Result<Prepared> {
        if self.broken {
            return Err(Error::new(ErrorKind::Io, "disk is broken"));
        }
        self.log.add(self.prepared);
        self.writer.prepare(epoch, barrier, progress).await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.writer.close().await
    }
}

/// A store that tells and keeps every checkpoint.
#[derive(Clone, Default)]
struct Diary {
    store: MemoryStore,
    log: Log,
    saved: Arc<Mutex<Vec<Checkpoint>>>,
}

#[async_trait]
impl CheckpointStore for Diary {
    async fn acquire(&self, pipeline: &str, task: u32) -> Result<Box<dyn Tenure>> {
        Ok(Box::new(DiaryTenure {
            tenure: self.store.acquire(pipeline, task).await?,
            diary: self.clone(),
        }))
    }

    async fn repair(&self, pipeline: &str, task: u32, least: u64) -> Result<Box<dyn Tenure>> {
        self.store.repair(pipeline, task, least).await
    }

    async fn read(&self, pipeline: &str, task: u32) -> Result<Option<Checkpoint>> {
        self.store.read(pipeline, task).await
    }

    async fn tasks(&self, pipeline: &str) -> Result<Vec<u32>> {
        self.store.tasks(pipeline).await
    }

    fn shown(&self) -> String {
        self.store.shown()
    }
}

struct DiaryTenure {
    tenure: Box<dyn Tenure>,
    diary: Diary,
}

#[async_trait]
impl Tenure for DiaryTenure {
    fn generation(&self) -> u64 {
        self.tenure.generation()
    }

    fn latest(&self) -> &Checkpoint {
        self.tenure.latest()
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<()> {
        self.diary.log.add("checkpoint");
        self.diary.saved.lock().unwrap().push(checkpoint.clone());
        self.tenure.save(checkpoint).await
    }
}

fn pipeline(
    numbers: &Numbers,
    sink: impl DataSink,
    letters: Option<Sink>,
    diary: &Diary,
) -> Pipeline {
    let mut pipeline = Pipeline::new("p", Source::new(numbers.clone()), Sink::new(sink));
    pipeline.dead_letters = letters;
    pipeline.store = Some(Arc::new(diary.clone()));
    pipeline.threads = 1;
    // One epoch, at the end.
    pipeline.every = Duration::from_secs(3600);
    pipeline
}

fn rows_of(checkpoint: &Checkpoint) -> Vec<u64> {
    let row = |open: &velo_pipeline::store::OpenSplit| {
        let at = open.position().unwrap()?.at;
        Some(at.open::<MemoryOffset>().unwrap().row)
    };
    checkpoint.splits.iter().filter_map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_letters_then_checkpoint_then_commit_where_the_checkpoint_is_the_authority() {
    let (numbers, diary) = (Numbers::new(1, 30, 11), Diary::default());
    let log = diary.log.clone();
    let sink = Told::new(TwoPhase::default(), &log, "prepare", "commit");
    let letters = Memory::new("letters").sink();
    let letters = Told::new(letters, &log, "prepare letters", "commit letters");
    pipeline(&numbers, sink, Some(Sink::new(letters)), &diary)
        .run()
        .await
        .unwrap();
    let order = [
        "prepare",
        "prepare letters",
        "checkpoint",
        "commit letters",
        "commit",
        // That nothing is pending any more.
        "checkpoint",
    ];
    assert_eq!(log.events(), order);
    assert_eq!(numbers.acknowledged.lock().unwrap().marks.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_letters_then_commit_then_checkpoint_where_the_sink_is_the_authority() {
    let (numbers, diary) = (Numbers::new(1, 30, 11), Diary::default());
    let log = diary.log.clone();
    let sink = Told::new(Memory::new("to").sink(), &log, "prepare", "commit");
    let letters = Told::new(
        Memory::new("letters").sink(),
        &log,
        "prepare letters",
        "commit letters",
    );
    pipeline(&numbers, sink, Some(Sink::new(letters)), &diary)
        .run()
        .await
        .unwrap();
    let events = log.events();
    let at = |event: &str| events.iter().rposition(|known| *known == event).unwrap();
    assert!(at("prepare") < at("prepare letters"));
    assert!(at("prepare letters") < at("commit letters"));
    assert!(at("commit letters") < at("commit"));
    assert!(at("commit") < at("checkpoint"));
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_position_waits_for_what_is_held_back() {
    let (numbers, diary) = (Numbers::new(1, 4000, 0), Diary::default());
    let sink = TwoPhase::holding(u32::MAX - 1);
    let mut running = pipeline(&numbers, sink.clone(), None, &diary);
    running.every = Duration::from_micros(50);
    running.run().await.unwrap();
    let saved = diary.saved.lock().unwrap();
    // All epochs but the last were held back: nothing was stored before it, and behind it only
    // that nothing is pending any more.
    assert_eq!(saved.len(), 2);
    assert!(saved[0].splits.is_empty() && !saved[0].sink.parts.is_empty());
    assert!(saved[1].sink.parts.is_empty());
    assert_eq!(sink.rows(), numbers.all().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_positions_lie_on_marks() {
    let mut rows: Vec<u64> = Vec::new();
    // How many epochs fit into a run is up to the machine.
    for _ in 0..1000 {
        let (numbers, diary) = (Numbers::new(3, 4000, 0), Diary::default());
        let mut running = pipeline(&numbers, TwoPhase::default(), None, &diary);
        running.every = Duration::from_micros(50);
        running.run().await.unwrap();
        rows.extend(diary.saved.lock().unwrap().iter().flat_map(rows_of));
        if rows.len() > 3 {
            break;
        }
    }
    assert!(rows.len() > 3, "only {} positions", rows.len());
    // This source marks every second batch of seven rows, and its end.
    assert!(
        rows.iter().all(|row| row % 14 == 0 || *row == 4000),
        "{rows:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_commit_whose_answer_is_lost_is_asked_for_again_and_not_done_again() {
    let (numbers, diary) = (Numbers::new(2, 300, 0), Diary::default());
    let two_phase = TwoPhase::default();
    let sink = Told::new(two_phase.clone(), &diary.log, "prepare", "commit");
    sink.lost.store(3, Ordering::SeqCst);
    pipeline(&numbers, sink, None, &diary).run().await.unwrap();
    assert_eq!(two_phase.rows(), numbers.all().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_t151_no_position_passes_letters_that_cannot_be_kept() {
    let (numbers, diary) = (Numbers::new(1, 300, 11), Diary::default());
    let two_phase = TwoPhase::default();
    let mut letters = Told::new(Memory::new("letters").sink(), &diary.log, "a", "b");
    letters.broken = true;
    let failing = pipeline(
        &numbers,
        two_phase.clone(),
        Some(Sink::new(letters)),
        &diary,
    );
    let error = failing.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(diary.saved.lock().unwrap().is_empty());
    assert!(two_phase.rows().is_empty());
    assert!(numbers.acknowledged.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_what_is_read_is_written_or_kept() {
    let (numbers, diary) = (Numbers::new(4, 500, 11), Diary::default());
    let letters = Memory::new("letters");
    let sink = TwoPhase::default();
    let summary = pipeline(
        &numbers,
        sink.clone(),
        Some(Sink::new(letters.sink())),
        &diary,
    )
    .run()
    .await
    .unwrap();
    let last = diary.saved.lock().unwrap().last().unwrap().counts;
    assert_eq!(last.read, 2000);
    assert_eq!(last.read, last.written + last.filtered + last.rejected);
    assert_eq!(
        (last.written, last.rejected),
        (summary.rows, summary.rejected)
    );
    assert_eq!(letters.num_rows() as u64, last.rejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn t150_too_many_bad_rows_stop_a_pipeline_before_they_are_passed() {
    for (ratio, stops) in [(0.05, true), (0.2, false)] {
        let (numbers, diary) = (Numbers::new(1, 3000, 10), Diary::default());
        let letters = Memory::new("letters");
        let mut running = pipeline(
            &numbers,
            TwoPhase::default(),
            Some(Sink::new(letters.sink())),
            &diary,
        );
        running.dead_letter_limit = Limit { ratio, after: 100 };
        let ended = running.run().await;
        assert_eq!(ended.is_err(), stops, "{ratio}");
        if stops {
            assert_eq!(ended.unwrap_err().kind(), ErrorKind::InvalidData);
            assert_eq!(letters.num_rows(), 0);
            assert!(diary.saved.lock().unwrap().is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t153_what_does_not_pass_is_not_tried_again() {
    let (numbers, diary) = (Numbers::new(1, 30, 0), Diary::default());
    let mut sink = Told::new(TwoPhase::default(), &diary.log, "prepare", "commit");
    sink.broken = true;
    let mut failing = pipeline(&numbers, sink, None, &diary);
    failing.retry = Retry {
        first: Duration::from_secs(3600),
        ..Retry::default()
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), failing.run()).await;
    assert_eq!(ended.unwrap().unwrap_err().kind(), ErrorKind::Io);
}
