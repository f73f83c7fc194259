//! Pipelines over connectors in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod configuration;
mod copy;
mod crashes;
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
