//! The fence around decoders of foreign bytes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use velo_core::{Error, Result};

/// Runs a decoder over foreign bytes; a panic in it means that they are damaged, which `corrupt`
/// says.
pub(crate) fn fenced<T>(
    decode: impl FnOnce() -> Result<T>,
    corrupt: impl FnOnce() -> Error,
) -> Result<T> {
    // Whatever the closure left half-done is dropped by the callers and never looked at again.
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let cause = match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => match panic.downcast::<&'static str>() {
                Ok(text) => (*text).to_owned(),
                Err(_) => "the decoder gave up".to_owned(),
            },
        };
        Err(corrupt().with_source(cause))
    })
}
