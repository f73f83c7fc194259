//! Pipelines over connectors in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod configuration;
mod copy;
mod crashes;
mod mortal;
mod numbers;
mod rules;
mod two_phase;
