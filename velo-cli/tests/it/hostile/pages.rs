//! Pages of Parquet that stand for more than they are.

use std::io::{Read, repeat};

use velo_format::Compression;
use velo_format::compression::Compressor;

use super::Hostile;
use super::lengths::varint;
use super::made::{BROTLI, GZIP, LZ4, LZ4_RAW, Made, SNAPPY, ZSTD};

const BYTES: i64 = 6;
const FIXED: i64 = 7;
const OPTIONAL: i64 = 1;
const REPEATED: i64 = 2;
const BY_DICTIONARY: i64 = 8;
const MOST: i64 = i32::MAX as i64;

fn compressed(compression: Compression, plain: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(compression, None).unwrap();
    compressor.compress(plain).unwrap()
}

/// A run of one number, as levels and places in a dictionary are.
fn run(length: u64, number: u8) -> Vec<u8> {
    [varint(length << 1), vec![number]].concat()
}

/// Levels with their length.
fn levels(runs: &[Vec<u8>]) -> Vec<u8> {
    let runs = runs.concat();
    [&(runs.len() as u32).to_le_bytes()[..], &runs].concat()
}

/// Puts a page in, which is not compressed.
fn with_page(page: Vec<u8>, made: Made) -> Made {
    let length = page.len() as i64;
    Made {
        page,
        compressed: length,
        uncompressed: length,
        ..made
    }
}

/// Text with its length in front.
fn text(length: usize) -> Vec<u8> {
    [&(length as u32).to_le_bytes()[..], &vec![b'x'; length]].concat()
}

#[test]
fn bombs_in_pages_of_parquet_take_no_more_than_a_page() {
    let mut hostile = Hostile::new();
    let zeros = vec![0; 16 << 20];
    let bomb = |compression| compressed(compression, &zeros).repeat(257);
    for (codec, page) in [
        (ZSTD, bomb(Compression::Zstd)),
        (GZIP, bomb(Compression::Gzip)),
        (LZ4, bomb(Compression::Lz4)),
        (SNAPPY, b"\xff\xff\xff\xff\x0f\0\0\0\0".to_vec()),
        // A literal, and then a match whose length goes on.
        (
            LZ4_RAW,
            [&b"\x1fx\x01\0"[..], &[0xff; 1 << 20], b"\0"].concat(),
        ),
        (BROTLI, brotli(256 << 20)),
    ] {
        for uncompressed in [24, 1 << 20, 1 << 28, MOST] {
            let made = Made {
                codec,
                compressed: page.len() as i64,
                uncompressed,
                page: page.clone(),
                ..Made::new()
            };
            hostile.folder.put("a.parquet", made.file());
            hostile.does_not_copy("a.parquet", &[]);
        }
    }
    hostile.finish();
}

fn brotli(zeros: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 3,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut repeat(0).take(zeros), &mut out, &parameters).unwrap();
    out
}

#[test]
fn pages_that_are_longer_than_allowed_are_named() {
    let mut hostile = Hostile::new();
    let value = text(100 << 20);
    let page = compressed(Compression::Zstd, &value);
    let made = |columns, plain| Made {
        codec: ZSTD,
        kind: BYTES,
        compressed: page.len() as i64,
        uncompressed: plain,
        values: 1,
        rows: 1,
        columns,
        page: page.clone(),
        ..Made::new()
    };
    let length = value.len() as i64;
    hostile.folder.put("a.parquet", made(1, MOST).file());
    let words = ["page is longer than allowed", "max_line_length 134217728"];
    hostile.does_not_copy("a.parquet", &words);
    hostile.folder.put("a.parquet", made(20, length).file());
    hostile.does_not_copy("a.parquet", &["row is longer than allowed"]);
    hostile.finish();
}

#[test]
fn values_that_a_page_cannot_have_are_not_believed() {
    let mut hostile = Hostile::new();
    let delta = |count: u64| [varint(128), varint(4), varint(count), vec![0]].concat();
    let places = [vec![0], run(3, 0)].concat();
    let pages = [
        (5, 2, delta(1 << 40)),
        (6, BYTES, delta(1 << 32)),
        (6, BYTES, delta(u64::MAX >> 1)),
        (7, BYTES, delta(1 << 32)),
        (7, BYTES, [delta(1), delta(1 << 32)].concat()),
        (7, FIXED, delta(1 << 40)),
    ];
    for (encoding, kind, page) in pages {
        let made = Made {
            encoding,
            kind,
            width: 8,
            ..Made::new()
        };
        hostile
            .folder
            .put("a.parquet", with_page(page, made).file());
        hostile.does_not_copy("a.parquet", &[]);
    }
    for kind in [1, 2, 3, 5, BYTES, FIXED] {
        let made = Made {
            encoding: BY_DICTIONARY,
            kind,
            width: 1 << 20,
            dictionary: Some((vec![0; 24], MOST)),
            ..Made::new()
        };
        let made = with_page(places.clone(), made);
        hostile.folder.put("a.parquet", made.file());
        hostile.does_not_copy("a.parquet", &["dictionary"]);
    }
    hostile.finish();
}

#[test]
fn few_bytes_that_stand_for_endless_rows_are_refused() {
    let mut hostile = Hostile::new();
    // One list of 2^31 numbers: levels and places in a dictionary are runs.
    let most = MOST as u64;
    let page = [
        levels(&[run(1, 0), run(most - 1, 1)]),
        levels(&[run(most, 1)]),
        vec![1],
        run(most, 0),
    ];
    let list = Made {
        repetition: REPEATED,
        encoding: BY_DICTIONARY,
        dictionary: Some((vec![0; 8], 1)),
        values: MOST,
        rows: 1,
        ..Made::new()
    };
    let list = with_page(page.concat(), list);
    hostile.folder.put("a.parquet", list.file());
    hostile.does_not_copy("a.parquet", &["row is longer than allowed"]);
    // Nulls of a fixed length.
    for width in [MOST, 1 << 30] {
        let nulls = Made {
            kind: FIXED,
            repetition: OPTIONAL,
            width,
            ..Made::new()
        };
        let nulls = with_page(levels(&[run(3, 0)]), nulls);
        hostile.folder.put("a.parquet", nulls.file());
        hostile.does_not_copy("a.parquet", &[]);
    }
    hostile.finish();
}

#[test]
fn long_values_of_a_dictionary_are_read_in_smaller_batches() {
    const ROWS: u64 = 20_000;
    let hostile = Hostile::new();
    let made = Made {
        kind: BYTES,
        encoding: BY_DICTIONARY,
        dictionary: Some((text(64 << 10), 1)),
        values: ROWS as i64,
        rows: ROWS as i64,
        ..Made::new()
    };
    let made = with_page([vec![1], run(ROWS, 0)].concat(), made);
    hostile.folder.put("a.parquet", made.file());
    let ran = hostile.bounded(&["copy", "a.parquet", "b.parquet"]);
    assert_eq!(ran.code(), Some(0), "{}", ran.errors());
    let rows = hostile.folder.ok(&["count", "b.parquet"]);
    assert_eq!(rows.trim(), ROWS.to_string());
}
