//! Text of values, without quotes and without allocation.
//!
//! | type | text |
//! |---|---|
//! | boolean | `true`, `false` |
//! | integers, decimals | every digit, sign and scale kept: `-0.05`; no exponent |
//! | floats | the shortest text that reads back as the same value of the same width: `17.0`, `1e300`; `NaN`, `inf`, `-inf` where the format has them |
//! | dates | `2013-01-31`; years outside 0 to 9999 as ISO 8601 writes them: `+12345-01-31`, `-0001-01-31` |
//! | times | `05:06:07.123`, with as many digits as the unit has |
//! | timestamps | `2013-01-31T05:06:07.123456`; with a zone the instant in UTC and a `Z` behind it |
//! | durations | ISO 8601 in seconds: `PT1.500S`, `-PT0.250S` |
//! | intervals | ISO 8601: `P14M`, `P3DT-1.500000000S`, `P-14M3DT0.000000005S` |
//! | binary | base64 (RFC 4648, padded) |

mod base64;
mod date;
mod float;
mod integer;
mod time;

pub(crate) use base64::base64;
pub(crate) use date::{Dates, date};
pub(crate) use float::{float16, float32, float64};
pub(crate) use integer::{decimal128, decimal256, signed, unsigned};
pub(crate) use time::{Interval, duration, interval, time_of_day, timestamp};
