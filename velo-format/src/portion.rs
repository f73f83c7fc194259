//! How much of an input of lines is decoded together.

use velo_core::Result;

/// Lines are looked at in portions of this size, while they are in the cache.
const PORTION: usize = 64 << 10;

/// Finds the end of the next lines from `start` on; `None` when no whole line is left.
///
/// # Errors
/// What `check` says of the length of a line whose end is not there.
pub(crate) fn portion_end(
    input: &[u8],
    start: usize,
    last: bool,
    check: impl FnOnce(usize) -> Result<()>,
) -> Result<Option<usize>> {
    let rest = &input[start..];
    let near = &rest[..rest.len().min(PORTION)];
    let found = memchr::memrchr(b'\n', near)
        .or_else(|| Some(near.len() + memchr::memchr(b'\n', &rest[near.len()..])?));
    if let Some(line_feed) = found {
        return Ok(Some(start + line_feed + 1));
    }
    check(rest.len())?;
    Ok((last && !rest.is_empty()).then_some(input.len()))
}
