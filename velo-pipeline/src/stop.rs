//! A request to stop in good order.

use std::sync::Arc;

use tokio::sync::watch;

/// Asks a running copy to stop; clones ask the same copy.
///
/// A bounded copy gives up and leaves its destination as it was; an unbounded one commits what it
/// has and ends.
///
/// ```
/// let stop = velo_pipeline::Stop::default();
/// stop.now();
/// assert!(stop.is_set());
/// ```
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Asks to stop.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    /// Says whether somebody asked.
    #[must_use]
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        let mut asked = self.0.subscribe();
        // The sender lives in `self`, so waiting cannot fail before it is asked.
        let _closed = asked.wait_for(|asked| *asked).await.is_err();
    }
}
