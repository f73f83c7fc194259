#![doc = include_str!("../README.md")]

mod contract;
pub mod crash;
pub mod data;
mod diff;
mod harness;
pub mod models;
mod options;
mod sink;
mod source;
mod stage;

pub use contract::{run, run_all, trials};
pub use diff::{Difference, assert_same_rows, same_rows, same_rows_in_any_order};
pub use harness::{Ability, Door, Happening, Harness, Place};
