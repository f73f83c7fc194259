//! Parquet files made by hand, whose metadata say what is not true.

use velo_format::Compression;
use velo_format::compression::Compressor;

use super::Hostile;
use super::lengths::{long, varint};

const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;
const SNAPPY: i64 = 1;
const GZIP: i64 = 2;
const ZSTD: i64 = 6;

/// A structure in the compact encoding of Thrift.
#[derive(Default)]
struct Thrift {
    bytes: Vec<u8>,
    last: u8,
}

impl Thrift {
    fn field(mut self, id: u8, kind: u8, value: &[u8]) -> Self {
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
        self.bytes.extend(value);
        self
    }

    fn number(self, id: u8, kind: u8, number: i64) -> Self {
        self.field(id, kind, &long(number))
    }

    fn text(self, id: u8, text: &str) -> Self {
        let value = [varint(text.len() as u64), text.as_bytes().to_vec()].concat();
        self.field(id, BINARY, &value)
    }

    fn list(self, id: u8, kind: u8, length: u64, items: &[u8]) -> Self {
        let value = [vec![0xf0 | kind], varint(length), items.to_vec()].concat();
        self.field(id, LIST, &value)
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

/// A file with a column of one page, true until it is told otherwise.
struct Made {
    codec: i64,
    page: Vec<u8>,
    uncompressed: i64,
    compressed: i64,
    values: i64,
    rows: i64,
    chunk_start: i64,
    chunk_length: i64,
    groups: u64,
}

impl Made {
    fn new() -> Self {
        let page: Vec<u8> = (0..3_i64).flat_map(i64::to_le_bytes).collect();
        Self {
            codec: 0,
            uncompressed: 24,
            compressed: 24,
            values: 3,
            rows: 3,
            chunk_start: 4,
            chunk_length: 0,
            groups: 1,
            page,
        }
    }

    fn file(&self) -> Vec<u8> {
        let data = Thrift::default()
            .number(1, I32, self.values)
            .number(2, I32, 0)
            .number(3, I32, 3)
            .number(4, I32, 3);
        let header = Thrift::default()
            .number(1, I32, 0)
            .number(2, I32, self.uncompressed)
            .number(3, I32, self.compressed)
            .field(5, STRUCT, &data.end())
            .end();
        let length = match self.chunk_length {
            0 => (header.len() + self.page.len()) as i64,
            lie => lie,
        };
        let column = Thrift::default()
            .number(1, I32, 2)
            .list(2, I32, 1, &long(0))
            .list(3, BINARY, 1, b"\x01a")
            .number(4, I32, self.codec)
            .number(5, I64, self.values)
            .number(6, I64, length)
            .number(7, I64, length)
            .number(9, I64, self.chunk_start);
        let chunk = Thrift::default()
            .number(2, I64, 0)
            .field(3, STRUCT, &column.end());
        let group = Thrift::default()
            .list(1, STRUCT, 1, &chunk.end())
            .number(2, I64, length)
            .number(3, I64, self.rows);
        let body = [header, self.page.clone()].concat();
        file(
            &body,
            &leaf_and_root(),
            2,
            self.groups,
            &group.end(),
            self.rows,
        )
    }
}

fn leaf_and_root() -> Vec<u8> {
    let root = Thrift::default().text(4, "root").number(5, I32, 1);
    let leaf = Thrift::default()
        .number(1, I32, 2)
        .number(3, I32, 0)
        .text(4, "a");
    [root.end(), leaf.end()].concat()
}

fn file(body: &[u8], elements: &[u8], count: u64, groups: u64, group: &[u8], rows: i64) -> Vec<u8> {
    let metadata = Thrift::default()
        .number(1, I32, 1)
        .list(2, STRUCT, count, elements)
        .number(3, I64, rows)
        .list(4, STRUCT, groups, group)
        .end();
    let length = (metadata.len() as u32).to_le_bytes();
    [b"PAR1", body, &metadata, &length, b"PAR1"].concat()
}

#[test]
fn a_file_made_by_hand_is_read_as_long_as_it_is_true() {
    let mut hostile = Hostile::new();
    hostile.folder.put("a.parquet", Made::new().file());
    assert_eq!(hostile.folder.ok(&["count", "a.parquet"]).trim(), "3");
    hostile
        .folder
        .ok(&["copy", "--quiet", "a.parquet", "a.csv"]);
    assert_eq!(hostile.folder.text("a.csv"), "a\n0\n1\n2\n");
    hostile.answers("a.parquet");
    hostile.finish();
}

#[test]
fn counts_and_sizes_of_parquet_are_not_believed() {
    let mut hostile = Hostile::new();
    let lies: [fn(&mut Made, i64); 7] = [
        |made, lie| made.uncompressed = lie,
        |made, lie| made.compressed = lie,
        |made, lie| made.values = lie,
        |made, lie| made.rows = lie,
        |made, lie| (made.rows, made.values) = (lie, lie),
        |made, lie| made.chunk_start = lie,
        |made, lie| made.chunk_length = lie,
    ];
    for codec in [0, SNAPPY, ZSTD] {
        for tell in lies {
            for lie in [
                -1,
                i64::from(i32::MIN),
                i64::from(i32::MAX),
                1 << 40,
                i64::MAX,
                1,
            ] {
                let mut made = Made::new();
                made.codec = codec;
                tell(&mut made, lie);
                // Decoders take memory for a page before they know: up to 2 GiB.
                made.uncompressed = made.uncompressed.min(1 << 28);
                hostile.folder.put("a.parquet", made.file());
                hostile.answers("a.parquet");
            }
        }
    }
    for groups in [2, 1 << 20, 1 << 40, u64::MAX] {
        let made = Made {
            groups,
            ..Made::new()
        };
        hostile.folder.put("a.parquet", made.file());
        hostile.refuses("a.parquet", &[]);
    }
    hostile.finish();
}

#[test]
fn lengths_of_parquet_metadata_are_not_believed() {
    let mut hostile = Hostile::new();
    let whole = Made::new().file();
    let at = whole.len() - 8;
    for lie in [
        0,
        1,
        whole.len() as u32,
        1 << 30,
        i32::MAX as u32,
        1 << 31,
        u32::MAX,
    ] {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&lie.to_le_bytes());
        hostile.folder.put("a.parquet", bytes);
        hostile.refuses("a.parquet", &[]);
    }
    hostile.finish();
}

#[test]
fn bombs_in_pages_of_parquet_take_no_more_than_a_page() {
    let mut hostile = Hostile::new();
    let compressed = |compression, members: usize| {
        let mut compressor = Compressor::new(compression, None).unwrap();
        compressor
            .compress(&vec![0; 16 << 20])
            .unwrap()
            .repeat(members)
    };
    for (codec, page) in [
        (ZSTD, compressed(Compression::Zstd, 257)),
        (GZIP, compressed(Compression::Gzip, 257)),
        (SNAPPY, b"\xff\xff\xff\xff\x0f\0\0\0\0".to_vec()),
    ] {
        for uncompressed in [24, 1 << 20, 1 << 28] {
            let made = Made {
                codec,
                compressed: page.len() as i64,
                uncompressed,
                page: page.clone(),
                ..Made::new()
            };
            hostile.folder.put("a.parquet", made.file());
            hostile.answers("a.parquet");
        }
    }
    hostile.finish();
}

#[test]
fn deep_schemas_of_parquet_are_refused() {
    let mut hostile = Hostile::new();
    let group = |children| {
        let group = Thrift::default().number(3, I32, 1).text(4, "g");
        group.number(5, I32, children).end()
    };
    let leaf = Thrift::default()
        .number(1, I32, 2)
        .number(3, I32, 0)
        .text(4, "a")
        .end();
    for (levels, children) in [
        (100_000, 1),
        (100_000, 2),
        (150, i64::from(i32::MAX)),
        (2, -1),
    ] {
        let mut elements = group(children).repeat(levels);
        elements.extend(&leaf);
        let bytes = file(b"", &elements, levels as u64 + 1, 0, b"", 0);
        hostile.folder.put("a.parquet", bytes);
        hostile.refuses("a.parquet", &[]);
    }
    for count in [1 << 31, 1 << 40, u64::MAX] {
        hostile
            .folder
            .put("a.parquet", file(b"", &group(1), count, 0, b"", 0));
        hostile.refuses("a.parquet", &[]);
    }
    hostile.finish();
}
