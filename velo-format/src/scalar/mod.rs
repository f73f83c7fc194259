//! Text of numbers and times, both ways.

pub(crate) mod write;
