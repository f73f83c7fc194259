//! Whole files of every format and codec, cut off and with one byte changed.

use super::Hostile;

const PLACES: usize = 20;

/// Writes a file of every kind of column as `name`, with the options of `uri`.
fn whole(hostile: &Hostile, name: &str, options: &str) -> Vec<u8> {
    let is_text = name.starts_with("text.");
    let mut rows = String::from(if is_text {
        ""
    } else {
        "id,price,day,note,flag\n"
    });
    for row in 0..400 {
        let note = if row % 7 == 0 { "" } else { "some words, more" };
        rows += &match is_text {
            true => format!("{row} {note}\n"),
            false => format!(
                "{row},{}.25,2024-01-{:02},\"{note} {row}\",{}\n",
                row * 3,
                row % 28 + 1,
                row % 2 == 0
            ),
        };
    }
    let from = if is_text { "whole.txt" } else { "whole.csv" };
    hostile.folder.put(from, rows);
    let to = format!("{name}{options}");
    hostile.folder.ok(&["copy", "--quiet", from, &to]);
    let bytes = std::fs::read(hostile.folder.path(name)).unwrap();
    std::fs::remove_file(hostile.folder.path(from)).unwrap();
    bytes
}

/// Places from the first byte to the last, with both ends looked at more closely: what stands
/// there says what everything else means.
fn places(length: usize) -> Vec<usize> {
    let spread = (0..PLACES - 8).map(|place| place * length / (PLACES - 8));
    let ends = [
        1,
        5,
        9,
        length - 1,
        length - 2,
        length - 5,
        length - 9,
        length - 40,
    ];
    let mut places: Vec<usize> = spread.chain(ends).filter(|place| *place < length).collect();
    places.sort_unstable();
    places.dedup();
    places
}

fn survives(files: &[(&str, &str)]) {
    let mut hostile = Hostile::new();
    for (name, options) in files {
        let bytes = whole(&hostile, name, options);
        survives_as(&mut hostile, name, &bytes);
    }
    hostile.finish();
}

/// Cuts a file off and changes a byte of it.
fn survives_as(hostile: &mut Hostile, name: &str, bytes: &[u8]) {
    for (count, place) in places(bytes.len()).into_iter().enumerate() {
        hostile.folder.put(name, &bytes[..place]);
        hostile.copies(name);
        let mut flipped = bytes.to_vec();
        flipped[place] ^= [0x80, 0x01, 0xff][count % 3];
        hostile.folder.put(name, &flipped);
        match count % 4 {
            0 => hostile.answers(name),
            _ => hostile.copies(name),
        }
    }
}

#[test]
fn damaged_text_formats_are_refused_or_read() {
    survives(&[
        ("a.csv", ""),
        ("a.jsonl", ""),
        ("a.json", "?format=json_array"),
        ("text.log", ""),
        ("a.csv", "?encoding=utf-16"),
    ]);
}

#[test]
fn damaged_compressions_are_refused_or_read() {
    survives(&[
        ("a.csv.gz", ""),
        ("a.jsonl.zst", ""),
        ("text.log.sz", ""),
        ("a.csv.lz4", ""),
        ("a.jsonl.bz2", ""),
        ("a.csv.xz", ""),
    ]);
}

#[test]
fn damaged_parquet_is_refused_or_read() {
    survives(&[
        ("a.parquet", ""),
        ("a.parquet", "?codec=zstd&parquet_version=2&bloom_filter=id"),
        ("a.parquet", "?codec=gzip&dictionary=off"),
        ("a.parquet", "?codec=brotli"),
        (
            "a.parquet",
            "?codec=lz4_raw&column_encoding=id:delta_binary_packed",
        ),
        ("a.parquet", "?codec=uncompressed"),
    ]);
}

#[test]
fn damaged_avro_is_refused_or_read() {
    survives(&[
        ("a.avro", ""),
        ("a.avro", "?codec=uncompressed"),
        ("a.avro", "?codec=deflate"),
        ("a.avro", "?codec=zstd"),
        ("a.avro", "?codec=bzip2"),
        ("a.avro", "?codec=xz"),
    ]);
}

#[test]
fn damaged_arrow_is_refused_or_read() {
    survives(&[
        ("a.arrow", ""),
        ("a.arrow", "?codec=zstd"),
        ("a.arrow", "?codec=lz4_raw"),
        ("a.arrows", ""),
        ("a.arrows", "?codec=zstd"),
    ]);
}

#[cfg(feature = "orc")]
#[test]
fn damaged_orc_is_refused_or_read() {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../velo-format/tests/data/orc");
    let mut hostile = Hostile::new();
    for sample in ["types", "uncompressed", "zlib", "zstd"] {
        let bytes = std::fs::read(format!("{samples}/{sample}.orc")).unwrap();
        survives_as(&mut hostile, "a.orc", &bytes);
    }
    hostile.finish();
}
