//! Memory that is counted: reserved where buffers are made, released when the last holder drops.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A share of memory in bytes, counted in steps of 1 KiB; clones share it.
///
/// Readers and writers get separate budgets, or they starve each other. A single reservation
/// larger than the whole budget is granted alone, so that nothing waits for ever.
///
/// ```
/// use velo_core::Budget;
/// let budget = Budget::new(64 << 20);
/// let lease = budget.try_reserve(1 << 20).unwrap();
/// assert_eq!(budget.used(), 1 << 20);
/// drop(lease);
/// assert_eq!(budget.used(), 0);
/// ```
#[derive(Clone)]
pub struct Budget {
    semaphore: Arc<Semaphore>,
    steps: u32,
}

const STEP: u64 = 1024;

impl Budget {
    /// Makes a budget of so many bytes, at least one step and at most 2 TiB.
    ///
    /// ```
    /// assert_eq!(velo_core::Budget::new(4096).total(), 4096);
    /// ```
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize / 2);
        let steps = u32::try_from(bytes.div_ceil(STEP))
            .unwrap_or(u32::MAX)
            .clamp(1, most as u32);
        Self {
            semaphore: Arc::new(Semaphore::new(steps as usize)),
            steps,
        }
    }

    /// Waits until so many bytes are free and takes them.
    ///
    /// Cancel-safe: dropping the future reserves nothing.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let budget = velo_core::Budget::new(1 << 20);
    /// let lease = budget.reserve(1024).await;
    /// assert_eq!(lease.bytes(), 1024);
    /// # });
    /// ```
    pub async fn reserve(&self, bytes: u64) -> Lease {
        let steps = self.steps_of(bytes);
        let permit = self.semaphore.clone().acquire_many_owned(steps).await;
        // The semaphore is never closed, so `permit` is always there.
        Lease {
            permit: permit.ok(),
            bytes: u64::from(steps) * STEP,
        }
    }

    /// Takes so many bytes if they are free now.
    ///
    /// ```
    /// let budget = velo_core::Budget::new(1024);
    /// let all = budget.try_reserve(1024);
    /// assert!(all.is_some() && budget.try_reserve(1).is_none());
    /// ```
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<Lease> {
        let steps = self.steps_of(bytes);
        let permit = self.semaphore.clone().try_acquire_many_owned(steps).ok()?;
        Some(Lease {
            permit: Some(permit),
            bytes: u64::from(steps) * STEP,
        })
    }

    /// Gives the size of the budget in bytes.
    ///
    /// ```
    /// assert_eq!(velo_core::Budget::new(1).total(), 1024);
    /// ```
    #[must_use]
    pub fn total(&self) -> u64 {
        u64::from(self.steps) * STEP
    }

    /// Gives how many bytes are reserved now.
    ///
    /// ```
    /// assert_eq!(velo_core::Budget::new(1 << 20).used(), 0);
    /// ```
    #[must_use]
    pub fn used(&self) -> u64 {
        self.total() - self.semaphore.available_permits() as u64 * STEP
    }

    fn steps_of(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(STEP))
            .unwrap_or(u32::MAX)
            .min(self.steps)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Budget({} of {} bytes)", self.used(), self.total())
    }
}

/// Reserved memory; dropping it gives the bytes back.
///
/// ```
/// let lease = velo_core::Budget::new(4096).try_reserve(100).unwrap();
/// assert_eq!(lease.bytes(), 1024);
/// ```
#[derive(Debug)]
#[must_use = "dropping the lease gives the memory back"]
pub struct Lease {
    permit: Option<OwnedSemaphorePermit>,
    bytes: u64,
}

impl Lease {
    /// Gives how many bytes are held: the request, rounded up to steps of 1 KiB.
    ///
    /// ```
    /// assert_eq!(velo_core::Budget::new(4096).try_reserve(1025).unwrap().bytes(), 2048);
    /// ```
    #[must_use]
    pub fn bytes(&self) -> u64 {
        if self.permit.is_some() { self.bytes } else { 0 }
    }

    /// Gives back what is held beyond so many bytes.
    ///
    /// ```
    /// let budget = velo_core::Budget::new(1 << 20);
    /// let mut lease = budget.try_reserve(1 << 20).unwrap();
    /// lease.shrink_to(1500);
    /// assert_eq!((lease.bytes(), budget.used()), (2048, 2048));
    /// ```
    pub fn shrink_to(&mut self, bytes: u64) {
        let kept = bytes.div_ceil(STEP);
        let excess = (self.bytes / STEP).saturating_sub(kept);
        let excess = usize::try_from(excess).unwrap_or(usize::MAX);
        let permit = self.permit.as_mut();
        if permit.and_then(|permit| permit.split(excess)).is_some() {
            self.bytes = kept * STEP;
        }
    }
}
