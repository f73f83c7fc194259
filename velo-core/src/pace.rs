//! So many units per second, without bursts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How much lost time may be made up for at once.
const SLACK: Duration = Duration::from_millis(20);
/// A portion of one is never further away than this, so that no time overflows.
const LONGEST: f64 = 1e9;

/// Spaces out units (rows, bytes) by tokio's clock: so many per second, over all who share it.
///
/// Whoever wants to go on claims a slot for some units and waits until it begins. Slots follow
/// one another without gaps; time that nobody claimed is lost but for 20 ms, so that a pause is
/// not followed by a burst.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let pace = velo_core::Pace::new(1000.0);
/// let first = pace.claim(10);
/// assert!(pace.claim(10) >= first + std::time::Duration::from_millis(10));
/// pace.wait(1).await;
/// # });
/// ```
#[derive(Debug)]
pub struct Pace {
    per_second: f64,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Makes a pace of so many units per second; what is not above zero counts as one in thirty
    /// years.
    ///
    /// ```
    /// let pace = velo_core::Pace::new(0.5);
    /// assert_eq!(pace.portion(std::time::Duration::from_secs(10)), 5);
    /// ```
    #[must_use]
    pub fn new(per_second: f64) -> Self {
        Self {
            per_second: per_second.max(1.0 / LONGEST),
            next: Mutex::new(None),
        }
    }

    /// Gives how many units pass in a time, at least 1.
    ///
    /// ```
    /// let pace = velo_core::Pace::new(100.0);
    /// assert_eq!(pace.portion(std::time::Duration::from_millis(1)), 1);
    /// ```
    #[must_use]
    pub fn portion(&self, time: Duration) -> u64 {
        // A float becomes the nearest integer that there is.
        ((self.per_second * time.as_secs_f64()) as u64).max(1)
    }

    /// Takes the next slot, long enough for so many units, and says when it begins.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// assert!(velo_core::Pace::new(1.0).claim(1) <= tokio::time::Instant::now());
    /// # });
    /// ```
    pub fn claim(&self, units: u64) -> Instant {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        let slot = next.map_or(now, |next| next.max(earliest));
        let length = Duration::from_secs_f64((units as f64 / self.per_second).min(LONGEST));
        *next = Some(slot.checked_add(length).unwrap_or(slot));
        slot
    }

    /// Claims a slot and waits until it begins. Dropping the future leaves the slot unused.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// velo_core::Pace::new(1e9).wait(1).await;
    /// # });
    /// ```
    pub async fn wait(&self, units: u64) {
        sleep_until(self.claim(units)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slots_follow_one_another() {
        let (pace, start) = (Pace::new(1000.0), Instant::now());
        for _ in 0..100 {
            pace.wait(50).await;
        }
        let elapsed = start.elapsed();
        // The last slot begins 99 portions after the first; the clock ticks in milliseconds.
        assert!(elapsed >= Duration::from_millis(99 * 50), "{elapsed:?}");
        assert!(elapsed <= Duration::from_millis(99 * 50 + 2), "{elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_not_made_up_for() {
        let pace = Pace::new(1000.0);
        pace.wait(10).await;
        tokio::time::advance(Duration::from_secs(60)).await;
        let now = Instant::now();
        let at_once = (0..1000).filter(|_| pace.claim(1) <= now).count();
        assert!(at_once <= 21, "{at_once} units at once");
    }

    #[tokio::test(start_paused = true)]
    async fn no_rate_and_no_number_of_units_overflows() {
        for per_second in [0.0, -1.0, f64::NAN, f64::MIN_POSITIVE, f64::INFINITY] {
            let pace = Pace::new(per_second);
            for _ in 0..3 {
                pace.claim(u64::MAX);
            }
            assert!(pace.portion(Duration::from_secs(1)) >= 1);
        }
    }
}
