//! Resuming at every mark, and what the offsets of marks are.

use velo_core::{Event, Offset, Result, SourceOffset};

use super::{ROWS, SOURCE, filled};
use crate::contract::{Clause, Need, Outcome, ensure};
use crate::stage::{Stage, batches};

pub(super) fn clauses() -> Vec<Clause> {
    vec![
        Clause::new("marks::M1 an offset survives as text", &[SOURCE], |stage| {
            Box::pin(texts(stage))
        }),
        Clause::new(
            "marks::M2 the marks of a split ascend",
            &[SOURCE],
            |stage| Box::pin(ascend(stage)),
        ),
        Clause::new(
            "marks::M3 another connector's offset is refused",
            &[SOURCE, Need::Exact],
            |stage| Box::pin(foreign(stage)),
        ),
    ]
}

/// At each mark a new reader, from a new source and from stored text, yields exactly the rest.
pub(super) async fn resumes(stage: &Stage) -> Outcome {
    let (place, _) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let seen = stage
        .read(&source, stage.request(&split, None), ROWS)
        .await?;
    ensure(!seen.marks().is_empty(), || {
        "reader gave no mark".to_owned()
    })?;
    for (at, event) in seen.events.iter().enumerate() {
        let Event::Mark(mark) = event else { continue };
        let rest = batches(&seen.events[at..]);
        let rows = crate::stage::count(&rest);
        let stored: SourceOffset = mark.offset.to_string().parse()?;
        for start in [mark.offset.clone(), stored] {
            let request = stage.request(&split, Some(start));
            let resumed = stage.read(&stage.source(&place)?, request, rows).await?;
            let offset = &mark.offset;
            let found = resumed.batches();
            stage
                .same(&rest, &found)
                .map_err(|why| format!("resumed at {offset}: {}", why.message().unwrap_or("")))?;
            let spans = |all: &[velo_core::Batch]| {
                let spans = all.iter().filter(|batch| batch.num_rows() > 0);
                let spans = spans.map(|batch| batch.span().map(|span| span.first));
                spans.collect::<Vec<_>>()
            };
            ensure(spans(&rest).first() == spans(&found).first(), || {
                format!("resumed at {offset}: rows have other ordinals than before")
            })?;
        }
    }
    Ok(())
}

async fn texts(stage: &Stage) -> Outcome {
    let (place, _) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let seen = stage
        .read(&source, stage.request(&split, None), ROWS)
        .await?;
    for mark in seen.marks() {
        let text = mark.offset.to_string();
        let stored: SourceOffset = text.parse()?;
        ensure(stored == mark.offset && stored.to_string() == text, || {
            format!("offset {text} is not the same after it was stored")
        })?;
        ensure(mark.split == split.id, || {
            "mark belongs to another split".to_owned()
        })?;
        ensure(!text.contains('\n'), || {
            "offset has several lines".to_owned()
        })?;
    }
    Ok(())
}

async fn ascend(stage: &Stage) -> Outcome {
    let (place, _) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let seen = stage
        .read(&source, stage.request(&split, None), ROWS)
        .await?;
    for pair in seen.marks().windows(2) {
        let order = pair[0].offset.partial_cmp(&pair[1].offset);
        ensure(order.is_none_or(|order| order.is_le()), || {
            format!("mark {} comes after {}", pair[1].offset, pair[0].offset)
        })?;
        ensure(pair[0].bytes_read <= pair[1].bytes_read, || {
            "bytes_read of a mark is less than that of the one before".to_owned()
        })?;
    }
    Ok(())
}

#[derive(Debug, Clone)]
struct Foreign;

impl Offset for Foreign {
    const KIND: &'static str = "testkit-foreign";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        "0/0".to_owned()
    }

    fn decode(_: u32, _: &str) -> Result<Self> {
        Ok(Self)
    }

    fn compare(&self, _: &Self) -> Option<std::cmp::Ordering> {
        None
    }
}

async fn foreign(stage: &Stage) -> Outcome {
    let (place, _) = filled(stage).await?;
    let source = stage.source(&place)?;
    let split = stage.only_split(&source).await?;
    let start = Some(SourceOffset::seal(Foreign));
    let refused = source.create_reader(stage.request(&split, start)).await;
    ensure(
        matches!(&refused, Err(error) if error.kind() == velo_core::ErrorKind::InvalidInput),
        || "an offset of another connector was accepted".to_owned(),
    )
}
