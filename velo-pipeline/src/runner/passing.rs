//! A batch on its way from reader to writer: transformed, at the pace that is asked for.

use velo_core::{Batch, Result};

use super::lane::{Lane, writer};
use crate::dead_letters::{Letter, Stage};

impl Lane {
    pub(super) async fn transform(&mut self, batch: Batch) -> Result<()> {
        let pipeline = self.shared.pipeline.clone();
        if pipeline.transforms.is_empty() {
            return self.pass(batch).await;
        }
        let applied = self
            .bound
            .of(&pipeline.transforms, batch.stream())?
            .apply(batch)?;
        self.counts.filtered += applied.filtered;
        for rejected in applied.rejected {
            self.reject(Letter::new(rejected, Stage::Transform));
        }
        match applied.batch {
            Some(batch) => self.pass(batch).await,
            None => Ok(()),
        }
    }

    /// Writes a batch, at the pace that is asked for; a stop lets the rest pass at once.
    async fn pass(&mut self, batch: Batch) -> Result<()> {
        let pipeline = self.shared.pipeline.clone();
        let Some(limiter) = pipeline.transforms.limiter() else {
            return self.write(batch).await;
        };
        let (rows, bytes) = (batch.num_rows(), batch.rows().get_array_memory_size());
        let portion = limiter.rows_at_once(rows, bytes);
        let mut from = 0;
        while from < rows {
            let part = batch.slice(from, portion.min(rows - from));
            from += part.num_rows();
            let size = (bytes / rows * part.num_rows()) as u64;
            tokio::select! {
                () = limiter.wait(part.num_rows() as u64, size) => {}
                () = pipeline.stop.asked() => {}
            }
            self.write(part).await?;
        }
        Ok(())
    }

    async fn write(&mut self, batch: Batch) -> Result<()> {
        self.shared.note_stream(batch.stream());
        let rows = batch.num_rows();
        self.shared.pipeline.counters.tap.passes(&batch);
        writer(&mut self.writer)?.write(batch).await?;
        self.counts.written += rows as u64;
        self.shared.pipeline.counters.add_rows(rows);
        Ok(())
    }
}
