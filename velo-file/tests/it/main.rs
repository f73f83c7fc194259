//! Files, written and read.

#![allow(clippy::unwrap_used)]

mod sink;
mod source;
