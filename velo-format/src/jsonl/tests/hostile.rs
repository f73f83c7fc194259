//! Bytes that nobody meant as JSON lines.

use proptest::collection::vec;
use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::{decode_in_blocks, options, request, schema};
use crate::StreamFormat;
use crate::jsonl::JsonLines;

/// Text that is nearly JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\":",
        "\"b\":",
        ",\"c\":",
        "{\"a\":",
        "\"\\n\"",
        "\\",
        "\\u0041",
        "1",
        "0",
        "-",
        ".",
        "e",
        "E+",
        "12345678901234567",
        "1.5",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\t",
        "\r",
        "\"x\"",
        "{\"a\":1,\"b\":\"y\"}",
        "\u{1}",
        "é",
    ]);
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_line_is_good_if_it_is_a_json_object(line in nearly_json()) {
        let ignore = options(|options| options.json.ignore_unknown_fields = true);
        let format = JsonLines::new(&ignore).unwrap();
        let found = decode_in_blocks(&format, &request(&schema("zz:text")), line.as_bytes(), 5);
        let object = line.trim_matches([' ', '\t', '\r']).starts_with('{');
        let expected = object && serde_json::from_str::<IgnoredAny>(&line).is_ok();
        let twice = found.bad.iter().any(|row| row.problem.contains("twice"));
        prop_assert_eq!(found.rows.num_rows() == 1, expected && !twice, "{:?}", found.bad);
    }

    #[test]
    fn hostile_lines_do_not_depend_on_blocks_batches_or_splits(
        lines in vec(prop_oneof![
            nearly_json().prop_map(String::into_bytes),
            vec(any::<u8>(), 0..20),
        ], 0..8),
        block in 1_usize..40,
        batch_rows in 1_usize..4,
    ) {
        let input = lines.join(&b'\n');
        let format = JsonLines::new(&options(|_| ())).unwrap();
        let mut request = request(&schema("a:int64,b:text,c:list(float64)"));
        let whole = decode_in_blocks(&format, &request, &input, 1 << 20);
        request.batch_rows = batch_rows;
        let parts = decode_in_blocks(&format, &request, &input, block);
        prop_assert_eq!(&whole, &parts);

        let middle = input[..input.len() / 2].iter().rposition(|byte| *byte == b'\n');
        let middle = middle.map_or(0, |line_feed| line_feed + 1);
        let first = decode_in_blocks(&format, &request, &input[..middle], block);
        request.start = middle as u64;
        let second = decode_in_blocks(&format, &request, &input[middle..], block);
        prop_assert_eq!(whole.row_starts, [first.row_starts, second.row_starts].concat());
        let places = |rows: &[crate::BadRow]| -> Vec<_> {
            rows.iter().map(|row| (row.byte, row.problem.clone())).collect()
        };
        prop_assert_eq!(places(&whole.bad), [places(&first.bad), places(&second.bad)].concat());

        let mut inference = format.infer(&crate::Prologue::default());
        inference.window(&input, true);
        let _ = inference.update(&input, true);
        let _ = inference.finish();
    }
}
