//! Pipelines over connectors in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod configuration;
mod copy;
mod crashes;
#[cfg(feature = "status")]
#[path = "../../src/metrics/tests/evaluate.rs"]
mod evaluate;
mod mortal;
mod numbers;
mod rules;
#[cfg(feature = "status")]
mod scripted;
#[cfg(feature = "status")]
mod status;
#[cfg(feature = "status")]
mod stuck;
mod two_phase;
