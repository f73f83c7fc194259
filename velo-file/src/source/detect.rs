//! Format, compression and dialect of a file: by option, by its first bytes, by its name.

use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result};
use velo_format::{Compression, Format, ReadOptions, detect, detect_json, detect_name};

use super::coding::Coding;
use super::file::{Found, OpenFile};
use super::stream::{broken, fill};

/// Bytes that are enough to tell a file by.
pub(super) const MAGIC: u64 = 8;
/// Enough to see what stands first, behind white space.
const FIRST_TEXT: usize = 1 << 10;

/// Finds the format; remarks go to `notes`. `text` gives the first bytes as they are without
/// compression, for what only those tell.
///
/// # Errors
/// `Config` when nothing tells it.
pub(super) fn format(
    options: &ReadOptions,
    path: &str,
    head: &[u8],
    text: impl FnOnce() -> Result<Vec<u8>>,
    notes: &mut Vec<String>,
) -> Result<Format> {
    let (by_bytes, mut by_name) = (detect(head).format, detect_name(path).format);
    // Names that leave open what kind of JSON there is, if any.
    let open = detect_json(path, b"{").is_some();
    if options.common.format.is_none() && by_bytes.is_none() && open {
        by_name = detect_json(path, &text()?).or(by_name);
    }
    match (options.common.format, by_bytes, by_name) {
        (Some(format), ..) => Ok(format),
        (None, Some(format), Some(named)) if format != named => {
            let (found, named) = (format.name(), named.name());
            notes.push(format!("{path} is named like {named} and holds {found}"));
            Ok(format)
        }
        (None, Some(format), _) | (None, None, Some(format)) => Ok(format),
        (None, None, None) => Err(Error::new(ErrorKind::Config, "find out the format")
            .with("file", path)
            .with_hint("set format=csv, format=jsonl or whatever it is")),
    }
}

/// Finds the format of all files by the first one that is not empty.
///
/// # Errors
/// As [`format`]; `InvalidInput` for files of several formats.
pub(super) fn of_files(
    files: &[Found],
    options: &ReadOptions,
    notes: &mut Vec<String>,
) -> Result<Format> {
    let not_empty = files.iter().find(|file| file.size > 0);
    let Some(first) = not_empty.or_else(|| files.first()) else {
        return Err(Error::new(ErrorKind::Unexpected, "there is no file"));
    };
    let head = match options.common.format {
        Some(_) => Vec::new(),
        None => OpenFile::open(&first.path)?.range(0, MAGIC)?,
    };
    let text = || first_text(&first.path, options, &head);
    let found = format(options, &first.path, &head, text, notes)?;
    if options.common.format.is_some() || files.len() == 1 {
        return Ok(found);
    }
    let by_first = detect_name(&first.path).format;
    let other = |file: &&Found| detect_name(&file.path).format != by_first;
    match files.iter().find(other) {
        None => Ok(found),
        Some(other) => Err(
            Error::new(ErrorKind::InvalidInput, "files are of several formats")
                .with("file", &first.path)
                .with("other", &other.path)
                .with_hint("choose with extension_filter= or a pattern, or set format="),
        ),
    }
}

/// Finds the compression around a text format; remarks go to `notes`.
///
/// # Errors
/// `InvalidData` for a file that is named like a compressed one and is none.
pub(super) fn compression(
    options: &ReadOptions,
    path: &str,
    head: &[u8],
    notes: &mut Vec<String>,
) -> Result<Compression> {
    if let Some(compression) = options.common.compression {
        return Ok(compression);
    }
    let by_name = detect_name(path).compression;
    let by_bytes = detect(head).compression.unwrap_or(Compression::None);
    match (by_bytes, by_name) {
        (Compression::None, Some(named)) if !head.is_empty() => {
            let message = format!("file is named like {} and is not compressed", named.name());
            Err(Error::new(ErrorKind::InvalidData, message)
                .with("file", path)
                .with_hint("compression=none reads it as it is"))
        }
        (found, named) if found != Compression::None && named != Some(found) => {
            notes.push(format!("{path} is compressed by {}", found.name()));
            Ok(found)
        }
        (found, _) => Ok(found),
    }
}

/// Gives the first bytes of a file as they are without compression.
fn first_text(path: &str, options: &ReadOptions, head: &[u8]) -> Result<Vec<u8>> {
    let packed = compression(options, path, head, &mut Vec::new())?;
    let coding = Coding::new(packed, head, options);
    let mut input = coding.contents(&Arc::new(OpenFile::open(path)?))?;
    let mut text = vec![0; FIRST_TEXT];
    let filled = fill(&mut input, &mut text).map_err(|error| broken(path, error, None))?;
    text.truncate(filled);
    Ok(text)
}

/// Gives the delimiter that a name stands for: a tab for `.tsv` and `.tab`, a bar for `.psv`.
pub(super) fn delimiter(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let (stem, _) = Compression::split_name(&name);
    match stem.rsplit_once('.') {
        Some((_, "tsv" | "tab")) => Some("\\t"),
        Some((_, "psv")) => Some("|"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_more_than_names() {
        let options = ReadOptions::default();
        let mut notes = Vec::new();
        let by = |path, head: &[u8], notes: &mut Vec<String>| {
            format(&options, path, head, || Ok(head.to_vec()), notes)
        };
        assert_eq!(by("a.csv", b"PAR1", &mut notes).unwrap(), Format::Parquet);
        assert_eq!(notes.len(), 1);
        assert_eq!(
            by("a.parquet", b"id,x", &mut notes).unwrap(),
            Format::Parquet
        );
        assert_eq!(
            by("a.ndjson.gz", b"\x1f\x8b", &mut notes).unwrap(),
            Format::Jsonl
        );
        assert!(by("a.dat", b"1,2", &mut notes).is_err());
        for (path, head, expected) in [
            ("a.json", &b" [{"[..], Format::JsonArray),
            ("a.json", b"{\"a\"", Format::Jsonl),
            ("a.json", b"1", Format::Jsonl),
            ("stdin:", b"\xef\xbb\xbf\n[", Format::JsonArray),
            ("a", b"{", Format::Jsonl),
            ("a.jsonl", b"[{", Format::Jsonl),
            ("a.csv", b"[{", Format::Csv),
        ] {
            assert_eq!(by(path, head, &mut notes).unwrap(), expected, "{path}");
        }
        let by =
            |path, head: &[u8], notes: &mut Vec<String>| compression(&options, path, head, notes);
        assert_eq!(
            by("a.csv", b"\x1f\x8b\x08", &mut notes).unwrap(),
            Compression::Gzip
        );
        assert_eq!(notes.len(), 2);
        assert_eq!(
            by("a.csv.gz", b"\x1f\x8b\x08", &mut notes).unwrap(),
            Compression::Gzip
        );
        assert_eq!(notes.len(), 2);
        assert!(by("a.csv.gz", b"id,x", &mut notes).is_err());
        assert_eq!(by("a.csv.gz", b"", &mut notes).unwrap(), Compression::None);
    }

    #[test]
    fn names_tell_the_delimiter() {
        for (path, expected) in [
            ("d/a.tsv", Some("\\t")),
            ("a.TAB.gz", Some("\\t")),
            ("a.psv.zst", Some("|")),
            ("a.tsv.bz2", Some("\\t")),
            ("a.csv", None),
            ("tsv", None),
        ] {
            assert_eq!(delimiter(path), expected, "{path}");
        }
    }
}
