//! A circuit breaker: after too many failures in a row nothing is tried for a while.
//!
//! Closed, tries go through; so many failures in a row open it. Open, nothing is tried until its
//! time is over; then it is half-open: one try at a time goes through, a failure opens it again, so
//! many successes in a row close it. (M. Nygard, Release It!, 2007.)

use std::time::Duration;

/// When trying is given up for a while.
///
/// ```
/// assert_eq!(velo_pipeline::BreakerSettings::default().failures, 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long it stays open before one try is let through.
    pub open_for: Duration,
    /// Successes in a row that close it again; at least 1.
    pub successes: u32,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(10),
            successes: 1,
        }
    }
}

/// A circuit breaker; time is told to it, as the time since any fixed moment.
///
/// ```
/// use std::time::Duration;
/// use velo_pipeline::{Breaker, BreakerSettings};
/// let mut breaker = Breaker::new(BreakerSettings { failures: 2, ..Default::default() });
/// let second = Duration::from_secs;
/// breaker.failed(second(1));
/// assert_eq!(breaker.wait(second(1)), Duration::ZERO);
/// breaker.failed(second(2));
/// assert_eq!(breaker.wait(second(5)), second(7));
/// breaker.succeeded(second(40));
/// assert_eq!(breaker.wait(second(40)), Duration::ZERO);
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: BreakerSettings,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { since: Duration },
    HalfOpen { successes: u32 },
}

impl Breaker {
    /// Makes a closed breaker.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: State::Closed { failures: 0 },
        }
    }

    /// Gives how long nothing must be tried from now on; zero where a try may begin.
    #[must_use]
    pub fn wait(&self, now: Duration) -> Duration {
        match self.state {
            State::Open { since } => (since + self.settings.open_for).saturating_sub(now),
            State::Closed { .. } | State::HalfOpen { .. } => Duration::ZERO,
        }
    }

    /// Says in one word how it stands: `closed`, `open` or `half-open`.
    #[must_use]
    pub fn state(&self, now: Duration) -> &'static str {
        match self.at(now) {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "half-open",
        }
    }

    /// Learns that a try has failed.
    pub fn failed(&mut self, now: Duration) {
        self.state = match self.at(now) {
            State::Closed { failures } if failures + 1 < self.settings.failures => State::Closed {
                failures: failures + 1,
            },
            State::Closed { .. } | State::HalfOpen { .. } => State::Open { since: now },
            // A try that began before it opened says nothing new.
            State::Open { since } => State::Open { since },
        };
    }

    /// Learns that a try has succeeded.
    pub fn succeeded(&mut self, now: Duration) {
        self.state = match self.at(now) {
            State::HalfOpen { successes } if successes + 1 < self.settings.successes => {
                State::HalfOpen {
                    successes: successes + 1,
                }
            }
            State::Closed { .. } | State::HalfOpen { .. } => State::Closed { failures: 0 },
            State::Open { since } => State::Open { since },
        };
    }

    /// An open breaker becomes half-open by itself when its time is over.
    fn at(&self, now: Duration) -> State {
        match self.state {
            State::Open { .. } if self.wait(now).is_zero() => State::HalfOpen { successes: 0 },
            state => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Fails,
        Succeeds,
        Waits(u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => Just(Step::Fails),
            2 => Just(Step::Succeeds),
            2 => (1..20_u8).prop_map(Step::Waits),
        ];
        prop::collection::vec(step, 0..40)
    }

    /// The same, told by the whole history: whether it is open, from the last change on.
    fn told_by_history(
        settings: BreakerSettings,
        history: &[(Duration, bool)],
        now: Duration,
    ) -> &'static str {
        let mut opened: Option<Duration> = None;
        let (mut bad, mut good) = (0, 0);
        for (at, success) in history {
            match opened {
                Some(since) if *at < since + settings.open_for => {}
                Some(_) if *success => {
                    good += 1;
                    if good == settings.successes {
                        (opened, bad) = (None, 0);
                    }
                }
                Some(_) => (opened, good) = (Some(*at), 0),
                None if *success => bad = 0,
                None => {
                    bad += 1;
                    if bad == settings.failures {
                        (opened, good) = (Some(*at), 0);
                    }
                }
            }
        }
        match opened {
            None => "closed",
            Some(since) if now < since + settings.open_for => "open",
            Some(_) => "half-open",
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        #[test]
        fn agrees_with_its_history(
            steps in steps(),
            failures in 1..5_u32,
            successes in 1..4_u32,
            open_for in 1..30_u64,
        ) {
            let settings = BreakerSettings {
                failures,
                successes,
                open_for: Duration::from_secs(open_for),
            };
            let (mut breaker, mut now) = (Breaker::new(settings), Duration::ZERO);
            let mut history = Vec::new();
            for step in steps {
                match step {
                    Step::Waits(seconds) => now += Duration::from_secs(seconds.into()),
                    Step::Fails => {
                        history.push((now, false));
                        breaker.failed(now);
                    }
                    Step::Succeeds => {
                        history.push((now, true));
                        breaker.succeeded(now);
                    }
                }
                prop_assert_eq!(breaker.state(now), told_by_history(settings, &history, now));
                prop_assert_eq!(breaker.wait(now).is_zero(), breaker.state(now) != "open");
            }
        }
    }
}
