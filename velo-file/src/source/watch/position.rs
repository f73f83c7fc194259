//! Where a watched path stands: every file that is there, and how far each has been read.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use velo_core::uri::{percent_decode, percent_encode};
use velo_core::{Error, ErrorKind, Offset, Result};

use super::member::{Identity, Lines, Member, Reached, Shelf, State, Whole};
use crate::offset::{FileOffset, number};

/// One position for all files of a path, so that what was found and what was read of it can never
/// disagree.
///
/// As text: `serial:rows:next` and, behind bars, a member each: number, device, inode, birth,
/// state, what was reached, path.
#[derive(Debug, Clone, Default)]
pub(crate) struct WatchOffset {
    /// Higher with every mark.
    pub(super) serial: u64,
    /// Records yielded before it, bad ones included.
    pub(super) records: u64,
    /// The number of the next file that is found.
    pub(super) next: u64,
    pub(super) shelf: Shelf,
    /// Its text, written once: an idle pipeline looks at it with every checkpoint.
    text: Arc<OnceLock<String>>,
}

impl WatchOffset {
    /// Gives a copy that stays as it is.
    pub(super) fn kept(&self) -> Self {
        Self {
            text: Arc::default(),
            ..self.clone()
        }
    }

    fn written(&self) -> String {
        let mut text = format!("{}:{}:{}", self.serial, self.records, self.next);
        for (_, member) in self.shelf.all() {
            text.push('|');
            encode(member, &mut text);
        }
        text
    }
}

impl Offset for WatchOffset {
    const KIND: &'static str = "file-watch";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        self.text.get_or_init(|| self.written()).clone()
    }

    fn decode(_version: u32, text: &str) -> Result<Self> {
        let mut parts = text.split('|');
        let mut numbers = parts.next().unwrap_or_default().split(':');
        let mut next = || number(numbers.next().unwrap_or_default(), 10);
        let (serial, records, following) = (next()?, next()?, next()?);
        let mut shelf = Shelf::default();
        for part in parts {
            shelf.insert(decode(part)?);
        }
        Ok(Self {
            serial,
            records,
            next: following,
            shelf,
            text: Arc::default(),
        })
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(self.serial.cmp(&other.serial))
    }
}

fn encode(member: &Member, text: &mut String) {
    use std::fmt::Write;
    let Identity {
        device,
        inode,
        born,
    } = member.identity;
    let born = born.map_or("-".to_owned(), |born| format!("{born:x}"));
    let state = match member.state {
        State::Open => 'o',
        State::Done => 'd',
        State::Left => 'l',
    };
    let reached = match &member.reached {
        Reached::Lines(lines) => {
            let Lines {
                at,
                record,
                head,
                tail,
            } = lines;
            format!("b{at};{record};{head:x};{tail:x}")
        }
        Reached::Whole(whole) => {
            let inside = whole.inside.as_ref().map(Offset::encode);
            let inside = inside.map_or("-".to_owned(), |inside| {
                percent_encode(&inside).into_owned()
            });
            format!(
                "w{};{};{};{inside}",
                whole.part, whole.stamp.0, whole.stamp.1
            )
        }
    };
    let (number, path) = (member.number, percent_encode(&member.path));
    // Writing into a string cannot fail.
    let _ = write!(
        text,
        "{number};{device:x};{inode:x};{born};{state};{reached};{path}"
    );
}

fn decode(text: &str) -> Result<Member> {
    let mut parts = text.split(';');
    let mut next = || parts.next().ok_or_else(damaged);
    let (order, device, inode) = (
        number(next()?, 10)?,
        number(next()?, 16)?,
        number(next()?, 16)?,
    );
    let born = match next()? {
        "-" => None,
        born => Some(number(born, 16)?),
    };
    let state = match next()? {
        "o" => State::Open,
        "d" => State::Done,
        "l" => State::Left,
        _ => return Err(damaged()),
    };
    let first = next()?;
    let reached = match first.as_bytes().first() {
        Some(b'b') => Reached::Lines(Lines {
            at: number(&first[1..], 10)?,
            record: number(next()?, 10)?,
            head: number(next()?, 16)?,
            tail: number(next()?, 16)?,
        }),
        Some(b'w') => Reached::Whole(Whole {
            part: number(&first[1..], 10)?,
            stamp: (
                number(next()?, 10)?,
                next()?.parse().map_err(|_| damaged())?,
            ),
            inside: match next()? {
                "-" => None,
                inside => Some(FileOffset::decode(1, &percent_decode(inside)?)?),
            },
        }),
        _ => return Err(damaged()),
    };
    Ok(Member {
        number: order,
        identity: Identity {
            device,
            inode,
            born,
        },
        path: percent_decode(next()?)?.into_owned(),
        reached,
        state,
    })
}

fn damaged() -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        "stored position of watched files is damaged",
    )
}

#[cfg(test)]
mod tests {
    use velo_core::SourceOffset;

    use super::*;
    use crate::offset::{Fingerprint, Place};

    fn offset() -> WatchOffset {
        let identity = Identity {
            device: 254,
            inode: 77,
            born: Some(123_456_789),
        };
        let member = |number, path: &str, reached, state| Member {
            number,
            identity,
            path: path.to_owned(),
            reached,
            state,
        };
        let lines = Lines {
            at: 9,
            record: 2,
            head: u64::MAX,
            tail: 1,
        };
        let inside = FileOffset {
            path: "/x|;:%".to_owned(),
            place: Place::Row { group: 1, row: 2 },
            record: 3,
            fingerprint: Fingerprint::default(),
        };
        let mut shelf = Shelf::default();
        shelf.insert(member(1, "/a;b|c%d é", Reached::Lines(lines), State::Open));
        let stamp = (10, -5);
        let whole = |inside| {
            Reached::Whole(Whole {
                part: 2,
                inside,
                stamp,
            })
        };
        shelf.insert(member(2, "/x", whole(Some(inside)), State::Done));
        shelf.insert(member(3, "/y", whole(None), State::Left));
        WatchOffset {
            serial: 5,
            records: 100,
            next: 4,
            shelf,
            text: Arc::default(),
        }
    }

    #[test]
    fn text_round_trips() {
        let text = SourceOffset::seal(offset()).to_string();
        let stored: SourceOffset = text.parse().unwrap();
        let opened = stored.open::<WatchOffset>().unwrap();
        assert_eq!((opened.serial, opened.records, opened.next), (5, 100, 4));
        let expected = offset();
        assert!(opened.shelf.all().eq(expected.shelf.all()));
        assert_eq!(SourceOffset::seal(opened).to_string(), text);
    }

    #[test]
    fn damaged_text_is_refused() {
        let text = offset().encode();
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            // No prefix panics; those that end with a path are positions.
            let _ = WatchOffset::decode(1, &text[..end]);
        }
        for damaged in [
            "",
            "1:2",
            "1:2:3|",
            "1:2:3|1;2;3;-;x;b1;2;3;4;p",
            "1:2:3|1;2;3;-;o;ü",
        ] {
            assert!(WatchOffset::decode(1, damaged).is_err(), "{damaged}");
        }
    }
}
