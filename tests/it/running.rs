//! An endless copy in the background, and what it has written so far.

use std::time::Duration;

use tokio::task::JoinHandle;
use velo_core::memory::Memory;
use velo_core::{DataSource, Result, Sink, Source};
use velo_pipeline::{Copy, Stop, Summary};

/// Far longer than any of these copies takes; it only ends tests that hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Running {
    pub(crate) memory: Memory,
    stop: Stop,
    copying: JoinHandle<Result<Summary>>,
}

impl Running {
    pub(crate) fn start(source: impl DataSource, memory: &Memory, threads: usize) -> Self {
        let mut copy = Copy::new(Source::new(source), Sink::new(memory.sink()));
        copy.threads = threads;
        copy.commit_interval = Duration::from_millis(5);
        let stop = copy.stop.clone();
        let copying = tokio::spawn(copy.run());
        Self {
            memory: memory.clone(),
            stop,
            copying,
        }
    }

    /// Waits until so many rows are committed.
    pub(crate) async fn reaches(&self, rows: usize) {
        let waiting = async {
            while self.memory.num_rows() < rows && !self.copying.is_finished() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(
            waited.is_ok(),
            "only {} of {rows} rows came",
            self.memory.num_rows()
        );
    }

    /// Asks the copy to stop and waits for its summary.
    pub(crate) async fn stop(self) -> Summary {
        self.stop.now();
        let summary = tokio::time::timeout(PATIENCE, self.copying).await;
        summary.expect("the copy did not stop").unwrap().unwrap()
    }
}
