//! Rows as they pass, for whoever looks: a sample, and nothing while nobody does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use velo_core::Batch;

use super::Counters;
use crate::transform::rows_as_json;

/// Rows of one batch that are shown at most.
const ROWS: usize = 20;

/// How often a batch is looked at.
const EVERY: Duration = Duration::from_millis(100);

/// Lines that wait for the reader, at most; later ones are left out.
const LINES: usize = 1000;

/// Batches with longer rows, in bytes, are not shown.
const LONGEST: usize = 64 << 10;

/// A look at the rows that pass.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    listened: AtomicBool,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: Vec<String>,
    last: Option<Instant>,
}

impl Tap {
    /// Shows some rows of a batch, if somebody looks and the last ones were long enough ago.
    pub(crate) fn passes(&self, batch: &Batch) {
        if !self.listened.load(Ordering::Relaxed) {
            return;
        }
        // Whoever finds another lane here goes on: nobody waits for a spectator.
        let Ok(mut lines) = self.lines.try_lock() else {
            return;
        };
        let recently = lines.last.is_some_and(|last| last.elapsed() < EVERY);
        let size = batch.rows().get_array_memory_size() / batch.num_rows().max(1);
        if recently || lines.waiting.len() >= LINES || size > LONGEST {
            return;
        }
        lines.last = Some(Instant::now());
        let picked: Vec<u32> = (0..).take(batch.num_rows().min(ROWS)).collect();
        let stream = serde_json::Value::from(batch.stream().name());
        // Rows that have no JSON are not shown.
        for row in rows_as_json(batch.rows(), &picked).unwrap_or_default() {
            let row = String::from_utf8_lossy(&row);
            lines
                .waiting
                .push(format!("{{\"stream\":{stream},\"row\":{row}}}\n"));
        }
    }
}

/// Looks at rows while it is held; only one at a time.
#[derive(Debug)]
pub struct Listening<'a>(&'a Tap);

impl Counters {
    /// Begins to look at a sample of the rows as the sink gets them; `None` while somebody else
    /// does. A pipeline that nobody looks at does nothing for it, and it never waits.
    #[must_use]
    pub fn listen(&self) -> Option<Listening<'_>> {
        let busy = self.tap.listened.swap(true, Ordering::Relaxed);
        // Not `then_some`: a listener that is made in vain would end the other one's listening.
        (!busy).then(|| Listening(&self.tap))
    }
}

impl Listening<'_> {
    /// Takes the rows that were seen since: JSON objects of `stream` and `row`, one on each line,
    /// at most a thousand.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut lines.waiting)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.listened.store(false, Ordering::Relaxed);
        drop(self.take());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use velo_core::StreamInfo;

    use super::*;

    fn batch(rows: i64) -> Batch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let rows = RecordBatch::try_from_iter([("id", ids)]).unwrap();
        Batch::new(Arc::new(StreamInfo::new("o", rows.schema())), rows).unwrap()
    }

    #[test]
    fn only_a_listener_gets_rows_and_only_some() {
        let counters = Counters::default();
        counters.tap.passes(&batch(3));
        let listening = counters.listen().unwrap();
        assert!(counters.listen().is_none());
        for _ in 0..100 {
            counters.tap.passes(&batch(5000));
        }
        let lines = listening.take();
        assert_eq!(lines.len(), ROWS);
        assert_eq!(lines[1], "{\"stream\":\"o\",\"row\":{\"id\":1}}\n");
        drop(listening);
        assert!(counters.listen().unwrap().take().is_empty());
    }
}
