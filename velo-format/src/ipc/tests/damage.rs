use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;

use arrow_ipc::writer::{FileWriter, StreamWriter};
use proptest::prelude::*;
use velo_core::ErrorKind;

use super::*;
use crate::StreamFormat;
use crate::harness::{Failing, read, request as stream_request};

fn sample() -> RecordBatch {
    data::rows(&kinds(), 20, 11).unwrap()
}

/// Rows with a dictionary, as others write them.
fn with_dictionary() -> RecordBatch {
    data::rows(&data::supported_types(), 20, 11).unwrap()
}

fn files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = CODECS
        .iter()
        .map(|codec| write_file(*codec, &[sample(), sample()]).unwrap().to_vec())
        .collect();
    let rows = with_dictionary();
    let mut writer = FileWriter::try_new(Vec::new(), &rows.schema()).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    files.push(writer.into_inner().unwrap());
    files
}

fn streams() -> Vec<Vec<u8>> {
    let mut streams: Vec<Vec<u8>> = CODECS
        .iter()
        .map(|codec| write_stream(*codec, &[sample(), sample()]).unwrap())
        .collect();
    let rows = with_dictionary();
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema()).unwrap();
    writer.write(&rows).unwrap();
    streams.push(writer.into_inner().unwrap());
    streams
}

/// Whole files and streams, made once.
static ALL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| [files(), streams()].concat());

fn read_stream(bytes: &[u8]) -> Result<RecordBatch> {
    let request = stream_request(&with_dictionary().schema());
    let found = read(&stream(), &request, bytes, usize::MAX / 2)?;
    Ok(found.rows)
}

fn check(outcome: Result<RecordBatch>) {
    if let Err(error) = outcome {
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::InvalidData | ErrorKind::Unsupported),
            "{error:?}"
        );
    }
}

/// Whatever the bytes, this ends in batches or in an error that a caller can act on.
fn survive(bytes: Vec<u8>) {
    check(read_stream(&bytes));
    check(open(Bytes::from(bytes)).and_then(|input| read_all(&*input)));
}

#[test]
fn what_is_not_arrow_is_named() {
    let file = write_file(Codec::Zstd, &[sample()]).unwrap();
    let mut longer = file.to_vec();
    let length = longer.len();
    longer[length - 7] = 0x7f;
    for (bytes, words) in [
        (&b""[..], "too short"),
        (b"id,name\n1,a\n2,b\n3,c\n", "no ARROW1 at its start"),
        (&file[..file.len() / 2], "no ARROW1 at its end"),
        (&longer, "longer than the file"),
        (b"ARROW1\0\0\0\0\0\0ARROW1", "corrupt"),
        (b"FEA1\0\0\0\0\0\0\0\0\0\0FEA1", "Feather"),
        (&[0xff; 30], "arrow_stream"),
    ] {
        let error = open(Bytes::copy_from_slice(bytes)).err().unwrap();
        assert!(error.report().contains(words), "{}", error.report());
    }
    let end = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    for (bytes, words) in [
        (&b""[..], "middle of a message"),
        (&[0xff, 0xff, 0xff], "middle of a message"),
        (b"id,name\n", "no message begins here"),
        (&end, "no schema"),
        (&[0xff; 8], "over 64 MiB"),
        (&[0xff, 0xff, 0xff, 0xff, 4, 0, 0, 0, 9, 9, 9, 9], "corrupt"),
    ] {
        let error = stream().prologue(bytes, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.report().contains(words), "{}", error.report());
    }
    let mut more = streams()[0].clone();
    more.extend(end);
    let error = read_stream(&more).unwrap_err();
    assert!(
        error.report().contains("behind its end"),
        "{}",
        error.report()
    );
}

#[test]
fn every_truncation_of_a_file_is_an_error() {
    for file in files() {
        let file = Bytes::from(file);
        for end in (0..file.len()).step_by(5) {
            assert!(open(file.slice(..end)).is_err(), "{end}");
        }
    }
}

#[test]
fn a_truncated_stream_gives_an_error_or_whole_messages() {
    let kinds = [
        DataType::Boolean,
        DataType::Utf8,
        DataType::Decimal128(10, 0),
    ];
    let rows = data::rows(&kinds, 5, 3).unwrap();
    for codec in CODECS {
        let bytes = write_stream(codec, &[rows.clone(), rows.clone()]).unwrap();
        let request = stream_request(&rows.schema());
        let mut whole = 0;
        for end in 0..bytes.len() {
            match read(&stream(), &request, &bytes[..end], usize::MAX / 2) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidData, "{end}"),
                // A stream may end without a mark.
                Ok(found) => {
                    assert_eq!(found.rows.num_rows(), whole * 5, "{end}");
                    whole += 1;
                }
            }
        }
        assert_eq!(whole, 3);
    }
}

#[test]
fn a_failure_to_read_is_not_taken_for_damage() {
    let rows = data::rows(&[DataType::Utf8, DataType::Int64], 20, 3).unwrap();
    let file = write_file(Codec::Lz4Raw, &[rows]).unwrap();
    let mut whole = false;
    for reads in 0..2_000 {
        let input = Failing(file.clone(), AtomicU64::new(reads));
        match open(input).and_then(|input| read_all(&*input)) {
            Ok(rows) => {
                assert_eq!(rows.num_rows(), 20);
                whole = true;
                break;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{reads}"),
        }
    }
    assert!(whole);
}

#[test]
fn what_was_written_before_messages_had_a_mark_is_named() {
    // It began with its length, which now stands behind the mark.
    let stream = streams().remove(0);
    let error = read_stream(&stream[4..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.report().contains("before Arrow 0.15"), "{error}");
}

#[test]
fn lengths_of_compressed_buffers_are_not_believed() {
    for codec in [Codec::Lz4Raw, Codec::Zstd] {
        let column: arrow_array::ArrayRef =
            Arc::new(arrow_array::Int64Array::from_iter_values(0..1000));
        let rows = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let bytes = write_stream(codec, &[rows]).unwrap();
        let length = 8_000_u64.to_le_bytes();
        let at = (0..bytes.len() - 8).rfind(|at| bytes[*at..*at + 8] == length);
        let at = at.unwrap();
        for (claim, words) in [
            (1_u64 << 60, "over 2 GiB"),
            (300 << 20, "over 256 MiB"),
            (u64::MAX - 1, "corrupt"),
            (8_001, "corrupt"),
            (7_999, "corrupt"),
        ] {
            let mut bytes = bytes.clone();
            bytes[at..at + 8].copy_from_slice(&claim.to_le_bytes());
            let request = stream_request(&crate::harness::schema("a:int64"));
            let error = read(&stream(), &request, &bytes, 1 << 20).unwrap_err();
            assert!(error.report().contains(words), "{}", error.report());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn damaged_bytes_never_panic(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        which in 0..8_usize,
        metadata in any::<bool>(),
    ) {
        let mut bytes = ALL[which].clone();
        // Most of the bytes are data; most of the dangers are in the metadata, at both ends.
        let length = bytes.len();
        for (place, byte) in places {
            let at = match metadata {
                true => (place.index(12_000) + length - 4_000) % length,
                false => place.index(length),
            };
            bytes[at] = byte;
        }
        survive(bytes);
    }

    #[test]
    fn foreign_bytes_never_panic(middle in prop::collection::vec(any::<u8>(), 4..200)) {
        let mut bytes = b"ARROW1\0\0".to_vec();
        bytes.extend(&middle);
        bytes.extend((middle.len() as u32 - 4).to_le_bytes());
        bytes.extend(b"ARROW1");
        survive(bytes);
        let mut bytes = vec![0xff; 4];
        bytes.extend((middle.len() as u32 - 4).to_le_bytes());
        bytes.extend(&middle);
        survive(bytes);
    }
}
