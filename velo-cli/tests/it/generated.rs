//! Made-up rows through the binary.

use crate::velo::Folder;

#[test]
fn made_up_rows_are_copied_shown_and_counted() {
    let folder = Folder::new();
    for (kind, file) in [
        ("user", "user.csv"),
        ("event", "event.jsonl"),
        ("order", "order.parquet"),
        ("sensor", "sensor.arrow"),
    ] {
        folder.ok(&["copy", &format!("test://{kind}?rows=1000"), file]);
        assert_eq!(folder.ok(&["count", file]), "1000\n");
        let largest = folder.ok(&["count", file, "--filter", "seq >= 0 and seq < 1000"]);
        assert_eq!(largest, "1000\n");
    }
    let order = folder.ok(&["head", "order.parquet", "-n", "1", "--json"]);
    let source = folder.ok(&["head", "test://order", "-n", "1", "--json"]);
    assert_eq!(order, source);
    assert!(
        order.contains("\"seq\":0,") && order.contains("\"amount\":"),
        "{order}"
    );
    let schema = folder.ok(&["schema", "test://order"]);
    assert!(schema.contains("decimal(12,2)"), "{schema}");
    assert_eq!(
        folder.ok(&["count", "test://user?rows=12345&splits=3"]),
        "12345\n"
    );
    let some = [
        "count",
        "test://user?total-records=100",
        "--filter",
        "seq >= 40",
    ];
    assert_eq!(folder.ok(&some), "60\n");
}

#[test]
fn rows_without_end_are_shown_and_not_counted() {
    let folder = Folder::new();
    let head = folder.ok(&["head", "test://user", "-n", "3"]);
    assert!(
        head.contains("user1@example.com") || head.contains("user2@example.com"),
        "{head}"
    );
    folder.fails(&["count", "test://user"], 78, &["without end", "rows=1000"]);
    folder.fails(
        &["head", "test://usr"],
        64,
        &["usr", "did you mean `user`?"],
    );
    folder.fails(&["head", "test://user?row=3"], 78, &["row", "`rows`"]);
}
