//! Parquet files made by hand.

use super::lengths::{long, varint};

pub(super) const I32: u8 = 5;
pub(super) const I64: u8 = 6;
pub(super) const BINARY: u8 = 8;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;
pub(super) const SNAPPY: i64 = 1;
pub(super) const GZIP: i64 = 2;
pub(super) const BROTLI: i64 = 4;
pub(super) const LZ4: i64 = 5;
pub(super) const ZSTD: i64 = 6;
pub(super) const LZ4_RAW: i64 = 7;

/// A structure in the compact encoding of Thrift.
#[derive(Default)]
pub(super) struct Thrift {
    bytes: Vec<u8>,
    last: u8,
}

impl Thrift {
    pub(super) fn field(mut self, id: u8, kind: u8, value: &[u8]) -> Self {
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
        self.bytes.extend(value);
        self
    }

    pub(super) fn number(self, id: u8, kind: u8, number: i64) -> Self {
        self.field(id, kind, &long(number))
    }

    pub(super) fn text(self, id: u8, text: &str) -> Self {
        let value = [varint(text.len() as u64), text.as_bytes().to_vec()].concat();
        self.field(id, BINARY, &value)
    }

    pub(super) fn list(self, id: u8, kind: u8, length: u64, items: &[u8]) -> Self {
        let value = [vec![0xf0 | kind], varint(length), items.to_vec()].concat();
        self.field(id, LIST, &value)
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

/// A file with a column of one page, true until it is told otherwise.
pub(super) struct Made {
    pub(super) codec: i64,
    pub(super) page: Vec<u8>,
    pub(super) uncompressed: i64,
    pub(super) compressed: i64,
    pub(super) values: i64,
    pub(super) rows: i64,
    pub(super) chunk_start: i64,
    pub(super) chunk_length: i64,
    pub(super) groups: u64,
    /// So many columns have the same bytes.
    pub(super) columns: usize,
    /// The physical type, its length, and whether it is required, optional or repeated.
    pub(super) kind: i64,
    pub(super) width: i64,
    pub(super) repetition: i64,
    pub(super) encoding: i64,
    /// A dictionary and how many values it is said to have.
    pub(super) dictionary: Option<(Vec<u8>, i64)>,
}

impl Made {
    pub(super) fn new() -> Self {
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
            columns: 1,
            kind: 2,
            width: 0,
            repetition: 0,
            encoding: 0,
            dictionary: None,
            page,
        }
    }

    pub(super) fn file(&self) -> Vec<u8> {
        let data = Thrift::default()
            .number(1, I32, self.values)
            .number(2, I32, self.encoding)
            .number(3, I32, 3)
            .number(4, I32, 3);
        let header = Thrift::default()
            .number(1, I32, 0)
            .number(2, I32, self.uncompressed)
            .number(3, I32, self.compressed)
            .field(5, STRUCT, &data.end())
            .end();
        let body = [self.dictionary(), header, self.page.clone()].concat();
        let length = match self.chunk_length {
            0 => body.len() as i64,
            lie => lie,
        };
        let chunks = (0..self.columns).flat_map(|column| self.chunk(column, length));
        let group = Thrift::default()
            .list(1, STRUCT, self.columns as u64, &chunks.collect::<Vec<u8>>())
            .number(2, I64, length)
            .number(3, I64, self.rows);
        let mut elements = Thrift::default()
            .text(4, "root")
            .number(5, I32, self.columns as i64)
            .end();
        for column in 0..self.columns {
            let leaf = Thrift::default()
                .number(1, I32, self.kind)
                .number(2, I32, self.width)
                .number(3, I32, self.repetition)
                .text(4, &name(column));
            elements.extend(leaf.end());
        }
        let count = self.columns as u64 + 1;
        file(
            &body,
            &elements,
            count,
            self.groups,
            &group.end(),
            self.rows,
        )
    }

    fn chunk(&self, column: usize, length: i64) -> Vec<u8> {
        let name = name(column);
        let name = [varint(name.len() as u64), name.into_bytes()].concat();
        let column = Thrift::default()
            .number(1, I32, self.kind)
            .list(2, I32, 1, &long(0))
            .list(3, BINARY, 1, &name)
            .number(4, I32, self.codec)
            .number(5, I64, self.values)
            .number(6, I64, length)
            .number(7, I64, length)
            .number(9, I64, self.chunk_start);
        Thrift::default()
            .number(2, I64, 0)
            .field(3, STRUCT, &column.end())
            .end()
    }

    fn dictionary(&self) -> Vec<u8> {
        let Some((bytes, values)) = &self.dictionary else {
            return Vec::new();
        };
        let inner = Thrift::default().number(1, I32, *values).number(2, I32, 0);
        let header = Thrift::default()
            .number(1, I32, 2)
            .number(2, I32, bytes.len() as i64)
            .number(3, I32, bytes.len() as i64)
            .field(7, STRUCT, &inner.end());
        [header.end(), bytes.clone()].concat()
    }
}

fn name(column: usize) -> String {
    match column {
        0 => "a".to_owned(),
        _ => format!("a{column}"),
    }
}

pub(super) fn file(
    body: &[u8],
    elements: &[u8],
    count: u64,
    groups: u64,
    group: &[u8],
    rows: i64,
) -> Vec<u8> {
    let metadata = Thrift::default()
        .number(1, I32, 1)
        .list(2, STRUCT, count, elements)
        .number(3, I64, rows)
        .list(4, STRUCT, groups, group)
        .end();
    let length = (metadata.len() as u32).to_le_bytes();
    [b"PAR1", body, &metadata, &length, b"PAR1"].concat()
}
