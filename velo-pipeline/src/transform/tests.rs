//! Lists of several items over whole batches.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, StructArray, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::*;
use serde_json::{Value, json};
use velo_core::{
    Batch, Changes, ColumnChange, ErrorKind, Op, Predicate, SchemaChange, Span, SplitId, StreamInfo,
};

use super::{Applied, Bound, Transforms};

fn stream() -> Arc<StreamInfo> {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("amount", DataType::Utf8, true),
    ];
    let stream = StreamInfo::new("orders", Arc::new(Schema::new(fields)));
    Arc::new(stream.with_keys(["id"]).unwrap())
}

fn rows(values: &[(i64, Option<&str>, Option<&str>)]) -> RecordBatch {
    let ids = Int64Array::from_iter_values(values.iter().map(|row| row.0));
    let names: StringArray = values.iter().map(|row| row.1).collect();
    let amounts: StringArray = values.iter().map(|row| row.2).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(names), Arc::new(amounts)];
    RecordBatch::try_new(stream().schema().clone(), columns).unwrap()
}

/// Rows with a span that begins at ordinal 100, and metadata with each row's id.
fn batch(values: &[(i64, Option<&str>, Option<&str>)]) -> Batch {
    let span = Span {
        split: SplitId::from("a.csv"),
        order: 0,
        first: 100,
        last: 99 + values.len() as u64,
    };
    let field = Arc::new(Field::new("row_number", DataType::UInt64, false));
    let numbers = values.iter().map(|row| row.0 as u64);
    let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(numbers));
    let batch = Batch::new(stream(), rows(values)).unwrap().with_span(span);
    batch
        .with_metadata(StructArray::from(vec![(field, numbers)]))
        .unwrap()
}

fn bound(list: Value) -> Bound {
    Transforms::parse(&list).unwrap().bind(&stream()).unwrap()
}

fn names(stream: &StreamInfo) -> Vec<&str> {
    let fields = stream.schema().fields().iter();
    fields.map(|field| field.name().as_str()).collect()
}

fn numbers(batch: &Batch, column: &str) -> Vec<i64> {
    let column = batch.rows().column_by_name(column).unwrap();
    column.as_primitive::<Int64Type>().values().to_vec()
}

fn texts(batch: &Batch, column: &str) -> Vec<Option<String>> {
    let column = batch.rows().column_by_name(column).unwrap();
    let texts = column.as_string::<i32>().iter();
    texts.map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn a_list_is_worked_off_in_its_order() {
    let bound = bound(json!([
        { "filter": "id > 1" },
        { "rename": { "id": "key", "amount": "total" } },
        { "cast": { "total": "decimal(12,2)" } },
        { "set": { "source": "eu", "label": "${name:nobody}-${key}: ${total}", "name": 7 } },
        { "filter": "total >= 2.50" },
        { "select": ["label", "key", "name"] },
    ]));
    assert_eq!(names(bound.stream()), ["label", "key", "name"]);
    assert_eq!(bound.stream().keys(), ["key"]);
    let applied = bound
        .apply(batch(&[
            (1, Some("a"), Some("5")),
            (2, Some("b"), Some("2.5")),
            (3, None, Some("3")),
            (4, Some("d"), Some("many")),
            (5, Some("e"), Some("1")),
        ]))
        .unwrap();
    let out = applied.batch.unwrap();
    assert_eq!(out.stream(), bound.stream());
    assert_eq!(numbers(&out, "key"), [2, 3]);
    assert_eq!(numbers(&out, "name"), [7, 7]);
    let label = |text: &str| Some(text.to_owned());
    assert_eq!(
        texts(&out, "label"),
        [label("b-2: 2.50"), label("nobody-3: 3.00")]
    );
    assert_eq!(applied.filtered, 2);
    assert_eq!(applied.rejected.len(), 1);
}

#[test]
fn a_rejected_row_has_its_place_bytes_and_reason() {
    let bound = bound(json!([
        { "filter": "id != 2" },
        { "cast": { "amount": "int64", "name": "int64" } },
    ]));
    let applied = bound.apply(batch(&[
        (1, Some("1"), Some("1")),
        (2, Some("2"), Some("2")),
        (3, Some("3"), Some("1.5")),
        (4, Some("x"), None),
        (5, None, None),
    ]));
    let Applied {
        batch,
        filtered,
        rejected,
    } = applied.unwrap();
    let out = batch.unwrap();
    assert_eq!((numbers(&out, "id"), filtered), (vec![1, 5], 1));
    assert!(out.rows().column(1).is_null(1) && out.rows().column(2).is_null(1));
    let facts: Vec<_> = rejected
        .iter()
        .map(|row| {
            (
                row.ordinal,
                row.split.as_str(),
                row.error.context("column").unwrap(),
            )
        })
        .collect();
    assert_eq!(facts, [(102, "a.csv", "amount"), (103, "a.csv", "name")]);
    assert_eq!(&*rejected[0].raw, br#"{"id":3,"name":"3","amount":"1.5"}"#);
    let error = &rejected[0].error;
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(
        (error.context("stage"), error.context("type")),
        (Some("transform"), Some("Int64"))
    );
    assert!(!error.report().contains("1.5"), "{}", error.report());
}

#[test]
fn what_the_source_must_read_is_known() {
    let cases = [
        (json!([]), None),
        (
            json!([{ "select": ["name", "id"] }]),
            Some(vec!["id", "name"]),
        ),
        (
            json!([{ "filter": "amount = '1'" }, { "select": ["id"] }]),
            Some(vec!["id", "amount"]),
        ),
        (
            json!([{ "rename": { "amount": "a" } }, { "drop": ["a"] }]),
            Some(vec!["id", "name"]),
        ),
        (
            json!([{ "cast": { "amount": "int64" } }, { "drop": ["amount"] }]),
            None,
        ),
        (
            json!([{ "set": { "x": "${name}" } }, { "select": ["x"] }]),
            Some(vec!["name"]),
        ),
        (json!([{ "set": { "name": "x" } }]), None),
        (
            json!([{ "select": ["id", "name"] }, { "drop": ["name"] }]),
            Some(vec!["id"]),
        ),
        (json!([{ "rate_limit": "1/s" }]), None),
    ];
    let full = batch(&[(1, Some("a"), Some("1")), (2, None, Some("1"))]);
    for (list, expected) in cases {
        let bound = bound(list.clone());
        let needed = bound.columns_needed().map(<[String]>::to_vec);
        let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect());
        assert_eq!(needed, expected, "{list}");
        // The same comes out of all columns and of the needed ones.
        let out = bound.apply(full.clone()).unwrap().batch.unwrap();
        assert_eq!(out.stream(), bound.stream(), "{list}");
        if let Some(needed) = needed {
            let narrow = full.project(&needed).unwrap();
            let narrow = bound.apply(narrow).unwrap().batch.unwrap();
            assert_eq!(narrow.rows(), out.rows(), "{list}");
            assert_eq!(narrow.stream(), out.stream(), "{list}");
        }
    }
}

#[test]
fn what_cannot_be_is_refused_before_the_first_row() {
    let cases = [
        (
            json!([{ "select": ["idd"] }]),
            "column idd: no such column; did you mean `id`?",
        ),
        (json!([{ "drop": ["x"] }]), "column x"),
        (
            json!([{ "rename": { "nam": "n" } }]),
            "did you mean `name`?",
        ),
        (
            json!([{ "rename": { "name": "id" } }]),
            "two columns would have one name",
        ),
        (
            json!([{ "rename": { "name": "x", "id": "x" } }]),
            "two columns would have one name",
        ),
        (json!([{ "cast": { "x": "int64" } }]), "column x"),
        (
            json!([{ "cast": { "id": "list(int64)" } }]),
            "cannot be cast",
        ),
        (
            json!([{ "filter": "amout = '1'" }]),
            "did you mean `amount`?",
        ),
        (json!([{ "filter": "id = 'x'" }]), "literal does not fit"),
        (
            json!([{ "select": ["id"] }, { "filter": "name = 'x'" }]),
            "transform item 2, key filter",
        ),
        (
            json!([{ "set": { "a": "${nme}" } }]),
            "in column a: no such column; did you mean `name`?",
        ),
        (
            json!([{ "drop": ["id", "name", "amount"] }]),
            "no column is left",
        ),
    ];
    for (list, expected) in cases {
        let error = Transforms::parse(&list)
            .unwrap()
            .bind(&stream())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{list}");
        let report = error.report();
        assert!(report.contains(expected), "{list}: {report}");
    }
}

#[test]
fn a_key_that_is_not_whole_is_none() {
    let two = stream().as_ref().clone().with_keys(["id", "name"]).unwrap();
    let keys = |list: Value| {
        let bound = Transforms::parse(&list).unwrap().bind(&two).unwrap();
        bound.stream().keys().to_vec()
    };
    assert_eq!(keys(json!([{ "drop": ["amount"] }])), ["id", "name"]);
    assert_eq!(
        keys(json!([{ "rename": { "id": "name", "name": "id" } }])),
        ["name", "id"]
    );
    assert!(keys(json!([{ "drop": ["name"] }])).is_empty());
    assert!(keys(json!([{ "select": ["id", "amount"] }])).is_empty());
}

#[test]
fn swapped_names_keep_their_values() {
    let bound = bound(json!([{ "rename": { "name": "amount", "amount": "name" } }]));
    let out = bound.apply(batch(&[(1, Some("n"), Some("a"))])).unwrap();
    let out = out.batch.unwrap();
    assert_eq!(names(out.stream()), ["id", "amount", "name"]);
    assert_eq!(texts(&out, "name"), [Some("a".to_owned())]);
}

/// An insert, an update without its amount, a delete, a truncate, each with a before-image.
fn changed_rows() -> Batch {
    let values = [
        (1, Some("a"), Some("1")),
        (2, Some("b"), None),
        (3, None, None),
        (4, None, None),
    ];
    let before = [
        (0, None, None),
        (2, Some("a"), Some("x")),
        (3, Some("a"), Some("9")),
        (0, None, None),
    ];
    let unsent = [false, true, false, false];
    let changes = Changes {
        ops: vec![Op::Insert, Op::Update, Op::Delete, Op::Truncate],
        unsent: vec![None, None, Some(unsent.to_vec().into())],
        before: Some(rows(&before)),
    };
    batch(&values).with_changes(changes).unwrap()
}

#[test]
fn changes_follow_their_rows_and_columns() {
    let bound = bound(json!([
        { "select": ["amount", "id"] },
        { "rename": { "amount": "total" } },
        { "set": { "label": "${total}!", "one": 1 } },
        { "drop": ["id"] },
    ]));
    let applied = bound.apply(changed_rows()).unwrap();
    let out = applied.batch.unwrap();
    let changes = out.changes().unwrap();
    assert_eq!(changes.ops.len(), 4);
    let unsent = changes.unsent.iter();
    let unsent: Vec<_> = unsent
        .map(|bits| bits.as_ref().map(|bits| bits.value(1)))
        .collect();
    assert_eq!(unsent, [Some(true), Some(true), None]);
    let before = changes.before.as_ref().unwrap();
    let old = before.column_by_name("label").unwrap().as_string::<i32>();
    assert_eq!(old.value(2), "9!");
    assert!(old.is_null(0));
}

#[test]
fn casts_reach_before_images() {
    let applied = bound(json!([{ "cast": { "amount": "int64" } }]));
    let Applied {
        batch, rejected, ..
    } = applied.apply(changed_rows()).unwrap();
    // The update's old amount is no number.
    assert_eq!(
        rejected.iter().map(|row| row.ordinal).collect::<Vec<_>>(),
        [101]
    );
    let out = batch.unwrap();
    let changes = out.changes().unwrap();
    assert_eq!(changes.ops, [Op::Insert, Op::Delete, Op::Truncate]);
    let before = changes.before.as_ref().unwrap().column(2);
    assert_eq!(before.as_primitive::<Int64Type>().value(1), 9);
}

#[test]
fn a_filter_loses_no_delete_and_guesses_no_value() {
    let ops = |filter: &str| {
        let applied = bound(json!([{ "filter": filter }]))
            .apply(changed_rows())
            .unwrap();
        let ops = applied
            .batch
            .map(|batch| batch.changes().unwrap().ops.clone());
        (
            ops.unwrap_or_default(),
            applied.filtered,
            applied.rejected.len(),
        )
    };
    use Op::{Delete, Insert, Truncate, Update};
    assert_eq!(ops("name = 'b'"), (vec![Update, Truncate], 2, 0));
    assert_eq!(ops("name = 'a'"), (vec![Insert, Delete, Truncate], 1, 0));
    // The update's amount was not sent.
    assert_eq!(ops("amount = '1'"), (vec![Insert, Truncate], 1, 1));
}

#[test]
fn a_change_of_the_schema_is_told_in_the_new_names() {
    let first = bound(json!([{ "rename": { "amount": "total" } }]));
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("title", DataType::Utf8, true),
        Field::new("amount", DataType::Int64, true),
        Field::new("note", DataType::Utf8, true),
    ];
    let next = Arc::new(stream().next_version(Arc::new(Schema::new(fields))));
    let change = SchemaChange {
        stream: next,
        columns: vec![
            ColumnChange::Renamed {
                from: "name".into(),
                to: "title".into(),
            },
            ColumnChange::Retyped {
                name: "amount".into(),
            },
            ColumnChange::Added {
                name: "note".into(),
            },
        ],
    };
    let (bound_again, told) = first.change(&change).unwrap();
    assert_eq!(
        names(bound_again.stream()),
        ["id", "title", "total", "note"]
    );
    assert_eq!(bound_again.stream().version(), 1);
    assert_eq!(told.stream, *bound_again.stream());
    assert_eq!(
        told.columns,
        [
            ColumnChange::Renamed {
                from: "name".into(),
                to: "title".into()
            },
            ColumnChange::Retyped {
                name: "total".into()
            },
            ColumnChange::Added {
                name: "note".into()
            },
        ]
    );
    // A column that an item names is gone.
    let needs = bound(json!([{ "filter": "name = 'a'" }]));
    assert_eq!(needs.change(&change).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_source_that_leaves_columns_out_may_change_the_others() {
    let first = bound(json!([{ "drop": ["amount"] }]));
    let read = stream().project(first.columns_needed().unwrap()).unwrap();
    let fields = read.schema().fields().iter().cloned();
    let note = Arc::new(Field::new("note", DataType::Utf8, true));
    let schema = Schema::new(fields.chain([note]).collect::<Vec<_>>());
    let change = SchemaChange {
        stream: Arc::new(read.next_version(Arc::new(schema))),
        columns: vec![ColumnChange::Added {
            name: "note".into(),
        }],
    };
    let (next, told) = first.change(&change).unwrap();
    assert_eq!(told.columns, change.columns);
    assert_eq!(names(next.stream()), ["id", "name", "note"]);
    assert_eq!(next.stream().keys(), ["id"]);
}

#[test]
fn a_batch_without_rows_announces_and_one_that_lost_them_is_none() {
    let bound = bound(json!([{ "filter": "id > 5" }]));
    let none = bound.apply(Batch::empty(stream())).unwrap();
    assert_eq!(none.batch.unwrap().num_rows(), 0);
    let lost = bound.apply(batch(&[(1, None, None)])).unwrap();
    assert!(lost.batch.is_none() && lost.filtered == 1);
    let foreign = StreamInfo::new("orders", Arc::new(Schema::empty()));
    let refused = bound.apply(Batch::empty(Arc::new(foreign))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
}

type Row = (i64, Option<String>, Option<String>);

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let name = proptest::option::of("[abc]{0,2}");
    let amount = proptest::option::of("[0-9.]{0,4}");
    proptest::collection::vec((0..20_i64, name, amount), 0..60)
}

fn made(values: &[Row]) -> Batch {
    let values: Vec<_> = values
        .iter()
        .map(|(id, name, amount)| (*id, name.as_deref(), amount.as_deref()))
        .collect();
    batch(&values)
}

proptest! {
    #[test]
    fn a_filter_agrees_with_its_condition_row_by_row(values in any_rows()) {
        for text in ["id > 7", "name = 'a' or id < 3", "not (name = 'b')", "amount is null"] {
            let condition: Predicate = text.parse().unwrap();
            let batch = made(&values);
            let wanted = condition.evaluate(batch.rows()).unwrap();
            let expected: Vec<i64> = (0..values.len())
                .filter(|row| wanted.is_valid(*row) && wanted.value(*row))
                .map(|row| values[row].0)
                .collect();
            let applied = bound(json!([{ "filter": text }])).apply(batch).unwrap();
            let found = applied.batch.as_ref().map(|batch| numbers(batch, "id"));
            prop_assert_eq!(applied.filtered as usize, values.len() - expected.len());
            prop_assert_eq!(found.unwrap_or_default(), expected);
        }
    }

    #[test]
    fn no_row_is_lost_and_facts_stay_with_their_rows(values in any_rows()) {
        let list = json!([
            { "cast": { "amount": "decimal(6,1)" } },
            { "filter": "id != 4" },
            { "rename": { "id": "key" } },
            { "cast": { "amount": "int64" } },
            { "select": ["name", "key", "amount"] },
        ]);
        let applied = bound(list).apply(made(&values)).unwrap();
        let left = applied.batch.as_ref().map_or(0, Batch::num_rows);
        let all = left + applied.filtered as usize + applied.rejected.len();
        prop_assert_eq!(all, values.len());
        for rejected in &applied.rejected {
            let row = &values[(rejected.ordinal - 100) as usize];
            let raw: Value = serde_json::from_slice(&rejected.raw).unwrap();
            prop_assert_eq!(raw["id"].as_i64(), Some(row.0));
        }
        if let Some(out) = applied.batch {
            let ids = out.metadata().unwrap().column(0);
            let ids = ids.as_any().downcast_ref::<UInt64Array>().unwrap();
            let keys = numbers(&out, "key");
            prop_assert!(ids.values().iter().map(|id| *id as i64).eq(keys));
        }
    }

    /// Whatever the list, what a source leaves out changes neither rows nor columns.
    #[test]
    fn what_is_not_needed_is_not_missed(
        values in any_rows(),
        picks in proptest::collection::vec(0..12_usize, 0..6),
    ) {
        let pool = [
            json!({ "select": ["amount", "id"] }),
            json!({ "select": ["name"] }),
            json!({ "select": ["id", "name", "amount"] }),
            json!({ "drop": ["name"] }),
            json!({ "drop": ["id"] }),
            json!({ "rename": { "name": "title" } }),
            json!({ "rename": { "name": "amount", "amount": "name" } }),
            json!({ "cast": { "amount": "decimal(6,1)" } }),
            json!({ "filter": "id > 7" }),
            json!({ "set": { "name": "${id}", "new": "${amount:none}" } }),
            json!({ "set": { "id": 1 } }),
            json!({ "drop": ["title"] }),
        ];
        let list: Vec<Value> = picks.into_iter().map(|at| pool[at].clone()).collect();
        let Ok(bound) = Transforms::parse(&json!(list)).unwrap().bind(&stream()) else {
            return Ok(());
        };
        let full = made(&values);
        let narrow = match bound.columns_needed() {
            Some(needed) => full.project(needed).unwrap(),
            None => full.clone(),
        };
        let (one, other) = (bound.apply(full).unwrap(), bound.apply(narrow).unwrap());
        let rows = |applied: &Applied| applied.batch.as_ref().map(|batch| batch.rows().clone());
        prop_assert_eq!(rows(&one), rows(&other));
        prop_assert_eq!(one.filtered, other.filtered);
        let places = |applied: &Applied| {
            applied.rejected.iter().map(|row| row.ordinal).collect::<Vec<_>>()
        };
        prop_assert_eq!(places(&one), places(&other));
        if let Some(batch) = &one.batch {
            prop_assert_eq!(batch.stream(), bound.stream());
        }
    }

    #[test]
    fn select_and_rename_may_change_places(values in any_rows(), first in 0..3_usize) {
        let all = ["id", "name", "amount"];
        let kept = [all[first], all[(first + 1) % 3]];
        let new = |name: &str| format!("{name}_2");
        let renames = json!({ kept[0]: new(kept[0]), kept[1]: new(kept[1]) });
        let one = bound(json!([{ "select": kept }, { "rename": renames }]));
        let renamed = [new(kept[0]), new(kept[1])];
        let other = bound(json!([{ "rename": renames }, { "select": renamed }]));
        prop_assert_eq!(one.stream(), other.stream());
        let out = |bound: &Bound| bound.apply(made(&values)).unwrap().batch.unwrap();
        let (one, other) = (out(&one), out(&other));
        prop_assert_eq!(one.rows(), other.rows());
    }
}
