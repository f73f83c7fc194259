//! The clauses of readers.

use velo_core::{Batch, Budget, ColumnChange, ErrorKind, Event, ReadRequest, SchemaChange};

use super::{ROWS, SOURCE, filled};
use crate::contract::{Clause, Need, Outcome, ensure};
use crate::data;
use crate::harness::{Ability, Happening};
use crate::stage::{Seen, Stage, count, once};

pub(super) fn clauses() -> Vec<Clause> {
    vec![
        Clause::new("source::R1 read is cancel-safe", &[SOURCE], |stage| {
            Box::pin(cancel_safe(stage))
        }),
        Clause::new(
            "source::R2 marks before it waits",
            &[SOURCE, Need::Unbounded],
            |stage| Box::pin(marks_before_it_waits(stage)),
        ),
        Clause::new(
            "source::R3 ends only after a mark",
            &[SOURCE, Need::Bounded],
            |stage| Box::pin(ends(stage)),
        ),
        Clause::new(
            "source::R4 marks come at a bounded distance",
            &[SOURCE],
            |stage| Box::pin(distance(stage)),
        ),
        Clause::new(
            "source::R4 marks come inside a huge transaction",
            &[SOURCE, Need::Can(Ability::Transactions)],
            |stage| Box::pin(inside_transaction(stage)),
        ),
        Clause::new(
            "source::R4 marks come when idle",
            &[SOURCE, Need::Unbounded, Need::Can(Ability::Idle)],
            |stage| Box::pin(idle(stage)),
        ),
        Clause::new(
            "source::R5 a schema change stands before the new version",
            &[SOURCE, Need::Can(Ability::SchemaChanges)],
            |stage| Box::pin(schema_change(stage)),
        ),
        Clause::new("source::R6 spans are never guesses", &[SOURCE], |stage| {
            Box::pin(spans(stage))
        }),
        Clause::new(
            "source::R7 a broken row is named or rejected",
            &[SOURCE, Need::Can(Ability::BrokenRows)],
            |stage| Box::pin(broken_row(stage)),
        ),
    ]
}

/// Drops pending reads, also while another holder has the whole budget.
async fn cancel_safe(stage: &Stage) -> Outcome {
    let (place, rows) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let budget = Budget::new(1 << 20);
    let everything = budget.try_reserve(budget.total());
    let request = ReadRequest::new(split, budget);
    let bounded = source.capabilities().bounded;
    let mut reader = source.create_reader(request).await?;
    let mut before = Vec::new();
    for _ in 0..5 {
        match once(reader.read()).await {
            Some(event) => before.extend(event?),
            None => tokio::task::yield_now().await,
        }
    }
    drop(everything);
    let left = ROWS - count(&crate::stage::batches(&before));
    let after = stage.drain(&mut *reader, bounded, left, true).await?;
    before.extend(after.events);
    stage.same(&rows, &crate::stage::batches(&before))
}

async fn read_one(stage: &Stage) -> Result<Seen, libtest_mimic::Failed> {
    let (place, _) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    stage.read(&source, stage.request(&split, None), ROWS).await
}

async fn marks_before_it_waits(stage: &Stage) -> Outcome {
    let seen = read_one(stage).await?;
    ensure(matches!(seen.events.last(), Some(Event::Mark(_))), || {
        "the reader waits and has not marked what it yielded".to_owned()
    })
}

async fn ends(stage: &Stage) -> Outcome {
    let (place, _) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let mut reader = source.create_reader(stage.request(&split, None)).await?;
    let seen = stage.drain(&mut *reader, true, ROWS, false).await?;
    ensure(matches!(seen.events.last(), Some(Event::Mark(_))), || {
        "the last event before the end is no mark".to_owned()
    })?;
    for _ in 0..2 {
        let event = reader.read().await?;
        ensure(event.is_none(), || format!("after the end came {event:?}"))?;
    }
    Ok(())
}

fn largest_distance(events: &[Event]) -> usize {
    let (mut largest, mut rows) = (0, 0);
    for event in events {
        match event {
            Event::Rows(batch) => rows += batch.num_rows(),
            Event::Mark(_) => rows = 0,
            _ => {}
        }
        largest = largest.max(rows);
    }
    largest
}

async fn many(stage: &Stage) -> Result<Seen, libtest_mimic::Failed> {
    let most = stage.harness.mark_distance();
    let place = stage.place();
    let pieces = (0..4 * most).step_by(1000);
    let rows = pieces.map(|first| stage.harness.numbered("rows", first as i64, 1000));
    let rows = rows.collect::<velo_core::Result<Vec<Batch>>>()?;
    stage.fill(&place, 0, &rows).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let seen = stage
        .read(&source, stage.request(&split, None), count(&rows))
        .await?;
    stage.same(&rows, &seen.batches())?;
    let distance = largest_distance(&seen.events);
    ensure(distance <= most, || {
        format!("{distance} rows without a mark, at most {most} said")
    })?;
    Ok(seen)
}

async fn distance(stage: &Stage) -> Outcome {
    many(stage).await.map(|_| ())
}

async fn inside_transaction(stage: &Stage) -> Outcome {
    let marks = many(stage).await?.marks();
    ensure(marks.iter().any(|mark| !mark.at_boundary), || {
        "no mark says that the transaction is open".to_owned()
    })?;
    ensure(marks.last().is_some_and(|mark| mark.at_boundary), || {
        "the mark after the commit is not at a boundary".to_owned()
    })
}

async fn idle(stage: &Stage) -> Outcome {
    let (place, _) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let mut reader = source.create_reader(stage.request(&split, None)).await?;
    let seen = stage.drain(&mut *reader, false, ROWS, false).await?;
    let before = seen.marks().pop().ok_or("reader gave no mark")?;
    stage.provoke(&place, Happening::Idle).await?;
    let event = stage.event(&mut *reader, true, false).await?.flatten();
    let Some(Event::Mark(after)) = event else {
        return Err(format!("expected a mark without rows, found {event:?}").into());
    };
    ensure(
        after
            .offset
            .partial_cmp(&before.offset)
            .is_none_or(|order| order.is_gt()),
        || "an idle mark does not move on".to_owned(),
    )
}

/// `name` becomes `title`, and `note` is added.
fn renamed(before: &Batch) -> velo_core::Result<(SchemaChange, Batch)> {
    use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;
    let fields = [
        Field::new("id", DataType::Int64, true),
        Field::new("title", DataType::Utf8, true),
        Field::new("note", DataType::Utf8, true),
    ];
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let stream = Arc::new(before.stream().next_version(schema.clone()));
    let rows = data::numbered("rows", 1000, 20)?;
    let ids = rows.rows().column(0).clone();
    let notes: ArrayRef = Arc::new(StringArray::from(vec!["note"; ids.len()]));
    let columns = vec![ids, rows.rows().column(1).clone(), notes];
    let batch = Batch::new(stream.clone(), RecordBatch::try_new(schema, columns)?)?;
    let columns = vec![
        ColumnChange::Renamed {
            from: "name".into(),
            to: "title".into(),
        },
        ColumnChange::Added {
            name: "note".into(),
        },
    ];
    Ok((SchemaChange { stream, columns }, batch))
}

async fn schema_change(stage: &Stage) -> Outcome {
    let (place, mut rows) = filled(stage).await?;
    let (change, later) = renamed(&rows[0])?;
    let happening = Happening::Schema {
        split: 0,
        change: change.clone(),
    };
    stage.provoke(&place, happening).await?;
    stage.fill(&place, 0, std::slice::from_ref(&later)).await?;
    rows.push(later);
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let seen = stage
        .read(&source, stage.request(&split, None), count(&rows))
        .await?;
    stage.same(&rows, &seen.batches())?;
    let versions = seen.events.iter().filter_map(|event| match event {
        Event::Rows(batch) if batch.num_rows() > 0 => Some((false, batch.stream().version())),
        Event::Schema(change) => Some((true, change.stream.version())),
        _ => None,
    });
    let versions: Vec<_> = versions.collect();
    for pair in versions.windows(2) {
        let announced = pair[1].0 || pair[0].1 == pair[1].1;
        ensure(announced, || {
            "a new version came without its schema change".to_owned()
        })?;
    }
    let found = seen.events.iter().find_map(|event| match event {
        Event::Schema(change) => Some(change.columns.clone()),
        _ => None,
    });
    ensure(found.as_ref() == Some(&change.columns), || {
        format!("expected {:?}, found {found:?}", change.columns)
    })
}

async fn spans(stage: &Stage) -> Outcome {
    let place = stage.place();
    let splits = if stage.can(Ability::Splits) { 3 } else { 1 };
    for split in 0..splits {
        let rows = stage
            .harness
            .numbered("rows", i64::from(split) * 100, 100)?;
        let halves = [rows.slice(0, 30), rows.slice(30, 70)];
        stage.fill(&place, split, &halves).await?;
    }
    let source = stage.source(&place)?;
    for split in stage.splits(&source).await? {
        let seen = stage.read(&source, stage.request(&split, None), 0).await?;
        let mut next = 0;
        for batch in seen.batches() {
            let Some(span) = batch.span() else { continue };
            let (first, last) = (span.first, span.last);
            ensure(span.split == split.id && span.order == split.order, || {
                format!(
                    "rows of split {} say that they are of {}",
                    split.id, span.split
                )
            })?;
            let rows = batch.num_rows() as u64;
            ensure(
                rows == 0 || (first == next && last + 1 == first + rows),
                || format!("{rows} rows from ordinal {next} say that they are {first} to {last}"),
            )?;
            next += rows;
        }
    }
    Ok(())
}

/// After a broken row: the rows before it are right, and it is named or handed over.
async fn broken_row(stage: &Stage) -> Outcome {
    let (place, rows) = filled(stage).await?;
    stage
        .provoke(&place, Happening::BrokenRow { split: 0 })
        .await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let mut reader = source.create_reader(stage.request(&split, None)).await?;
    let (mut found, mut rejected) = (Vec::new(), 0);
    let error = loop {
        match reader.read().await {
            Ok(Some(Event::Rows(batch))) => found.push(batch),
            Ok(Some(Event::Rejected(row))) => {
                ensure(!row.raw.is_empty(), || {
                    "a rejected row has no bytes".to_owned()
                })?;
                rejected += 1;
            }
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
        if rejected > 0 && count(&found) >= ROWS {
            break None;
        }
    };
    let Some(error) = error else {
        ensure(rejected == 1, || {
            format!("{rejected} rows were rejected, one is broken")
        })?;
        return stage.same(&rows, &found);
    };
    ensure(
        error.kind() == ErrorKind::InvalidData && error.report() != error.message(),
        || {
            format!(
                "the broken row has no place: {:?}: {}",
                error.kind(),
                error.report()
            )
        },
    )?;
    let known = data::ids(&rows);
    ensure(
        data::ids(&found).iter().all(|id| known.contains(id)),
        || "rows before the broken one are wrong".to_owned(),
    )
}
