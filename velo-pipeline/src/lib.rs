#![doc = include_str!("../README.md")]

mod ahead;
mod bounded;
mod copy;
mod counters;
mod dead_letters;
mod discard;
mod guarantee;
mod lane;
mod stop;
mod transform;
mod unbounded;

pub use copy::{Copy, Summary};
pub use counters::Counters;
pub use dead_letters::dead_letter_stream;
pub use discard::Discard;
pub use guarantee::{Guarantee, guarantee};
pub use stop::Stop;
pub use transform::{Applied, Bound, Limiter, Transforms};
