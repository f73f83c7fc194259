//! The binary as its users meet it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod copies;
mod crashes;
mod deploy;
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
mod setup;
mod shows;
mod state;
mod velo;
mod watch;
#[cfg(feature = "status")]
mod watching;
