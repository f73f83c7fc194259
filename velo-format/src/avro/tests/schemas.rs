//! Schemas: names, logical types, and what has no columns.

use arrow_schema::DataType;
use velo_core::ErrorKind;

use super::super::schema::parse;
use super::super::shape;

fn columns(json: &str) -> Vec<String> {
    let columns = parse(json.as_bytes()).unwrap().into_columns();
    let schema = shape::schema(&columns);
    let spelled = |field: &std::sync::Arc<arrow_schema::Field>| {
        let null = if field.is_nullable() { "?" } else { "" };
        format!("{}{null} {}", field.name(), field.data_type())
    };
    schema.fields().iter().map(spelled).collect()
}

#[test]
fn types_become_columns() {
    let text = |kind: &str| columns(kind).remove(0);
    for (kind, expected) in [
        (r#""null""#, "value? Null"),
        (r#"{"type":"string"}"#, "value Utf8"),
        (
            r#"{"type":{"type":"long","logicalType":"timestamp-nanos"}}"#,
            r#"value Timestamp(ns, "UTC")"#,
        ),
        (r#"["null","int"]"#, "value? Int32"),
        (r#"["int","null"]"#, "value? Int32"),
        (r#"["int"]"#, "value Int32"),
        (r#"["null"]"#, "value? Null"),
        (
            r#"{"type":"int","logicalType":"timestamp-millis"}"#,
            "value Int32",
        ),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":5}"#,
            "value Binary",
        ),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":0}"#,
            "value Binary",
        ),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":39}"#,
            "value Decimal256(39, 0)",
        ),
        (
            r#"{"type":"fixed","name":"f","size":2,"logicalType":"decimal","precision":5}"#,
            "value FixedSizeBinary(2)",
        ),
        (
            r#"{"type":"fixed","name":"f","size":2,"logicalType":"decimal","precision":4}"#,
            "value Decimal128(4, 0)",
        ),
        (
            r#"{"type":"fixed","name":"f","size":11,"logicalType":"duration"}"#,
            "value FixedSizeBinary(11)",
        ),
    ] {
        assert_eq!(text(kind), expected, "{kind}");
    }
}

#[test]
fn names_are_found_where_they_stand() {
    let json = r#"{"type":"record","name":"a.b.R","fields":[
        {"name":"x","type":{"type":"fixed","name":"F","size":1}},
        {"name":"y","type":"F"},
        {"name":"z","type":["null","a.b.F"]},
        {"name":"w","type":{"type":"enum","name":"E","namespace":"c","symbols":["s"]}},
        {"name":"v","type":"c.E"},
        {"name":"u","type":[{"type":"fixed","name":"d.F","size":2},"F","string"]}]}"#;
    let found = columns(json);
    assert_eq!(found[1], "y FixedSizeBinary(1)");
    assert_eq!(found[2], "z? FixedSizeBinary(1)");
    assert_eq!(found[4], "v Utf8");
    let parsed = parse(json.as_bytes()).unwrap().into_columns();
    let DataType::Struct(branches) = parsed[5].1.data_type() else {
        panic!("a union of several types is a struct");
    };
    let names: Vec<&String> = branches.iter().map(|branch| branch.name()).collect();
    assert_eq!(names, ["d.F", "a.b.F", "string"]);
}

#[test]
fn what_is_no_schema_is_refused() {
    for json in [
        "",
        "1",
        "{}",
        "[]",
        r#"{"type":7}"#,
        r#""F""#,
        r#"{"type":"record","name":"r"}"#,
        r#"{"type":"record","fields":[]}"#,
        r#"{"type":"record","name":"r","fields":[{"type":"int"}]}"#,
        r#"{"type":"record","name":"r","fields":[{"name":"a"}]}"#,
        r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
        r#"{"type":"enum","name":"e","symbols":[1]}"#,
        r#"{"type":"fixed","name":"f","size":-1}"#,
        r#"{"type":"fixed","name":"f","size":4294967296}"#,
        r#"{"type":"array"}"#,
        r#"["int",["string"]]"#,
        r#"["int","int","null"]"#,
        r#"[{"type":"fixed","name":"f","size":1},{"type":"fixed","name":"f","size":1}]"#,
    ] {
        let error = parse(json.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{json}");
    }
}

#[test]
fn types_without_end_are_refused() {
    let list = r#"{"type":"record","name":"list","fields":[
        {"name":"value","type":"int"},{"name":"next","type":["null","list"]}]}"#;
    let error = parse(list.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.context("type"), Some("list"));
    let field = |n: usize, kind: &str| format!(r#"{{"name":"f{n}","type":{kind}}}"#);
    // Each type has the one before twice, or once: very many, or very deep.
    for copies in [2, 1] {
        let mut fields = vec![field(0, r#"{"type":"record","name":"t0","fields":[]}"#)];
        for level in 1..100 {
            let before = format!("\"t{}\"", level - 1);
            let inside: Vec<String> = (0..copies).map(|n| field(n, &before)).collect();
            let inside = inside.join(",");
            let kind = format!(r#"{{"type":"record","name":"t{level}","fields":[{inside}]}}"#);
            fields.push(field(level, &kind));
        }
        let json = format!(
            r#"{{"type":"record","name":"r","fields":[{}]}}"#,
            fields.join(",")
        );
        let error = parse(json.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    let deep = format!(
        "{}\"int\"{}",
        r#"{"type":"array","items":"#.repeat(100),
        "}".repeat(100)
    );
    assert_eq!(
        parse(deep.as_bytes()).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}
