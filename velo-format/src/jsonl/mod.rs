//! JSON lines: one JSON object on each line.

mod options;

pub use options::{JsonReadOptions, JsonWriteOptions};
