#![doc = include_str!("../README.md")]

#[cfg(feature = "processes")]
pub mod campaign;
mod contract;
#[cfg(feature = "processes")]
pub mod copier;
pub mod crash;
pub mod data;
mod diff;
mod harness;
#[cfg(feature = "processes")]
pub mod ledger;
pub mod models;
mod options;
#[cfg(feature = "processes")]
pub mod oracle;
#[cfg(feature = "processes")]
pub mod power;
#[cfg(feature = "processes")]
pub mod process;
#[cfg(feature = "processes")]
pub mod proxy;
mod sink;
mod source;
mod stage;

pub use contract::{run, run_all, trials};
pub use diff::{Difference, assert_same_rows, same_rows, same_rows_in_any_order};
pub use harness::{Ability, Door, Happening, Harness, Place};
