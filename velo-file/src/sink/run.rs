//! What the writers of one run share: the order of their pieces and the open files.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Mutex;
use velo_core::{Committable, Result};

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
    pub(super) async fn prepare(&self, epoch: u64) -> Result<Option<Committable>> {
        let committable = self.with_output(|output| {
            while let Some(piece) = self.order.next(true)? {
                output.append(piece)?;
            }
            output.prepare(epoch)
        });
        let committable = committable.await?;
        self.order.next_round();
        Ok(committable)
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
            // Removes whatever is under construction.
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
