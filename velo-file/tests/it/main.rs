//! Files, written and read.

#![allow(clippy::unwrap_used, clippy::panic)]

mod sink;
mod source;
mod watch;
