//! Finding a record's start in the middle of an input.

use super::super::dialect::Dialect;
use super::super::index::Index;
use super::super::records::{Limits, Records};
use super::super::scan::State;

/// Finds where a record starts in a window that may start anywhere, also between quotes.
///
/// Both readings are followed, that the window starts between quotes and that it does not. Where
/// they come to the same record's end they are one from there on, and certain. Where they never
/// do, the one under which nearly all records have the right number of fields is taken if the
/// other is far from it; `None` when neither is, or both are.
pub(super) fn record_start(
    dialect: &Dialect,
    stride: usize,
    bytes: &[u8],
    limits: Limits,
) -> Option<usize> {
    let outside = line_ends(dialect, State::Unquoted, bytes);
    if dialect.quote.is_none() {
        return outside.first().copied();
    }
    let inside = line_ends(dialect, State::Quoted, bytes);
    let common = outside.iter().find(|end| inside.binary_search(end).is_ok());
    if let Some(common) = common {
        return Some(*common);
    }
    let share = |ends: &[usize]| {
        let start = ends.first();
        start.map_or(0.0, |start| {
            sound_share(dialect, stride, &bytes[*start..], limits)
        })
    };
    let (outside_share, inside_share) = (share(&outside), share(&inside));
    let clear = outside_share.max(inside_share) >= 0.9 && outside_share.min(inside_share) <= 0.5;
    let likely = if outside_share > inside_share {
        outside
    } else {
        inside
    };
    likely.first().filter(|_| clear).copied()
}

/// Gives the places behind each line's end.
fn line_ends(dialect: &Dialect, from: State, bytes: &[u8]) -> Vec<usize> {
    let mut index = Index::default();
    index.build(dialect, from, bytes, usize::MAX, false);
    let feeds = index.ends().iter().skip(1).map(|end| *end as usize);
    feeds
        .filter(|end| bytes[*end] == b'\n')
        .map(|end| end + 1)
        .collect()
}

/// Gives the part of the records in `bytes` that are sound.
fn sound_share(dialect: &Dialect, stride: usize, bytes: &[u8], limits: Limits) -> f64 {
    let mut records = Records::default();
    let (mut at, mut all, mut sound) = (0, 0, 0);
    while at < bytes.len() {
        match records.read(dialect, stride, &bytes[at..], limits) {
            Ok(used) if used > 0 => at += used,
            _ => break,
        }
        all += records.count;
        sound += records.len();
    }
    if all == 0 {
        0.0
    } else {
        sound as f64 / all as f64
    }
}
