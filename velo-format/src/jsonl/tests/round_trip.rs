//! Random rows, spelled in random ways.

use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow_schema::{Field, Schema};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{decode_in_blocks, options, request};
use crate::jsonl::JsonLines;

#[derive(Debug, Clone)]
struct Row {
    whole: Option<i64>,
    float: Option<f64>,
    text: Option<String>,
    truth: Option<bool>,
    list: Option<Vec<Option<i64>>>,
    inner: (Option<i64>, Option<String>),
    spelling: Spelling,
}

#[derive(Debug, Clone)]
struct Spelling {
    order: Vec<usize>,
    space: String,
    escape: bool,
    leave_out_nulls: bool,
}

fn row() -> impl Strategy<Value = Row> {
    let spelling = (
        Just((0..6).collect::<Vec<_>>()).prop_shuffle(),
        any::<bool>(),
        "[ \t]{0,2}",
        any::<bool>(),
        any::<bool>(),
    );
    let spelling =
        spelling.prop_map(
            |(order, shuffled, space, escape, leave_out_nulls)| Spelling {
                order: if shuffled { order } else { (0..6).collect() },
                space,
                escape,
                leave_out_nulls,
            },
        );
    let values = (
        option::of(any::<i64>()),
        option::of(prop_oneof![
            any::<f64>().prop_filter("JSON has finite numbers", |value| value.is_finite()),
            (-10_000_000..10_000_000_i64).prop_map(|cents| cents as f64 / 100.0),
        ]),
        option::of(any::<String>()),
        option::of(any::<bool>()),
        option::of(vec(option::of(any::<i64>()), 0..4)),
        (option::of(any::<i64>()), option::of("[a-z\"\\\\é]{0,40}")),
    );
    (values, spelling).prop_map(|(values, spelling)| {
        let (whole, float, text, truth, list, inner) = values;
        Row {
            whole,
            float,
            text,
            truth,
            list,
            inner,
            spelling,
        }
    })
}

impl Spelling {
    fn string(&self, text: &str) -> String {
        if !self.escape {
            return serde_json::to_string(text).unwrap();
        }
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    }

    fn object(&self, fields: &[(&str, Option<String>)]) -> String {
        let fields = fields.iter().filter_map(|(name, value)| {
            let value = match value {
                None if self.leave_out_nulls => return None,
                None => "null",
                Some(value) => value,
            };
            let space = &self.space;
            Some(format!(
                "{space}{}{space}:{space}{value}{space}",
                self.string(name)
            ))
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    }
}

impl Row {
    fn render(&self) -> String {
        let number = |value: &Option<i64>| value.map(|value| value.to_string());
        let text = |text: &Option<String>| text.as_ref().map(|text| self.spelling.string(text));
        let list = self.list.as_ref().map(|items| {
            let items = items
                .iter()
                .map(|item| number(item).unwrap_or("null".to_owned()));
            format!("[{}]", items.collect::<Vec<_>>().join(" , "))
        });
        let inner = [("x", number(&self.inner.0)), ("y", text(&self.inner.1))];
        let fields = [
            ("whole", number(&self.whole)),
            (
                "float",
                self.float
                    .map(|value| ryu::Buffer::new().format(value).to_owned()),
            ),
            ("text", text(&self.text)),
            ("truth", self.truth.map(|truth| truth.to_string())),
            ("list", list),
            ("inner", Some(self.spelling.object(&inner))),
        ];
        let fields: Vec<_> = self
            .spelling
            .order
            .iter()
            .map(|&at| fields[at].clone())
            .collect();
        self.spelling.object(&fields)
    }
}

fn batch(rows: &[Row]) -> RecordBatch {
    let xs: Int64Array = rows.iter().map(|row| row.inner.0).collect();
    let ys: StringArray = rows.iter().map(|row| row.inner.1.as_ref()).collect();
    let (xs, ys): (ArrayRef, ArrayRef) = (Arc::new(xs), Arc::new(ys));
    let field =
        |name, array: &ArrayRef| Arc::new(Field::new(name, array.data_type().clone(), true));
    let inner = StructArray::from(vec![(field("x", &xs), xs), (field("y", &ys), ys)]);
    let lists = rows.iter().map(|row| row.list.clone());
    let columns: [(&str, ArrayRef); 6] = [
        (
            "whole",
            Arc::new(rows.iter().map(|row| row.whole).collect::<Int64Array>()),
        ),
        (
            "float",
            Arc::new(rows.iter().map(|row| row.float).collect::<Float64Array>()),
        ),
        (
            "text",
            Arc::new(
                rows.iter()
                    .map(|row| row.text.as_ref())
                    .collect::<StringArray>(),
            ),
        ),
        (
            "truth",
            Arc::new(rows.iter().map(|row| row.truth).collect::<BooleanArray>()),
        ),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ),
        ("inner", Arc::new(inner)),
    ];
    let fields = columns.iter().map(|(name, array)| field(name, array));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let arrays = columns.iter().map(|(_, array)| Arc::clone(array));
    RecordBatch::try_new(Arc::new(schema), arrays.collect()).unwrap()
}

proptest! {
    #[test]
    fn rows_are_read_as_they_were_meant(
        rows in vec(row(), 1..12),
        block in 1_usize..200,
        batch_rows in 1_usize..6,
        ending in prop::sample::select(vec!["\n", "\r\n", " \n\n"]),
    ) {
        let lines: Vec<_> = rows.iter().map(Row::render).collect();
        let input = lines.join(ending);
        let expected = batch(&rows);
        let mut request = request(&expected.schema());
        request.batch_rows = batch_rows;
        let format = JsonLines::new(&options(|_| ())).unwrap();
        let found = decode_in_blocks(&format, &request, input.as_bytes(), block);
        prop_assert_eq!(found.bad, []);
        prop_assert_eq!(found.rows, expected);
    }
}
