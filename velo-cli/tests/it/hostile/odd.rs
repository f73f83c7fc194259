//! Files of nearly nothing, and things that are no files.

use std::os::unix::fs::symlink;

use super::Hostile;

const NAMES: [&str; 15] = [
    "a.csv",
    "a.tsv",
    "a.jsonl",
    "a.json",
    "a.log",
    "a.parquet",
    "a.avro",
    "a.arrow",
    "a.arrows",
    "a.csv.gz",
    "a.jsonl.zst",
    "a.log.sz",
    "a.csv.lz4",
    "a.json.bz2",
    "a.data",
];

fn answers(contents: &[&[u8]]) {
    let mut hostile = Hostile::new();
    for bytes in contents {
        for name in NAMES {
            hostile.folder.put(name, bytes);
            hostile.copies(name);
        }
        // What is in a file is looked at only where its name says nothing.
        hostile.answers("a.data");
    }
    hostile.finish();
}

#[test]
fn empty_files_and_single_bytes_get_an_answer() {
    answers(&[b"", b"x", b"\n", b"\"", b"{", b"[", b"\0", b"\xff"]);
}

#[test]
fn marks_and_magic_numbers_alone_get_an_answer() {
    answers(&[
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"PAR1",
        b"PAR1\0\0\0\0PAR1",
        b"Obj\x01",
        b"ARROW1",
        b"ARROW1\0\0\0\0\0\0ARROW1",
        b"\xff\xff\xff\xff\0\0\0\0",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"\xff\x06\0\0sNaPpY",
        b"\x04\x22\x4d\x18",
        b"BZh91AY&SY",
        b"\xfd7zXZ\0",
    ]);
}

#[test]
fn what_is_no_file_is_refused() {
    let mut hostile = Hostile::new();
    for name in NAMES {
        let path = hostile.folder.path(name);
        std::fs::create_dir(&path).unwrap();
        hostile.refuses(name, &[]);
        std::fs::remove_dir(&path).unwrap();
        for device in ["/dev/zero", "/dev/null"] {
            symlink(device, &path).unwrap();
            hostile.answers(name);
            std::fs::remove_file(&path).unwrap();
        }
    }
    hostile.finish();
}
