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
mod lane;
mod retry;
mod runner;
mod stop;
pub mod store;
mod timely;
mod transform;

pub use breaker::{Breaker, BreakerSettings};
pub use copy::{Copy, Summary};
pub use counters::Counters;
pub use dead_letters::dead_letter_stream;
pub use discard::Discard;
pub use guarantee::{Guarantee, guarantee};
pub use retry::Retry;
pub use runner::{Limit, Pipeline};
pub use stop::Stop;
pub use transform::{Applied, Bound, Limiter, Transforms};
