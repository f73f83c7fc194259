//! The clauses of split enumerators.

use std::sync::Arc;
use std::time::Instant;

use libtest_mimic::Failed;
use velo_core::{Source, SourceOffset, Split, SplitChange, SplitEnumerator, SplitId};

use super::SOURCE;
use crate::contract::{Clause, Need, Outcome, ensure};
use crate::harness::{Ability, Happening, Place};
use crate::stage::{Stage, once};

const SPLITS: Need = Need::Can(Ability::Splits);
const REBALANCE: Need = Need::Can(Ability::Rebalance);

pub(super) fn clauses() -> Vec<Clause> {
    vec![
        Clause::new("source::E1 next is cancel-safe", &[SOURCE], |stage| {
            Box::pin(cancel_safe(stage))
        }),
        Clause::new(
            "source::E2 orders are dense and ids are stable",
            &[SOURCE, SPLITS],
            |stage| Box::pin(stable(stage)),
        ),
        Clause::new(
            "source::E3 a revoke waits for the release",
            &[SOURCE, SPLITS, REBALANCE],
            |stage| Box::pin(revoke(stage)),
        ),
        Clause::new(
            "source::E4 a lost split is gone at once",
            &[SOURCE, SPLITS, REBALANCE],
            |stage| Box::pin(lose(stage)),
        ),
        Clause::new(
            "source::E5 None is final",
            &[SOURCE, Need::Bounded],
            |stage| Box::pin(ends(stage)),
        ),
        Clause::new("source::E6 discovery resumes", &[SOURCE, SPLITS], |stage| {
            Box::pin(discovery(stage))
        }),
    ]
}

async fn three_splits(stage: &Stage) -> Result<Place, Failed> {
    let place = stage.place();
    for split in 0..3 {
        let rows = stage.harness.numbered("rows", i64::from(split) * 10, 10)?;
        stage.fill(&place, split, &[rows]).await?;
    }
    Ok(place)
}

async fn cancel_safe(stage: &Stage) -> Outcome {
    let place = match stage.can(Ability::Splits) {
        true => three_splits(stage).await?,
        false => super::filled(stage).await?.0,
    };
    let expected = ids(&stage.splits(&stage.source(&place)?).await?);
    let source = stage.source(&place)?;
    if !source.capabilities().bounded {
        // A second member would share the splits; a fresh place has one member only.
        return cancel_safe_alone(stage, expected.len()).await;
    }
    let mut enumerator = source.splits(None).await?;
    ensure(
        drop_often(stage, &mut *enumerator).await? == expected,
        || "dropped futures lost splits".to_owned(),
    )
}

async fn cancel_safe_alone(stage: &Stage, splits: usize) -> Outcome {
    let place = match stage.can(Ability::Splits) {
        true => three_splits(stage).await?,
        false => super::filled(stage).await?.0,
    };
    let mut enumerator = stage.source(&place)?.splits(None).await?;
    let found = drop_often(stage, &mut *enumerator).await?;
    ensure(found.len() == splits, || {
        "dropped futures lost splits".to_owned()
    })
}

async fn drop_often(
    stage: &Stage,
    splits: &mut dyn SplitEnumerator,
) -> Result<Vec<SplitId>, Failed> {
    let mut found = Vec::new();
    let mut dropped = 0;
    loop {
        let change = match once(splits.next()).await {
            Some(change) => change?,
            None if dropped < 5 => {
                dropped += 1;
                tokio::task::yield_now().await;
                continue;
            }
            None => stage.change(splits, found.is_empty()).await?,
        };
        match change {
            Some(SplitChange::Added { splits, .. }) => found.extend(ids(&splits)),
            Some(_) => {}
            None => return Ok(found),
        }
    }
}

fn ids(splits: &[Arc<Split>]) -> Vec<SplitId> {
    splits.iter().map(|split| split.id.clone()).collect()
}

async fn stable(stage: &Stage) -> Outcome {
    let place = three_splits(stage).await?;
    let first = stage.splits(&stage.source(&place)?).await?;
    let orders: Vec<u64> = first.iter().map(|split| split.order).collect();
    ensure(orders.len() >= 3, || {
        format!("3 splits were filled, {} found", orders.len())
    })?;
    ensure(orders.iter().copied().eq(0..orders.len() as u64), || {
        format!("orders are {orders:?}")
    })?;
    let mut unique = ids(&first);
    unique.sort();
    unique.dedup();
    ensure(unique.len() == first.len(), || {
        "two splits have the same id".to_owned()
    })?;
    let second = stage.splits(&stage.source(&place)?).await?;
    ensure(
        second.iter().all(|split| unique.contains(&split.id)),
        || format!("ids changed from {unique:?} to {:?}", ids(&second)),
    )
}

type Splits = Box<dyn SplitEnumerator>;

/// Two members of one group; the first one has all splits.
async fn members(stage: &Stage, place: &Place) -> Result<(Vec<SplitId>, Splits, Splits), Failed> {
    let mut first = stage.source(place)?.splits(None).await?;
    let Some(SplitChange::Added { splits, .. }) = stage.change(&mut *first, true).await? else {
        return Err("the first member got no splits".into());
    };
    let second: Source = stage.source(place)?;
    let second = second.splits(None).await?;
    Ok((ids(&splits), first, second))
}

async fn revoke(stage: &Stage) -> Outcome {
    let place = three_splits(stage).await?;
    let (splits, mut first, mut second) = members(stage, &place).await?;
    let moving = splits[0].clone();
    stage
        .provoke(&place, Happening::Revoke(moving.clone()))
        .await?;
    let change = stage.change(&mut *first, true).await?;
    let Some(SplitChange::Revoked { splits, deadline }) = change else {
        return Err(format!("expected Revoked, found {change:?}").into());
    };
    ensure(splits == [moving.clone()], || format!("revoked {splits:?}"))?;
    ensure(deadline > Instant::now(), || {
        "the deadline has passed already".to_owned()
    })?;
    let early = stage.change(&mut *second, false).await?;
    ensure(early.is_none(), || {
        "the split moved on before its release".to_owned()
    })?;
    first.release(&splits).await?;
    let change = stage.change(&mut *second, true).await?;
    ensure(added(&change) == [moving], || {
        format!("after the release came {change:?}")
    })
}

async fn lose(stage: &Stage) -> Outcome {
    let place = three_splits(stage).await?;
    let (splits, mut first, mut second) = members(stage, &place).await?;
    let moving = splits[0].clone();
    stage
        .provoke(&place, Happening::Lose(moving.clone()))
        .await?;
    let change = stage.change(&mut *second, true).await?;
    ensure(added(&change) == [moving.clone()], || {
        format!("the other member got {change:?}")
    })?;
    let change = stage.change(&mut *first, true).await?;
    let lost = matches!(&change, Some(SplitChange::Lost(splits)) if *splits == [moving.clone()]);
    ensure(lost, || format!("expected Lost, found {change:?}"))?;
    ensure(first.release(&[moving]).await.is_err(), || {
        "a lost split was released as if it were still held".to_owned()
    })
}

fn added(change: &Option<SplitChange>) -> Vec<SplitId> {
    match change {
        Some(SplitChange::Added { splits, .. }) => ids(splits),
        _ => Vec::new(),
    }
}

async fn ends(stage: &Stage) -> Outcome {
    let place = super::filled(stage).await?.0;
    let mut splits = stage.source(&place)?.splits(None).await?;
    while stage.change(&mut *splits, true).await?.is_some() {}
    for _ in 0..2 {
        let change = splits.next().await?;
        ensure(change.is_none(), || format!("after None came {change:?}"))?;
    }
    Ok(())
}

/// Resumes discovery behind what was found, from stored text; what is new since then comes.
async fn discovery(stage: &Stage) -> Outcome {
    let place = three_splits(stage).await?;
    let source = stage.source(&place)?;
    let bounded = source.capabilities().bounded;
    let mut splits = source.splits(None).await?;
    let (mut found, mut position) = (Vec::new(), None);
    while let Some(change) = stage
        .change(&mut *splits, bounded || found.is_empty())
        .await?
    {
        if let SplitChange::Added { splits, resume } = change {
            found.extend(ids(&splits));
            position = resume;
        }
    }
    drop(splits);
    let Some(position) = position else {
        stage.lacks("a position of discovery");
        return Ok(());
    };
    let position: SourceOffset = position.to_string().parse()?;
    let again = |resumed: Vec<Arc<Split>>| ids(&resumed);
    let resumed = again(resume(stage, &place, &position).await?);
    ensure(resumed.is_empty(), || {
        format!("{resumed:?} were handed out before")
    })?;
    stage
        .fill(&place, 3, &[stage.harness.numbered("rows", 30, 10)?])
        .await?;
    let resumed = again(resume(stage, &place, &position).await?);
    ensure(resumed.len() == 1 && !found.contains(&resumed[0]), || {
        format!("one split is new, discovery found {resumed:?}")
    })
}

async fn resume(
    stage: &Stage,
    place: &Place,
    position: &SourceOffset,
) -> Result<Vec<Arc<Split>>, Failed> {
    let source = stage.source(place)?;
    let mut splits = source.splits(Some(position)).await?;
    let mut found = Vec::new();
    while let Some(change) = stage
        .change(&mut *splits, source.capabilities().bounded)
        .await?
    {
        if let SplitChange::Added { splits, .. } = change {
            found.extend(splits);
        }
    }
    Ok(found)
}
