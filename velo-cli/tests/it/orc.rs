//! ORC, which the binary has when it is built with the feature.

use crate::velo::Folder;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../velo-format/tests/data/orc");

#[test]
fn orc_is_copied_and_not_written() {
    let folder = Folder::new();
    let from = format!("{SAMPLES}/types.orc");
    folder.ok(&["copy", &from, "types.jsonl"]);
    let lines = |text: &str| -> Vec<serde_json::Value> {
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    };
    let expected = std::fs::read_to_string(format!("{SAMPLES}/types.jsonl")).unwrap();
    assert_eq!(lines(&folder.text("types.jsonl")), lines(&expected));
    assert_eq!(folder.ok(&["count", &from]), "3\n");
    folder.fails(
        &["copy", "types.jsonl", "types.orc"],
        78,
        &["orc is read and not written", "format=parquet"],
    );
}

#[test]
fn stripes_are_read_in_order_whatever_the_name() {
    let folder = Folder::new();
    let stripes = std::fs::read(format!("{SAMPLES}/stripes.orc")).unwrap();
    folder.put("a.bin", &stripes);
    folder.ok(&["copy", "a.bin?batch_size=300", "a.csv", "--columns", "id"]);
    let text = folder.text("a.csv");
    let ids = text
        .lines()
        .skip(1)
        .map(|line| line.parse::<u32>().unwrap());
    assert!(ids.eq(0..4000));
    folder.put("cut.orc", &stripes[..stripes.len() / 2]);
    folder.fails(&["copy", "cut.orc", "b.csv"], 65, &["cut.orc", "truncated"]);
}
