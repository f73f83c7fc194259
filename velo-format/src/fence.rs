//! The fence around decoders of foreign bytes.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use velo_core::{Error, Result};

thread_local! {
    static FENCES: Cell<usize> = const { Cell::new(0) };
}

/// Says whether this thread is inside the fence around a decoder of foreign bytes.
///
/// A panic there means that the bytes are damaged and comes out as an error. A program that sets a
/// panic hook asks here, to print nothing for such a panic.
///
/// ```
/// let usual = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |panic| {
///     if !velo_format::is_fenced() {
///         usual(panic);
///     }
/// }));
/// ```
#[must_use]
pub fn is_fenced() -> bool {
    FENCES.try_with(Cell::get).is_ok_and(|fences| fences > 0)
}

/// Runs a decoder over foreign bytes; a panic in it means that they are damaged, which `corrupt`
/// says.
pub(crate) fn fenced<T>(
    decode: impl FnOnce() -> Result<T>,
    corrupt: impl FnOnce() -> Error,
) -> Result<T> {
    caught(decode).unwrap_or_else(|panic| Err(corrupt().with_source(panic)))
}

/// Runs a decompressor over foreign bytes; a panic in it is `InvalidData`.
pub(crate) fn fenced_read<T>(read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    caught(read).unwrap_or_else(|panic| Err(io::Error::new(io::ErrorKind::InvalidData, panic)))
}

/// Runs it and gives what a panic in it said.
fn caught<T>(run: impl FnOnce() -> T) -> std::result::Result<T, String> {
    let fence = Fence::enter();
    // Whatever the closure left half-done is dropped by the callers and never looked at again.
    let outcome = catch_unwind(AssertUnwindSafe(run));
    drop(fence);
    outcome.map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(_) => "the decoder gave up".to_owned(),
        },
    })
}

struct Fence;

impl Fence {
    fn enter() -> Self {
        FENCES.with(|fences| fences.set(fences.get() + 1));
        Self
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        FENCES.with(|fences| fences.set(fences.get() - 1));
    }
}

#[cfg(test)]
mod tests {
    use velo_core::ErrorKind;

    use super::*;

    #[test]
    fn a_panic_is_damaged_data_and_knows_of_its_fence() {
        let corrupt = || Error::new(ErrorKind::InvalidData, "data are corrupt");
        let inner = fenced(
            || {
                let inside: Result<()> = fenced(|| panic!("index {} of 3", 7), corrupt);
                assert!(is_fenced(), "still inside the outer one");
                inside
            },
            corrupt,
        );
        let error = inner.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.report(), "data are corrupt: index 7 of 3");
        assert!(!is_fenced());
        let error = fenced_read(|| -> io::Result<()> { panic!("no window") }).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "no window");
        assert!(!is_fenced());
    }
}
