#![doc = include_str!("../README.md")]

mod ahead;
mod bounded;
mod breaker;
mod commit;
pub mod config;
mod copy;
mod counters;
mod dead_letters;
mod discard;
mod ends;
mod guarantee;
pub mod health;
mod lane;
pub mod metrics;
mod retry;
mod rolling;
mod runner;
mod snapshot;
#[cfg(feature = "status")]
pub mod status;
mod stop;
pub mod store;
mod timely;
mod transform;

pub use breaker::{Breaker, BreakerSettings};
pub use config::Watching;
pub use copy::{Copy, Summary};
pub use counters::{BOUNDS, Counters, Histogram, Listening};
pub use dead_letters::dead_letter_stream;
pub use discard::Discard;
pub use guarantee::{Guarantee, guarantee};
pub use retry::Retry;
pub use rolling::{Rolling, Statistics};
pub use runner::{Limit, Pipeline};
pub use snapshot::{
    DeadLetterCount, Epoch, Memory, Rows, ShownError, Snapshot, SplitLag, Splits, Watched,
};
pub use stop::Stop;
pub use transform::{Applied, Bound, Limiter, Transforms};
