//! The clauses of sinks (K) and writers (W), and every type.

mod commit;
mod epochs;
mod recovery;
mod writer;

use arrow_schema::DataType;
use libtest_mimic::Failed;
use velo_core::memory::MemoryOffset;
use velo_core::{
    Barrier, Batch, Budget, Commit, Committable, DataWriter, Identity, Mark, Progress, Result,
    Sink, SourceOffset, SplitId, WriteRequest,
};

use crate::contract::{Clause, Need, Outcome};
use crate::data;
use crate::harness::{Ability, Place};
use crate::stage::Stage;

const SINK: Need = Need::Can(Ability::Sink);
const BUDGET: u64 = 64 << 20;

pub(crate) fn clauses(types: &[DataType]) -> Vec<Clause> {
    let mut clauses = commit::clauses();
    clauses.extend(epochs::clauses());
    clauses.extend(recovery::clauses());
    clauses.extend(writer::clauses());
    clauses.extend(types.iter().map(|of| {
        let name = format!("types::{of} comes through the sink");
        let of = of.clone();
        Clause::new(name, &[SINK], move |stage| {
            let of = of.clone();
            Box::pin(async move { comes_through(stage, &of).await })
        })
    }));
    clauses
}

/// One run of one task at a sink: what a pipeline does, by hand.
struct Task {
    sink: Sink,
    identity: Identity,
}

impl Task {
    /// Starts a run: a new sink, as in another process, and the fence.
    async fn start(
        stage: &Stage,
        place: &Place,
        task: u32,
        generation: u64,
    ) -> Result<Self, Failed> {
        let sink = stage.sink(place)?;
        let identity = Identity::new("contract", task, generation);
        sink.recover(&identity, None).await?;
        Ok(Self { sink, identity })
    }

    async fn writer(&self, lane: u32) -> Result<Box<dyn DataWriter>> {
        let budget = Budget::new(BUDGET);
        let request = WriteRequest::new(lane, self.identity.clone(), budget);
        self.sink.create_writer(request).await
    }

    fn commit_of(&self, epoch: u64, parts: Parts, progress: Progress) -> Commit {
        Commit {
            identity: self.identity.clone(),
            epoch,
            parts,
            progress,
        }
    }

    /// Writes with one lane and prepares; the writer is dropped as a crash would.
    async fn prepare(&self, epoch: u64, rows: &[Batch], upto: Progress) -> Result<Commit> {
        let mut writer = self.writer(0).await?;
        let parts = prepared(&mut *writer, 0, epoch, rows, &upto).await?;
        Ok(self.commit_of(epoch, parts, upto))
    }

    /// Writes with one lane, prepares and commits in good order.
    async fn write(&self, epoch: u64, rows: &[Batch], upto: Progress) -> Result<Commit> {
        let mut writer = self.writer(0).await?;
        let parts = prepared(&mut *writer, 0, epoch, rows, &upto).await?;
        let commit = self.commit_of(epoch, parts, upto);
        self.sink.commit(&commit).await?;
        writer.close().await?;
        Ok(commit)
    }
}

type Parts = Vec<(u32, Committable)>;

async fn prepared(
    writer: &mut dyn DataWriter,
    lane: u32,
    epoch: u64,
    rows: &[Batch],
    upto: &Progress,
) -> Result<Parts> {
    for batch in rows {
        writer.write(batch.clone()).await?;
    }
    let prepared = writer.prepare(epoch, Barrier::Pause, upto).await?;
    Ok(prepared
        .committable
        .map(|part| (lane, part))
        .into_iter()
        .collect())
}

/// Says that one split has come to a row.
fn up_to(split: &str, row: u64) -> Progress {
    let offset = SourceOffset::seal(MemoryOffset { partition: 0, row });
    Progress {
        marks: vec![Mark::new(SplitId::from(split), offset)],
        ended: Vec::new(),
    }
}

fn ten(first: i64) -> Result<Vec<Batch>> {
    let rows = data::numbered("rows", first, 10)?;
    Ok(vec![rows.slice(0, 4), rows.slice(4, 6)])
}

async fn comes_through(stage: &Stage, of: &DataType) -> Outcome {
    let place = stage.place();
    let types = [DataType::Int64, of.clone()];
    let rows = vec![data::batch("rows", &types, 64, 11)?];
    let task = Task::start(stage, &place, 0, 1).await?;
    task.write(1, &rows, up_to("a", 64)).await?;
    stage.same_in_any_order(&rows, &stage.visible(&place).await?)
}
