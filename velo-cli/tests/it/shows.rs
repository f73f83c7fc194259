//! What the other commands print.

use crate::velo::Folder;

#[test]
fn schema_head_and_count_answer() {
    let folder = Folder::new();
    folder.put(
        "a.csv",
        "id,zip,price,day\n1,01234,2.50,2013-01-31\n2,99999,3.75,NA\n",
    );
    let schema = folder.ok(&["schema", "a.csv"]);
    for line in [
        "id     int64",
        "zip    text",
        "price  float64",
        "day    date",
    ] {
        assert!(schema.contains(line), "{schema}");
    }
    assert!(
        schema.contains("note:") && schema.contains("NA"),
        "{schema}"
    );
    let head = folder.ok(&["head", "a.csv", "-n", "1"]);
    assert!(head.contains("01234") && !head.contains("99999"), "{head}");
    let json = folder.ok(&["head", "a.csv", "-n", "1", "--json"]);
    assert!(json.contains("\"zip\":\"01234\""), "{json}");
    assert_eq!(folder.ok(&["count", "a.csv", "--json"]), "{\"rows\":2}\n");
}

#[test]
fn head_shows_points_in_time() {
    let folder = Folder::new();
    folder.put(
        "a.jsonl",
        "{\"at\":\"2013-01-01T10:00:00+02:00\",\"more\":[{\"at\":\"2013-01-01T10:00:00Z\"}]}\n",
    );
    let head = folder.ok(&["head", "a.jsonl"]);
    assert!(head.contains("2013-01-01T08:00:00Z"), "{head}");
    assert!(head.contains("2013-01-01T10:00:00Z"), "{head}");
}

#[test]
fn rows_of_head_in_json_can_be_read_again() {
    let folder = Folder::new();
    let shown = folder.ok(&["head", "test://order?rows=20", "-n", "20", "--json"]);
    assert!(shown.contains("\"ordered_at\":\"2024-01-01T"), "{shown}");
    folder.put("shown.jsonl", &shown);
    let typed = "shown.jsonl?types=amount:decimal(12,2)";
    folder.ok(&["copy", typed, "again.jsonl"]);
    assert_eq!(folder.text("again.jsonl"), shown);
}

#[test]
fn a_dialect_that_was_found_is_shown() {
    let folder = Folder::new();
    folder.put("a.csv", "a;b\n1;2,5\n");
    folder.put("b.csv", "a,b\n1,2\n");
    let read_as = "read as: delimiter=; quote=\" header=true decimal_separator=, (semicolon";
    let schema = folder.ok(&["schema", "a.csv"]);
    assert!(schema.contains(read_as), "{schema}");
    assert!(
        schema.contains("note: delimiter is a semicolon"),
        "{schema}"
    );
    let json = folder.ok(&["schema", "a.csv", "--json"]);
    assert!(json.contains("\"details\":[\"delimiter=;"), "{json}");
    let usual = folder.ok(&["schema", "b.csv"]);
    assert!(usual.contains("read as: delimiter=, "), "{usual}");
    assert!(!usual.contains("note:"), "{usual}");
    let summary = folder
        .run(&["copy", "a.csv", "c.csv?decimal_separator=,&delimiter=;"])
        .errors();
    assert!(
        summary.contains("note: delimiter is a semicolon"),
        "{summary}"
    );
    assert_eq!(folder.text("c.csv"), "a;b\n1;2,5\n");
    let summary = folder.run(&["copy", "b.csv", "d.csv"]).errors();
    assert!(!summary.contains("note:"), "{summary}");
}

#[test]
fn plan_says_what_would_happen_and_does_nothing() {
    let folder = Folder::new();
    folder.put("a.csv", "id\n1\n");
    let plan = folder.ok(&["plan", "a.csv", "b.parquet"]);
    assert!(
        plan.contains("b.parquet") && plan.contains("effectively-once"),
        "{plan}"
    );
    assert_eq!(folder.list("."), ["a.csv"]);
}

#[test]
fn connectors_lists_every_option_with_its_default() {
    let folder = Folder::new();
    assert!(folder.ok(&["connectors"]).contains("file"));
    let page = folder.ok(&["connectors", "file"]);
    for word in [
        "delimiter",
        "batch_size <number> [default: 8192]",
        "partition_by",
        "file:///",
    ] {
        assert!(page.contains(word), "{word}: {page}");
    }
    let json = folder.ok(&["connectors", "--json"]);
    assert!(json.starts_with('[') && json.contains("\"name\":\"file\""));
}

#[test]
fn completions_and_manual_come_from_the_same_definitions() {
    let folder = Folder::new();
    assert!(folder.ok(&["completions", "bash"]).contains("connectors"));
    assert!(folder.ok(&["man"]).contains(".TH velo"));
}

#[test]
fn a_summary_is_printed_and_can_be_silenced() {
    let folder = Folder::new();
    folder.put("a.csv", "id\n1\n");
    assert!(
        folder
            .run(&["copy", "a.csv", "b.csv"])
            .errors()
            .starts_with("1 rows in ")
    );
    assert_eq!(
        folder.run(&["copy", "--quiet", "a.csv", "b.csv"]).errors(),
        ""
    );
    let json = folder.run(&["copy", "--json", "a.csv", "b.csv"]).errors();
    assert!(json.contains("\"rows\":1"), "{json}");
}
