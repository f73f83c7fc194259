//! Leaving out records at either end of what was decoded.

use velo_format::Decoded;

use super::records::good;

/// Leaves out so many records at the front.
pub(super) fn leave_out(decoded: &mut Decoded, records: usize) {
    let left_out = good(&decoded.bad, records).count();
    decoded.bad.retain(|bad| bad.record >= records);
    decoded.bad.iter_mut().for_each(|bad| bad.record -= records);
    let good = left_out.min(decoded.rows.num_rows());
    decoded.rows = decoded.rows.slice(good, decoded.rows.num_rows() - good);
    decoded
        .row_starts
        .drain(..good.min(decoded.row_starts.len()));
}

/// Leaves out what goes beyond so many records.
pub(super) fn cut(decoded: &mut Decoded, records: usize) {
    decoded.bad.retain(|bad| bad.record < records);
    let good = good(&decoded.bad, records).count();
    decoded.rows = decoded.rows.slice(0, good.min(decoded.rows.num_rows()));
    decoded.row_starts.truncate(good);
}
