//! Whose turn it is: pieces of later splits wait until the earlier splits have ended.
//!
//! Splits have a dense order. The *head* is the first that has not ended; its lane never waits.
//! Lanes ahead of it queue finished pieces up to a bound and then wait, so memory stays flat.
//! When every lane waits, nobody can end the splits before theirs: they were finished before this
//! run began, or their end was not announced; then the lowest goes on. So a single lane never
//! waits at all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use velo_core::Result;

use super::failure::spent;
use super::piece::Piece;

/// Bytes that a lane may be ahead of the head.
const MOST_AHEAD: u64 = 8 << 20;

#[derive(Default)]
pub(super) struct Order {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    lanes: usize,
    /// Lanes that have prepared the current epoch.
    prepared: usize,
    /// Some lane has prepared the current epoch, and not every one.
    begun: bool,
    /// Epochs that were prepared by every lane.
    rounds: u64,
    head: u64,
    ended: BTreeSet<u64>,
    queue: BTreeMap<u64, VecDeque<Piece>>,
    queued: u64,
    /// Lanes that wait, with the splits that they are at.
    waiting: BTreeMap<u32, u64>,
    failed: bool,
}

/// What is to be done with a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Its split is at the head.
    Due,
    /// It may be queued, as far as memory goes.
    Ahead,
    /// Its lane has queued enough.
    Wait,
}

impl Order {
    pub(super) fn join(&self) {
        self.state().lanes += 1;
    }

    /// Lets a lane go; says whether an epoch was begun that no lane is left to complete.
    pub(super) fn leave(&self, lane: u32, prepared: bool) -> bool {
        let mut state = self.state();
        state.waiting.remove(&lane);
        state.lanes -= 1;
        state.prepared -= usize::from(prepared);
        self.changed.notify_waiters();
        state.begun && state.prepared == state.lanes
    }

    /// Ends every lane's work.
    pub(super) fn fail(&self) {
        let mut state = self.state();
        state.failed = true;
        state.queue.clear();
        self.changed.notify_waiters();
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.state().failed {
            Err(spent())
        } else {
            Ok(())
        }
    }

    /// Says whether a piece of this size may be pushed.
    pub(super) fn admit(&self, order: u64, bytes: u64) -> Admission {
        let mut state = self.state();
        if state.is_turn(order, None) {
            Admission::Due
        } else if state.queued + bytes <= MOST_AHEAD * state.lanes as u64 {
            Admission::Ahead
        } else {
            Admission::Wait
        }
    }

    /// Waits until a lane's split is at the head.
    pub(super) async fn turn(&self, lane: u32, order: u64) -> Result<()> {
        loop {
            // Created before the look, so that no change in between is missed.
            let changed = self.changed.notified();
            if self.look(lane, order)? {
                return Ok(());
            }
            changed.await;
        }
    }

    fn look(&self, lane: u32, order: u64) -> Result<bool> {
        let mut state = self.state();
        if state.failed {
            return Err(spent());
        }
        let turn = state.is_turn(order, Some(lane));
        if turn {
            state.waiting.remove(&lane);
        } else if state.waiting.insert(lane, order).is_none() {
            // Now perhaps everybody waits, and the lowest may go on.
            self.changed.notify_waiters();
        }
        Ok(turn)
    }

    pub(super) fn push(&self, order: u64, piece: Piece) -> Result<()> {
        let mut state = self.state();
        if state.failed {
            return Err(spent());
        }
        state.queued += piece.bytes;
        state.queue.entry(order).or_default().push_back(piece);
        Ok(())
    }

    /// Says whether there is a piece whose turn has come.
    pub(super) fn has_due(&self) -> bool {
        let state = self.state();
        let first = state.queue.first_key_value();
        first.is_some_and(|(order, _)| *order <= state.head)
    }

    /// Says whether any piece waits for its turn.
    pub(super) fn has_queued(&self) -> bool {
        !self.state().queue.is_empty()
    }

    /// Takes the next piece whose turn has come; at the end of an epoch that is every piece.
    pub(super) fn next(&self, everything: bool) -> Result<Option<Piece>> {
        let mut state = self.state();
        if state.failed {
            return Err(spent());
        }
        let head = state.head;
        let Some(mut first) = state.queue.first_entry() else {
            return Ok(None);
        };
        if *first.key() > head && !everything {
            return Ok(None);
        }
        let piece = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        state.queued -= piece.as_ref().map_or(0, |piece| piece.bytes);
        Ok(piece)
    }

    /// Learns that a split has no more rows.
    pub(super) fn end(&self, order: u64) {
        let mut state = self.state();
        state.ended.insert(order);
        state.advance();
        self.changed.notify_waiters();
    }

    /// Counts a lane that has prepared; says whether it was the last.
    pub(super) fn prepare(&self) -> bool {
        let mut state = self.state();
        state.prepared += 1;
        state.begun = true;
        self.changed.notify_waiters();
        state.prepared == state.lanes
    }

    /// Lets every lane go on with the next epoch.
    pub(super) fn next_round(&self) {
        let mut state = self.state();
        state.prepared = 0;
        state.begun = false;
        state.rounds += 1;
        self.changed.notify_waiters();
    }

    /// Gives how many epochs every lane has prepared.
    pub(super) fn rounds(&self) -> u64 {
        self.state().rounds
    }

    /// Waits until every lane has prepared the epoch that this lane prepared.
    pub(super) async fn round(&self, after: u64) -> Result<()> {
        loop {
            let changed = self.changed.notified();
            self.check()?;
            if self.rounds() > after {
                return Ok(());
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_turn(&mut self, order: u64, waiting: Option<u32>) -> bool {
        if order <= self.head {
            return true;
        }
        let others = self
            .waiting
            .iter()
            .filter(|(lane, _)| Some(**lane) != waiting);
        let (mut count, mut lowest) = (0, true);
        for (_, at) in others {
            count += 1;
            lowest &= order <= *at;
        }
        let all = count + 1 >= self.lanes - self.prepared;
        let first = self
            .queue
            .first_key_value()
            .is_none_or(|(queued, _)| order <= *queued);
        if all && lowest && first {
            self.head = order;
            self.advance();
            return true;
        }
        false
    }

    fn advance(&mut self) {
        let head = self.head;
        self.ended.retain(|ended| *ended >= head);
        while self.ended.remove(&self.head) {
            self.head += 1;
        }
    }
}
