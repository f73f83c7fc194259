//! `velo state set`: the only way in which a position moves back (P5).

use velo_core::{Error, ErrorKind, Result, SourceOffset};
use velo_pipeline::store::{Checkpoint, OpenSplit, SinkState};

use crate::args::{Arguments, SetState};
use crate::report;
use crate::state::Kept;

pub(crate) async fn set(all: &Arguments, asked: &SetState) -> Result<()> {
    let kept = Kept::of(all, &asked.of)?;
    if !asked.force {
        return Err(refused(&kept, asked).await?);
    }
    // A mistake in what is asked for changes nothing.
    let lost = |error: &Error| error.kind() == ErrorKind::StateLost;
    match kept.read().await {
        Err(error) if lost(&error) => check_whole(asked)?,
        found => {
            let first = Checkpoint::first(&kept.pipeline, kept.task);
            change(found?.unwrap_or(first), asked)?;
        }
    }
    let least = asked.generation.map_or(0, |known| known.saturating_add(1));
    let repair = kept.store.repair(&kept.pipeline, kept.task, least);
    let mut tenure = repair.await?;
    let (checkpoint, done) = change(tenure.latest().clone(), asked)?;
    tenure.save(checkpoint).await?;
    if all.quiet {
        return Ok(());
    }
    let mut text: String = done.iter().map(|line| format!("{line}\n")).collect();
    text += &format!("this is generation {}\n", tenure.generation());
    report::print(&text)
}

/// Says what would be done, which is an error: nothing was.
async fn refused(kept: &Kept, asked: &SetState) -> Result<Error> {
    let first = || Checkpoint::first(&kept.pipeline, kept.task);
    let would = match kept.read().await {
        Err(error) if error.kind() == ErrorKind::StateLost => {
            check_whole(asked)?;
            let (_, mut done) = change(first(), asked)?;
            done.insert(0, "set damaged checkpoints aside".to_owned());
            done
        }
        found => change(found?.unwrap_or_else(first), asked)?.1,
    };
    let message = format!("nothing was changed; this would {}", would.join(", "));
    Ok(Error::new(ErrorKind::InvalidInput, message)
        .with("pipeline", &kept.pipeline)
        .with("task", kept.task)
        .with_hint("add --force to do it"))
}

/// Refuses to take up lost state without a word about positions.
fn check_whole(asked: &SetState) -> Result<()> {
    if asked.reset || !asked.splits.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        "positions are lost and none are given",
    )
    .with_hint("`--split ID=OFFSET` gives them, `--reset` begins again"))
}

/// Changes a checkpoint; says in words what was changed.
fn change(mut state: Checkpoint, asked: &SetState) -> Result<(Checkpoint, Vec<String>)> {
    let mut done = Vec::new();
    if asked.reset {
        state = reset(&state);
        done.push("forget all positions and begin again".to_owned());
    }
    if asked.drop_pending {
        let parts = state.sink.parts.len() + state.letters.parts.len();
        state.sink = SinkState::default();
        state.letters = SinkState::default();
        done.push(format!("drop {parts} prepared parts"));
    }
    for text in &asked.splits {
        done.push(place(&mut state, text)?);
    }
    if let Some(generation) = asked.generation {
        done.push(format!("raise the generation above {generation}"));
    }
    if let Some(epoch) = asked.epoch {
        state.epoch = state.epoch.max(epoch);
        done.push(format!("count epochs on from {}", state.epoch));
    }
    if done.is_empty() {
        return Err(
            Error::new(ErrorKind::InvalidInput, "nothing to set").with_hint(
                "give --split ID=OFFSET, --reset, --drop-pending, --generation N or --epoch N",
            ),
        );
    }
    Ok((state, done))
}

/// Forgets everything but what is counted on: the destination knows epochs that it holds.
pub(crate) fn reset(state: &Checkpoint) -> Checkpoint {
    Checkpoint {
        epoch: state.epoch,
        generation: state.generation,
        ..Checkpoint::first(&state.pipeline, state.task)
    }
}

/// Sets the position of one split.
fn place(state: &mut Checkpoint, text: &str) -> Result<String> {
    let malformed = || {
        Error::new(ErrorKind::InvalidInput, "split is not spelled ID=OFFSET")
            .with_hint("as `velo state show` spells both")
    };
    // A name may hold equals signs, as in `day=1/a.csv`; the kind in front of an offset has none.
    let place = text.match_indices('=').find_map(|(at, _)| {
        let offset: SourceOffset = text[at + 1..].parse().ok()?;
        (!offset.kind().contains('=')).then(|| (&text[..at], offset))
    });
    let (id, offset) = place.ok_or_else(malformed)?;
    let shown = format!(
        "set {} to {}",
        report::plain(id),
        report::plain(&offset.to_string())
    );
    if let Some(split) = state.splits.iter_mut().find(|split| split.id == id) {
        check_kind(split, &offset)?;
        split.at = Some(offset.to_string());
        return Ok(shown);
    }
    if state.discovery.is_some() || state.all_found {
        return Err(Error::new(ErrorKind::InvalidInput, "no such split is open")
            .with("split", report::plain(id))
            .with_hint("it has ended or was not found yet; with --reset any split can be given"));
    }
    state.splits.push(OpenSplit {
        id: id.to_owned(),
        order: 0,
        descriptor: String::new(),
        start: None,
        at: Some(offset.to_string()),
        base: None,
    });
    Ok(shown)
}

fn check_kind(split: &OpenSplit, offset: &SourceOffset) -> Result<()> {
    let before = split.at.as_deref().or(split.start.as_deref());
    let Some(before) = before.map(str::parse::<SourceOffset>).transpose()? else {
        return Ok(());
    };
    if before.kind() == offset.kind() {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::InvalidInput, "position is of another kind")
            .with("split", report::plain(&split.id))
            .with("kind", report::plain(offset.kind()))
            .with_hint(format!("this split has `{}`", report::plain(before.kind()))),
    )
}

/// Makes sure that every position in a checkpoint can be read.
pub(crate) fn check(state: &Checkpoint) -> Result<()> {
    for split in &state.splits {
        split.split()?;
        split.position()?;
    }
    if let Some(discovery) = &state.discovery {
        discovery.parse::<SourceOffset>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use velo_core::memory::MemoryOffset;

    use super::*;

    fn at(row: u64) -> String {
        SourceOffset::seal(MemoryOffset { partition: 0, row }).to_string()
    }

    fn open(id: &str) -> OpenSplit {
        OpenSplit {
            id: id.to_owned(),
            order: 3,
            descriptor: "d".to_owned(),
            start: None,
            at: Some(at(5)),
            base: None,
        }
    }

    #[test]
    fn a_position_is_set_and_nothing_else() {
        for id in ["a", "day=1/a.csv", "a b=c:d"] {
            let before = Checkpoint {
                discovery: Some(at(9)),
                splits: vec![open("x"), open(id)],
                ..Checkpoint::first("p", 0)
            };
            let mut after = before.clone();
            place(&mut after, &format!("{id}={}", at(2))).unwrap();
            assert_eq!(after.splits[1].at, Some(at(2)));
            after.splits[1].at = before.splits[1].at.clone();
            assert_eq!(after, before);
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        let mut state = Checkpoint {
            discovery: Some(at(9)),
            splits: vec![open("a")],
            ..Checkpoint::first("p", 0)
        };
        for text in ["a", "a=", "a=5", "b=memory.v1:0/2", "a=file.v1:2", "="] {
            let error = place(&mut state, text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
        }
        assert_eq!(state.splits, [open("a")]);
    }
}
