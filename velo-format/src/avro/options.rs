//! Options of Avro.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::ByteSize;

/// Options of writing Avro.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AvroWriteOptions {
    /// Bytes of rows, before compression, at which a block ends, 1 KiB to 16 MiB;
    /// 8192 rows end it too.
    pub block_size: ByteSize,
}

impl Default for AvroWriteOptions {
    fn default() -> Self {
        Self {
            block_size: ByteSize(256 << 10),
        }
    }
}
