//! Text of numbers and times, both ways.
