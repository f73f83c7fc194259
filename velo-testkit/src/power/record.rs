//! The arguments of recorded calls, as `strace -xx -y` spells them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Divides arguments at commas that stand outside of strings, lists and annotations.
pub(super) fn divided(arguments: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0_i32, false);
    for (at, byte) in arguments.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'[' | b'{' | b'<' if !quoted => depth += 1,
            b']' | b'}' | b'>' if !quoted => depth -= 1,
            b',' if !quoted && depth == 0 => {
                parts.push(arguments[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(arguments[start..].trim());
    parts
}

/// All strings of an argument, one after the other; `None` when one was cut short.
pub(super) fn strings(argument: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut pieces = argument.split('"');
    while let (Some(_), Some(string)) = (pieces.next(), pieces.next()) {
        bytes.extend(unescaped(string)?);
    }
    (!argument.contains("\"...")).then_some(bytes)
}

/// The number in front of an argument, such as that of an open file.
pub(super) fn number(argument: &str) -> Option<i64> {
    let end = argument.find(|it: char| !it.is_ascii_digit() && it != '-');
    argument[..end.unwrap_or(argument.len())].parse().ok()
}

/// The path between angle brackets that strace puts behind a number.
pub(super) fn annotated(argument: &str) -> Option<PathBuf> {
    let (_, rest) = argument.split_once('<')?;
    let (path, _) = rest.rsplit_once('>')?;
    Some(OsString::from_vec(unescaped(path)?).into())
}

/// The path that an argument names, below the directory of another where it is relative.
pub(super) fn path(directory: Option<&str>, argument: &str) -> Option<PathBuf> {
    let path = PathBuf::from(OsString::from_vec(strings(argument)?));
    let base = directory.and_then(annotated);
    Some(plain(&match base {
        Some(base) => base.join(path),
        None => path,
    }))
}

/// Without `.` and slashes too many.
fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter(|it| *it != std::path::Component::CurDir)
        .collect()
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    if !text.contains('\\') {
        return Some(text.as_bytes().to_vec());
    }
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_strace_spells() {
        let parts = divided(
            r#"3<\x2f\x61>, [{iov_base="\x78", iov_len=1}, {iov_base="\x79\x2c", iov_len=2}], 2"#,
        );
        assert_eq!(parts.len(), 3);
        assert_eq!(number(parts[0]), Some(3));
        assert_eq!(annotated(parts[0]), Some("/a".into()));
        assert_eq!(strings(parts[1]), Some(b"xy,".to_vec()));
        assert_eq!(strings(r#""\x78"..."#), None);
        let relative = path(Some(r"AT_FDCWD<\x2f\x74>"), r#""\x2e\x2f\x61""#);
        assert_eq!(relative, Some("/t/a".into()));
        assert_eq!(path(Some("5</t>"), r#""/b//c""#), Some("/b/c".into()));
    }
}
