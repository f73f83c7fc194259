//! Options of JSON lines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of reading JSON lines.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonReadOptions {
    /// Whether fields that no column was found for are left out; otherwise they make a bad row.
    pub ignore_unknown_fields: bool,
}

/// Options of writing JSON lines.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonWriteOptions {
    /// Whether null fields are written; otherwise they are left out.
    pub write_nulls: bool,
}

impl Default for JsonWriteOptions {
    fn default() -> Self {
        Self { write_nulls: true }
    }
}
