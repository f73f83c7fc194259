//! The places where a run can stop.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// Counts the steps of a run, and stops it at one of them; clones share it.
///
/// ```
/// let steps = velo_testkit::crash::Steps::new(Some(3));
/// assert!(!steps.parked());
/// ```
#[derive(Debug, Clone)]
pub struct Steps(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    taken: u64,
    crash: Option<u64>,
    parked: bool,
    idle: bool,
}

impl Steps {
    /// Starts to count; the run stops at the step with this number, from 1.
    ///
    /// ```
    /// assert_eq!(velo_testkit::crash::Steps::new(None).taken(), 0);
    /// ```
    #[must_use]
    pub fn new(crash: Option<u64>) -> Self {
        Self(Arc::new(Mutex::new(State {
            taken: 0,
            crash,
            parked: false,
            idle: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets others go on, and stops here for good if this is the step.
    pub(super) async fn step(&self) {
        let mut first = true;
        poll_fn(|_| {
            let mut state = self.lock();
            if first {
                first = false;
                state.taken += 1;
                state.parked = state.crash == Some(state.taken);
                return Poll::Pending;
            }
            match state.parked {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        })
        .await;
    }

    /// Says whether the run has stopped.
    ///
    /// ```
    /// assert!(!velo_testkit::crash::Steps::new(None).parked());
    /// ```
    #[must_use]
    pub fn parked(&self) -> bool {
        self.lock().parked
    }

    /// Lets a stopped run go on; says whether it had stopped.
    pub(super) fn unpark(&self) -> bool {
        std::mem::take(&mut self.lock().parked)
    }

    /// Gives how many steps the run has taken.
    ///
    /// ```
    /// assert_eq!(velo_testkit::crash::Steps::new(None).taken(), 0);
    /// ```
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// Says whether the run has its crash still before it.
    pub(super) fn doomed(&self) -> bool {
        let state = self.lock();
        state.crash.is_some_and(|crash| state.taken < crash)
    }

    pub(super) fn idle(&self) -> bool {
        self.lock().idle
    }

    pub(super) fn rest(&self) {
        self.lock().idle = true;
    }

    pub(super) fn busy(&self) {
        self.lock().idle = false;
    }
}
