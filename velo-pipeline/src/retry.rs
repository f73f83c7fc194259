//! What is done about failures that pass: wait, longer each time, and try again.

use std::time::Duration;

use velo_core::{Error, ErrorKind};

use crate::{Breaker, BreakerSettings};

/// How failures that pass are tried again: exponential backoff with jitter.
///
/// Whether a failure passes is the error's own word ([`Error::is_retryable`]); an aborted commit is
/// replayed in the same way.
///
/// ```
/// let retry = velo_pipeline::Retry::default();
/// assert!(retry.first < retry.longest);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// The wait before the second try.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How much longer each wait is than the one before.
    pub factor: f64,
    /// The share of each wait that is left to chance, from 0 to 1, so that many processes do not
    /// come back at the same moment.
    pub jitter: f64,
    /// Tries in a row without a commit in between; `None` means any number.
    pub tries: Option<u32>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
            factor: 2.0,
            jitter: 0.5,
            tries: None,
        }
    }
}

impl Retry {
    /// Gives the wait after so many failures in a row, from 1; `chance` is from 0 to 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// let retry = velo_pipeline::Retry { jitter: 0.0, ..Default::default() };
    /// assert_eq!(retry.wait(1, 0.5), Duration::from_millis(100));
    /// assert_eq!(retry.wait(3, 0.5), Duration::from_millis(400));
    /// assert_eq!(retry.wait(99, 0.5), Duration::from_secs(10));
    /// ```
    #[must_use]
    pub fn wait(&self, failures: u32, chance: f64) -> Duration {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let full = self.first.as_secs_f64() * self.factor.max(1.0).powi(exponent);
        let full = full.min(self.longest.as_secs_f64());
        let jitter = self.jitter.clamp(0.0, 1.0) * chance.clamp(0.0, 1.0);
        Duration::from_secs_f64(full * (1.0 - jitter))
    }
}

/// The failures in a row of one run.
pub(crate) struct Attempts<'a> {
    retry: &'a Retry,
    breaker: Breaker,
    failures: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(retry: &'a Retry, breaker: BreakerSettings) -> Self {
        Self {
            retry,
            breaker: Breaker::new(breaker),
            failures: 0,
        }
    }

    /// Says in one word how the circuit breaker stands.
    pub(crate) fn breaker(&self, now: Duration) -> &'static str {
        self.breaker.state(now)
    }

    /// Learns that something was committed.
    pub(crate) fn succeeded(&mut self, now: Duration) {
        self.failures = 0;
        self.breaker.succeeded(now);
    }

    /// Gives the wait before the next try; `None` if there is none.
    pub(crate) fn failed(&mut self, error: &Error, now: Duration) -> Option<Duration> {
        if !error.is_retryable() && error.kind() != ErrorKind::Aborted {
            return None;
        }
        self.failures += 1;
        if self.retry.tries.is_some_and(|tries| self.failures >= tries) {
            return None;
        }
        self.breaker.failed(now);
        let backoff = self.retry.wait(self.failures, fastrand::f64());
        Some(backoff.max(self.breaker.wait(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    #[test]
    fn only_what_passes_is_tried_again() {
        let retry = Retry::default();
        let mut attempts = Attempts::new(&retry, BreakerSettings::default());
        let passing = Error::new(ErrorKind::Unavailable, "connect").retryable();
        assert!(attempts.failed(&passing, NOW).is_some());
        assert!(
            attempts
                .failed(&Error::new(ErrorKind::Aborted, "commit"), NOW)
                .is_some()
        );
        for kind in [
            ErrorKind::Fenced,
            ErrorKind::InvalidData,
            ErrorKind::StateLost,
            ErrorKind::Io,
        ] {
            assert!(
                attempts.failed(&Error::new(kind, "x"), NOW).is_none(),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn waits_grow_to_a_limit_and_start_anew_after_a_success() {
        let retry = Retry {
            jitter: 0.0,
            tries: Some(4),
            ..Retry::default()
        };
        let mut attempts = Attempts::new(&retry, BreakerSettings::default());
        let passing = Error::new(ErrorKind::Unavailable, "connect").retryable();
        let mut waits = || attempts.failed(&passing, NOW).map(|wait| wait.as_millis());
        assert_eq!(
            [waits(), waits(), waits(), waits()],
            [Some(100), Some(200), Some(400), None]
        );
        attempts.succeeded(NOW);
        assert_eq!(
            attempts.failed(&passing, NOW),
            Some(Duration::from_millis(100))
        );
    }

    #[test]
    fn an_open_breaker_makes_the_wait_longer() {
        let retry = Retry::default();
        let mut attempts = Attempts::new(&retry, BreakerSettings::default());
        let passing = Error::new(ErrorKind::Unavailable, "connect").retryable();
        let waits = [(); 5].map(|()| attempts.failed(&passing, NOW).unwrap());
        assert!(waits[3] <= Duration::from_secs(1));
        assert_eq!(waits[4], Duration::from_secs(10));
        assert_eq!(attempts.breaker(NOW), "open");
    }

    #[test]
    fn jitter_only_shortens() {
        let retry = Retry::default();
        for chance in [0.0, 0.3, 1.0] {
            let wait = retry.wait(2, chance);
            assert!(wait <= Duration::from_millis(200) && wait >= Duration::from_millis(100));
        }
    }
}
