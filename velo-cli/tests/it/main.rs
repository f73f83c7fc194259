//! The binary as its users meet it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod copies;
mod crashes;
mod dlq;
mod errors;
mod generated;
mod hostile;
mod kills;
#[cfg(feature = "orc")]
mod orc;
#[cfg(feature = "status")]
mod page;
mod pipelines;
mod pipes;
mod shows;
mod state;
mod velo;
#[cfg(feature = "status")]
mod watching;
