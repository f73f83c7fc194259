//! Options of plain text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of reading plain text.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TextReadOptions {
    /// Whether a whole file is one row; otherwise each line is one.
    pub whole_file: bool,
}
