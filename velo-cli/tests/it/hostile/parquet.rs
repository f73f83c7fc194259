//! Parquet files whose metadata say what is not true.

use super::Hostile;
use super::made::{I32, Made, SNAPPY, Thrift, ZSTD, file};

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
