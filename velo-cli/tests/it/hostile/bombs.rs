//! Small files that become large ones.

use velo_format::Compression;
use velo_format::compression::Compressor;

use super::Hostile;
use super::lengths::{avro, long};

const MEMBER: usize = 16 << 20;
/// So many of them are more than 4 GiB.
const MEMBERS: usize = 257;

fn compressed(compression: Compression, zeros: usize) -> Vec<u8> {
    let mut compressor = Compressor::new(compression, None).unwrap();
    compressor.compress(&vec![0; zeros]).unwrap()
}

fn refuses(compression: Compression) {
    let mut hostile = Hostile::new();
    let ending = compression.ending().unwrap();
    let member = compressed(compression, MEMBER);
    // Snappy makes things smaller by a factor of 21 only: a quarter of it will do.
    let members = MEMBERS.min((64 << 20) / member.len());
    let mut last = hostile.folder.put("bomb", member.repeat(members));
    for name in ["a.csv", "a.log", "a.json"] {
        let name = format!("{name}.{ending}");
        let path = hostile.folder.path(&name);
        std::fs::rename(last, &path).unwrap();
        last = path;
        hostile.refuses(&name, &[]);
        if name.starts_with("a.log") {
            hostile.refuses(&format!("{name}?whole_file=true"), &[]);
        }
    }
    hostile.finish();
}

#[test]
fn gzip_bombs_are_refused() {
    refuses(Compression::Gzip);
}

#[test]
fn zstd_bombs_are_refused() {
    refuses(Compression::Zstd);
}

#[test]
fn snappy_bombs_are_refused() {
    refuses(Compression::Snappy);
}

#[test]
fn lz4_bombs_are_refused() {
    refuses(Compression::Lz4);
}

#[test]
fn bzip2_bombs_are_refused() {
    refuses(Compression::Bzip2);
}

#[test]
fn xz_bombs_are_refused() {
    refuses(Compression::Xz);
}

#[test]
fn a_bomb_within_another_is_refused() {
    let mut hostile = Hostile::new();
    let inner = compressed(Compression::Gzip, MEMBER).repeat(MEMBERS);
    let mut outer = Compressor::new(Compression::Gzip, None).unwrap();
    hostile
        .folder
        .put("a.csv.gz", outer.compress(&inner).unwrap());
    hostile.refuses("a.csv.gz", &[]);
    hostile.finish();
}

#[test]
fn bombs_in_blocks_of_avro_are_refused() {
    const LARGE: usize = 128 << 20;
    let mut hostile = Hostile::new();
    let gzip = compressed(Compression::Gzip, LARGE);
    // Behind the fixed header stands an extra field with its length, and the trailer has 8 bytes.
    let extra = usize::from(u16::from_le_bytes([gzip[10], gzip[11]]));
    let start = if gzip[3] & 4 == 0 { 10 } else { 12 + extra };
    // Raw snappy: a length and nothing else.
    let snappy = b"\xff\xff\xff\xff\x0f\0\0\0\0".to_vec();
    for (codec, block) in [
        ("deflate", gzip[start..gzip.len() - 8].to_vec()),
        (
            "zstandard",
            compressed(Compression::Zstd, MEMBER).repeat(MEMBERS),
        ),
        ("bzip2", compressed(Compression::Bzip2, LARGE)),
        ("xz", compressed(Compression::Xz, LARGE)),
        ("snappy", snappy),
    ] {
        let mut body = [long(1), long(block.len() as i64)].concat();
        body.extend(block);
        hostile
            .folder
            .put("a.avro", avro("\"bytes\"", codec, &body));
        hostile.does_not_copy("a.avro", &["byte"]);
    }
    hostile.finish();
}
