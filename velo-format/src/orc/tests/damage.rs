use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use orc_rust::proto::column_encoding::Kind as Encoding;
use orc_rust::proto::stream::Kind as StreamKind;
use orc_rust::proto::r#type::Kind;
use orc_rust::proto::{ColumnEncoding, PostScript, Stream, StripeFooter, StripeInformation, Type};
use proptest::prelude::*;
use prost::Message;
use velo_core::ErrorKind;

use super::*;
use crate::orc::footer::Footer;

const FILES: [&str; 6] = [
    "types.orc",
    "uncompressed.orc",
    "zlib.orc",
    "snappy.orc",
    "lz4.orc",
    "zstd.orc",
];

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
fn every_truncation_is_an_error() {
    for name in FILES {
        let file = file(name);
        for end in 0..file.len() {
            let error = open(file.slice(..end)).err().unwrap();
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::InvalidData | ErrorKind::Unsupported),
                "{name} {end} {error:?}"
            );
        }
    }
}

#[test]
fn every_flipped_byte_is_survived() {
    for name in ["types.orc", "uncompressed.orc", "lz4.orc"] {
        let file = file(name);
        for at in 0..file.len() {
            let mut flipped = file.to_vec();
            flipped[at] ^= 0xff;
            survive(flipped);
        }
    }
}

proptest! {
    #[test]
    fn damage_is_survived(
        name in prop::sample::select(&FILES[..]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = file(name).to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        survive(bytes);
    }

    #[test]
    fn bytes_of_any_kind_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"ORC".to_vec();
        file.extend(bytes);
        survive(file);
    }
}

/// Fails from the given read on.
struct Failing(Bytes, AtomicU64);

impl ReadAt for Failing {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.1.store(0, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "gone"));
        }
        // In small pieces, as a remote store may answer.
        let piece = buffer.len().min(100);
        self.0.read_at(offset, &mut buffer[..piece])
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

#[test]
fn a_failure_to_read_is_not_taken_for_damage() {
    let mut whole = false;
    for reads in 0..200 {
        let input = Failing(file("zstd.orc"), AtomicU64::new(reads));
        match open(input).and_then(|input| read_all(&*input)) {
            Ok(rows) => {
                assert_eq!(rows.num_rows(), 1500);
                whole = true;
                break;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{reads}"),
        }
    }
    assert!(whole);
}

/// A file of one stripe, which may be any lie.
struct Lie {
    types: Vec<Type>,
    encodings: Vec<ColumnEncoding>,
    streams: Vec<(u32, StreamKind, Vec<u8>)>,
    rows: u64,
    codec: i32,
}

fn of_kind(kind: Kind, subtypes: &[u32]) -> Type {
    Type {
        kind: Some(kind as i32),
        subtypes: subtypes.to_vec(),
        field_names: match kind {
            Kind::Struct => subtypes.iter().map(|n| format!("f{n}")).collect(),
            _ => Vec::new(),
        },
        ..Type::default()
    }
}

impl Lie {
    fn new(types: Vec<Type>) -> Self {
        let encoding = ColumnEncoding {
            kind: Some(Encoding::DirectV2 as i32),
            ..ColumnEncoding::default()
        };
        Self {
            encodings: vec![encoding; types.len()],
            types,
            streams: Vec::new(),
            rows: 1000,
            codec: 0,
        }
    }

    fn bytes(self) -> Vec<u8> {
        let mut file = b"ORC".to_vec();
        let stream = |(column, kind, bytes): &(u32, StreamKind, Vec<u8>)| Stream {
            kind: Some(*kind as i32),
            column: Some(*column),
            length: Some(bytes.len() as u64),
        };
        let footer = StripeFooter {
            streams: self.streams.iter().map(stream).collect(),
            columns: self.encodings,
            ..StripeFooter::default()
        };
        file.extend(self.streams.iter().flat_map(|stream| &stream.2));
        let stripe = StripeInformation {
            offset: Some(3),
            data_length: Some(file.len() as u64 - 3),
            footer_length: Some(footer.encoded_len() as u64),
            number_of_rows: Some(self.rows),
            ..StripeInformation::default()
        };
        file.extend(footer.encode_to_vec());
        let footer = Footer {
            stripes: vec![stripe],
            types: self.types,
            rows: Some(self.rows),
            encryption: None,
        };
        file.extend(footer.encode_to_vec());
        let postscript = PostScript {
            footer_length: Some(footer.encoded_len() as u64),
            compression: Some(self.codec),
            magic: Some("ORC".to_owned()),
            ..PostScript::default()
        };
        file.extend(postscript.encode_to_vec());
        file.push(postscript.encoded_len() as u8);
        file
    }

    fn refused(self, kind: ErrorKind, words: &str) {
        let outcome = open(Bytes::from(self.bytes())).and_then(|input| read_all(&*input));
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.report().contains(words), "{}", error.report());
    }
}

/// 512 numbers of 2^40.
fn huge() -> Vec<u8> {
    let mut run = vec![0xc1, 0xff];
    run.extend([0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0]);
    run
}

#[test]
fn lengths_are_not_believed() {
    let list = || {
        Lie::new(vec![
            of_kind(Kind::Struct, &[1]),
            of_kind(Kind::List, &[2]),
            of_kind(Kind::Long, &[]),
        ])
    };
    let mut lie = list();
    lie.streams = vec![(1, StreamKind::Length, huge())];
    lie.refused(ErrorKind::Unsupported, "2 GiB");
    let text = || {
        Lie::new(vec![
            of_kind(Kind::Struct, &[1]),
            of_kind(Kind::String, &[]),
        ])
    };
    let mut lie = text();
    lie.streams = vec![(1, StreamKind::Length, huge())];
    lie.refused(ErrorKind::InvalidData, "shorter than its lengths");
    let mut lie = text();
    lie.encodings[1].kind = Some(Encoding::DictionaryV2 as i32);
    lie.encodings[1].dictionary_size = Some(u32::MAX);
    lie.refused(ErrorKind::InvalidData, "shorter than its lengths");
    let mut lie = text();
    lie.rows = u64::MAX;
    lie.refused(ErrorKind::InvalidData, "corrupt");
}

#[test]
fn types_that_are_no_tree_are_refused() {
    let refused = |types: Vec<Type>, words: &str| {
        Lie::new(types).refused(ErrorKind::InvalidData, words);
    };
    let root = || of_kind(Kind::Struct, &[1]);
    refused(vec![], "no types");
    refused(vec![root()], "no tree");
    refused(vec![root(), of_kind(Kind::List, &[1])], "no tree");
    refused(vec![root(), of_kind(Kind::List, &[0])], "no tree");
    refused(vec![root(), of_kind(Kind::List, &[])], "not as many types");
    let long = || of_kind(Kind::Long, &[]);
    refused(vec![root(), of_kind(Kind::Map, &[2, 2]), long()], "no tree");
    let deep = (0..100).map(|n| of_kind(Kind::List, &[n + 2]));
    let deep: Vec<Type> = [root()].into_iter().chain(deep).chain([long()]).collect();
    refused(deep, "64 levels");
    let mut unnamed = root();
    unnamed.field_names.clear();
    refused(vec![unnamed, long()], "as many names");
}

#[test]
fn what_is_not_read_is_named() {
    let refused = |types: Vec<Type>, words: &str| {
        Lie::new(types).refused(ErrorKind::Unsupported, words);
    };
    let root = || of_kind(Kind::Struct, &[1]);
    refused(vec![root(), of_kind(Kind::Decimal, &[])], "precision");
    refused(vec![root(), of_kind(Kind::Struct, &[])], "column f1");
    refused(vec![of_kind(Kind::Long, &[])], "no structs");
    let unknown = Type {
        kind: Some(99),
        ..Type::default()
    };
    refused(vec![root(), unknown], "99");
    for (codec, name) in [(3, "lzo"), (9, "9")] {
        let mut lie = Lie::new(vec![root(), of_kind(Kind::Long, &[])]);
        lie.codec = codec;
        lie.refused(ErrorKind::Unsupported, name);
    }
}

#[test]
fn what_is_not_orc_is_named() {
    let file = file("zlib.orc");
    for (bytes, words) in [
        (&b""[..], "fewer than 5 bytes"),
        (b"id,name\n1,a\n", "no ORC at its start"),
        (&file[..file.len() / 2], "truncated"),
    ] {
        let error = open(Bytes::copy_from_slice(bytes)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.report().contains(words), "{}", error.report());
    }
}
