//! Connector against connector, and the copy loop over models of difficult sources.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod changes;
mod group;
mod running;
