//! Files that nobody has seen before: new ones, and copies of what was read.

use std::time::Duration;

use tokio::time::Instant;

use super::copies::{Candidate, Likeness};
use super::follow::{last_line_end, lines_at};
use super::member::{Lines, Member, Reached, State, Whole};
use super::roster::{Roster, Rules, Waiting};
use super::scan::{self, Seen, parts};
use crate::config::watch::WatchStart;
use crate::offset::Place;
use crate::source::file::OpenFile;
use crate::source::listing::join;

/// How long a file may look like the beginning of a copy without growing.
const PATIENCE: Duration = Duration::from_secs(3);

impl Roster {
    /// Begins a file anew that was cut off or written over; what was not read of it is read in its
    /// copy, if there is one.
    pub(super) fn restart(&mut self, slot: usize, strangers: &mut Vec<Seen>, rules: &Rules<'_>) {
        let Some(member) = self.member(slot).cloned() else {
            return;
        };
        let lines = member.lines().unwrap_or_default();
        let copy = strangers.iter().enumerate().find_map(|(at, seen)| {
            let name = |path: &str| parts(path).1.to_owned();
            let related = rules
                .names
                .are_related(&name(&seen.path), &name(&member.path));
            let candidate = Candidate::open(&seen.path, rules.settings).filter(|_| related)?;
            match candidate.compare(lines) {
                Likeness::Copy { packed, whole } => Some((at, packed, whole)),
                Likeness::Begun | Likeness::None => None,
            }
        });
        if let Some((at, packed, whole)) = copy {
            let seen = strangers.remove(at);
            let (reached, state) = continued(&seen, lines, packed, whole);
            self.add(&seen, reached, state);
            self.facts.entry(slot).or_default().clear_unread();
        }
        self.renew(slot);
    }

    /// Decides about a file that is not known.
    pub(super) fn meet(&mut self, seen: &Seen, rules: &Rules<'_>, is_open: &dyn Fn(usize) -> bool) {
        let relatives = self.relatives(seen, rules);
        let mut candidate = None;
        for slot in relatives {
            let Some(member) = self.member(slot).cloned() else {
                continue;
            };
            let gone = self.facts.get(&slot).is_some_and(|facts| facts.gone);
            if !gone && !seen.rotated {
                continue;
            }
            if candidate.is_none() {
                candidate = Candidate::open(&seen.path, rules.settings);
            }
            let Some(candidate) = &candidate else {
                return;
            };
            let alive = !gone || is_open(slot);
            let verdict = self.likeness(candidate, slot, &member, alive);
            match verdict {
                Likeness::None => {}
                Likeness::Copy { packed, whole } if !alive => {
                    let lines = member.lines().unwrap_or_default();
                    let (reached, state) = continued(seen, lines, packed, whole);
                    self.adopt(slot, seen, reached, state);
                    return;
                }
                // Nobody copies to the name that is watched, but somebody begins there anew.
                Likeness::Begun if !seen.rotated => {}
                // What is still read to its end shows soon what it is.
                Likeness::Begun if (!gone || !alive) && !self.is_patient(seen) => {}
                verdict => {
                    self.wait(seen, slot, verdict);
                    return;
                }
            }
        }
        self.welcome(seen, rules);
    }

    fn likeness(
        &self,
        candidate: &Candidate,
        slot: usize,
        member: &Member,
        alive: bool,
    ) -> Likeness {
        let Some(lines) = member.lines().filter(|_| member.state != State::Left) else {
            return Likeness::None;
        };
        let unread = self
            .facts
            .get(&slot)
            .is_some_and(|facts| facts.size > lines.at);
        let gone = self.is_gone(slot);
        if lines.at == 0 {
            return match alive && unread && (gone || candidate.begins_like(&member.path)) {
                true => Likeness::Begun,
                false => Likeness::None,
            };
        }
        match candidate.compare(lines) {
            Likeness::Begun if !gone && !candidate.begins_like(&member.path) => Likeness::None,
            likeness => likeness,
        }
    }

    /// Lists the members that a file may be a copy of.
    fn relatives(&self, seen: &Seen, rules: &Rules<'_>) -> Vec<usize> {
        let (directory, name) = parts(&seen.path);
        if rules.tail {
            let mut all = self.slots();
            // The newest first: what was being read when the copy was made.
            all.sort_by_key(|slot| {
                std::cmp::Reverse(self.member(*slot).map(|member| member.number))
            });
            return all;
        }
        let mut slots: Vec<usize> = self.at_path(&seen.path).into_iter().collect();
        match rules.names.origins(name) {
            Some(origins) => {
                let paths = origins.iter().map(|origin| join(directory, origin));
                slots.extend(paths.filter_map(|path| self.at_path(&path)));
            }
            None => slots.extend(
                self.facts
                    .iter()
                    .filter(|(_, facts)| facts.gone)
                    .map(|(slot, _)| slot),
            ),
        }
        slots
    }

    /// Says whether a file that looks like the beginning of a copy may still become one.
    fn is_patient(&self, seen: &Seen) -> bool {
        let Some(waiting) = self.waiting.get(&seen.identity.number()) else {
            return true;
        };
        let same = (waiting.size, waiting.modified) == (seen.size, seen.modified);
        !same || waiting.verdict != Likeness::Begun || waiting.since.elapsed() < PATIENCE
    }

    fn wait(&mut self, seen: &Seen, of: usize, verdict: Likeness) {
        let number = seen.identity.number();
        let before = self.waiting.get(&number).filter(|waiting| {
            (waiting.size, waiting.modified) == (seen.size, seen.modified)
                && waiting.verdict == verdict
        });
        let waiting = Waiting {
            size: seen.size,
            modified: seen.modified,
            since: before.map_or_else(Instant::now, |waiting| waiting.since),
            verdict,
            of,
        };
        self.waiting.insert(number, waiting);
    }

    /// Takes a new file in.
    fn welcome(&mut self, seen: &Seen, rules: &Rules<'_>) {
        let at_end = self.first && rules.start == WatchStart::End;
        let old = self.first && seen.rotated && (at_end || !rules.tail);
        let unread = Reached::Lines(Lines::default());
        if old || (seen.rotated && !rules.finish_rotated) {
            self.add(seen, unread, State::Left);
        } else if at_end {
            let (reached, state) = end_of(seen, rules).unwrap_or((unread, State::Open));
            self.add(seen, reached, state);
        } else {
            self.add(seen, unread, State::Open);
        }
    }
}

/// Gives the end of a file that is there at the very first start.
fn end_of(seen: &Seen, rules: &Rules<'_>) -> Option<(Reached, State)> {
    let file = scan::open(&seen.path).ok()?;
    let candidate = Candidate::open(&seen.path, rules.settings)?;
    if !rules.lines || candidate.is_packed() {
        let whole = Whole {
            stamp: (seen.size, seen.modified),
            ..Whole::default()
        };
        return Some((Reached::Whole(whole), State::Done));
    }
    let at = last_line_end(&file, seen.size).ok()?;
    let lines = lines_at(&file, at, 0).ok()?;
    Some((Reached::Lines(lines), State::Open))
}

/// Says how a copy is read on.
fn continued(seen: &Seen, lines: Lines, packed: bool, whole: bool) -> (Reached, State) {
    if !packed {
        return (Reached::Lines(lines), State::Open);
    }
    let stamp = (seen.size, seen.modified);
    let state = if whole { State::Done } else { State::Open };
    let behind = OpenFile::open(&seen.path).and_then(|file| {
        let fingerprint = file.fingerprint(Place::Decompressed(lines.at))?;
        Ok(Whole::behind(lines, &seen.path, fingerprint))
    });
    let reached = Whole {
        part: 0,
        inside: behind.ok(),
        stamp,
    };
    (Reached::Whole(reached), state)
}
