use arrow_array::RecordBatch;
use proptest::prelude::*;
use velo_core::FieldValue;

use crate::csv::Csv;
use crate::{DecodeRequest, ReadOptions, Settled, StreamFormat};

type Change = fn(&mut ReadOptions);

/// Gives the dialect that was found and the notes.
fn sniff(change: Change, text: &[u8]) -> (String, Vec<String>) {
    let mut options = ReadOptions::default();
    change(&mut options);
    match Csv::new(&options).unwrap().settle(text, true).unwrap() {
        Settled::To {
            format, dialect, ..
        } => (dialect, notes(&*format, text)),
        Settled::AsItIs => ("as it is".to_owned(), Vec::new()),
        Settled::More => panic!("a whole input is enough"),
    }
}

fn notes(format: &dyn StreamFormat, text: &[u8]) -> Vec<String> {
    let prologue = format.prologue(text, true).unwrap().unwrap();
    let mut inference = format.infer(&prologue);
    inference
        .update(&text[prologue.bytes as usize..], true)
        .unwrap();
    match inference.finish() {
        Ok(inferred) => inferred.notes,
        Err(_) => Vec::new(),
    }
}

/// Shortens what was found to what is unusual: delimiter, quote, `-` without header, `1,5`.
fn short(dialect: &str) -> String {
    let found = |name: &str| {
        let (_, rest) = dialect.split_once(name).unwrap();
        rest.split(' ').next().unwrap().to_owned()
    };
    let header = if found("header=") == "true" { "" } else { " -" };
    let decimal = if found("decimal_separator=") == "." {
        ""
    } else {
        " 1,5"
    };
    format!(
        "{} {}{header}{decimal}",
        found("delimiter="),
        found("quote=")
    )
}

const NOTHING: Change = |_| {};

/// Options, the text, the dialect in short, and whether a note is due.
const CASES: &[(Change, &str, &str, bool)] = &[
    // As RFC 4180 has it: nothing to say.
    (NOTHING, "a,b\n1,x\n2,y\n", ", \"", false),
    (
        NOTHING,
        "a,b\n\"x;y\",\"1|2\"\n\"z;z\",\"3|4\"\n",
        ", \"",
        false,
    ),
    (NOTHING, "a;b,c\n1,2\n3,4\n5,6\n", ", \"", false),
    (NOTHING, "\u{feff}a,b\r\n1,2\r\n", ", \"", false),
    (
        NOTHING,
        "time,what\n10:00:00,a b\n11:00:00,c d\n",
        ", \"",
        false,
    ),
    (NOTHING, "", ", \"", false),
    (NOTHING, "\n\n", ", \"", false),
    (NOTHING, "a\n", ", \"", false),
    (NOTHING, "a,b", ", \"", false),
    (NOTHING, "id\n1\n2\n", ", \"", false),
    (
        NOTHING,
        "what was said\nhello world\nwell, well\n",
        ", \"",
        false,
    ),
    (
        NOTHING,
        "t\n2024-01-01 10:00:00\n2024-01-02 10:00:00\n",
        ", \"",
        false,
    ),
    // Rows that are bad with commas stay so.
    (NOTHING, "a,b\n1,2,3\n4,5,6\n7,8,9\n", ", \"", false),
    (
        NOTHING,
        "id,text\n1,\"a\nb\"\n2,b,c\nx,d\n4,e\n",
        ", \"",
        false,
    ),
    (NOTHING, "a,b\n1,\"x\n2,y\n3,z\n", ", \"", false),
    // Other delimiters.
    (NOTHING, "a;b\n1;2\n3;4\n", "; \"", true),
    (NOTHING, "a;b\n1;2\n3;4;5\n", "; \"", true),
    (NOTHING, "a\tb\n1\t2,5\n3\t4,25\n", "\\t \" 1,5", true),
    (NOTHING, "a|b|c\nx|y|z\n", "| \"", true),
    (
        NOTHING,
        "name;age\nSmith, John;40\nDoe, Jane;41\n",
        "; \"",
        true,
    ),
    (
        NOTHING,
        "Smith, John;London\nDoe, Jane;Paris\n",
        "; \"",
        true,
    ),
    (NOTHING, "Berlin;3,7\nParis;2,1\n", "; \" - 1,5", true),
    (NOTHING, "1,5;2,5\n3,5;4,5\n", "; \" - 1,5", true),
    (NOTHING, "a;b\n\"x;\ny\";2\n\"z\";3\n", "; \"", true),
    // Quotes.
    (NOTHING, "a,b\n'x, y',1\n'z, z',2\n", ", '", true),
    (NOTHING, "'a','b'\n'x','1'\n'y','2'\n", ", '", true),
    (NOTHING, "a,b\n'tis,1\n'twas,2\n", ", \"", false),
    (NOTHING, "a,b\nx's,1\n'Bob',2\ny,3\n", ", \"", false),
    (
        NOTHING,
        "a,b\n\"5 inch,1\n\"6 inch,2\n\"7 inch,3\n",
        ", none",
        true,
    ),
    // Header or not.
    (NOTHING, "1,x\n2,y\n", ", \" -", true),
    (NOTHING, "1,2\n", ", \" -", true),
    (NOTHING, "1,x\n", ", \"", false),
    (NOTHING, "5\n6\n7\n", ", \" -", true),
    (
        NOTHING,
        "country,2019,2020\nDE,1,2\nFR,3,4\n",
        ", \" -",
        true,
    ),
    (NOTHING, "year,2019,2020\n1,1,2\n2,3,4\n", ", \"", true),
    (NOTHING, "id,2019\na,\nb,\n", ", \"", false),
    (NOTHING, "2024-01-01,a\n2024-01-02,b\n", ", \" -", true),
    (
        |o| o.common.types = Some("1:text".into()),
        "1,x\n2,y\n",
        ", \"",
        false,
    ),
    // Decimal comma, only where it is certain.
    (NOTHING, "a;b\n1;1.234,56\n2;7,00\n", "; \" 1,5", true),
    (NOTHING, "a;b\n1;1,234\n2;7,000\n", "; \"", true),
    (NOTHING, "a;b;c\n1;1,5;2.5\n2;7,5;3.5\n", "; \"", true),
    (NOTHING, "a,b\n1,\"1,5\"\n2,\"2,5\"\n", ", \"", false),
    // What is given stays.
    (
        |o| o.csv.delimiter = Some(",".into()),
        "a;b\n1;2\n",
        ", \"",
        false,
    ),
    (|o| o.csv.header = Some(true), "1,2\n3,4\n", ", \"", false),
    (|o| o.csv.header = Some(false), "a;b\n1;2\n", "; \" -", true),
    (
        |o| o.csv.quote = Some("\"".into()),
        "'a','b'\n'x','1'\n",
        ", \"",
        false,
    ),
    (
        |o| o.csv.skip_lines = 1,
        "Report; 2024\na;b\n1;2\n",
        "; \"",
        true,
    ),
    (
        |o| o.csv.comment = Some("#".into()),
        "# a,b,c\na;b\n1;2\n",
        "; \"",
        true,
    ),
    (
        |o| o.csv.comment = Some(";".into()),
        "a;b\n1;2\n",
        ", \"",
        false,
    ),
];

#[test]
fn finds_the_dialect_and_never_guesses_in_silence() {
    for &(change, text, expected, noted) in CASES {
        let (dialect, notes) = sniff(change, text.as_bytes());
        assert_eq!(short(&dialect), expected, "{text:?} {notes:?}");
        let guesses = notes.iter().filter(|note| !note.starts_with("column "));
        assert_eq!(guesses.count() > 0, noted, "{text:?} {notes:?}");
    }
    let everything: Change = |o| {
        o.csv.delimiter = Some(";".into());
        o.csv.quote = Some("\"".into());
        o.csv.header = Some(true);
        o.csv.decimal_separator = Some(crate::csv::DecimalSeparator::Point);
    };
    assert_eq!(sniff(everything, b"a,b\n").0, "as it is");
}

#[test]
fn a_note_names_the_option_that_settles_it() {
    for (text, options) in [
        ("a;b\n1;2\n", &["delimiter="][..]),
        (
            "Smith, John;London\nDoe, Jane;Paris\n",
            &["comma", "delimiter= settles"],
        ),
        ("1,2\n3,4\n", &["header=true"]),
        ("year,2019\n1,2\n3,4\n", &["header= settles"]),
        ("'a','b'\n'x','1'\n'y','2'\n", &["quote=\""]),
        ("a;b\n1;1,5\n", &["decimal_separator=."]),
        ("a;b\n1;1,234\n", &["decimal_separator= settles"]),
    ] {
        let notes = sniff(|_| {}, text.as_bytes()).1.join("\n");
        for option in options {
            assert!(notes.contains(option), "{text:?}: {notes}");
        }
    }
}

fn read(text: &[u8]) -> Vec<String> {
    let csv = Csv::new(&ReadOptions::default()).unwrap();
    let Settled::To { format, .. } = csv.settle(text, true).unwrap() else {
        panic!("nothing was given");
    };
    let prologue = format.prologue(text, true).unwrap().unwrap();
    let body = &text[prologue.bytes as usize..];
    let mut inference = format.infer(&prologue);
    inference.update(body, true).unwrap();
    let schema = inference.finish().unwrap().schema;
    let request = DecodeRequest {
        schema,
        columns: prologue.columns,
        header: prologue.header,
        batch_rows: 100,
        start: prologue.bytes,
        row_starts: false,
    };
    let mut decoder = format.decoder(request).unwrap();
    decoder.decode(body, true).unwrap();
    let decoded = decoder.take().unwrap();
    assert_eq!(decoded.bad, []);
    spell(&decoded.rows)
}

fn spell(rows: &RecordBatch) -> Vec<String> {
    let types = rows.schema();
    let types = types
        .fields()
        .iter()
        .map(|f| format!("{}:{}", f.name(), f.data_type()));
    let mut lines = vec![types.collect::<Vec<_>>().join(" ")];
    for row in 0..rows.num_rows() {
        let values = rows.columns().iter();
        let values = values.map(|column| match FieldValue::read(column, row).unwrap() {
            FieldValue::Null => "~".to_owned(),
            value => value.to_string(),
        });
        lines.push(values.collect::<Vec<_>>().join(" "));
    }
    lines
}

#[test]
fn what_was_found_is_what_is_read() {
    for (text, expected) in [
        (
            "n;x\n1;1.234,50\n2;-0,5\n;\n",
            &["n:Int64 x:Float64", "1 1234.5", "2 -0.5", "~ ~"][..],
        ),
        (
            "1\ta b\n2\tc\n",
            &["column_0:Int64 column_1:Utf8", "1 a b", "2 c"],
        ),
        (
            "'a'|'b'\n'x|y'|1\n'z'|2\n",
            &["a:Utf8 b:Int64", "x|y 1", "z 2"],
        ),
        (
            "a;b\n1,5;1.234\n2,5;5.678\n",
            &["a:Float64 b:Utf8", "1.5 1.234", "2.5 5.678"],
        ),
    ] {
        assert_eq!(read(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn bytes_behind_the_sample_change_nothing() {
    let csv = Csv::new(&ReadOptions::default()).unwrap();
    let mut text = b"a;b\n".to_vec();
    while text.len() < 2 * super::SNIFFED {
        text.extend(b"1;2,5\n");
    }
    let found = |head: &[u8], whole| match csv.settle(head, whole).unwrap() {
        Settled::To {
            dialect, reason, ..
        } => Some((dialect, reason)),
        _ => None,
    };
    assert_eq!(found(&text[..super::SNIFFED - 1], false), None);
    let expected = found(&text[..super::SNIFFED], false);
    assert!(expected.as_ref().unwrap().0.contains("delimiter=;"));
    assert_eq!(found(&text, true), expected);
    text.extend(b"x,y,z\n,,,\n");
    assert_eq!(found(&text, true), expected);
    let long = [vec![b'x'; 3 * super::SNIFFED], b";y\n1;2\n".to_vec()].concat();
    assert_eq!(found(&long[..2 * super::SNIFFED], false), None);
    assert!(found(&long, false).unwrap().0.contains("delimiter=;"));
}

proptest! {
    #[test]
    fn any_bytes_have_a_dialect(text in "[a-c1-3.,;|\t'\" \r\n-]{0,120}", whole: bool) {
        let csv = Csv::new(&ReadOptions::default()).unwrap();
        prop_assert!(csv.settle(text.as_bytes(), whole).is_ok());
    }

    #[test]
    fn tables_come_back_under_every_delimiter(
        rows in prop::collection::vec((0..1000_i64, 0..99_i64, "[a-z]{1,8}( [a-z]{1,8})?"), 1..30),
        delimiter in prop::sample::select(&super::table::DELIMITERS[..]),
    ) {
        let d = char::from(delimiter);
        let comma = delimiter != b',';
        let mut text = format!("id{d}what{d}x\n");
        for (id, cents, what) in &rows {
            let separator = if comma { ',' } else { '.' };
            text += &format!("{id}{d}{what}{d}{id}{separator}{cents:02}\n");
        }
        let (dialect, _) = sniff(|_| {}, text.as_bytes());
        let shown = if d == '\t' { "\\t".to_owned() } else { d.to_string() };
        let decimal = if comma { " 1,5" } else { "" };
        prop_assert_eq!(short(&dialect), format!("{} \"{}", shown, decimal));
    }
}
