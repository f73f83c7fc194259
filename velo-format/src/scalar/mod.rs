//! Text of numbers and times, both ways.
//!
//! Reading is exact: what cannot be held without loss is `None`, never rounded, cut or wrapped.
//! The one exception is in the nature of floats: [`parse_f64`] gives the nearest float, and
//! [`parse_f64_exact`] insists that the float spells the same number again.

mod boolean;
mod comma;
mod date;
mod decimal;
mod digits;
mod duration;
mod float;
mod integer;
mod number;
mod time;
mod timestamp;

pub(crate) mod write;

pub use boolean::parse_bool;
pub use comma::with_point;
pub use date::parse_date32;
pub use decimal::{parse_decimal128, parse_decimal256};
pub use duration::parse_duration;
pub use float::{parse_f32, parse_f64, parse_f64_exact};
pub use integer::{Integer, parse_i64, parse_integer, parse_u64};
pub use number::{Number, has_padding};
pub use time::parse_time;
pub use timestamp::{Timestamp, parse_timestamp, parse_timestamp_in, zone_offset};
