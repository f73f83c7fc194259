//! Finding a record's start in the middle of an input.

use super::super::dialect::Dialect;
use super::super::index::Index;
use super::super::records::{Limits, Records};
use super::super::scan::State;

/// Finds where a record starts in a window that may start anywhere, also between quotes.
///
/// Both readings are tried, that the window starts between quotes and that it does not; the one
/// under which nearly all records have the right number of fields is taken if the other is far
/// from it. `None` when neither is, or both are.
pub(super) fn record_start(
    dialect: &Dialect,
    stride: usize,
    bytes: &[u8],
    limits: Limits,
) -> Option<usize> {
    let try_from = |state| {
        let mut index = Index::default();
        index.build(dialect, state, bytes, 1, false);
        let start = (index.consumed > 0).then_some(index.consumed)?;
        let share = sound_share(dialect, stride, &bytes[start..], limits);
        Some((start, share))
    };
    let outside = try_from(State::Unquoted);
    let inside = dialect.quote.and_then(|_| try_from(State::Quoted));
    let share = |found: Option<(usize, f64)>| found.map_or(0.0, |(_, share)| share);
    let (likely, other) = if share(outside) >= share(inside) {
        (outside, inside)
    } else {
        (inside, outside)
    };
    let clear = share(likely) >= 0.9 && share(other) <= 0.5;
    likely.filter(|_| clear).map(|(start, _)| start)
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
