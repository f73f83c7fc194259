//! Files that a scan did not find: under another name, open still, or gone.

use std::collections::{HashMap, HashSet};

use super::copies::Likeness;
use super::member::{Member, State};
use super::roster::{Roster, Rules};
use super::scan::{Seen, inodes_in, parts};
use crate::source::listing::join;

impl Roster {
    /// Looks for members that the scan did not find: under names that are not watched.
    pub(super) fn search(
        &mut self,
        present: &HashSet<usize>,
        rules: &Rules<'_>,
        is_open: &dyn Fn(usize) -> bool,
    ) {
        let mut inodes: HashMap<String, HashMap<u64, String>> = HashMap::new();
        for slot in self.slots() {
            let Some(member) = self
                .member(slot)
                .filter(|_| !present.contains(&slot))
                .cloned()
            else {
                continue;
            };
            let same = |seen: &Seen| seen.identity.is(member.identity);
            let mut found = Seen::at(&member.path, true).filter(same);
            if found.is_none() && member.state == State::Open {
                let directory = parts(&member.path).0;
                let names = inodes
                    .entry(directory.to_owned())
                    .or_insert_with(|| inodes_in(directory));
                let name = names.get(&member.identity.inode);
                let other = name.and_then(|name| Seen::at(&join(directory, name), true));
                found = other.filter(same);
            }
            match found {
                Some(seen) => self.met(slot, &seen, rules),
                None => {
                    self.facts.entry(slot).or_default().gone = true;
                    if is_open(slot) {
                        self.rouse(slot);
                    }
                }
            }
        }
    }

    /// Forgets files that are gone and read as far as that was possible.
    pub(super) fn forget(&mut self, is_open: &dyn Fn(usize) -> bool) {
        let waited: HashSet<usize> = self.waiting.values().map(|waiting| waiting.of).collect();
        // A file that may be the copy of one that is still read may be that of another as well.
        let mut verdicts = self.waiting.values().map(|waiting| waiting.verdict);
        let undecided = verdicts.any(|verdict| verdict == Likeness::Begun);
        let gone = self.facts.iter().filter(|(_, facts)| facts.gone);
        let gone: Vec<(usize, u64)> = gone.map(|(slot, facts)| (*slot, facts.size)).collect();
        for (slot, size) in gone {
            let read = self.member(slot).and_then(Member::lines);
            let copied = undecided && read.is_some_and(|lines| lines.at > 0);
            if is_open(slot) || waited.contains(&slot) || copied {
                continue;
            }
            self.rest(slot);
            if let Some(member) = self.member(slot).cloned() {
                let at = member.lines().map_or(size, |lines| lines.at);
                if size > at && member.state == State::Open {
                    let (file, bytes) = (&member.path, size - at);
                    tracing::warn!(file, bytes, "file was removed before all of it was read");
                }
                self.unname(slot, &member.path);
                self.unnumber(slot, member.identity);
            }
            self.facts.remove(&slot);
            self.offset.shelf.remove(slot);
            self.changed = true;
        }
    }
}
