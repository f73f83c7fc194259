//! The dialect of a file is found, the same wherever the file is looked at.

use velo_core::{DataSource, ReadRequest, SourceOffset};

use super::{Files, gzip, read, read_split, request, source, splits, types};

fn table(rows: usize) -> String {
    let row = |row: usize| format!("{row};\"a;{row}\n\";{row},5\n");
    format!("id;text;x\n{}", (0..rows).map(row).collect::<String>())
}

#[tokio::test]
async fn in_every_way_of_reading() {
    let text = table(3000);
    let files = Files::with("a.csv", &text);
    files.write("a.csv.gz", gzip(text.as_bytes()));
    let expected: Vec<String> = (0..3000)
        .map(|row| format!("id={row}|text=a;{row}\n|x={row}.5"))
        .collect();
    for uri in [
        "a.csv",
        "a.csv?batch_size=7",
        "a.csv?split_size=1000&batch_size=100",
        "a.csv?infer=full&buffer_size=4KiB",
        "a.csv.gz?batch_size=100",
    ] {
        let source = files.source(uri);
        assert_eq!(
            types(&source).await,
            "id:Int64 text:Utf8 x:Float64",
            "{uri}"
        );
        assert_eq!(read(&source).await.unwrap().rows, expected, "{uri}");
        let details = source.streams().await.unwrap()[0].details().to_vec();
        assert_eq!(details.len(), 1, "{uri}");
        assert!(details[0].starts_with("delimiter=; quote=\" header=true decimal_separator=,"));
    }
    let some = read(&files.source("a.csv?max_records=5")).await.unwrap();
    assert_eq!(some.rows, expected[..5]);
}

#[tokio::test]
async fn again_when_reading_goes_on() {
    let text = table(300);
    let files = Files::with("a.csv", &text);
    files.write("a.csv.gz", gzip(text.as_bytes()));
    for uri in [
        "a.csv?batch_size=9&split_size=1000",
        "a.csv.gz?batch_size=90",
    ] {
        let source = files.source(uri);
        for split in splits(&source).await.unwrap() {
            let whole = read_split(&source, request(&split)).await.unwrap();
            for (mark, before) in &whole.marks {
                let stored: SourceOffset = mark.offset.to_string().parse().unwrap();
                let request = ReadRequest {
                    start: Some(stored),
                    ..request(&split)
                };
                let rest = read_split(&files.source(uri), request).await.unwrap();
                assert_eq!(rest.rows, whole.rows[*before..], "{uri}");
            }
        }
    }
}

#[tokio::test]
async fn of_each_file_by_itself() {
    let files = Files::new();
    files.write("d/a.csv", "a,b\n1,x\n");
    files.write("d/b.csv", "a;b\n2;y\n3;z\n");
    files.write("d/c.tsv", "a\tb\n4\tv;w\n");
    let source = files.source("d");
    let all = read(&source).await.unwrap();
    assert_eq!(all.rows, ["a=1|b=x", "a=2|b=y", "a=3|b=z", "a=4|b=v;w"]);
    let stream = source.streams().await.unwrap().remove(0);
    assert_eq!(stream.details().len(), 3, "{:?}", stream.details());
    let note = |note: &String| note.contains("b.csv: delimiter is a semicolon");
    assert!(stream.notes().iter().any(note), "{:?}", stream.notes());
    for at in 0..20 {
        let delimiter = if at % 2 == 0 { ',' } else { '|' };
        files.write(
            &format!("many/{at:02}.csv"),
            format!("a{delimiter}b\n{at}{delimiter}x\n"),
        );
    }
    let all = read(&files.source("many")).await.unwrap();
    assert_eq!(all.rows.len(), 20);
    assert_eq!(all.rows[19], "a=19|b=x");
}

#[tokio::test]
async fn unless_it_is_given() {
    let files = Files::with("a.csv", "a;b\n1;2\n");
    let given = format!("{}?delimiter=,&header=false", files.path("a.csv"));
    let read = read(&source(&given)).await.unwrap();
    assert_eq!(read.rows, ["column_0=a;b", "column_0=1;2"]);
    files.write("b.tsv", "a;b\tc\n1;2\t3\n");
    assert_eq!(types(&files.source("b.tsv")).await, "a;b:Utf8 c:Int64");
}
