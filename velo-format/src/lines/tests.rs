//! Reading and writing plain text through the public interface.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int8Type;
use arrow_array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use velo_core::{ByteSize, ErrorKind};

use super::{TextLines, TextOutput};
use crate::harness::{Outcome, read, read_from, request, schema, written};
use crate::{DecodeRequest, OutputFormat, ReadOptions, StreamFormat, WriteOptions};

fn format(change: impl FnOnce(&mut ReadOptions)) -> TextLines {
    let mut options = ReadOptions::default();
    change(&mut options);
    TextLines::new(&options).unwrap()
}

fn decode(format: &TextLines, input: &[u8], block: usize) -> Outcome {
    read(format, &request(&schema("value:text")), input, block).unwrap()
}

fn values(outcome: &Outcome) -> Vec<&str> {
    let column = outcome.rows.column(0).as_string::<i32>();
    column.iter().map(Option::unwrap).collect()
}

fn column(array: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([("line", array)]).unwrap()
}

fn write(rows: &RecordBatch) -> velo_core::Result<Vec<u8>> {
    let output = TextOutput::new(&WriteOptions::default())?;
    output.check(&rows.schema())?;
    written(&output, &rows.schema(), std::slice::from_ref(rows))
}

#[test]
fn every_line_is_a_row() {
    for (input, expected) in [
        ("", vec![]),
        ("\n", vec![""]),
        ("a", vec!["a"]),
        ("a\nb\n", vec!["a", "b"]),
        ("a\r\nb\rc\r\n\r\n", vec!["a", "b\rc", ""]),
        ("a\r", vec!["a\r"]),
        ("\u{feff}é\n\n x \n", vec!["é", "", " x "]),
    ] {
        for block in [1, 2, 100] {
            let found = decode(&format(|_| ()), input.as_bytes(), block);
            assert_eq!(values(&found), expected, "{input:?}");
            assert_eq!(found.bad, []);
        }
    }
    let found = decode(&format(|_| ()), "\u{feff}é\n\nx".as_bytes(), 100);
    assert_eq!(found.row_starts, [3, 6, 7]);
}

#[test]
fn a_line_that_is_no_text_is_a_bad_row() {
    let found = decode(&format(|_| ()), b"a\nb\xff!\nc\n\xc3", 3);
    assert_eq!(values(&found), ["a", "c"]);
    let places: Vec<_> = found.bad.iter().map(|bad| (bad.record, bad.byte)).collect();
    assert_eq!(places, [(1, 3), (3, 8)]);
    assert_eq!(found.bad[0].raw, b"b\xff!");
    // The two halves of a character are sound only when joined.
    let found = decode(&format(|_| ()), b"\xc3\n\xa9\n", 100);
    assert_eq!(found.bad.len(), 2);
}

#[test]
fn a_whole_file_is_one_row() {
    let whole = format(|options| options.text.whole_file = true);
    for block in [1, 100] {
        let found = decode(&whole, "\u{feff}a\r\n\nb\n".as_bytes(), block);
        assert_eq!(values(&found), ["a\r\n\nb\n"]);
        assert_eq!(found.row_starts, [3]);
    }
    assert_eq!(decode(&whole, b"a\xff", 1).bad[0].byte, 1);
    assert_eq!(decode(&whole, b"", 1).rows.num_rows(), 0);
}

#[test]
fn long_lines_and_other_columns_are_refused() {
    let short = |whole: bool| {
        format(|options| {
            options.common.max_line_length = ByteSize(3);
            options.text.whole_file = whole;
        })
    };
    for (input, whole) in [("abc\nabcd\n", false), ("abc\nabcd", false), ("abcd", true)] {
        for block in [1, 100] {
            let request = request(&schema("value:text"));
            let error = read(&short(whole), &request, input.as_bytes(), block).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert!(
                error.report().contains("max_line_length"),
                "{}",
                error.report()
            );
        }
    }
    for (columns, types, good) in [
        (Some("line:text"), None, true),
        (Some("line:int64"), None, false),
        (Some("a:text,b:text"), None, false),
        (None, Some("value:text"), true),
        (None, Some("value:date"), false),
        (None, Some("other:text"), false),
    ] {
        let mut options = ReadOptions::default();
        options.common.schema = columns.map(str::to_owned);
        options.common.types = types.map(str::to_owned);
        assert_eq!(
            TextLines::new(&options).is_ok(),
            good,
            "{columns:?} {types:?}"
        );
    }
    assert!(format(|_| ()).prologue(b"\xff\xfea\0", true).is_err());
}

#[test]
fn what_would_read_back_differently_is_not_written() {
    let text = |values: Vec<Option<&str>>| column(Arc::new(StringArray::from(values)));
    assert_eq!(
        write(&text(vec![Some("a"), Some(""), Some("\rb")])).unwrap(),
        b"a\n\n\rb\n"
    );
    for value in [None, Some("a\nb"), Some("a\r")] {
        let error = write(&text(vec![Some("x"), value])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{value:?}");
        assert!(error.report().contains("jsonl"), "{}", error.report());
    }
    let numbers = column(Arc::new(Int64Array::from(vec![1])));
    assert_eq!(write(&numbers).unwrap_err().kind(), ErrorKind::Unsupported);
    let two: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let two = RecordBatch::try_from_iter([("a", two.clone()), ("b", two)]).unwrap();
    assert_eq!(write(&two).unwrap_err().kind(), ErrorKind::Unsupported);
    let dictionary: DictionaryArray<Int8Type> = ["a", "b", "a"].into_iter().collect();
    assert_eq!(write(&column(Arc::new(dictionary))).unwrap(), b"a\nb\na\n");
}

proptest! {
    #[test]
    fn lines_come_back(
        lines in prop::collection::vec("[a\r é]{0,9}", 0..30),
        block in 1_usize..50,
        batch_rows in 1_usize..9,
    ) {
        let lines: Vec<_> = lines.iter().map(|line| line.trim_end_matches('\r')).collect();
        let input = write(&column(Arc::new(StringArray::from(lines.clone())))).unwrap();
        let format = format(|_| ());
        let request = DecodeRequest { batch_rows, ..request(&schema("value:text")) };
        let found = read(&format, &request, &input, block).unwrap();
        prop_assert_eq!(values(&found), &lines[..]);
        for (at, records) in &found.marks {
            let rest = DecodeRequest { start: *at, ..request.clone() };
            let rest = read_from(&format, &rest, &input[*at as usize..], block).unwrap();
            prop_assert_eq!(values(&rest), &lines[*records..]);
        }
    }

    #[test]
    fn any_bytes_are_lines(input in prop::collection::vec(any::<u8>(), 0..200), block in 1_usize..50) {
        let format = format(|_| ());
        prop_assume!(format.prologue(&input, true).is_ok());
        let whole = decode(&format, &input, 1 << 20);
        let bits = decode(&format, &input, block);
        prop_assert_eq!((&whole.rows, &whole.bad), (&bits.rows, &bits.bad));
    }
}
