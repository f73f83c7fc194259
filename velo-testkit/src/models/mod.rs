//! Small models of two sources that files and tables are not: a consumer group with rebalances,
//! and a change stream of many tables. Both pass the contract, and copy loops run against them.

mod changes;
mod group;
mod harness;

use velo_core::{Batch, ReadRequest, Result};

pub use changes::{ChangeOffset, ChangeStream, ChangeStreamSource};
pub use group::{Group, GroupOffset, GroupSource};
pub use harness::{ChangesHarness, GroupHarness, MemoryHarness};

/// Keeps the columns that were asked for.
fn shown(batch: Batch, request: &ReadRequest) -> Result<Batch> {
    match &request.projection {
        Some(names) => batch.project(names),
        None => Ok(batch),
    }
}
