//! The clauses of fences, recovery and taking over.

use velo_core::{ErrorKind, Result, SplitId};

use super::{SINK, Task, ten, up_to};
use crate::contract::{Clause, Need, Outcome, ensure};
use crate::stage::{Stage, count};

pub(super) fn clauses() -> Vec<Clause> {
    vec![
        Clause::new(
            "sink::K3 recover fences lower generations",
            &[SINK, Need::Isolation],
            |stage| Box::pin(fence(stage)),
        ),
        Clause::new(
            "sink::K3 a zombie prepares in vain",
            &[SINK, Need::Isolation],
            |stage| Box::pin(zombie(stage)),
        ),
        Clause::new(
            "sink::K4 recover commits what is pending, once",
            &[SINK, Need::Recovery],
            |stage| Box::pin(pending(stage)),
        ),
        Clause::new(
            "sink::K5 recover discards what else was prepared",
            &[SINK, Need::Isolation],
            |stage| Box::pin(discards(stage)),
        ),
        Clause::new(
            "sink::K6 claim takes splits over",
            &[SINK, Need::Isolation, Need::Positions],
            |stage| Box::pin(takes_over(stage)),
        ),
        Clause::new(
            "sink::K10 claim says how far the commit reached",
            &[SINK, Need::Positions],
            |stage| Box::pin(positions(stage)),
        ),
    ]
}

fn refused(outcome: &Result<()>, kind: ErrorKind) -> Outcome {
    let refused = matches!(outcome, Err(error) if error.kind() == kind);
    ensure(refused, || format!("expected {kind:?}, found {outcome:?}"))
}

async fn fence(stage: &Stage) -> Outcome {
    let place = stage.place();
    let old = Task::start(stage, &place, 0, 1).await?;
    let commit = old.prepare(1, &ten(0)?, up_to("a", 10)).await?;
    let new = Task::start(stage, &place, 0, 2).await?;
    refused(&old.sink.commit(&commit).await, ErrorKind::Fenced)?;
    let again = old.sink.recover(&old.identity, None).await.map(|_| ());
    refused(&again, ErrorKind::Fenced)?;
    ensure(count(&stage.visible(&place).await?) == 0, || {
        "rows of a fenced commit are visible".to_owned()
    })?;
    // Another task is not fenced.
    let other = Task::start(stage, &place, 1, 1).await?;
    other.write(1, &ten(10)?, up_to("b", 10)).await?;
    new.write(2, &ten(0)?, up_to("a", 10)).await?;
    let expected = [ten(10)?, ten(0)?].concat();
    stage.same_in_any_order(&expected, &stage.visible(&place).await?)
}

/// A run that was stopped for a while goes on with every step of its epoch.
async fn zombie(stage: &Stage) -> Outcome {
    let place = stage.place();
    let old = Task::start(stage, &place, 0, 1).await?;
    let mut writer = old.writer(0).await?;
    for batch in ten(0)? {
        writer.write(batch).await?;
    }
    let new = Task::start(stage, &place, 0, 2).await?;
    new.write(1, &ten(0)?, up_to("a", 10)).await?;
    let upto = up_to("a", 10);
    if let Ok(parts) = super::prepared(&mut *writer, 0, 1, &[], &upto).await {
        let commit = old.commit_of(1, parts, upto);
        refused(&old.sink.commit(&commit).await, ErrorKind::Fenced)?;
    }
    let late = old.prepare(2, &ten(10)?, up_to("a", 20)).await;
    if let Ok(late) = late {
        refused(&old.sink.commit(&late).await, ErrorKind::Fenced)?;
    }
    stage.same_in_any_order(&ten(0)?, &stage.visible(&place).await?)?;
    new.write(2, &ten(20)?, up_to("a", 30)).await?;
    let expected = [ten(0)?, ten(20)?].concat();
    stage.same_in_any_order(&expected, &stage.visible(&place).await?)
}

async fn pending(stage: &Stage) -> Outcome {
    let place = stage.place();
    let old = Task::start(stage, &place, 0, 1).await?;
    old.write(1, &ten(0)?, up_to("a", 10)).await?;
    let commit = old.prepare(2, &ten(10)?, up_to("a", 20)).await?;
    drop(old);
    let expected = [ten(0)?, ten(10)?].concat();
    for generation in [2, 3, 3] {
        let sink = stage.sink(&place)?;
        let identity = velo_core::Identity::new("contract", 0, generation);
        let recovered = sink.recover(&identity, Some(&commit)).await?;
        ensure(recovered.committed, || {
            format!("generation {generation}: the pending commit is said to be not visible")
        })?;
        ensure(recovered.epoch.is_none_or(|epoch| epoch == 2), || {
            format!("the sink holds epoch {:?}, not 2", recovered.epoch)
        })?;
        stage.same_in_any_order(&expected, &stage.visible(&place).await?)?;
    }
    Ok(())
}

async fn discards(stage: &Stage) -> Outcome {
    let place = stage.place();
    let old = Task::start(stage, &place, 0, 1).await?;
    let dropped = old.prepare(1, &ten(0)?, up_to("a", 10)).await?;
    let new = Task::start(stage, &place, 0, 2).await?;
    // The same parts under the new identity: what was discarded must not come back.
    let mut stolen = dropped.clone();
    stolen.identity = new.identity.clone();
    let outcome = new.sink.commit(&stolen).await;
    ensure(outcome.is_err() || dropped.parts.is_empty(), || {
        "what was discarded could be committed".to_owned()
    })?;
    let pending = new.sink.recover(&new.identity, Some(&dropped)).await?;
    ensure(!pending.committed, || {
        "what was discarded is said to be visible".to_owned()
    })?;
    ensure(count(&stage.visible(&place).await?) == 0, || {
        "discarded rows are visible".to_owned()
    })?;
    new.write(2, &ten(0)?, up_to("a", 10)).await?;
    stage.same_in_any_order(&ten(0)?, &stage.visible(&place).await?)
}

fn splits(names: &[&str]) -> Vec<SplitId> {
    names.iter().map(|name| SplitId::from(*name)).collect()
}

async fn takes_over(stage: &Stage) -> Outcome {
    let place = stage.place();
    let first = Task::start(stage, &place, 0, 1).await?;
    first
        .sink
        .claim(&first.identity, &splits(&["a", "b"]))
        .await?;
    first.write(1, &ten(0)?, up_to("a", 10)).await?;
    let commit = first.prepare(2, &ten(10)?, up_to("a", 20)).await?;
    let second = Task::start(stage, &place, 1, 1).await?;
    let stands = second.sink.claim(&second.identity, &splits(&["a"])).await?;
    let expected = up_to("a", 10).marks.remove(0).offset;
    ensure(stands == [Some(expected)], || {
        format!("the split stands at {stands:?}")
    })?;
    refused(&first.sink.commit(&commit).await, ErrorKind::Aborted)?;
    second.write(1, &ten(10)?, up_to("a", 20)).await?;
    // The former owner goes on with what it still has.
    first.write(3, &ten(20)?, up_to("b", 10)).await?;
    let expected = [ten(0)?, ten(10)?, ten(20)?].concat();
    stage.same_in_any_order(&expected, &stage.visible(&place).await?)?;
    // And may take the split back.
    let stands = first.sink.claim(&first.identity, &splits(&["a"])).await?;
    let expected = up_to("a", 20).marks.remove(0).offset;
    ensure(stands == [Some(expected)], || {
        format!("the split stands at {stands:?}")
    })
}

async fn positions(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let names = splits(&["a", "b"]);
    let none = task.sink.claim(&task.identity, &names).await?;
    ensure(none == [None, None], || {
        format!("a new place holds positions: {none:?}")
    })?;
    task.write(1, &ten(0)?, up_to("a", 10)).await?;
    task.write(2, &[], up_to("b", 7)).await?;
    let offset = |split: &str, row| Some(up_to(split, row).marks.remove(0).offset);
    let after = Task::start(stage, &place, 0, 2).await?;
    let stands = after.sink.claim(&after.identity, &names).await?;
    ensure(stands == [offset("a", 10), offset("b", 7)], || {
        format!("after two commits the splits stand at {stands:?}")
    })
}
