//! Files of very many columns.

use super::Hostile;

const COLUMNS: usize = 100_000;
const ROWS: usize = 3;

fn csv() -> String {
    let names: Vec<String> = (0..COLUMNS).map(|column| format!("c{column}")).collect();
    let mut text = names.join(",") + "\n";
    for row in 0..ROWS {
        let values: Vec<String> = (0..COLUMNS)
            .map(|column| (column * row).to_string())
            .collect();
        text += &(values.join(",") + "\n");
    }
    text
}

fn json_lines() -> String {
    let row = |row: usize| {
        let values = (0..COLUMNS).map(|column| format!("\"c{column}\":{}", column * row));
        format!("{{{}}}\n", values.collect::<Vec<_>>().join(","))
    };
    (0..ROWS).map(row).collect()
}

/// Counts, shows the columns and copies, all of it within the bounds.
fn reads(text: String, name: &str, to: &[&str]) {
    let hostile = Hostile::new();
    hostile.folder.put(name, text);
    let ran = |arguments: &[&str]| {
        let ran = hostile.bounded(arguments);
        assert_eq!(ran.code(), Some(0), "{arguments:?}: {}", ran.errors());
        ran.output()
    };
    assert_eq!(ran(&["count", name]).trim(), ROWS.to_string());
    assert!(ran(&["schema", name]).contains("c99999"));
    for to in to {
        ran(&["copy", name, to]);
        assert_eq!(ran(&["count", to]).trim(), ROWS.to_string(), "{to}");
    }
}

#[test]
fn a_hundred_thousand_columns_of_csv_are_read() {
    reads(
        csv(),
        "a.csv",
        &["b.csv", "b.parquet", "b.avro", "b.arrow", "b.arrows"],
    );
}

#[test]
fn a_hundred_thousand_keys_of_json_are_read() {
    reads(json_lines(), "a.jsonl", &["b.jsonl", "b.csv"]);
}
