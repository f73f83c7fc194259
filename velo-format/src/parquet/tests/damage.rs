use std::sync::atomic::AtomicU64;

use proptest::prelude::*;
use velo_core::ErrorKind;

use super::samples::{batch, kinds};
use super::*;
use crate::harness::Failing;

fn sample() -> Bytes {
    let rows = batch(&kinds()[..20], 60, 11);
    let mut options = WriteOptions::default();
    options.parquet.row_group_rows = 40;
    write(&options, &rows.schema(), &[rows]).unwrap()
}

/// Whatever the bytes, this ends in batches or in an error that a caller can act on.
fn survive(bytes: Vec<u8>) {
    let outcome = open(Bytes::from(bytes)).and_then(|input| read_all(&*input));
    if let Err(error) = outcome {
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::InvalidData | ErrorKind::Unsupported),
            "{error:?}"
        );
    }
}

#[test]
fn what_is_not_parquet_is_named() {
    let file = sample();
    let half = &file[..file.len() / 2];
    let mut encrypted = file.to_vec();
    let length = encrypted.len();
    encrypted[length - 1] = b'E';
    let mut longer = file.to_vec();
    longer[length - 5] = 0x7f;
    for (bytes, kind, words) in [
        (&b""[..], ErrorKind::InvalidData, "fewer than 12 bytes"),
        (b"PAR1PAR1", ErrorKind::InvalidData, "fewer than 12 bytes"),
        (
            b"id,name\n1,a\n2,b\n",
            ErrorKind::InvalidData,
            "no PAR1 at its start",
        ),
        (
            half,
            ErrorKind::InvalidData,
            "no PAR1 at its end; it may be truncated",
        ),
        (&encrypted, ErrorKind::Unsupported, "encrypted"),
        (&longer, ErrorKind::InvalidData, "longer than the file"),
        (b"PAR1\0\0\0\0PAR1", ErrorKind::InvalidData, "corrupt"),
    ] {
        let error = open(Bytes::copy_from_slice(bytes)).err().unwrap();
        assert_eq!(error.kind(), kind);
        assert!(error.report().contains(words), "{}", error.report());
    }
}

#[test]
fn every_truncation_is_an_error() {
    let file = sample();
    for end in (0..file.len()).step_by(7) {
        assert!(open(file.slice(..end)).is_err(), "{end}");
    }
}

#[test]
fn a_schema_nested_without_end_is_refused() {
    // Version 1; then a schema of groups, each with one child: deeper than any stack.
    let mut metadata = vec![0x15, 2, 0x19, 0xfc];
    let depth = 200_000_u32;
    let mut left = depth;
    while left >= 0x80 {
        metadata.push(left as u8 | 0x80);
        left >>= 7;
    }
    metadata.push(left as u8);
    for _ in 0..depth {
        // Required, name "a", one child.
        metadata.extend([0x35, 0, 0x18, 1, b'a', 0x15, 2, 0]);
    }
    metadata.extend([0x16, 0, 0x19, 0x0c, 0]);
    let mut file = b"PAR1".to_vec();
    file.extend(&metadata);
    file.extend((metadata.len() as u32).to_le_bytes());
    file.extend(b"PAR1");
    let error = open(Bytes::from(file)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.report().contains("nested"), "{}", error.report());
}

#[test]
fn a_failure_to_read_is_not_taken_for_damage() {
    let file = sample();
    let mut whole = false;
    for reads in 0..2_000 {
        let input = Failing(file.clone(), AtomicU64::new(reads));
        match open(input).and_then(|input| read_all(&*input)) {
            Ok(rows) => {
                assert_eq!(rows.num_rows(), 60);
                whole = true;
                break;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{reads}"),
        }
    }
    assert!(whole);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_bytes_never_panic(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        footer in any::<bool>(),
    ) {
        let mut bytes = sample().to_vec();
        // Most of the bytes are data; most of the dangers are in the metadata.
        let tail = bytes.len() - 8;
        let length = u32::from_le_bytes(bytes[tail..tail + 4].try_into().unwrap()) as usize;
        let from = if footer { tail - length } else { 4 };
        for (place, byte) in places {
            let at = from + place.index(tail - from);
            bytes[at] = byte;
        }
        survive(bytes);
    }

    #[test]
    fn foreign_bytes_never_panic(middle in prop::collection::vec(any::<u8>(), 4..200)) {
        let mut bytes = b"PAR1".to_vec();
        bytes.extend(&middle);
        bytes.extend((middle.len() as u32 - 4).to_le_bytes());
        bytes.extend(b"PAR1");
        survive(bytes);
    }
}
