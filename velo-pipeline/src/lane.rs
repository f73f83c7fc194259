//! What every lane does with an event, bounded or not.

use std::sync::Arc;

use tokio::sync::Mutex;
use velo_core::{DataWriter, Error, ErrorKind, Event, Mark, Rejected, Result, Split};

use crate::Counters;
use crate::dead_letters::{DeadLetters, Letter, Stage};

/// Where rejected rows go: into dead letters, or nowhere but the count.
pub(crate) type Letters = Option<Arc<Mutex<DeadLetters>>>;

/// Follows one split from batch to mark.
pub(crate) struct Follow {
    pub(crate) split: Arc<Split>,
    /// The last mark, if there was one.
    pub(crate) mark: Option<Mark>,
    /// Rows were yielded that no mark covers yet.
    pub(crate) uncovered: bool,
    bytes_counted: u64,
}

impl Follow {
    pub(crate) fn new(split: Arc<Split>) -> Self {
        Self {
            split,
            mark: None,
            uncovered: false,
            bytes_counted: 0,
        }
    }

    /// Hands one event on and keeps count.
    pub(crate) async fn take(
        &mut self,
        event: Event,
        writer: &mut dyn DataWriter,
        counters: &Counters,
        letters: &Letters,
    ) -> Result<()> {
        match event {
            Event::Rows(batch) => {
                self.uncovered |= batch.num_rows() > 0;
                let rows = batch.num_rows();
                writer.write(batch).await?;
                counters.add_rows(rows);
            }
            Event::Schema(change) => writer.change_schema(&change).await?,
            Event::Rejected(rejected) => {
                self.uncovered = true;
                counters.add_rejected();
                keep(&[rejected], Stage::Decode, letters).await?;
            }
            Event::Mark(mark) => {
                counters.add_bytes(mark.bytes_read.saturating_sub(self.bytes_counted));
                self.bytes_counted = mark.bytes_read;
                self.uncovered = false;
                self.mark = Some(mark);
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Unexpected,
                    "event of an unknown kind",
                ));
            }
        }
        Ok(())
    }

    /// Names a reader that ended with rows which no mark covers (R3).
    pub(crate) fn check_end(&self) -> Result<()> {
        if self.uncovered {
            return Err(
                Error::new(ErrorKind::Unexpected, "reader ended without a mark")
                    .with("split", &self.split.id),
            );
        }
        Ok(())
    }
}

/// Keeps rejected rows as dead letters, where there are any.
pub(crate) async fn keep(rejected: &[Rejected], stage: Stage, letters: &Letters) -> Result<()> {
    let Some(letters) = letters else {
        return Ok(());
    };
    let rejected = rejected.iter().cloned();
    let kept: Vec<_> = rejected
        .map(|rejected| Letter::new(rejected, stage))
        .collect();
    letters.lock().await.write(&kept).await
}
