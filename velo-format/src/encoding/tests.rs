use std::io::{self, Cursor, Read};

use super::*;
use crate::InvalidBytes::{self, Fail, Replace};

/// Gives blocks of the lengths that it was made of.
struct Blocks(Vec<Vec<u8>>);

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(first) = self.0.first_mut() {
            if first.is_empty() {
                self.0.remove(0);
                continue;
            }
            let count = first.len().min(buffer.len());
            buffer[..count].copy_from_slice(&first[..count]);
            first.drain(..count);
            return Ok(count);
        }
        Ok(0)
    }
}

fn read_blocks(encoding: Encoding, invalid: InvalidBytes, blocks: Vec<Vec<u8>>) -> Vec<u8> {
    let mut text = Vec::new();
    let mut reader = TextReader::new(encoding, invalid, Box::new(Blocks(blocks)));
    reader.read_to_end(&mut text).unwrap();
    text
}

fn read(encoding: Encoding, invalid: InvalidBytes, bytes: &[u8]) -> Vec<u8> {
    read_blocks(encoding, invalid, vec![bytes.to_vec()])
}

fn write(encoding: Encoding, invalid: InvalidBytes, text: &str) -> Result<Vec<u8>, String> {
    let encoder = TextEncoder::new(encoding, invalid);
    let encoded = encoder.encode(text.as_bytes());
    let encoded = encoded.map_err(|error| error.report())?;
    Ok([encoder.mark(), &encoded].concat())
}

#[test]
fn every_scalar_goes_through_utf_16_and_back() {
    let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
    for encoding in [Encoding::Utf16, Encoding::Utf16Le, Encoding::Utf16Be] {
        // A mark in front would be taken for one: the first character is U+0000.
        let written = write(encoding, Fail, &all).unwrap();
        assert!(
            read(encoding, Fail, &written) == all.as_bytes(),
            "{encoding:?}"
        );
    }
}

#[test]
fn characters_may_be_cut_anywhere() {
    let text = "aé€😀\u{d7ff}\u{e000}\u{10ffff}\n";
    for encoding in [
        Encoding::Utf8,
        Encoding::Utf16,
        Encoding::Utf16Le,
        Encoding::Utf16Be,
    ] {
        let written = write(encoding, Fail, text).unwrap();
        for invalid in [Fail, Replace] {
            for first in 0..=written.len() {
                for second in first..=written.len() {
                    let (a, b) = (&written[..first], &written[first..second]);
                    let blocks = vec![a.to_vec(), b.to_vec(), written[second..].to_vec()];
                    let found = read_blocks(encoding, invalid, blocks);
                    assert_eq!(found, text.as_bytes(), "{encoding:?} {first} {second}");
                }
            }
        }
    }
}

#[test]
fn all_bytes_of_the_small_sets() {
    let bytes: Vec<u8> = (0..=255).collect();
    let latin1: String = (0..=255).map(char::from).collect();
    assert_eq!(read(Encoding::Latin1, Fail, &bytes), latin1.as_bytes());
    assert_eq!(write(Encoding::Latin1, Fail, &latin1).unwrap(), bytes);
    let windows = String::from_utf8(read(Encoding::Windows1252, Fail, &bytes)).unwrap();
    let odd: String = windows.chars().skip(0x80).take(0x20).collect();
    // The Encoding Standard's index of windows-1252; bytes without a character are controls.
    let index = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    assert_eq!(odd, index);
    assert_eq!(
        windows.replace(index, ""),
        latin1.replace(&latin1[128..192], "")
    );
    assert_eq!(write(Encoding::Windows1252, Fail, &windows).unwrap(), bytes);
}

#[test]
fn byte_order_marks_decide() {
    let little = b"\xff\xfea\0\xe9\0".as_slice();
    let big = b"\xfe\xff\0a\0\xe9".as_slice();
    for (encoding, bytes) in [
        (Encoding::Utf8, little),
        (Encoding::Utf8, big),
        (Encoding::Utf16, little),
        (Encoding::Utf16, big),
        (Encoding::Utf16, &little[2..]),
        (Encoding::Utf16Le, little),
        (Encoding::Utf16Le, &little[2..]),
        (Encoding::Utf16Be, big),
        (Encoding::Utf16Be, &big[2..]),
    ] {
        assert_eq!(
            read(encoding, Fail, bytes),
            "aé".as_bytes(),
            "{encoding:?} {bytes:?}"
        );
    }
    let marked = b"\xef\xbb\xbfid".as_slice();
    assert_eq!(
        read(Encoding::Utf8, Fail, marked),
        marked,
        "is the decoder's"
    );
    for short in [&b""[..], b"a", b"\xff", b"\xfe"] {
        assert_eq!(read(Encoding::Utf8, Fail, short), short);
    }
    assert_eq!(read(Encoding::Utf8, Fail, b"\xff\xfe"), b"");
}

#[test]
fn what_is_not_valid_is_marked_or_replaced() {
    for (encoding, bytes, failed, replaced) in [
        (
            Encoding::Utf16Le,
            &b"a\0\0\xd8b\0"[..],
            &b"a\xffb"[..],
            "a\u{fffd}b",
        ),
        (Encoding::Utf16Le, b"a\0\0\xdc", b"a\xff", "a\u{fffd}"),
        (Encoding::Utf16Be, b"\0a\0", b"a\xff", "a\u{fffd}"),
        (Encoding::Utf16Be, b"\xd8\0", b"\xff", "\u{fffd}"),
        (Encoding::Utf8, b"a\xe9b", b"a\xe9b", "a\u{fffd}b"),
        (Encoding::Utf8, b"\xf0\x9f\x98", b"\xf0\x9f\x98", "\u{fffd}"),
    ] {
        assert_eq!(
            read(encoding, Fail, bytes),
            failed,
            "{encoding:?} {bytes:?}"
        );
        assert_eq!(
            read(encoding, Replace, bytes),
            replaced.as_bytes(),
            "{bytes:?}"
        );
    }
    // More than one block, all of it wrong.
    let lone = b"\0\xdc".repeat(100_000);
    assert_eq!(read(Encoding::Utf16Le, Fail, &lone), vec![0xff; 100_000]);
    let replaced = read(Encoding::Utf16Le, Replace, &lone);
    assert_eq!(replaced, "\u{fffd}".repeat(100_000).as_bytes());
}

#[test]
fn characters_beyond_the_set_are_refused_or_replaced() {
    for (encoding, text, replaced) in [
        (Encoding::Latin1, "a€é😀", &b"a?\xe9?"[..]),
        (Encoding::Windows1252, "a€é😀č", b"a\x80\xe9??"),
        (Encoding::Windows1252, "😀", b"?"),
    ] {
        let report = write(encoding, Fail, text).unwrap_err();
        assert!(report.contains(encoding.name()), "{report}");
        assert!(report.contains("invalid_bytes=replace"), "{report}");
        assert_eq!(write(encoding, Replace, text).unwrap(), replaced);
    }
}

#[test]
fn says_whether_it_transcodes() {
    for (encoding, invalid, bytes, expected) in [
        (Encoding::Utf8, Fail, &b"id"[..], false),
        (Encoding::Utf8, Replace, b"id", true),
        (Encoding::Utf8, Fail, b"\xff\xfe", true),
        (Encoding::Latin1, Fail, b"id", true),
    ] {
        let mut reader = TextReader::new(encoding, invalid, Box::new(Cursor::new(bytes.to_vec())));
        let transcodes = reader.transcodes();
        reader.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(
            transcodes.load(std::sync::atomic::Ordering::Relaxed),
            expected
        );
    }
}
