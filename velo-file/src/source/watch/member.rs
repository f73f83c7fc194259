//! A watched file: what it is, where it is, and how far it has been read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use crate::offset::{FileOffset, Fingerprint, Place};

/// What a file keeps under every name that it is given.
///
/// An inode's number is given away again, so that the time of its birth belongs to it where the
/// file system tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Nanoseconds since 1970.
    pub(super) born: Option<u64>,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let born = metadata.created().ok();
        let since = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            born: since.and_then(|since| u64::try_from(since.as_nanos()).ok()),
        }
    }

    /// Gives device and inode alone.
    pub(super) fn number(self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Says whether both are the same file, as far as that can be known without its contents.
    pub(super) fn is(self, other: Self) -> bool {
        let births = self.born.zip(other.born);
        self.number() == other.number() && births.is_none_or(|(one, two)| one == two)
    }
}

/// How far a file has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reached {
    /// Lines up to a byte, and what stands before it.
    Lines(Lines),
    /// A file that is read as a whole, by its own format.
    Whole(Whole),
}

/// A place behind a line feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) at: u64,
    /// Records before it, bad ones included.
    pub(super) record: u64,
    /// Hash of the file's first bytes, no more than there are before the place.
    pub(super) head: u64,
    /// Hash of the last bytes before the place.
    pub(super) tail: u64,
}

/// Splits of a file that were read, and a place in the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) part: u64,
    pub(super) inside: Option<FileOffset>,
    /// Size and time of change when reading began; another file needs reading anew.
    pub(super) stamp: (u64, i64),
}

impl Whole {
    /// Says whether reading stopped within a compressed text.
    pub(super) fn is_in_text(&self) -> bool {
        let place = self.inside.as_ref().map(|inside| inside.place);
        matches!(place, Some(Place::Decompressed(_)))
    }

    /// Begins a compressed file behind what was read before it was compressed.
    pub(super) fn behind(lines: Lines, path: &str, fingerprint: Fingerprint) -> FileOffset {
        FileOffset {
            path: path.to_owned(),
            place: Place::Decompressed(lines.at),
            record: lines.record,
            fingerprint,
        }
    }
}

/// Whether there is anything left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is read, or followed.
    Open,
    /// It was read to its end; more may still come.
    Done,
    /// Nothing of it is wanted, whatever it holds.
    Left,
}

/// A watched file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Its place in the order of reading.
    pub(super) number: u64,
    pub(super) identity: Identity,
    /// Where it was seen last.
    pub(super) path: String,
    pub(super) reached: Reached,
    pub(super) state: State,
}

impl Member {
    /// Gives the place in a file of lines.
    pub(super) fn lines(&self) -> Option<Lines> {
        match &self.reached {
            Reached::Lines(lines) => Some(*lines),
            Reached::Whole(_) => None,
        }
    }
}

/// Members in a page: what a change copies at most.
const PAGE: usize = 256;

type Page = Vec<Option<Arc<Member>>>;

/// All members, by slots that stay; a copy shares everything with the original.
///
/// Every mark holds one, so that a mark among 100,000 files costs a few hundred counters.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    pages: Vec<Arc<Page>>,
    free: Vec<usize>,
}

impl Shelf {
    pub(super) fn insert(&mut self, member: Member) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            let full = self.pages.last().is_none_or(|page| page.len() == PAGE);
            if full {
                self.pages.push(Arc::default());
            }
            let pages = self.pages.len() - 1;
            let page = Arc::make_mut(&mut self.pages[pages]);
            page.push(None);
            pages * PAGE + page.len() - 1
        });
        self.set(slot, Some(member));
        slot
    }

    pub(super) fn replace(&mut self, slot: usize, member: Member) {
        self.set(slot, Some(member));
    }

    pub(super) fn remove(&mut self, slot: usize) {
        self.set(slot, None);
        self.free.push(slot);
    }

    fn set(&mut self, slot: usize, member: Option<Member>) {
        if let Some(page) = self.pages.get_mut(slot / PAGE) {
            Arc::make_mut(page)[slot % PAGE] = member.map(Arc::new);
        }
    }

    pub(super) fn get(&self, slot: usize) -> Option<&Arc<Member>> {
        self.pages.get(slot / PAGE)?.get(slot % PAGE)?.as_ref()
    }

    /// Lists the members with their slots.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Arc<Member>)> {
        let slots = self.pages.iter().flat_map(|page| page.iter()).enumerate();
        slots.filter_map(|(slot, member)| Some((slot, member.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: u64) -> Member {
        Member {
            number,
            identity: Identity {
                device: 1,
                inode: number,
                born: None,
            },
            path: format!("/{number}"),
            reached: Reached::Lines(Lines::default()),
            state: State::Open,
        }
    }

    #[test]
    fn a_copy_of_the_shelf_does_not_change_with_it() {
        let mut shelf = Shelf::default();
        let slots: Vec<_> = (0..600)
            .map(|number| shelf.insert(member(number)))
            .collect();
        let before = shelf.clone();
        shelf.remove(slots[300]);
        shelf.replace(slots[5], member(1000));
        assert_eq!(shelf.insert(member(2000)), slots[300]);
        assert_eq!(before.get(300).unwrap().number, 300);
        assert_eq!(
            (shelf.get(5).unwrap().number, shelf.get(300).unwrap().number),
            (1000, 2000)
        );
        assert_eq!((before.all().count(), shelf.all().count()), (600, 600));
    }

    #[test]
    fn a_number_given_away_again_is_another_file() {
        let identity = |born| Identity {
            device: 1,
            inode: 7,
            born,
        };
        assert!(identity(Some(1)).is(identity(Some(1))));
        assert!(!identity(Some(1)).is(identity(Some(2))));
        assert!(identity(None).is(identity(Some(2))));
    }
}
