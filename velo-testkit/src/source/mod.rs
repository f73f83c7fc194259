//! The clauses of sources (S), their splits (E) and readers (R), of marks (M), and every type.

mod marks;
mod reader;
mod splits;

use std::sync::Arc;

use arrow_schema::DataType;
use velo_core::{Batch, ErrorKind, Predicate, Progress, Pushdown, ReadRequest};

use crate::contract::{Clause, Need, Outcome, ensure};
use crate::data;
use crate::harness::{Ability, Place};
use crate::stage::{Stage, count, once};

const SOURCE: Need = Need::Can(Ability::Source);
const ROWS: usize = 250;

pub(crate) fn clauses(types: &[DataType]) -> Vec<Clause> {
    let mut clauses = vec![
        Clause::new(
            "source::S1 capabilities and pushdown are constant",
            &[SOURCE],
            |stage| Box::pin(constant(stage)),
        ),
        Clause::new(
            "source::S2 streams names every stream once",
            &[SOURCE],
            |stage| Box::pin(streams(stage)),
        ),
        Clause::new(
            "source::S3 a replay is exact",
            &[SOURCE, Need::Exact],
            |stage| Box::pin(replay(stage)),
        ),
        Clause::new(
            "source::S3 the batch size changes nothing",
            &[SOURCE, Need::Exact, Need::Can(Ability::BatchSize)],
            |stage| Box::pin(batch_sizes(stage)),
        ),
        Clause::new(
            "source::S4 resumes at any mark",
            &[SOURCE, Need::Exact],
            |stage| Box::pin(marks::resumes(stage)),
        ),
        Clause::new("source::S5 acknowledge is a hint", &[SOURCE], |stage| {
            Box::pin(acknowledge(stage))
        }),
        Clause::new(
            "source::S6 a projection gives those columns",
            &[SOURCE],
            |stage| Box::pin(projection(stage)),
        ),
        Clause::new("source::S7 pushdown keeps its word", &[SOURCE], |stage| {
            Box::pin(pushdown(stage))
        }),
    ];
    clauses.extend(splits::clauses());
    clauses.extend(reader::clauses());
    clauses.extend(marks::clauses());
    clauses.extend(types.iter().map(|of| {
        let name = format!("types::{of} comes through the source");
        let of = of.clone();
        Clause::new(name, &[SOURCE], move |stage| {
            let of = of.clone();
            Box::pin(async move { comes_through(stage, &of).await })
        })
    }));
    clauses
}

/// Rows in several batches of different sizes.
fn sample(stage: &Stage) -> velo_core::Result<Vec<Batch>> {
    let all = stage.harness.numbered("rows", 0, ROWS)?;
    let cuts = [0, 1, 100, 103, ROWS];
    let pieces = cuts
        .windows(2)
        .map(|cut| all.slice(cut[0], cut[1] - cut[0]));
    Ok(pieces.collect())
}

/// Makes a place whose only split holds the sample.
async fn filled(stage: &Stage) -> Result<(Place, Vec<Batch>), libtest_mimic::Failed> {
    let place = stage.place();
    let rows = sample(stage)?;
    stage.fill(&place, 0, &rows).await?;
    Ok((place, rows))
}

fn conditions() -> velo_core::Result<Vec<Predicate>> {
    let texts = [
        "id >= 200",
        "id < 0",
        "name is null",
        "id in (3, 100, 102) or name = 'name 5 é'",
        "not (id > 10) and name is not null",
    ];
    texts.iter().map(|text| text.parse()).collect()
}

async fn constant(stage: &Stage) -> Outcome {
    let source = stage.source(&stage.place())?;
    ensure(source.capabilities() == source.capabilities(), || {
        "capabilities changed between two calls".to_owned()
    })?;
    for condition in conditions()? {
        ensure(
            source.pushdown(&condition) == source.pushdown(&condition),
            || "pushdown changed between two calls".to_owned(),
        )?;
    }
    Ok(())
}

async fn streams(stage: &Stage) -> Outcome {
    let place = stage.place();
    let mut rows = vec![stage.harness.numbered("rows", 0, 5)?];
    if stage.can(Ability::Streams) {
        rows.push(stage.harness.numbered("others", 5, 5)?);
    }
    stage.fill(&place, 0, &rows).await?;
    let source = stage.source(&place)?;
    let streams = source.streams().await?;
    let mut names: Vec<_> = streams.iter().map(|stream| stream.name()).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    ensure(names.len() == all, || "a stream is named twice".to_owned())?;
    for batch in stage.read_all(&source, count(&rows)).await? {
        let name = batch.stream().name();
        let named = streams.iter().find(|stream| stream.name() == name);
        let Some(named) = named else {
            return Err(format!("stream `{name}` comes and is not named").into());
        };
        ensure(**named == **batch.stream(), || {
            format!("stream `{name}` comes with other columns or keys than named")
        })?;
    }
    Ok(())
}

async fn replay(stage: &Stage) -> Outcome {
    let (place, rows) = filled(stage).await?;
    for _ in 0..2 {
        let source = stage.source(&place)?;
        stage.same(&rows, &stage.read_all(&source, ROWS).await?)?;
    }
    Ok(())
}

async fn batch_sizes(stage: &Stage) -> Outcome {
    let (place, rows) = filled(stage).await?;
    for size in [1, 7, 100, 1000] {
        let place = Place {
            batch_size: Some(size),
            ..place.clone()
        };
        let source = stage.source(&place)?;
        let found = stage.read_all(&source, ROWS).await?;
        let largest = found.iter().map(Batch::num_rows).max().unwrap_or(0);
        ensure(largest <= size, || {
            format!("a batch of {largest} rows, at most {size} asked")
        })?;
        stage.same(&rows, &found)?;
    }
    Ok(())
}

/// Acknowledges early, late, twice, backwards and while a read is pending.
async fn acknowledge(stage: &Stage) -> Outcome {
    let (place, rows) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    source.acknowledge(&Progress::default()).await?;
    let bounded = source.capabilities().bounded;
    let mut reader = source.create_reader(stage.request(&split, None)).await?;
    let seen = stage.drain(&mut *reader, bounded, ROWS, false).await?;
    let marks = seen.marks();
    let pending = once(reader.read()).await;
    ensure(
        !matches!(pending, Some(Ok(Some(velo_core::Event::Rows(_))))),
        || "rows came after the end".to_owned(),
    )?;
    let up_to = |mark: &velo_core::Mark| Progress {
        marks: vec![mark.clone()],
        ended: Vec::new(),
    };
    let (Some(first), Some(last)) = (marks.first(), marks.last()) else {
        return Err("reader gave no mark".into());
    };
    for mark in [first, last, last, first] {
        source.acknowledge(&up_to(mark)).await?;
    }
    drop(reader);
    stage.same(&rows, &seen.batches())?;
    // What the source remembers is the newest acknowledged mark, or nothing.
    let again = stage.source(&place)?;
    let again = stage.splits(&again).await?;
    let remembered = again.iter().find(|again| again.id == split.id);
    let start = remembered.and_then(|split| split.start.clone());
    ensure(start.is_none_or(|start| start == last.offset), || {
        "source remembers an older mark than the last one acknowledged".to_owned()
    })
}

async fn projection(stage: &Stage) -> Outcome {
    let (place, rows) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    for names in [&["name"][..], &["name", "id"], &["id"]] {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let expected = rows.iter().map(|batch| batch.project(&names));
        let expected = expected.collect::<velo_core::Result<Vec<_>>>()?;
        let request = ReadRequest {
            projection: Some(Arc::from(names)),
            ..stage.request(&split, None)
        };
        let seen = stage.read(&source, request, ROWS).await?;
        stage.same(&expected, &seen.batches())?;
    }
    let request = ReadRequest {
        projection: Some(Arc::from(["nmae".to_owned()])),
        ..stage.request(&split, None)
    };
    let Err(error) = source.create_reader(request).await else {
        return Err("create_reader accepted a column that does not exist".into());
    };
    ensure(
        error.kind() == ErrorKind::InvalidInput && error.report().contains("nmae"),
        || format!("refusal does not name the column: {}", error.report()),
    )
}

async fn pushdown(stage: &Stage) -> Outcome {
    let (place, rows) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    for condition in conditions()? {
        let wanted = |batch: &Batch| batch.filter(&condition.evaluate(batch.rows())?);
        let expected = rows
            .iter()
            .map(wanted)
            .collect::<velo_core::Result<Vec<_>>>()?;
        let request = ReadRequest {
            filter: Some(Arc::new(condition.clone())),
            ..stage.request(&split, None)
        };
        let seen = stage.read(&source, request, count(&expected)).await?;
        let found = seen.batches();
        match source.pushdown(&condition) {
            Pushdown::Exact => stage.same(&expected, &found)?,
            Pushdown::No => stage.same(&rows, &found)?,
            Pushdown::Inexact => {
                let checked = found.iter().map(wanted);
                let checked = checked.collect::<velo_core::Result<Vec<_>>>()?;
                stage.same(&expected, &checked)?;
            }
        }
    }
    Ok(())
}

async fn comes_through(stage: &Stage, of: &DataType) -> Outcome {
    let place = stage.place();
    let types = [DataType::Int64, of.clone()];
    let rows = vec![data::batch("rows", &types, 64, 11)?];
    stage.fill(&place, 0, &rows).await?;
    let source = stage.source(&place)?;
    stage.same(&rows, &stage.read_all(&source, 64).await?)
}
