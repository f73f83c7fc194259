//! Columns: partitions, metadata, differences between files, projection and conditions.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, StringArray};
use velo_core::{DataSource, ErrorKind, ReadRequest};

use super::{Files, filtered, gzip, read, read_split, refused, request, splits, types};

#[tokio::test]
async fn partitions_are_columns() {
    let files = Files::new();
    files.write("d/year=2023/region=EU/a.csv", "id\n1\n");
    files.write("d/year=2024/region=a%2Fb/b.csv", "id\n2\n");
    files.write(
        "d/year=2024/region=__HIVE_DEFAULT_PARTITION__/c.csv",
        "id\n3\n",
    );
    files.write("d/_SUCCESS", "");
    let source = files.source("d");
    assert_eq!(types(&source).await, "id:Int64 year:Int64 region:Utf8");
    let expected = [
        "id=1|year=2023|region=EU",
        "id=3|year=2024|region=∅",
        "id=2|year=2024|region=a/b",
    ];
    assert_eq!(read(&source).await.unwrap().rows, expected);
    let source = files.source("d/*/*/*.csv");
    assert_eq!(read(&source).await.unwrap().rows, expected);
    let source = files.source("d?hive_partitioning=false&recursive=true");
    assert_eq!(types(&source).await, "id:Int64");
    let one = files.source("d/year=2023/region=EU/a.csv");
    assert_eq!(types(&one).await, "id:Int64");
    let one = files.source("d/year=2023/region=EU/a.csv?hive_partitioning=true");
    assert_eq!(types(&one).await, "id:Int64 year:Int64 region:Utf8");
}

#[tokio::test]
async fn partitions_are_pruned_and_conditions_are_exact() {
    let files = Files::new();
    files.write("d/year=2023/a.csv", "id\n1\n2\n");
    // Never opened when its year is not wanted.
    files.write("d/year=2024/b.csv", "id\n1\n2,3,4\n");
    let source = files.source("d?types=id:int64");
    let yielded = filtered(&source, "year = 2023 and id > 1", None).await;
    assert_eq!(yielded.unwrap().rows, ["id=2|year=2023"]);
    let source = files.source("d/year=2023");
    let yielded = filtered(&source, "id = 2 or id = 7", Some(&[]))
        .await
        .unwrap();
    assert_eq!(
        yielded
            .batches
            .iter()
            .map(|batch| batch.num_rows())
            .sum::<usize>(),
        1
    );
    let error = filtered(&source, "idd = 2", None).await.unwrap_err();
    assert_eq!(error.hint(), Some("did you mean `id`?"));
}

#[tokio::test]
async fn parquet_conditions_leave_out_groups_and_stay_exact() {
    let files = Files::new();
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..40_000));
    let text: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..40_000).map(|n| format!("t{}", n % 7)),
    ));
    files.parquet(
        "d/k=1/a.parquet",
        vec![("id", id.clone()), ("text", text.clone())],
        10_000,
    );
    files.parquet("d/k=2/a.parquet", vec![("id", id), ("text", text)], 10_000);
    let source = files.source("d?batch_size=1000");
    let yielded = filtered(&source, "id >= 9999 and id <= 10001 and k = 2", None)
        .await
        .unwrap();
    let expected = [
        "id=9999|text=t3|k=2",
        "id=10000|text=t4|k=2",
        "id=10001|text=t5|k=2",
    ];
    assert_eq!(yielded.rows, expected);
    // Splits of groups that cannot match yield nothing, not even a mark.
    assert_eq!(yielded.marks.len(), 2);
    let yielded = filtered(&source, "text = 't1'", Some(&["k", "id"]))
        .await
        .unwrap();
    assert_eq!(yielded.rows.len(), 2 * 5715);
    assert_eq!(yielded.rows[0], "k=1|id=1");
    let source = files.source("d?metadata=true");
    let yielded = filtered(&source, "id = 25000 and k = 1", Some(&["_metadata"]))
        .await
        .unwrap();
    assert!(
        yielded.rows[0].contains("row_number: 25001"),
        "{:?}",
        yielded.rows
    );
}

#[tokio::test]
async fn projection_yields_these_columns_in_this_order() {
    let files = Files::with("a.csv", "a,b,c\n1,x,2\n3,y,4\n");
    files.write(
        "a.jsonl",
        "{\"a\":1,\"b\":\"x\",\"c\":2}\n{\"a\":3,\"b\":\"y\",\"c\":4}\n",
    );
    let ints = |values: [i64; 2]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
    files.parquet(
        "a.parquet",
        vec![("a", ints([1, 3])), ("b", text), ("c", ints([2, 4]))],
        10,
    );
    for path in ["a.csv", "a.jsonl", "a.parquet"] {
        let source = files.source(path);
        for (names, expected) in [
            (&["c", "a"][..], ["c=2|a=1", "c=4|a=3"]),
            (&["b"], ["b=x", "b=y"]),
            (&[], ["", ""]),
        ] {
            let split = splits(&source).await.unwrap().remove(0);
            let request = ReadRequest {
                projection: Some(names.iter().map(|name| (*name).to_owned()).collect()),
                ..request(&split)
            };
            let yielded = read_split(&source, request).await.unwrap();
            assert_eq!(yielded.rows, expected, "{path} {names:?}");
            let only_b = filtered(&source, "b = 'y'", Some(names)).await.unwrap();
            assert_eq!(only_b.rows, expected[1..], "{path} {names:?}");
        }
        let error = filtered(&source, "a = 1", Some(&["bb"])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn metadata_say_where_rows_come_from() {
    let text = "id\n1\nx\n\"3\"\n";
    let files = Files::with("a.csv", text);
    files.write("a.csv.gz", gzip(text.as_bytes()));
    for path in ["a.csv", "a.csv.gz"] {
        let uri = format!("{path}?metadata=true&on_bad_row=skip&types=id:int64&batch_size=2");
        let yielded = read(&files.source(&uri)).await.unwrap();
        assert_eq!(yielded.rejected.len(), 1);
        let size = std::fs::metadata(files.path(path)).unwrap().len();
        for (row, (number, offset)) in [(0, (1, 3)), (1, (3, 7))] {
            let line = &yielded.rows[row];
            let facts =
                format!("row_number: {number}, byte_offset: {offset}, size: {size}, mtime: ");
            assert!(line.contains(&facts), "{line}");
            assert!(
                line.contains(&format!("path: {}", files.path(path))),
                "{line}"
            );
        }
        assert_eq!(yielded.batches[0].metadata().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn row_numbers_do_not_depend_on_the_division() {
    let files = Files::with("a.csv", super::rows::awkward(300));
    files.write(
        "a.jsonl",
        (0..300)
            .map(|n| format!("{{\"id\":{n}}}\n\n"))
            .collect::<String>(),
    );
    for path in ["a.csv", "a.jsonl"] {
        let whole = read(&files.source(&format!("{path}?metadata=true")))
            .await
            .unwrap();
        let uri = format!("{path}?metadata=true&split_size=500&batch_size=7");
        assert_eq!(read(&files.source(&uri)).await.unwrap().rows, whole.rows);
        assert!(
            whole.rows[299].contains("row_number: 300"),
            "{}",
            whole.rows[299]
        );
    }
}

#[tokio::test]
async fn files_differ_by_policy() {
    let files = Files::new();
    files.write("d/a.csv", "id,x\n1,2\n");
    files.write("d/b.csv", "y,id\nz,3\n");
    assert_eq!(
        read(&files.source("d")).await.unwrap().rows,
        ["id=1|x=2|y=∅", "id=3|x=∅|y=z"]
    );
    assert_eq!(
        read(&files.source("d?schema_drift=ignore"))
            .await
            .unwrap()
            .rows,
        ["id=1|x=2", "id=3|x=∅"]
    );
    let error = refused(&files.source("d?schema_drift=fail")).await;
    assert!(
        error.report().contains("b.csv, column"),
        "{}",
        error.report()
    );
    files.write("e/a.csv", "id\n1\n");
    files.write("e/b.csv", "id\n1.5\n");
    files.write("e/c.csv", "id\n002\n");
    assert_eq!(
        read(&files.source("e")).await.unwrap().rows,
        ["id=1", "id=1.5", "id=002"]
    );
    let ints: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let longs: ArrayRef = Arc::new(Int64Array::from(vec![1 << 40]));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    files.parquet("p/a.parquet", vec![("id", ints)], 10);
    files.parquet(
        "p/b.parquet",
        vec![("id", longs), ("more", text.clone())],
        10,
    );
    let rows = read(&files.source("p")).await.unwrap().rows;
    assert_eq!(rows, ["id=1|more=∅", "id=1099511627776|more=x"]);
    let found = filtered(&files.source("p"), "more is null", None)
        .await
        .unwrap();
    assert_eq!(found.rows, ["id=1|more=∅"]);
    files.parquet("p/c.parquet", vec![("id", text)], 10);
    let error = refused(&files.source("p")).await;
    assert!(
        error.report().contains("c.parquet, column id"),
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn files_that_were_not_looked_at_must_fit() {
    let files = Files::new();
    for at in 0..20 {
        let text = match at {
            3 => "id,extra\n1,2\n",
            4 => "\n",
            _ => "id\n1\n",
        };
        files.write(&format!("d/{at:02}.csv"), text);
    }
    let error = refused(&files.source("d")).await;
    let report = error.report();
    assert!(
        report.contains("03.csv, column extra") && report.contains("infer=full"),
        "{report}"
    );
    let ignoring = files.source("d?schema_drift=ignore");
    assert_eq!(read(&ignoring).await.unwrap().rows.len(), 19);
    let full = files.source("d?infer=full");
    assert_eq!(types(&full).await, "id:Int64 extra:Int64");
    assert_eq!(read(&full).await.unwrap().rows.len(), 19);
}

#[tokio::test]
async fn one_stream_describes_all_batches() {
    let files = Files::with("d/a.csv", "id\n1\n");
    files.write("d/b.csv", "id\n1\n");
    let source = files.source("d");
    let stream = source.streams().await.unwrap().remove(0);
    for batch in read(&source).await.unwrap().batches {
        assert!(Arc::ptr_eq(batch.stream(), &stream));
        assert!(Arc::ptr_eq(&batch.rows().schema(), stream.schema()));
    }
}
