//! Numbers with a decimal comma, as most of Europe writes them.

use std::borrow::Cow;

/// Spells a number with a decimal comma by a point, points between thousands left out; `None` for
/// what is no such number.
///
/// Text without comma and point is handed back as it is. One point alone, as in `1.234`, can be
/// meant either way: it divides thousands only where `any` spelling is welcome.
///
/// ```
/// use velo_format::scalar::with_point;
/// assert_eq!(with_point(b"-1.234,50", false).as_deref(), Some(&b"-1234.50"[..]));
/// assert_eq!(with_point(b"1.234", false), None);
/// assert_eq!(with_point(b"1.5", true), None);
/// ```
#[must_use]
pub fn with_point(text: &[u8], any: bool) -> Option<Cow<'_, [u8]>> {
    if memchr::memchr2(b',', b'.', text).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let signs = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let (sign, unsigned) = text.split_at(signs);
    let comma = memchr::memchr(b',', unsigned);
    let (whole, fraction) = match comma {
        Some(at) => (&unsigned[..at], &unsigned[at + 1..]),
        None => (unsigned, &unsigned[unsigned.len()..]),
    };
    let groups = whole.split(|byte| *byte == b'.').count() - 1;
    let is_sound = is_grouped(whole) && memchr::memchr2(b',', b'.', fraction).is_none();
    if !is_sound || (comma.is_none() && groups == 1 && !any) {
        return None;
    }
    let mut spelled = sign.to_vec();
    spelled.extend(whole.iter().filter(|byte| **byte != b'.'));
    if comma.is_some() {
        spelled.push(b'.');
        spelled.extend(fraction);
    }
    Some(Cow::Owned(spelled))
}

/// Says whether digits are whole or in groups of three behind a first one of one to three.
fn is_grouped(whole: &[u8]) -> bool {
    let mut groups = whole.split(|byte| *byte == b'.');
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    let first_fits = rest.peek().is_none() || (1..=3).contains(&first.len());
    let digits = |group: &[u8]| group.iter().all(u8::is_ascii_digit);
    first_fits && digits(first) && rest.all(|group| group.len() == 3 && digits(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn respells_what_is_certain() {
        for (text, plain, any) in [
            ("1,5", Some("1.5"), Some("1.5")),
            ("-1,5e3", Some("-1.5e3"), Some("-1.5e3")),
            ("12", Some("12"), Some("12")),
            ("abc", Some("abc"), Some("abc")),
            (",5", Some(".5"), Some(".5")),
            ("1.234,5", Some("1234.5"), Some("1234.5")),
            ("1.234.567", Some("1234567"), Some("1234567")),
            ("1.234", None, Some("1234")),
            ("12.34,5", None, None),
            ("1234.567,8", None, None),
            (".234,5", None, None),
            ("1,234,567", None, None),
            ("1,5.5", None, None),
            ("1.5", None, None),
            ("a.bcd,1", None, None),
        ] {
            for (spelling, expected) in [(false, plain), (true, any)] {
                let found = with_point(text.as_bytes(), spelling);
                assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{text}");
            }
        }
    }
}
