//! The clauses of writers.

use std::sync::Arc;

use velo_core::{Barrier, Batch, Budget, StreamInfo, WriteRequest};

use super::{SINK, Task, prepared, ten, up_to};
use crate::contract::{Clause, Need, Outcome, ensure};
use crate::data;
use crate::harness::Ability;
use crate::stage::{Stage, count, once};

pub(super) fn clauses() -> Vec<Clause> {
    vec![
        Clause::new(
            "sink::W1 a dropped future poisons the writer",
            &[SINK],
            |stage| Box::pin(poisoned(stage)),
        ),
        Clause::new(
            "sink::W2 accepted is not yet durable",
            &[SINK, Need::Isolation],
            |stage| Box::pin(accepted(stage)),
        ),
        Clause::new(
            "sink::W3 an empty batch announces its stream",
            &[SINK],
            |stage| Box::pin(announces(stage)),
        ),
        Clause::new(
            "sink::W4 what is prepared survives a crash",
            &[SINK, Need::Recovery],
            |stage| Box::pin(survives(stage)),
        ),
        Clause::new(
            "sink::W5 an epoch without rows costs nothing",
            &[SINK],
            |stage| Box::pin(empty_epoch(stage)),
        ),
        Clause::new(
            "sink::W6 close leaves nothing that was not prepared",
            &[SINK, Need::Isolation],
            |stage| Box::pin(closed(stage)),
        ),
        Clause::new("sink::W7 rows of a split stay in order", &[SINK], |stage| {
            Box::pin(in_order(stage))
        }),
        Clause::new(
            "sink::W7 a writer takes many streams",
            &[SINK, Need::Can(Ability::Streams)],
            |stage| Box::pin(many_streams(stage)),
        ),
    ]
}

/// Makes calls wait by taking the writer's whole budget, and drops the first that does.
async fn poisoned(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let budget = Budget::new(1 << 20);
    let everything = budget.try_reserve(budget.total());
    let request = WriteRequest::new(0, task.identity.clone(), budget);
    let mut writer = task.sink.create_writer(request).await?;
    let rows = data::numbered("rows", 0, 1000)?;
    let mut waited = false;
    for _ in 0..20 {
        match once(writer.write(rows.clone())).await {
            Some(written) => written?,
            None => {
                waited = true;
                break;
            }
        }
    }
    let progress = up_to("a", 10);
    if !waited {
        waited = once(writer.prepare(1, Barrier::Pause, &progress))
            .await
            .is_none();
    }
    drop(everything);
    if !waited {
        stage.lacks("a call that waits");
        return Ok(());
    }
    ensure(writer.write(rows).await.is_err(), || {
        "write went on after a dropped future".to_owned()
    })?;
    ensure(
        writer.prepare(2, Barrier::Pause, &progress).await.is_err(),
        || "prepare went on after a dropped future".to_owned(),
    )
}

async fn accepted(stage: &Stage) -> Outcome {
    let place = stage.place();
    let old = Task::start(stage, &place, 0, 1).await?;
    let mut writer = old.writer(0).await?;
    for batch in ten(0)? {
        writer.write(batch).await?;
    }
    drop(writer);
    let new = Task::start(stage, &place, 0, 2).await?;
    new.write(1, &ten(10)?, up_to("a", 20)).await?;
    stage.same_in_any_order(&ten(10)?, &stage.visible(&place).await?)
}

async fn announces(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let stream = StreamInfo::new("rows", data::numbered_schema().into());
    let empty = Batch::empty(Arc::new(stream));
    task.write(1, std::slice::from_ref(&empty), up_to("a", 0))
        .await?;
    let found = stage.visible(&place).await?;
    let names = |batch: &Batch| {
        let schema = batch.rows().schema();
        let names = schema.fields().iter().map(|field| field.name().clone());
        names.collect::<Vec<_>>()
    };
    ensure(
        found.iter().any(|batch| names(batch) == names(&empty)),
        || "the destination does not exist after the commit of an empty batch".to_owned(),
    )?;
    ensure(count(&found) == 0, || {
        "an empty batch brought rows".to_owned()
    })
}

async fn survives(stage: &Stage) -> Outcome {
    let place = stage.place();
    let old = Task::start(stage, &place, 0, 1).await?;
    let commit = old.prepare(1, &ten(0)?, up_to("a", 10)).await?;
    drop(old);
    let sink = stage.sink(&place)?;
    let identity = velo_core::Identity::new("contract", 0, 2);
    sink.recover(&identity, Some(&commit)).await?;
    stage.same_in_any_order(&ten(0)?, &stage.visible(&place).await?)
}

async fn empty_epoch(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let mut writer = task.writer(0).await?;
    for epoch in [1, 2] {
        let parts = prepared(&mut *writer, 0, epoch, &[], &up_to("a", 0)).await?;
        ensure(parts.is_empty(), || {
            "an epoch without rows has a committable".to_owned()
        })?;
        task.sink
            .commit(&task.commit_of(epoch, parts, up_to("a", 0)))
            .await?;
    }
    ensure(stage.visible(&place).await?.is_empty(), || {
        "an epoch without rows left something".to_owned()
    })?;
    let parts = prepared(&mut *writer, 0, 3, &ten(0)?, &up_to("a", 10)).await?;
    task.sink
        .commit(&task.commit_of(3, parts, up_to("a", 10)))
        .await?;
    let parts = prepared(&mut *writer, 0, 4, &[], &up_to("a", 10)).await?;
    ensure(parts.is_empty(), || {
        "an epoch without rows has a committable".to_owned()
    })?;
    writer.close().await?;
    stage.same_in_any_order(&ten(0)?, &stage.visible(&place).await?)
}

async fn closed(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    task.write(1, &ten(0)?, up_to("a", 10)).await?;
    let mut writer = task.writer(0).await?;
    for batch in ten(10)? {
        writer.write(batch).await?;
    }
    writer.close().await?;
    task.write(2, &ten(20)?, up_to("a", 20)).await?;
    let expected = [ten(0)?, ten(20)?].concat();
    stage.same_in_any_order(&expected, &stage.visible(&place).await?)
}

async fn in_order(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let mut writer = task.writer(0).await?;
    let mut expected = Vec::new();
    for epoch in 1..=3 {
        let rows = ten(epoch as i64 * 10)?;
        let parts = prepared(&mut *writer, 0, epoch, &rows, &up_to("a", epoch * 10)).await?;
        let commit = task.commit_of(epoch, parts, up_to("a", epoch * 10));
        task.sink.commit(&commit).await?;
        expected.extend(rows);
    }
    writer.close().await?;
    stage.same(&expected, &stage.visible(&place).await?)
}

async fn many_streams(stage: &Stage) -> Outcome {
    let place = stage.place();
    let mut rows = Vec::new();
    for n in 0..6 {
        let stream = if n % 2 == 0 { "rows" } else { "others" };
        rows.push(data::numbered(stream, n * 10, 10)?);
    }
    let task = Task::start(stage, &place, 0, 1).await?;
    task.write(1, &rows, up_to("a", 60)).await?;
    stage.same(&rows, &stage.visible(&place).await?)
}
