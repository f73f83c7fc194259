//! `velo tap`: a sample of the rows that pass.

use velo_core::Result;

use crate::args::Tap;
use crate::report;
use crate::visit::Visit;

/// Prints rows as they pass, until there were enough of them or nobody answers any more.
pub(crate) fn tap(wanted: &Tap) -> Result<()> {
    let visit = Visit::to(&wanted.place)?;
    let mut left = wanted.limit.unwrap_or(usize::MAX);
    while left > 0 {
        let rows = visit.ask("/tap")?;
        for row in rows.lines().take(left) {
            left -= 1;
            // JSON escapes control characters, not marks of writing direction.
            report::print(&(report::plain_json(row) + "\n"))?;
        }
    }
    Ok(())
}
