//! JSON lines: one JSON object on each line.

mod options;
mod write;

pub use options::{JsonReadOptions, JsonWriteOptions};
pub use write::JsonLinesOutput;
