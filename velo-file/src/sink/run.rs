//! What the writers of one run share: the order of their pieces and the open files.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Mutex;
use velo_core::{Barrier, Prepared, Result};

use super::Settings;
use super::claim::Claim;
use super::order::Order;
use super::output::Output;
use super::piece::Route;

pub(super) struct Run {
    pub(super) settings: Arc<Settings>,
    pub(super) claim: Arc<Claim>,
    pub(super) order: Order,
    output: Mutex<Option<Output>>,
}

impl Run {
    pub(super) fn new(settings: Arc<Settings>, claim: Arc<Claim>, output: Output) -> Self {
        Self {
            settings,
            claim,
            order: Order::default(),
            output: Mutex::new(Some(output)),
        }
    }

    /// Puts the pieces whose turn has come into their files.
    pub(super) async fn append_due(&self) -> Result<()> {
        if !self.order.has_due() {
            return Ok(());
        }
        self.with_output(|output| {
            while let Some(piece) = self.order.next(false)? {
                output.append(piece)?;
            }
            Ok(())
        })
        .await
    }

    /// Ends the epoch for all lanes: the rest of the pieces in order, then the files' ends.
    ///
    /// If the epoch is held, pieces whose turn has not come may go on waiting for it.
    pub(super) async fn prepare(&self, epoch: u64, barrier: Barrier) -> Result<Prepared> {
        let prepared = self.with_output(|output| {
            let hold = output.may_hold(barrier);
            while let Some(piece) = self.order.next(!hold)? {
                output.append(piece)?;
            }
            output.prepare(epoch, barrier, hold, self.order.has_queued())
        });
        let prepared = prepared.await?;
        self.order.next_round();
        Ok(prepared)
    }

    pub(super) async fn announce(&self, route: &Arc<Route>) -> Result<()> {
        self.with_output(|output| output.announce(route)).await
    }

    async fn with_output<T>(&self, work: impl FnOnce(&mut Output) -> Result<T>) -> Result<T> {
        let mut output = self.output.lock().await;
        self.order.check()?;
        let Some(open) = output.as_mut() else {
            return Err(super::failure::spent());
        };
        let done = work(open);
        if done.is_err() {
            self.order.fail();
            // Removes whatever is under construction and no checkpoint knows.
            *output = None;
        }
        done
    }

    /// Lets a lane go.
    pub(super) fn leave(&self, lane: u32, prepared: bool) {
        if self.order.leave(lane, prepared) {
            self.claim.incomplete.store(true, Ordering::Release);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        *self.output.get_mut() = None;
        self.claim.tidy();
    }
}
