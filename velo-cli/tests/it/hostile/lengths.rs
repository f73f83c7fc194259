//! Lengths and counts that are not true.

use super::Hostile;

/// The marker behind blocks of Avro.
const SYNC: &[u8; 16] = b"0123456789abcdef";

/// Writes a long as Avro has it: zigzag in base 128, low groups first.
pub(super) fn long(number: i64) -> Vec<u8> {
    varint(((number << 1) ^ (number >> 63)) as u64)
}

pub(super) fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Makes a file with a column `a` of a type, and one block.
pub(super) fn avro(kind: &str, codec: &str, block: &[u8]) -> Vec<u8> {
    let schema = format!(
        "{{\"type\":\"record\",\"name\":\"r\",\"fields\":[{{\"name\":\"a\",\"type\":{kind}}}]}}"
    );
    let mut file = b"Obj\x01".to_vec();
    file.extend(long(2));
    for text in ["avro.schema", &schema, "avro.codec", codec] {
        file.extend(long(text.len() as i64));
        file.extend(text.as_bytes());
    }
    file.extend(long(0));
    file.extend(SYNC);
    file.extend(block);
    file.extend(SYNC);
    file
}

#[test]
fn counts_and_sizes_of_avro_are_not_believed() {
    const HUGE: i64 = 1 << 40;
    let mut hostile = Hostile::new();
    let list = "{\"type\":\"array\",\"items\":\"null\"}";
    let map = "{\"type\":\"map\",\"values\":\"null\"}";
    let fixed = "{\"type\":\"fixed\",\"name\":\"f\",\"size\":2147483647}";
    let empty = "{\"type\":\"fixed\",\"name\":\"f\",\"size\":0}";
    let block =
        |records, size, body: &[Vec<u8>]| [long(records), long(size), body.concat()].concat();
    for (kind, bytes) in [
        ("\"long\"", block(-1, 1, &[long(5)])),
        ("\"long\"", block(1, -1, &[long(5)])),
        ("\"long\"", block(i64::MIN, i64::MIN, &[])),
        ("\"long\"", block(i64::MAX, 1, &[long(5)])),
        ("\"long\"", block(1, i64::MAX, &[long(5)])),
        ("\"long\"", block(1, HUGE, &[long(5)])),
        ("\"long\"", vec![0xff; 32]),
        ("\"null\"", block(HUGE, 0, &[])),
        ("\"null\"", block(i64::MAX, 0, &[])),
        (empty, block(HUGE, 0, &[])),
        ("\"bytes\"", block(1, 6, &[long(HUGE)])),
        ("\"string\"", block(1, 1, &[long(-1)])),
        (list, block(1, 7, &[long(HUGE), long(0)])),
        (list, block(1, 8, &[long(-HUGE), long(0), long(0)])),
        (list, block(1, 12, &[long(i64::MIN), long(0), long(0)])),
        (map, block(1, 7, &[long(HUGE), long(0)])),
        (fixed, block(1, 0, &[])),
    ] {
        hostile.folder.put("a.avro", avro(kind, "null", &bytes));
        hostile.does_not_copy("a.avro", &[]);
    }
    hostile.finish();
}

#[test]
fn deep_and_doubling_schemas_of_avro_are_refused() {
    let mut hostile = Hostile::new();
    let deep = |open: &str, close: &str| {
        let (open, close) = (open.repeat(100_000), close.repeat(100_000));
        format!("{open}\"long\"{close}")
    };
    // Each record has two fields of the one before.
    let mut doubling = "\"long\"".to_owned();
    for level in 0..40 {
        doubling = format!(
            "{{\"type\":\"record\",\"name\":\"r{level}\",\"fields\":[{{\"name\":\"a\",\"type\":{doubling}}},{{\"name\":\"b\",\"type\":\"{}\"}}]}}",
            if level == 0 {
                "long".to_owned()
            } else {
                format!("r{}", level - 1)
            }
        );
    }
    let around_itself =
        "{\"type\":\"record\",\"name\":\"s\",\"fields\":[{\"name\":\"s\",\"type\":\"s\"}]}";
    for kind in [
        deep("{\"type\":\"array\",\"items\":", "}"),
        deep("[", "]"),
        deep("{\"type\":", "}"),
        doubling,
        around_itself.to_owned(),
    ] {
        hostile.folder.put("a.avro", avro(&kind, "null", &[0, 0]));
        hostile.refuses("a.avro", &[]);
    }
    hostile.finish();
}

fn rows(hostile: &Hostile, to: &str) -> Vec<u8> {
    let rows: String = (0..300).map(|row| format!("{row},text {row}\n")).collect();
    hostile.folder.put("whole.csv", format!("id,note\n{rows}"));
    hostile.folder.ok(&["copy", "--quiet", "whole.csv", to]);
    std::fs::read(hostile.folder.path(to)).unwrap()
}

#[test]
fn blocks_of_arrow_files_out_of_range_are_refused() {
    let mut hostile = Hostile::new();
    let whole = rows(&hostile, "a.arrow");
    let tail = whole.len() - 10;
    let length = i32::from_le_bytes(whole[tail..tail + 4].try_into().unwrap());
    let start = tail - length as usize;
    let footer = arrow_ipc::root_as_footer(&whole[start..tail]).unwrap();
    let blocks = footer.recordBatches().unwrap();
    // A block is an offset, a length of metadata with padding, and a length of the body.
    let first = blocks.bytes().as_ptr() as usize - whole.as_ptr() as usize;
    let lies: [i64; 6] = [-1, i64::MIN, i64::MAX, 1 << 40, whole.len() as i64, 3];
    for field in [first, first + 8, first + 16] {
        for lie in lies {
            let mut bytes = whole.clone();
            bytes[field..field + 8].copy_from_slice(&lie.to_le_bytes());
            hostile.folder.put("a.arrow", bytes);
            hostile.does_not_copy("a.arrow", &[]);
        }
    }
    for lie in [-1, i32::MIN, i32::MAX, whole.len() as i32, 0] {
        let mut bytes = whole.clone();
        bytes[tail..tail + 4].copy_from_slice(&lie.to_le_bytes());
        hostile.folder.put("a.arrow", bytes);
        hostile.refuses("a.arrow", &[]);
    }
    hostile.finish();
}

#[test]
fn lengths_of_arrow_messages_are_not_believed() {
    let mut hostile = Hostile::new();
    let whole = rows(&hostile, "a.arrows");
    let metadata = i32::from_le_bytes(whole[4..8].try_into().unwrap()) as usize;
    for at in [4, 8 + metadata + 4] {
        for lie in [-1, i32::MIN, i32::MAX, 64 << 20, (64 << 20) + 1] {
            let mut bytes = whole.clone();
            bytes[at..at + 4].copy_from_slice(&lie.to_le_bytes());
            hostile.folder.put("a.arrows", bytes);
            hostile.refuses("a.arrows", &[]);
        }
    }
    hostile.finish();
}

#[test]
fn compressions_that_announce_terabytes_are_refused() {
    let mut hostile = Hostile::new();
    let size = (1_u64 << 42).to_le_bytes();
    let zstd =
        |descriptor: &[u8], rest: &[u8]| [b"\x28\xb5\x2f\xfd", descriptor, &size, rest].concat();
    // A last block of no compression with one byte.
    let block = b"\x09\0\0x";
    for bytes in [
        zstd(b"\xe0", block),
        zstd(b"\xc0\x58", block),
        zstd(b"\xc0\xff", block),
    ] {
        hostile.folder.put("a.csv.zst", bytes);
        hostile.refuses("a.csv.zst", &[]);
    }
    // A frame that decoders skip, of 4 GiB.
    hostile
        .folder
        .put("a.csv.zst", b"\x50\x2a\x4d\x18\xff\xff\xff\xff");
    hostile.refuses("a.csv.zst", &[]);
    hostile
        .folder
        .put("a.csv.lz4", b"\x50\x2a\x4d\x18\xff\xff\xff\xff");
    hostile.refuses("a.csv.lz4", &[]);
    for check in 0..8 {
        let header = [
            b"\x04\x22\x4d\x18\x68\x70",
            &size[..],
            &[check * 32],
            b"\xff\xff\xff\x7f",
        ];
        hostile.folder.put("a.csv.lz4", header.concat());
        hostile.refuses("a.csv.lz4", &[]);
    }
    // Lengths of members in extra fields, as bgzip has them, and a field longer than the file.
    for extra in [
        &b"\x06\0BC\x02\0\xff\xff"[..],
        b"\x06\0BC\x02\0\0\0",
        b"\xff\xffBC\x02\0",
    ] {
        let header = [b"\x1f\x8b\x08\x04\0\0\0\0\0\xff", extra, b"\x03\0"].concat();
        hostile.folder.put("a.csv.gz", header);
        hostile.refuses("a.csv.gz", &[]);
    }
    // Chunks of 16 MiB, of which there is nothing.
    hostile.folder.put(
        "a.csv.sz",
        b"\xff\x06\0\0sNaPpY\0\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\x0f",
    );
    hostile.refuses("a.csv.sz", &[]);
    // The stream header of xz with its checksum, and a block whose dictionary has 4 GiB.
    let mut header = vec![0x02, 0x00, 0x21, 0x01, 0x28, 0x00, 0x00, 0x00];
    header.extend(crc32(&header).to_le_bytes());
    let stream = [
        &b"\xfd7zXZ\0\0\x01"[..],
        &crc32(&[0, 1]).to_le_bytes(),
        &header,
        b"\x01",
    ];
    hostile.folder.put("a.csv.xz", stream.concat());
    hostile.refuses("a.csv.xz", &[]);
    hostile.finish();
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 * (sum & 1))
        })
    };
    !bytes.iter().fold(!0, step)
}
