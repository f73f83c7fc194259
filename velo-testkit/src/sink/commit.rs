//! The clauses of planning and committing.

use velo_core::{ErrorKind, StreamInfo};

use super::{SINK, Task, prepared, ten, up_to};
use crate::contract::{Clause, Need, Outcome, ensure};
use crate::data;
use crate::stage::{Stage, count};

pub(super) fn clauses() -> Vec<Clause> {
    vec![
        Clause::new("sink::K1 capabilities are constant", &[SINK], |stage| {
            Box::pin(constant(stage))
        }),
        Clause::new("sink::K2 plan has no effect", &[SINK], |stage| {
            Box::pin(plan(stage))
        }),
        Clause::new("sink::K7 commit is idempotent", &[SINK], |stage| {
            Box::pin(idempotent(stage))
        }),
        Clause::new(
            "sink::K8 nothing is visible before its commit",
            &[SINK, Need::Isolation],
            |stage| Box::pin(invisible(stage)),
        ),
        Clause::new(
            "sink::K9 one commit shows all lanes",
            &[SINK, Need::TwoPhase, Need::Lanes],
            |stage| Box::pin(all_lanes(stage)),
        ),
        Clause::new(
            "sink::K9 one commit shows no lane if one is gone",
            &[SINK, Need::TwoPhase, Need::Lanes],
            |stage| Box::pin(no_lane(stage)),
        ),
    ]
}

async fn constant(stage: &Stage) -> Outcome {
    let sink = stage.sink(&stage.place())?;
    ensure(sink.capabilities() == sink.capabilities(), || {
        "capabilities changed between two calls".to_owned()
    })?;
    ensure(sink.capabilities().max_writers > 0, || {
        "no writer is allowed".to_owned()
    })
}

async fn plan(stage: &Stage) -> Outcome {
    let place = stage.place();
    let sink = stage.sink(&place)?;
    let stream = StreamInfo::new("rows", data::numbered_schema().into());
    let streams = [std::sync::Arc::new(stream)];
    let first = sink.plan(&streams).await?;
    let second = sink.plan(&streams).await?;
    ensure(first == second, || {
        "plan says something else the second time".to_owned()
    })?;
    let found = stage.visible(&place).await?;
    ensure(found.is_empty(), || "plan created something".to_owned())?;
    let task = Task::start(stage, &place, 0, 1).await?;
    task.write(1, &ten(0)?, up_to("a", 10)).await?;
    stage.same_in_any_order(&ten(0)?, &stage.visible(&place).await?)
}

async fn idempotent(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let commit = task.write(1, &ten(0)?, up_to("a", 10)).await?;
    task.sink.commit(&commit).await?;
    stage.same_in_any_order(&ten(0)?, &stage.visible(&place).await?)?;
    task.write(2, &ten(10)?, up_to("a", 20)).await?;
    // An answer may have been lost for longer than one epoch, and the process with it.
    let again = stage.sink(&place)?;
    again.commit(&commit).await?;
    let expected = [ten(0)?, ten(10)?].concat();
    stage.same_in_any_order(&expected, &stage.visible(&place).await?)
}

async fn invisible(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let nothing = async |when: &str| {
        let rows = count(&stage.visible(&place).await?);
        ensure(rows == 0, || format!("{rows} rows are visible {when}"))
    };
    let mut writer = task.writer(0).await?;
    for batch in ten(0)? {
        writer.write(batch).await?;
    }
    nothing("after write").await?;
    let upto = up_to("a", 10);
    let parts = prepared(&mut *writer, 0, 1, &[], &upto).await?;
    nothing("after prepare").await?;
    task.sink.commit(&task.commit_of(1, parts, upto)).await?;
    stage.same_in_any_order(&ten(0)?, &stage.visible(&place).await?)?;
    writer.write(data::numbered("rows", 10, 5)?).await?;
    stage.same_in_any_order(&ten(0)?, &stage.visible(&place).await?)?;
    writer.close().await?;
    stage.same_in_any_order(&ten(0)?, &stage.visible(&place).await?)
}

async fn all_lanes(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let (mut first, mut second) = (task.writer(0).await?, task.writer(1).await?);
    let mut progress = up_to("a", 10);
    progress.merge(up_to("b", 10));
    let mut parts = prepared(&mut *first, 0, 1, &ten(0)?, &progress).await?;
    parts.extend(prepared(&mut *second, 1, 1, &ten(10)?, &progress).await?);
    task.sink
        .commit(&task.commit_of(1, parts, progress))
        .await?;
    first.close().await?;
    second.close().await?;
    let expected = [ten(0)?, ten(10)?].concat();
    stage.same_in_any_order(&expected, &stage.visible(&place).await?)
}

/// A part that an earlier generation prepared was discarded; a commit with it shows nothing.
async fn no_lane(stage: &Stage) -> Outcome {
    let place = stage.place();
    let old = Task::start(stage, &place, 0, 1).await?;
    let mut writer = old.writer(1).await?;
    let gone = prepared(&mut *writer, 1, 1, &ten(10)?, &up_to("b", 10)).await?;
    let new = Task::start(stage, &place, 0, 2).await?;
    let mut writer = new.writer(0).await?;
    let mut progress = up_to("a", 10);
    let mut parts = prepared(&mut *writer, 0, 2, &ten(0)?, &progress).await?;
    parts.extend(gone);
    progress.merge(up_to("b", 10));
    let outcome = new.sink.commit(&new.commit_of(2, parts, progress)).await;
    let aborted = matches!(&outcome, Err(error) if error.kind() == ErrorKind::Aborted);
    ensure(aborted, || format!("expected Aborted, found {outcome:?}"))?;
    let rows = count(&stage.visible(&place).await?);
    ensure(rows == 0, || {
        format!("{rows} rows of a commit that cannot be whole are visible")
    })
}
