//! A commit, asked for until its outcome is known.

use std::time::Duration;

use velo_core::{Commit, DataSink, ErrorKind, Result};

const TRIES: u32 = 5;

/// Commits; asks again while the outcome is unknown (P7).
pub(crate) async fn commit(sink: &dyn DataSink, commit: &Commit) -> Result<()> {
    let mut tries = 1;
    loop {
        match sink.commit(commit).await {
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown && tries < TRIES => {
                tracing::debug!(error = %error, tries, "commit outcome unknown, asking again");
                tokio::time::sleep(Duration::from_millis(100) * tries).await;
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}
