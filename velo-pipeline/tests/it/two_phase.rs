//! A sink in memory that commits in two phases and holds no positions, as files do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use async_trait::async_trait;
use velo_core::{
    Action, Barrier, Batch, Commit, CommitKind, Committable, DataSink, DataWriter, Error,
    ErrorKind, Identity, Prepared, Progress, Recovered, Result, SchemaChange, SinkCapabilities,
    StreamInfo, WriteRequest,
};

#[derive(Debug, Clone, Default)]
pub(crate) struct TwoPhase {
    world: Arc<Mutex<World>>,
    /// Checkpoints that are held back before one is not.
    holds: u32,
}

#[derive(Debug, Default)]
struct World {
    generation: u64,
    committed: u64,
    next: u64,
    prepared: BTreeMap<u64, (u64, Vec<i64>)>,
    published: BTreeSet<u64>,
    rows: Vec<i64>,
}

impl TwoPhase {
    pub(crate) fn holding(holds: u32) -> Self {
        Self {
            holds,
            ..Self::default()
        }
    }

    pub(crate) fn rows(&self) -> Vec<i64> {
        let mut rows = self.world.lock().unwrap().rows.clone();
        rows.sort_unstable();
        rows
    }

    /// Counts what is prepared and was neither committed nor discarded.
    pub(crate) fn left(&self) -> usize {
        self.world.lock().unwrap().prepared.len()
    }
}

fn publish(world: &mut World, commit: &Commit) -> Result<bool> {
    for (_, part) in &commit.parts {
        for id in part.body.split(',').map(|id| id.parse::<u64>().unwrap()) {
            if world.published.contains(&id) {
                continue;
            }
            let Some((_, rows)) = world.prepared.remove(&id) else {
                return Ok(false);
            };
            world.rows.extend(rows);
            world.published.insert(id);
        }
    }
    world.committed = world.committed.max(commit.epoch);
    Ok(true)
}

fn check(world: &World, identity: &Identity) -> Result<()> {
    match world.generation > identity.generation {
        true => Err(Error::new(ErrorKind::Fenced, "a later run has taken over")),
        false => Ok(()),
    }
}

#[async_trait]
impl DataSink for TwoPhase {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities {
            commit: CommitKind::TwoPhase,
            positions: false,
            max_writers: 3,
        }
    }

    async fn plan(&self, _: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        Ok(Vec::new())
    }

    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered> {
        let mut world = self.world.lock().unwrap();
        check(&world, identity)?;
        world.generation = identity.generation;
        let committed = match pending {
            Some(pending) => publish(&mut world, pending)?,
            None => false,
        };
        world.prepared.clear();
        Ok(Recovered {
            epoch: Some(world.committed),
            committed,
        })
    }

    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>> {
        Ok(Box::new(Writing {
            sink: self.clone(),
            identity: request.identity,
            rows: Vec::new(),
            held: Vec::new(),
            epochs: 0,
        }))
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        let mut world = self.world.lock().unwrap();
        check(&world, &commit.identity)?;
        match publish(&mut world, commit)? {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::StateLost, "prepared rows are gone")),
        }
    }
}

struct Writing {
    sink: TwoPhase,
    identity: Identity,
    rows: Vec<i64>,
    held: Vec<u64>,
    epochs: u32,
}

#[async_trait]
impl DataWriter for Writing {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        tokio::task::yield_now().await;
        if batch.num_rows() > 0 {
            let column = batch.rows().column(0).as_primitive::<Int64Type>();
            self.rows.extend(column.values());
        }
        Ok(())
    }

    async fn change_schema(&mut self, _: &SchemaChange) -> Result<()> {
        Ok(())
    }

    async fn prepare(&mut self, _: u64, barrier: Barrier, _: &Progress) -> Result<Prepared> {
        let mut world = self.sink.world.lock().unwrap();
        check(&world, &self.identity)?;
        if !self.rows.is_empty() {
            world.next += 1;
            let id = world.next;
            let rows = std::mem::take(&mut self.rows);
            world.prepared.insert(id, (self.identity.generation, rows));
            self.held.push(id);
        }
        self.epochs += 1;
        if barrier == Barrier::Checkpoint && !self.epochs.is_multiple_of(self.sink.holds + 1) {
            return Ok(Prepared {
                held: true,
                ..Prepared::default()
            });
        }
        let ids: Vec<_> = self.held.drain(..).map(|id| id.to_string()).collect();
        let committable = (!ids.is_empty()).then(|| Committable {
            kind: "two-phase".into(),
            version: 1,
            body: ids.join(","),
        });
        Ok(Prepared {
            committable,
            ..Prepared::default()
        })
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
