//! Who is who: what a scan found is compared with what is known.
//!
//! A file is known by its inode first, by its contents where that fails. Whoever is not found any
//! more is read to its end while it is open, and forgotten then.

use std::collections::{BTreeSet, HashMap, HashSet};

use tokio::time::Instant;

use super::copies::Likeness;
use super::member::{Identity, Lines, Member, Reached, State, Whole};
use super::names::Names;
use super::position::WatchOffset;
use super::scan::Seen;
use crate::config::watch::WatchStart;
use crate::source::Settings;

/// What decides about files that come up.
pub(super) struct Rules<'r> {
    pub(super) names: &'r Names,
    pub(super) settings: &'r Settings,
    pub(super) tail: bool,
    pub(super) finish_rotated: bool,
    pub(super) start: WatchStart,
    /// Files are of lines, unless they are compressed.
    pub(super) lines: bool,
}

/// What was seen of a member last, beside its position.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) size: u64,
    pub(super) modified: i64,
    /// It has no name any more.
    pub(super) gone: bool,
    /// It is not what it was before the place that was reached.
    pub(super) suspect: bool,
    /// It was seen since the start.
    checked: bool,
    /// Bytes that were there unread when it became another one.
    unread: u64,
}

impl Facts {
    /// Notes that nothing was lost, because it is elsewhere.
    pub(super) fn clear_unread(&mut self) {
        self.unread = 0;
    }
}

/// A file of which it is not known yet whether it is a copy.
pub(super) struct Waiting {
    pub(super) size: u64,
    pub(super) modified: i64,
    pub(super) since: Instant,
    pub(super) verdict: Likeness,
    /// The member that it is like.
    pub(super) of: usize,
}

/// All files of a path, with what has to be done.
pub(super) struct Roster {
    pub(super) offset: WatchOffset,
    pub(super) facts: HashMap<usize, Facts>,
    pub(super) waiting: HashMap<(u64, u64), Waiting>,
    /// Files with something to read, by number.
    ready: BTreeSet<(u64, usize)>,
    by_inode: HashMap<(u64, u64), usize>,
    by_path: HashMap<String, usize>,
    /// Members that began anew in the last scan.
    pub(super) renewed: Vec<usize>,
    /// The next scan is the first of all.
    pub(super) first: bool,
    /// Something has changed that no mark tells.
    pub(super) changed: bool,
}

impl Roster {
    /// Begins with a stored position, or with nothing.
    pub(super) fn new(start: Option<WatchOffset>) -> Self {
        let first = start.is_none();
        let mut roster = Self {
            offset: start.unwrap_or_default(),
            facts: HashMap::new(),
            waiting: HashMap::new(),
            ready: BTreeSet::new(),
            by_inode: HashMap::new(),
            by_path: HashMap::new(),
            renewed: Vec::new(),
            first,
            changed: first,
        };
        let shelf = roster.offset.shelf.clone();
        for (slot, member) in shelf.all() {
            roster.by_inode.insert(member.identity.number(), slot);
            roster.by_path.insert(member.path.clone(), slot);
            roster.facts.insert(slot, Facts::default());
        }
        roster
    }

    /// Gives the names of all files, as they were seen last.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.by_path.keys().map(String::as_str)
    }

    pub(super) fn at_path(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    pub(super) fn member(&self, slot: usize) -> Option<&Member> {
        self.offset.shelf.get(slot).map(|member| &**member)
    }

    pub(super) fn slots(&self) -> Vec<usize> {
        self.offset.shelf.all().map(|(slot, _)| slot).collect()
    }

    /// Changes a member.
    pub(super) fn update(&mut self, slot: usize, change: impl FnOnce(&mut Member)) {
        let Some(member) = self.offset.shelf.get(slot) else {
            return;
        };
        let mut member = (**member).clone();
        change(&mut member);
        self.offset.shelf.replace(slot, member);
        self.changed = true;
    }

    /// Notes that there is something to read.
    pub(super) fn rouse(&mut self, slot: usize) {
        let number = self
            .member(slot)
            .filter(|member| member.state == State::Open);
        if let Some(number) = number.map(|member| member.number) {
            self.ready.insert((number, slot));
        }
    }

    /// Gives how many files have something to read.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Gives the bytes that were seen and not read yet.
    pub(super) fn left(&self) -> u64 {
        let left = self.ready.iter().map(|(_, slot)| {
            let size = self.facts.get(slot).map_or(0, |facts| facts.size);
            let lines = self.member(*slot).and_then(Member::lines);
            size.saturating_sub(lines.map_or(0, |lines| lines.at))
        });
        left.sum()
    }

    /// Notes that everything has been read.
    pub(super) fn rest(&mut self, slot: usize) {
        if let Some(number) = self.member(slot).map(|member| member.number) {
            self.ready.remove(&(number, slot));
        }
    }

    /// Gives the oldest file that has something to read, or the one behind another.
    pub(super) fn next(&self, behind: Option<(u64, usize)>) -> Option<(u64, usize)> {
        let next = behind.and_then(|(number, slot)| {
            let mut following = self.ready.range((number, slot + 1)..);
            following.next().copied()
        });
        next.or_else(|| self.ready.first().copied())
    }

    /// Notes that a file is another one than was read, or shorter.
    pub(super) fn suspect(&mut self, slot: usize) {
        let at = self
            .member(slot)
            .and_then(Member::lines)
            .unwrap_or_default()
            .at;
        let facts = self.facts.entry(slot).or_default();
        facts.suspect = true;
        facts.unread = facts.size.saturating_sub(at);
        self.rest(slot);
    }

    pub(super) fn is_suspect(&self, slot: usize) -> bool {
        self.facts.get(&slot).is_some_and(|facts| facts.suspect)
    }

    pub(super) fn is_gone(&self, slot: usize) -> bool {
        self.facts.get(&slot).is_some_and(|facts| facts.gone)
    }

    /// Compares a scan with what is known; `is_open` says whose end is being read.
    pub(super) fn compare(
        &mut self,
        seen: Vec<Seen>,
        rules: &Rules<'_>,
        is_open: &dyn Fn(usize) -> bool,
    ) {
        let (mut strangers, mut present) = (Vec::new(), HashSet::new());
        for seen in seen {
            match self.known(seen.identity) {
                Some(slot) => {
                    present.insert(slot);
                    self.met(slot, &seen, rules);
                }
                None => strangers.push(seen),
            }
        }
        self.search(&present, rules, is_open);
        let suspects = self.facts.iter().filter(|(_, facts)| facts.suspect);
        let mut suspects: Vec<usize> = suspects.map(|(slot, _)| *slot).collect();
        suspects.sort_unstable();
        for slot in suspects {
            self.restart(slot, &mut strangers, rules);
        }
        for stranger in &strangers {
            self.meet(stranger, rules, is_open);
        }
        let there: HashSet<_> = strangers
            .iter()
            .map(|seen| seen.identity.number())
            .collect();
        self.waiting.retain(|number, _| there.contains(number));
        self.forget(is_open);
        self.first = false;
    }

    fn known(&self, identity: Identity) -> Option<usize> {
        let slot = *self.by_inode.get(&identity.number())?;
        let same = self.member(slot)?.identity.is(identity);
        same.then_some(slot)
    }

    /// Takes in what was seen of a member.
    pub(super) fn met(&mut self, slot: usize, seen: &Seen, rules: &Rules<'_>) {
        let Some(member) = self.member(slot).cloned() else {
            return;
        };
        if member.path != seen.path {
            self.moved(slot, &member, seen, rules);
        }
        let facts = self.facts.entry(slot).or_default();
        let news = !facts.checked || (facts.size, facts.modified) != (seen.size, seen.modified);
        let first = !std::mem::replace(&mut facts.checked, true);
        facts.gone = false;
        if !news || member.state == State::Left {
            return;
        }
        match &member.reached {
            Reached::Lines(lines) if seen.size < lines.at => self.suspect(slot),
            Reached::Lines(lines) => {
                let more = seen.size > lines.at || !first;
                if member.state == State::Done && more {
                    self.update(slot, |member| member.state = State::Open);
                }
                self.rouse(slot);
            }
            Reached::Whole(whole) if whole.stamp == (seen.size, seen.modified) => self.rouse(slot),
            Reached::Whole(whole) => {
                // What is still written on to, is read on: its reader compares the beginning.
                let grown = member.state == State::Open && whole.is_in_text();
                if whole.stamp != (0, 0) && !(grown && seen.size > whole.stamp.0) {
                    self.update(slot, |member| {
                        member.reached = Reached::Whole(Whole::default());
                        member.state = State::Open;
                    });
                }
                self.rouse(slot);
            }
        }
        let facts = self.facts.entry(slot).or_default();
        (facts.size, facts.modified) = (seen.size, seen.modified);
    }

    fn moved(&mut self, slot: usize, member: &Member, seen: &Seen, rules: &Rules<'_>) {
        self.unname(slot, &member.path);
        self.by_path.insert(seen.path.clone(), slot);
        let left = seen.rotated && !rules.finish_rotated && member.state == State::Open;
        self.update(slot, |member| {
            member.path.clone_from(&seen.path);
            if left {
                member.state = State::Left;
            }
        });
        if left {
            self.ready.remove(&(member.number, slot));
        }
    }

    /// Adds a file, with the next number.
    pub(super) fn add(&mut self, seen: &Seen, reached: Reached, state: State) -> usize {
        let number = self.offset.next;
        self.offset.next += 1;
        let slot = self.offset.shelf.insert(Member {
            number,
            identity: seen.identity,
            path: seen.path.clone(),
            reached,
            state,
        });
        self.by_inode.insert(seen.identity.number(), slot);
        self.by_path.insert(seen.path.clone(), slot);
        let facts = Facts {
            size: seen.size,
            modified: seen.modified,
            checked: true,
            ..Facts::default()
        };
        self.facts.insert(slot, facts);
        self.changed = true;
        self.rouse(slot);
        slot
    }

    /// Lets a member go on in another file.
    pub(super) fn adopt(&mut self, slot: usize, seen: &Seen, reached: Reached, state: State) {
        if let Some(member) = self.member(slot).cloned() {
            self.unname(slot, &member.path);
            self.unnumber(slot, member.identity);
        }
        self.by_inode.insert(seen.identity.number(), slot);
        self.by_path.insert(seen.path.clone(), slot);
        self.update(slot, |member| {
            member.identity = seen.identity;
            member.path.clone_from(&seen.path);
            member.reached = reached;
            member.state = state;
        });
        let facts = Facts {
            size: seen.size,
            modified: seen.modified,
            checked: true,
            ..Facts::default()
        };
        self.facts.insert(slot, facts);
        self.rouse(slot);
    }

    /// Begins a member anew, behind everything that was found so far.
    pub(super) fn renew(&mut self, slot: usize) {
        self.rest(slot);
        self.renewed.push(slot);
        let number = self.offset.next;
        self.offset.next += 1;
        self.update(slot, |member| {
            member.number = number;
            member.reached = Reached::Lines(Lines::default());
            member.state = State::Open;
        });
        let facts = self.facts.entry(slot).or_default();
        facts.suspect = false;
        if facts.unread > 0 {
            let path = self.member(slot).map(|member| member.path.clone());
            let bytes = self.facts.get(&slot).map_or(0, |facts| facts.unread);
            tracing::warn!(
                file = path,
                bytes,
                "file was cut off before all of it was read"
            );
        }
        self.rouse(slot);
    }

    pub(super) fn unname(&mut self, slot: usize, path: &str) {
        if self.by_path.get(path) == Some(&slot) {
            self.by_path.remove(path);
        }
    }

    pub(super) fn unnumber(&mut self, slot: usize, identity: Identity) {
        if self.by_inode.get(&identity.number()) == Some(&slot) {
            self.by_inode.remove(&identity.number());
        }
    }
}
