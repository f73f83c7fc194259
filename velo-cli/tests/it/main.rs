//! The binary as its users meet it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod copies;
mod crashes;
mod errors;
mod hostile;
#[cfg(feature = "orc")]
mod orc;
mod pipes;
mod shows;
mod velo;
