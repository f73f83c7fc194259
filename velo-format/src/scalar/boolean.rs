//! Truth values.

/// Reads `true` or `false`, all small, all capital or with a capital first letter.
///
/// ```
/// use velo_format::scalar::parse_bool;
/// assert_eq!(parse_bool(b"True"), Some(true));
/// assert_eq!(parse_bool(b"tRUE"), None);
/// ```
#[must_use]
pub fn parse_bool(text: &[u8]) -> Option<bool> {
    match text {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}
