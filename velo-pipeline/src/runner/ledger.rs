//! What a running task knows of its splits, and how it becomes a checkpoint.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use velo_core::{
    Committable, Error, ErrorKind, Position, Progress, Result, SourceOffset, Split, SplitId,
};

use crate::store::{Checkpoint, Counts, OpenSplit, SinkState};

/// The splits that have been found and not committed to their end, with their positions.
pub(super) struct Ledger {
    last: Checkpoint,
    ends: Vec<String>,
    discovery: Option<SourceOffset>,
    splits: BTreeMap<SplitId, Known>,
    pub(super) counts: Counts,
}

#[derive(Clone)]
struct Known {
    split: Arc<Split>,
    position: Option<Position>,
    /// The lane that reads it or will read it next.
    lane: Option<usize>,
    /// It was read to its end, which is not committed yet.
    ended: bool,
}

impl Ledger {
    /// Takes up what the last checkpoint says.
    pub(super) fn open(last: Checkpoint, ends: &[String]) -> Result<Self> {
        let mut splits = BTreeMap::new();
        for open in &last.splits {
            let split = open.split()?;
            let known = Known {
                split: split.clone(),
                position: open.position()?,
                lane: None,
                ended: false,
            };
            splits.insert(split.id.clone(), known);
        }
        let discovery = last.discovery.as_deref().map(str::parse).transpose()?;
        let counts = last.counts;
        Ok(Self {
            last,
            ends: ends.to_vec(),
            discovery,
            splits,
            counts,
        })
    }

    pub(super) fn discovery(&self) -> Option<&SourceOffset> {
        self.discovery.as_ref()
    }

    pub(super) fn all_found(&self) -> bool {
        self.last.all_found
    }

    /// Lists the splits that an earlier run left open and that this run has to open itself, because
    /// their discovery is behind it. Others are handed out by the source again.
    pub(super) fn left_open(&self) -> Vec<Arc<Split>> {
        let known = self.discovery.is_some() || self.last.all_found;
        let mut splits: Vec<_> = self
            .splits
            .values()
            .filter(|_| known)
            .map(|known| known.split.clone())
            .collect();
        splits.sort_by_key(|split| split.order);
        splits
    }

    /// Learns of splits and of how far discovery has come with them; gives those that are not
    /// being read already.
    pub(super) fn add(
        &mut self,
        splits: Vec<Arc<Split>>,
        discovery: Option<SourceOffset>,
    ) -> Vec<Arc<Split>> {
        let mut news = Vec::new();
        for split in splits {
            let before = self.splits.remove(&split.id);
            if let Some(known) = before.as_ref().filter(|known| known.lane.is_some()) {
                self.splits.insert(split.id.clone(), known.clone());
                continue;
            }
            news.push(split.clone());
            let known = Known {
                split: split.clone(),
                position: before.and_then(|known| known.position),
                lane: None,
                ended: false,
            };
            self.splits.insert(split.id.clone(), known);
        }
        if discovery.is_some() {
            self.discovery = discovery;
        }
        news
    }

    /// Takes in what the sink says about a split; the sink's word counts where it has one.
    pub(super) fn claimed(&mut self, id: &SplitId, says: Option<SourceOffset>) -> Result<()> {
        let Some(known) = self.splits.get_mut(id) else {
            return Ok(());
        };
        let Some(position) = &known.position else {
            known.position = says.map(|at| Position {
                base: Some(at.clone()),
                at,
            });
            return Ok(());
        };
        if position.resume(says.as_ref()).is_some() {
            return Ok(());
        }
        if is_behind(says.as_ref(), position.base.as_ref()) {
            return Err(Error::new(
                ErrorKind::SinkBehind,
                "destination stands before the stored state",
            )
            .with("split", id)
            .with_hint(
                "restore the state of the same time, or `velo state set FILE --force --reset`",
            ));
        }
        known.position = says.map(|at| Position {
            base: Some(at.clone()),
            at,
        });
        Ok(())
    }

    /// Gives where a split is to be read on.
    pub(super) fn start(&self, id: &SplitId) -> Option<SourceOffset> {
        let known = self.splits.get(id)?;
        known.position.as_ref().map(|position| position.at.clone())
    }

    /// Lists what lanes read or will read next, in order.
    pub(super) fn assigned(&self) -> Vec<(usize, Arc<Split>)> {
        let assigned = |known: &Known| known.lane.map(|lane| (lane, known.split.clone()));
        let mut splits: Vec<_> = self.splits.values().filter_map(assigned).collect();
        splits.sort_by_key(|(_, split)| split.order);
        splits
    }

    /// Goes back to the positions of a checkpoint; splits that were found since start anew.
    pub(super) fn go_back(&mut self, last: &Checkpoint) -> Result<()> {
        for known in self.splits.values_mut() {
            known.position = None;
            known.ended = false;
        }
        for open in &last.splits {
            if let Some(known) = self.splits.get_mut(open.id.as_str()) {
                known.position = open.position()?;
            }
        }
        self.counts = last.counts;
        Ok(())
    }

    pub(super) fn assign(&mut self, id: &SplitId, lane: usize) {
        if let Some(known) = self.splits.get_mut(id) {
            known.lane = Some(lane);
        }
    }

    /// Counts what a lane reads or will read next.
    pub(super) fn load(&self, lane: usize) -> usize {
        let at_work = |known: &&Known| known.lane == Some(lane) && !known.ended;
        self.splits.values().filter(at_work).count()
    }

    pub(super) fn ended(&mut self, id: &SplitId) {
        if let Some(known) = self.splits.get_mut(id) {
            known.ended = true;
        }
    }

    /// Says whether every split that was found has been read to its end.
    pub(super) fn all_ended(&self) -> bool {
        self.splits
            .values()
            .all(|known| known.ended || known.lane.is_none())
    }

    pub(super) fn forget(&mut self, ids: &[SplitId]) {
        for id in ids {
            self.splits.remove(id);
        }
    }

    /// Moves on to what an epoch reached; `committed` says that the sink holds it (P3, P5).
    ///
    /// # Errors
    /// `Unexpected` when a reader went back.
    pub(super) fn advance(&mut self, progress: &Progress, committed: bool) -> Result<()> {
        for mark in &progress.marks {
            let Some(known) = self.splits.get_mut(&mark.split) else {
                continue;
            };
            let at = mark.offset.clone();
            let before = known.position.as_ref().map(|position| &position.at);
            if before.is_some_and(|before| at.partial_cmp(before) == Some(Ordering::Less)) {
                return Err(Error::new(ErrorKind::Unexpected, "position moved back")
                    .with("split", &mark.split));
            }
            let base = match committed {
                true => Some(at.clone()),
                false => known.position.take().and_then(|position| position.base),
            };
            known.position = Some(Position { base, at });
        }
        for split in &progress.ended {
            self.splits.remove(&split.id);
        }
        Ok(())
    }

    /// Writes down where everything stands.
    pub(super) fn checkpoint(
        &self,
        epoch: u64,
        all_found: bool,
        sink: &[(u32, Committable)],
        letters: SinkState,
    ) -> Checkpoint {
        let splits = self.splits.values();
        Checkpoint {
            epoch,
            ends: self.ends.clone(),
            discovery: self.discovery.as_ref().map(ToString::to_string),
            all_found,
            splits: splits
                .map(|known| OpenSplit::of(&known.split, known.position.as_ref()))
                .collect(),
            sink: SinkState::of(epoch, sink),
            letters,
            counts: self.counts,
            ..self.last.clone()
        }
    }

    /// Says whether a checkpoint would tell anything that the last one does not.
    pub(super) fn has_news(&self, checkpoint: &Checkpoint) -> bool {
        let mut same_epoch = Checkpoint {
            epoch: self.last.epoch,
            generation: self.last.generation,
            ..checkpoint.clone()
        };
        same_epoch.sink.epoch = self.last.sink.epoch;
        same_epoch != self.last
    }

    /// Remembers what was saved.
    pub(super) fn saved(&mut self, checkpoint: Checkpoint) {
        self.last = checkpoint;
    }
}

/// Says whether the sink has lost what it once said.
fn is_behind(says: Option<&SourceOffset>, said: Option<&SourceOffset>) -> bool {
    match (says, said) {
        (None, Some(_)) => true,
        (Some(says), Some(said)) => says.partial_cmp(said) == Some(Ordering::Less),
        (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use velo_core::Mark;
    use velo_core::memory::MemoryOffset;

    use super::*;

    fn at(row: u64) -> SourceOffset {
        SourceOffset::seal(MemoryOffset { partition: 0, row })
    }

    fn ledger(position: Option<Position>) -> Ledger {
        let split = Split::new("0", 0);
        let last = Checkpoint {
            splits: vec![OpenSplit::of(&split, position.as_ref())],
            discovery: Some(at(1).to_string()),
            ..Checkpoint::first("p", 0)
        };
        Ledger::open(last, &[]).unwrap()
    }

    fn reached(row: u64) -> Progress {
        Progress {
            marks: vec![Mark::new("0".into(), at(row))],
            ended: Vec::new(),
        }
    }

    #[test]
    fn p1_an_idle_source_moves_on_without_a_commit() {
        let mut ledger = ledger(None);
        ledger.advance(&reached(5), true).unwrap();
        ledger.advance(&reached(9), false).unwrap();
        let kept = ledger.checkpoint(2, false, &[], SinkState::default());
        let mut again = Ledger::open(kept, &[]).unwrap();
        again.claimed(&"0".into(), Some(at(5))).unwrap();
        assert_eq!(again.start(&"0".into()), Some(at(9)));
    }

    #[test]
    fn p1_a_sink_that_has_moved_on_is_right() {
        let mut ledger = ledger(Some(Position {
            base: Some(at(5)),
            at: at(9),
        }));
        ledger.claimed(&"0".into(), Some(at(12))).unwrap();
        assert_eq!(ledger.start(&"0".into()), Some(at(12)));
    }

    #[test]
    fn a_sink_that_was_set_back_is_noticed() {
        for says in [None, Some(at(4))] {
            let mut ledger = ledger(Some(Position {
                base: Some(at(5)),
                at: at(9),
            }));
            let error = ledger.claimed(&"0".into(), says).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SinkBehind);
        }
    }

    #[test]
    fn p5_a_position_never_moves_back() {
        let mut ledger = ledger(None);
        ledger.advance(&reached(5), true).unwrap();
        let error = ledger.advance(&reached(4), true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert_eq!(ledger.start(&"0".into()), Some(at(5)));
    }

    #[test]
    fn only_ended_splits_are_left_out() {
        let mut ledger = ledger(None);
        ledger.assign(&"0".into(), 1);
        assert!(!ledger.all_ended() && ledger.load(1) == 1);
        ledger.ended(&"0".into());
        assert!(ledger.all_ended());
        assert_eq!(
            ledger
                .checkpoint(1, true, &[], SinkState::default())
                .splits
                .len(),
            1
        );
        let split = Arc::new(Split::new("0", 0));
        let progress = Progress {
            marks: Vec::new(),
            ended: vec![split],
        };
        ledger.advance(&progress, true).unwrap();
        assert!(
            ledger
                .checkpoint(1, true, &[], SinkState::default())
                .splits
                .is_empty()
        );
    }
}
