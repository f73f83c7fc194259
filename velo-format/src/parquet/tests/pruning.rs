use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, Int32Array, StringArray, UInt32Array};
use arrow_array::{Date32Array, Decimal128Array, Float64Array, TimestampMillisecondArray};
use proptest::prelude::*;
use velo_core::{Comparison, ErrorKind, Literal, Predicate};

use super::samples::Random;
use super::*;

const GROUP: usize = 40;

/// Writes with pages of a few rows.
fn file(rows: &RecordBatch, statistics: EnabledStatistics) -> Bytes {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(GROUP))
        .set_data_page_row_count_limit(7)
        .set_write_batch_size(7)
        .set_statistics_enabled(statistics)
        .set_column_index_truncate_length(Some(2))
        .set_statistics_truncate_length(Some(2))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.into_inner().unwrap().into()
}

/// Numbers that drift, so that pages differ, with nulls in runs and one by one.
fn drifting(spread: usize, random: &mut Random) -> Vec<Option<i64>> {
    let mut hole = 0_usize;
    let one = |row: usize| {
        if random.below(12) == 0 {
            hole = random.below(30);
        }
        hole = hole.saturating_sub(1);
        (hole == 0).then_some((row / 9 + random.below(spread)) as i64 - 3)
    };
    (0..100).map(one).collect()
}

fn odd(number: i64) -> f64 {
    match number {
        5 => f64::NAN,
        4 => -f64::NAN,
        0 => -0.0,
        -1 => 0.0,
        7 => f64::INFINITY,
        number => number as f64,
    }
}

fn text(number: i64) -> &'static str {
    let highest = "\u{10ffff}\u{10ffff}\u{10ffff}";
    ["a", "ab", "abcd", "é", "", highest, "b"][number.unsigned_abs() as usize % 7]
}

fn rows(seed: u64) -> RecordBatch {
    let mut random = Random::new(seed);
    let mut numbers = |spread| drifting(spread, &mut random).into_iter();
    let int = Int32Array::from_iter(numbers(4).map(|n| n.map(|n| n as i32)));
    let float = Float64Array::from_iter(numbers(3).map(|n| n.map(odd)));
    let texts = StringArray::from_iter(numbers(1).map(|n| n.map(text)));
    let bytes = BinaryArray::from_iter(numbers(1).map(|n| n.map(text)));
    let decimal = Decimal128Array::from_iter(numbers(2).map(|n| n.map(i128::from)));
    let date = Date32Array::from_iter(numbers(2).map(|n| n.map(|n| n as i32)));
    let time = numbers(2).map(|n| n.map(|n| n * 3_600_000));
    let time = TimestampMillisecondArray::from_iter(time).with_timezone("+02:00");
    let flag = BooleanArray::from_iter(numbers(1).map(|n| n.map(|n| n > 3)));
    let unsigned = UInt32Array::from_iter(numbers(2).map(|n| n.map(|n| n as u32)));
    let columns: [(&str, ArrayRef); 9] = [
        ("int", Arc::new(int)),
        ("float", Arc::new(float)),
        ("text", Arc::new(texts)),
        ("bytes", Arc::new(bytes)),
        (
            "decimal",
            Arc::new(decimal.with_precision_and_scale(20, 1).unwrap()),
        ),
        ("date", Arc::new(date)),
        ("time", Arc::new(time)),
        ("flag", Arc::new(flag)),
        ("unsigned", Arc::new(unsigned)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, a)| (n, a, true))).unwrap()
}

fn literal(column: &str) -> BoxedStrategy<Literal> {
    let number = |texts: &'static [&'static str]| {
        prop::sample::select(texts)
            .prop_map(|text| Literal::Number(text.to_owned()))
            .boxed()
    };
    let text = |texts: &'static [&'static str]| {
        prop::sample::select(texts)
            .prop_map(|text| Literal::Text(text.to_owned()))
            .boxed()
    };
    match column {
        "float" => number(&["-3", "0", "-0.0", "0.5", "4", "5", "6", "nan", "inf", "100"]),
        "text" | "bytes" => text(&["", "a", "ab", "abc", "abcd", "b", "é", "z", "\u{10ffff}"]),
        "decimal" => number(&["-0.3", "0", "0.25", "0.5", "1.0", "9"]),
        "date" => text(&["1969-12-30", "1970-01-01", "1970-01-05", "1970-01-30"]),
        "time" => text(&[
            "1970-01-01T00:00:00Z",
            "1970-01-01T05:00:00+01:00",
            "1971-01-01",
        ]),
        "flag" => any::<bool>().prop_map(Literal::Boolean).boxed(),
        "unsigned" => number(&["0", "1", "3.5", "4294967293", "4294967290"]),
        _ => number(&["-4", "-3", "0", "1.5", "5", "12", "99"]),
    }
}

fn predicate() -> impl Strategy<Value = Predicate> {
    const COLUMNS: [&str; 9] = [
        "int", "float", "text", "bytes", "decimal", "date", "time", "flag", "unsigned",
    ];
    let comparison = prop::sample::select(
        &[
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::AtMost,
            Comparison::Greater,
            Comparison::AtLeast,
        ][..],
    );
    let column = prop::sample::select(&COLUMNS[..]);
    let compare = column.prop_flat_map(move |column| {
        (comparison.clone(), literal(column)).prop_map(move |(comparison, literal)| {
            Predicate::Compare {
                column: column.to_owned(),
                comparison,
                literal,
            }
        })
    });
    let name = || prop::sample::select(&COLUMNS[..]).prop_map(str::to_owned);
    let leaf = prop_oneof![
        6 => compare,
        1 => name().prop_map(Predicate::IsNull),
        1 => name().prop_map(Predicate::IsNotNull),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Predicate::Not(Box::new(one))),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Predicate::And),
            prop::collection::vec(inner, 1..3).prop_map(Predicate::Or),
        ]
    })
}

fn wanted(predicate: &Predicate, rows: &RecordBatch) -> Option<RecordBatch> {
    let answers = predicate.evaluate(rows).ok()?;
    Some(arrow_select::filter::filter_record_batch(rows, &answers).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_wanted_row_is_left_out(
        seed in 0..20_u64, predicate in predicate(), statistics in 0..3_usize,
    ) {
        let rows = rows(seed);
        let Some(expected) = wanted(&predicate, &rows) else { return Ok(()) };
        let statistics = [
            EnabledStatistics::Page, EnabledStatistics::Chunk, EnabledStatistics::None,
        ][statistics];
        let input = open(file(&rows, statistics)).unwrap();
        let kept = input.prune(&predicate).unwrap();
        let mut found = Vec::new();
        for unit in (0..kept.len()).filter(|unit| kept[*unit]) {
            let request =
                RandomRequest { predicate: Some(Arc::new(predicate.clone())), ..request(unit) };
            let rows = concat_batches(&rows.schema(), &read(&*input, request).unwrap()).unwrap();
            found.push(wanted(&predicate, &rows).unwrap());
        }
        prop_assert_eq!(concat_batches(&rows.schema(), &found).unwrap(), expected);
    }
}

#[test]
fn unwanted_row_groups_and_pages_are_left_out() {
    let number: ArrayRef = Arc::new(Int32Array::from_iter(
        (0..100).map(|n| (n < 80).then_some(n)),
    ));
    let text: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..100).map(|n| format!("{n:05}")),
    ));
    let price: ArrayRef = Arc::new(Float64Array::from_iter_values((0..100).map(f64::from)));
    let columns = [
        ("number", number, true),
        ("text", text, false),
        ("price", price, false),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let input = open(file(&rows, EnabledStatistics::Page)).unwrap();
    for (condition, groups, read_rows) in [
        ("number < 3", [true, false, false], 7),
        ("number >= 40 and number < 47.5", [false, true, false], 14),
        ("number = 41 or number = 61", [false, true, false], 14),
        ("not number < 79", [false, true, false], 5),
        ("number is null", [false, false, true], 20),
        ("number is not null", [true, true, false], 80),
        ("price = 41", [false, true, false], 7),
        // NaN is greater than every number, and no bound takes it in.
        ("price > 41", [true, true, true], 100),
        ("price < 41", [true, true, false], 47),
        ("price <= 39.5", [true, false, false], 40),
        ("price >= 41 and price <= 50", [false, true, false], 14),
        ("not (price < 41 or price >= 50)", [false, true, false], 14),
        (
            "price < 10 and (price > 8 or number = 90)",
            [true, false, false],
            7,
        ),
        ("price > 41 or price < 3", [true, true, true], 100),
        ("number > 1000", [false, false, false], 0),
    ] {
        let predicate: Predicate = condition.parse().unwrap();
        assert_eq!(input.prune(&predicate).unwrap(), groups, "{condition}");
        let predicate = Arc::new(predicate);
        let mut found = 0;
        for unit in (0..3).filter(|unit| groups[*unit]) {
            let request = RandomRequest {
                predicate: Some(predicate.clone()),
                ..request(unit)
            };
            let batches = read(&*input, request).unwrap();
            found += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
        }
        assert_eq!(found, read_rows, "{condition}");
    }
    let error = input.prune(&"numbr = 1".parse().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.hint(), Some("did you mean `number`?"));
}
