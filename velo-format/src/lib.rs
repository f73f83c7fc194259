#![doc = include_str!("../README.md")]

pub mod avro;
mod cast;
mod codec;
pub mod column;
pub mod compression;
pub mod csv;
mod decode;
mod encode;
pub mod encoding;
mod fence;
mod format;
#[cfg(test)]
mod harness;
mod input;
#[cfg(feature = "arrow-ipc")]
pub mod ipc;
pub mod jsonl;
pub mod lines;
mod options;
#[cfg(feature = "orc")]
pub mod orc;
pub mod parquet;
mod places;
mod portion;
pub mod scalar;
mod text;
mod type_names;

pub use cast::cast_unchanged;
pub use codec::{Codec, CodecOptions};
pub use decode::{
    BadRow, Batches, BlockRest, DecodeRequest, Decoded, Decoder, Inference, Inferred, Layout,
    Prologue, RandomFormat, RandomInput, RandomRequest, Settled, Splitter, Splitting, StreamFormat,
    Unit, Units,
};
pub use encode::{Chunk, ChunkEncoder, FileEncoder, OutputFormat, Sink};
pub use fence::is_fenced;
pub use format::{Detected, Format, detect, detect_json, detect_name};
pub use input::ReadAt;
pub use options::{
    CommonReadOptions, CommonWriteOptions, Compression, Encoding, InferMode, InvalidBytes,
    ReadOptions, WriteOptions,
};
pub use places::Places;
pub use type_names::{parse_columns, parse_type};
