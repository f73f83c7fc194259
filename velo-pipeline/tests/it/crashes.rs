//! A pipeline that dies at every single step, and is started again.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use velo_core::memory::Memory;
use velo_core::{DataSink, Error, Sink, Source};
use velo_pipeline::store::{CheckpointStore, MemoryStore};
use velo_pipeline::{Pipeline, Retry};

use crate::mortal::{Life, Mortal};
use crate::numbers::Numbers;
use crate::two_phase::TwoPhase;

/// Far longer than any of these runs takes; it only ends tests that hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that outlives a process.
struct World<S> {
    numbers: Numbers,
    sink: S,
    letters: Memory,
    store: MemoryStore,
}

impl<S: DataSink + Clone> World<S> {
    fn new(sink: S, bad: u64) -> Self {
        Self {
            numbers: Numbers::new(5, 60, bad),
            sink,
            letters: Memory::new("letters"),
            store: MemoryStore::default(),
        }
    }

    /// Runs one process to its end, natural or not.
    async fn live(&self, life: &Life) -> Result<(), Error> {
        let source = Mortal(self.numbers.clone(), life.clone());
        let sink = Mortal(self.sink.clone(), life.clone());
        let mut pipeline = Pipeline::new("p", Source::new(source), Sink::new(sink));
        let letters = Mortal(self.letters.sink(), life.clone());
        pipeline.dead_letters = Some(Sink::new(letters));
        pipeline.store = Some(Arc::new(Mortal(self.store.clone(), life.clone())));
        pipeline.every = Duration::from_micros(300);
        pipeline.threads = 2;
        pipeline.retry = Retry {
            first: Duration::from_millis(1),
            ..Retry::default()
        };
        let run = tokio::time::timeout(PATIENCE, pipeline.run());
        run.await.expect("the run hangs").map(drop)
    }

    /// Lives until a step, then looks at what the source was told.
    async fn live_until(&self, step: u64, visible: impl Fn(&S) -> Vec<i64>) -> bool {
        let died = self.live(&Life::until(step)).await.is_err();
        let told = self.numbers.acknowledged.lock().unwrap().clone();
        let visible = visible(&self.sink);
        for mark in &told.marks {
            let at: u64 = mark
                .offset
                .to_string()
                .rsplit('/')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            let first: u64 = mark.split.as_str().parse::<u64>().unwrap() * self.numbers.rows;
            let (good, _) = self.numbers.all();
            let passed = first as i64..(first + at) as i64;
            let missing = good
                .iter()
                .find(|n| passed.contains(n) && !visible.contains(n));
            assert_eq!(missing, None, "acknowledged and not there, step {step}");
        }
        died
    }

    /// Dies at one step, then lives to the end; says whether the step was ever reached.
    async fn dies_at(&self, step: u64) -> bool {
        let life = Life::until(step);
        let died = self.live(&life).await.is_err();
        if !died {
            assert!(!life.is_over() || !died);
        }
        self.live(&Life::until(u64::MAX)).await.unwrap();
        died
    }

    async fn letters_are_there(&self, twice_at_most: bool) {
        let (_, bad) = self.numbers.all();
        let mut found: Vec<i64> = Vec::new();
        for batch in self.letters.batches() {
            let raw = batch.rows().column_by_name("raw").unwrap();
            let raw = raw.as_string::<i32>().iter().flatten();
            found.extend(raw.map(|text| text.parse::<i64>().unwrap()));
        }
        found.sort_unstable();
        if twice_at_most {
            found.dedup();
        }
        assert_eq!(found, bad);
    }
}

fn rows(memory: &Memory) -> Vec<i64> {
    let values = |batch: &velo_core::Batch| {
        let column = batch.rows().column(0).as_primitive::<Int64Type>();
        column.values().to_vec()
    };
    let mut rows: Vec<_> = memory.batches().iter().flat_map(values).collect();
    rows.sort_unstable();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_sink_without_positions_has_every_row_once_wherever_a_run_dies() {
    for holds in [0, 2] {
        for step in 1.. {
            let world = World::new(TwoPhase::holding(holds), 11);
            let died = world.dies_at(step).await;
            assert_eq!(world.sink.rows(), world.numbers.all().0, "step {step}");
            world.letters_are_there(false).await;
            assert_eq!(world.sink.left(), 0, "step {step}");
            if !died {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_nothing_is_acknowledged_before_it_is_committed() {
    for step in 1.. {
        let world = World::new(TwoPhase::default(), 0);
        if !world.live_until(step, TwoPhase::rows).await {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_ahead_of_the_state_is_not_written_twice() {
    let world = World::new(TwoPhase::default(), 0);
    let _ = world.live(&Life::until(120)).await;
    // The state of an earlier time, as from a backup.
    let before = world.store.read("p", 0).await.unwrap().unwrap();
    world.live(&Life::until(u64::MAX)).await.unwrap();
    let mut tenure = world.store.acquire("p", 0).await.unwrap();
    tenure.save(before).await.unwrap();
    drop(tenure);
    let error = world.live(&Life::until(u64::MAX)).await.unwrap_err();
    assert_eq!(error.kind(), velo_core::ErrorKind::StateLost);
    assert_eq!(world.sink.rows(), world.numbers.all().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_a_sink_with_positions_has_every_row_once_wherever_a_run_dies() {
    for step in 1.. {
        let memory = Memory::new("to");
        let world = World::new(Shared(memory.clone()), 11);
        let died = world.dies_at(step).await;
        assert_eq!(rows(&memory), world.numbers.all().0, "step {step}");
        world.letters_are_there(true).await;
        if !died {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_twice_has_every_row_once() {
    for first in (1..150).step_by(7) {
        for second in (1..60).step_by(5) {
            let world = World::new(TwoPhase::default(), 0);
            let _ = world.live(&Life::until(first)).await;
            let _ = world.live(&Life::until(second)).await;
            world.live(&Life::until(u64::MAX)).await.unwrap();
            assert_eq!(
                world.sink.rows(),
                world.numbers.all().0,
                "steps {first} and {second}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_failure_that_passes_at_any_step_loses_and_doubles_nothing() {
    for step in 1.. {
        let world = World::new(TwoPhase::default(), 11);
        let life = Life::with_a_hiccup(step);
        // Only taking the task over is not tried again: nothing has begun then.
        let done = world.live(&life).await;
        if done.is_err() {
            assert!(step <= 2, "step {step}: {done:?}");
            continue;
        }
        assert_eq!(world.sink.rows(), world.numbers.all().0, "step {step}");
        world.letters_are_there(false).await;
        if !life.is_over() {
            break;
        }
    }
}

/// A memory sink that can be given to several runs.
#[derive(Clone)]
struct Shared(Memory);

#[async_trait::async_trait]
impl DataSink for Shared {
    fn capabilities(&self) -> velo_core::SinkCapabilities {
        self.0.sink().capabilities()
    }

    async fn plan(
        &self,
        streams: &[Arc<velo_core::StreamInfo>],
    ) -> velo_core::Result<Vec<velo_core::Action>> {
        self.0.sink().plan(streams).await
    }

    async fn recover(
        &self,
        identity: &velo_core::Identity,
        pending: Option<&velo_core::Commit>,
    ) -> velo_core::Result<velo_core::Recovered> {
        self.0.sink().recover(identity, pending).await
    }

    async fn claim(
        &self,
        identity: &velo_core::Identity,
        splits: &[velo_core::SplitId],
    ) -> velo_core::Result<Vec<Option<velo_core::SourceOffset>>> {
        self.0.sink().claim(identity, splits).await
    }

    async fn create_writer(
        &self,
        request: velo_core::WriteRequest,
    ) -> velo_core::Result<Box<dyn velo_core::DataWriter>> {
        self.0.sink().create_writer(request).await
    }

    async fn commit(&self, commit: &velo_core::Commit) -> velo_core::Result<()> {
        self.0.sink().commit(commit).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_of_two_runs_only_the_later_commits() {
    let world = World::new(TwoPhase::default(), 0);
    let old = world.store.acquire("p", 0).await.unwrap();
    world.live(&Life::until(u64::MAX)).await.unwrap();
    let (mut old, rows) = (old, world.sink.rows());
    let stale = old.latest().clone();
    assert_eq!(
        old.save(stale).await.unwrap_err().kind(),
        velo_core::ErrorKind::Fenced
    );
    assert_eq!(rows, world.numbers.all().0);
}
