//! Reading all files of a path in turns, and waiting for more.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use velo_core::{DataReader, Event, Lease, Mark, ReadRequest, Result, SourceOffset, Split};

use super::ears::Ears;
use super::open::Lines;
use super::plan::Plan;
use super::position::WatchOffset;
use super::roster::Roster;
use super::scan::{Seen, parts};
use super::whole::WholeFile;

/// Files that are kept open while nothing is to be read of them.
const OPEN: usize = 64;
/// Memory asked for before the first batch is there.
pub(super) const FIRST_LEASE: u64 = 1 << 20;
/// Turns of one file among many before another has one.
const IN_A_ROW: u32 = 16;
/// How often everything is looked at although events come: one that was lost loses no file.
const SURE: Duration = Duration::from_secs(10);
/// How many times longer than a scan it takes to the next one, when it was asked for and when not.
const ASKED: u32 = 5;
const UNASKED: u32 = 200;
/// How long a file that is read as a whole must have been left alone, unless that is more than so
/// many looks.
const LEFT_ALONE: Duration = Duration::from_secs(2);
const LOOKS: u32 = 8;

/// How long a sum over many files is good for.
const SUMMED: Duration = Duration::from_millis(100);

/// Follows every file of a path.
pub(super) struct WatchReader {
    pub(super) plan: Arc<Plan>,
    pub(super) split: Arc<Split>,
    pub(super) request: ReadRequest,
    pub(super) roster: Roster,
    pub(super) events: VecDeque<Event>,
    pub(super) lease: Option<Lease>,
    pub(super) batch_bytes: u64,
    pub(super) bytes: u64,
    sessions: HashMap<usize, Session>,
    /// Counts the uses of sessions.
    clock: u64,
    ears: Ears,
    last: Option<(u64, usize)>,
    /// Turns that it has had in a row.
    turns: u32,
    /// Files that are complete, or can be read, if they still have that size and time of change then.
    settling: BTreeMap<(Instant, usize), (u64, i64)>,
    /// Files that were left alone long enough.
    complete: HashSet<usize>,
    next_scan: Instant,
    earliest_scan: Instant,
    /// Bytes left to read, and when they were added up.
    left: (u64, Instant),
}

/// An open file.
pub(super) struct Session {
    used: u64,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Lines(Box<Lines>),
    Whole(Box<WholeFile>),
}

impl WatchReader {
    pub(super) fn new(plan: Arc<Plan>, request: ReadRequest, start: Option<WatchOffset>) -> Self {
        let now = Instant::now();
        Self {
            ears: Ears::new(plan.following.events),
            plan,
            split: request.split.clone(),
            request,
            roster: Roster::new(start),
            events: VecDeque::new(),
            lease: None,
            batch_bytes: FIRST_LEASE,
            bytes: 0,
            sessions: HashMap::new(),
            clock: 0,
            last: None,
            turns: 0,
            settling: BTreeMap::new(),
            complete: HashSet::new(),
            next_scan: now,
            earliest_scan: now,
            left: (0, now),
        }
    }

    /// Looks what is there, and compares.
    fn scan(&mut self) -> Result<()> {
        let began = std::time::Instant::now();
        let hear = self.listen();
        let seen = self.plan.scope().look(self.roster.paths())?;
        let sessions = &self.sessions;
        let is_open = |slot: usize| sessions.contains_key(&slot);
        self.roster.compare(seen, &self.plan.rules(), &is_open);
        let roster = &self.roster;
        self.sessions
            .retain(|slot, _| roster.member(*slot).is_some());
        self.complete.retain(|slot| roster.member(*slot).is_some());
        for slot in std::mem::take(&mut self.roster.renewed) {
            self.sessions.remove(&slot);
            self.complete.remove(&slot);
        }
        let (took, now) = (began.elapsed(), Instant::now());
        let (usual, factor) = match hear {
            true => (SURE, UNASKED),
            false => (self.plan.following.poll, ASKED),
        };
        self.earliest_scan = now + took * ASKED;
        self.next_scan = now + usual.max(took * factor);
        if !self.roster.waiting.is_empty() {
            self.next_scan = self.next_scan.min(now + self.plan.following.poll);
        }
        Ok(())
    }

    /// Listens to the directories of all files; says whether events tell all that happens.
    fn listen(&mut self) -> bool {
        let pattern = &self.plan.pattern;
        let root = match &pattern.glob {
            Some(glob) if !self.plan.tail => crate::source::glob::fixed_part(glob),
            _ if self.plan.tail => parts(&pattern.plain).0,
            _ => pattern.plain.as_str(),
        };
        let rest = pattern
            .glob
            .as_deref()
            .map_or("", |glob| &glob[root.len()..]);
        let deep = !self.plan.tail
            && (self.plan.settings.options.recursive || rest.trim_start_matches('/').contains('/'));
        let root = root.to_owned();
        let paths = self.roster.paths().filter(|_| !deep);
        let others: BTreeSet<&str> = paths.map(|path| parts(path).0).collect();
        let others: Vec<String> = others.into_iter().map(str::to_owned).collect();
        let mut all = self.ears.listen(&root, deep);
        for directory in others {
            all &= self.ears.listen(&directory, false);
        }
        all && self.ears.hear()
    }

    /// Takes in what has happened meanwhile.
    fn look_up(&mut self) -> Result<()> {
        let heard = self.ears.take();
        let mut wanted = heard.all;
        for path in &heard.names {
            let ours = |path: String| {
                self.roster.at_path(&path).is_some() || self.plan.scope().concerns(&path)
            };
            wanted |= self.ears.spelled(path).is_none_or(ours);
        }
        for path in &heard.changed {
            let path = self.ears.spelled(path);
            let slot = path.as_deref().and_then(|path| self.roster.at_path(path));
            match slot.zip(path.as_deref()) {
                Some((slot, path)) => wanted |= !self.glance(slot, path),
                // In a directory full of other files only names that may be ours count.
                None => wanted |= path.is_some_and(|path| self.plan.scope().concerns(&path)),
            }
        }
        let now = Instant::now();
        if wanted {
            self.next_scan = self.next_scan.min(self.earliest_scan);
        }
        if now >= self.next_scan {
            self.scan()?;
        }
        self.settle(now);
        Ok(())
    }

    /// Looks at one file; says whether it is the one that it was.
    fn glance(&mut self, slot: usize, path: &str) -> bool {
        let identity = self.roster.member(slot).map(|member| member.identity);
        match Seen::at(path, false).filter(|seen| identity.is_some_and(|one| one.is(seen.identity)))
        {
            Some(seen) => {
                self.roster.met(slot, &seen, &self.plan.rules());
                // Files that were cut off are compared with all others.
                !self.roster.is_suspect(slot)
            }
            None => false,
        }
    }

    /// Lets a file be, until it has not changed for a while.
    pub(super) fn let_settle(&mut self, slot: usize, time: Duration) {
        let path = self.roster.member(slot).map(|member| member.path.clone());
        if let Some(seen) = path.and_then(|path| Seen::at(&path, false)) {
            let until = Instant::now() + time;
            self.settling
                .insert((until, slot), (seen.size, seen.modified));
        }
    }

    /// Finds the files that were left alone long enough.
    fn settle(&mut self, now: Instant) {
        while let Some(entry) = self.settling.first_entry() {
            let (until, slot) = *entry.key();
            if until > now {
                return;
            }
            let then = entry.remove();
            let Some(path) = self.roster.member(slot).map(|member| member.path.clone()) else {
                continue;
            };
            let seen = Seen::at(&path, false);
            if seen.is_some_and(|seen| (seen.size, seen.modified) == then) {
                self.complete.insert(slot);
            }
            self.roster.rouse(slot);
        }
    }

    /// Says whether a file was left alone long enough; asked once.
    pub(super) fn take_complete(&mut self, slot: usize) -> bool {
        self.complete.remove(&slot)
    }

    /// How long a file that is read as a whole must have been left alone.
    pub(super) fn left_alone(&self) -> Duration {
        LEFT_ALONE.min(self.plan.following.poll * LOOKS)
    }

    /// Gives an open file, which was used just now.
    pub(super) fn session(&mut self, slot: usize) -> Option<&mut Kind> {
        self.clock += 1;
        let session = self.sessions.get_mut(&slot)?;
        session.used = self.clock;
        Some(&mut session.kind)
    }

    pub(super) fn is_open(&self, slot: usize) -> bool {
        self.sessions.contains_key(&slot)
    }

    /// Keeps a file open, and closes the one that was not used for longest.
    pub(super) fn keep(&mut self, slot: usize, kind: Kind) {
        if self.sessions.len() >= OPEN {
            let roster = &self.roster;
            let idle = self
                .sessions
                .iter()
                .filter(|(slot, _)| !roster.is_gone(**slot));
            let oldest = idle.min_by_key(|(_, session)| session.used);
            if let Some(slot) = oldest.map(|(slot, _)| *slot) {
                self.sessions.remove(&slot);
            }
        }
        let used = self.clock;
        self.sessions.insert(slot, Session { used, kind });
    }

    pub(super) fn shut(&mut self, slot: usize) {
        self.sessions.remove(&slot);
    }

    /// Has everything looked at before anything else is read.
    pub(super) fn rescan(&mut self) {
        self.next_scan = Instant::now();
    }

    /// Notes where everything stands.
    pub(super) fn mark(&mut self) {
        self.roster.changed = false;
        self.roster.offset.serial += 1;
        let offset = SourceOffset::seal(self.roster.offset.kept());
        let left = self.left();
        self.events.push_back(Event::Mark(Mark {
            bytes_read: self.bytes,
            lag_bytes: Some(left),
            ..Mark::new(self.split.id.clone(), offset)
        }));
    }

    /// Gives the bytes left to read: of many files as they were a moment ago, because marks come
    /// often, and others follow while there is something to read.
    fn left(&mut self) -> u64 {
        const FEW: usize = 64;
        let (left, since) = self.left;
        if self.roster.ready() > FEW && since.elapsed() < SUMMED {
            return left;
        }
        self.left = (self.roster.left(), Instant::now());
        self.left.0
    }

    async fn wait(&mut self) {
        self.lease = None;
        let settling = self.settling.keys().next().map(|(until, _)| *until);
        let until = settling.map_or(self.next_scan, |until| until.min(self.next_scan));
        tokio::select! {
            () = self.ears.wait() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }
}

#[async_trait]
impl DataReader for WatchReader {
    /// Looks, reads and decodes as part of the call; what is waited for (memory, a change) changes
    /// nothing while it is waited for, so that a dropped call loses nothing.
    async fn read(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            self.look_up()?;
            if self.roster.changed {
                self.mark();
                continue;
            }
            // The oldest first, so that the lines of a rotated file come before those behind it;
            // among many files one that never rests must not keep the others waiting.
            let tired = !self.plan.tail && self.turns >= IN_A_ROW;
            let Some(next) = self.roster.next(self.last.filter(|_| tired)) else {
                self.turns = 0;
                if self.left.0 > 0 {
                    // Half a line is nothing to read.
                    self.mark();
                    continue;
                }
                self.wait().await;
                continue;
            };
            self.turns = if self.last == Some(next) {
                self.turns + 1
            } else {
                0
            };
            self.last = Some(next);
            self.turn(next.1).await?;
        }
    }
}
