//! `velo schema URI`.

use std::sync::Arc;

use arrow_schema::{DataType, TimeUnit};
use velo_core::{Result, StreamInfo};
use velo_registry::create_source;

use crate::args::Arguments;
use crate::report;

pub(crate) async fn schema(all: &Arguments, uri: &str) -> Result<()> {
    let streams = create_source(uri)?.streams().await?;
    if all.json {
        let streams: Vec<_> = streams.iter().map(as_json).collect();
        return report::print(&format!("{}\n", serde_json::json!(streams)));
    }
    let mut text = String::new();
    for stream in &streams {
        if streams.len() > 1 {
            text += &format!("{}\n", stream.name());
        }
        let fields = stream.schema().fields();
        let width = fields
            .iter()
            .map(|field| field.name().chars().count())
            .max()
            .unwrap_or(0);
        for field in fields {
            let required = if field.is_nullable() {
                ""
            } else {
                "  not null"
            };
            let kind = type_name(field.data_type());
            text += &format!("{:width$}  {kind}{required}\n", field.name());
        }
    }
    if !all.quiet {
        for detail in streams.iter().flat_map(|stream| stream.details()) {
            text += &format!("read as: {detail}\n");
        }
        for note in notes(&streams) {
            text += &format!("note: {note}\n");
        }
    }
    report::print(&text)
}

/// Gives the remarks that sources left on their streams.
pub(crate) fn notes(streams: &[Arc<StreamInfo>]) -> Vec<String> {
    let notes = streams.iter().flat_map(|stream| stream.notes());
    notes.map(ToString::to_string).collect()
}

fn as_json(stream: &Arc<StreamInfo>) -> serde_json::Value {
    let column = |field: &Arc<arrow_schema::Field>| {
        serde_json::json!({
            "name": field.name(),
            "type": type_name(field.data_type()),
            "nullable": field.is_nullable(),
        })
    };
    serde_json::json!({
        "stream": stream.name(),
        "columns": stream.schema().fields().iter().map(column).collect::<Vec<_>>(),
        "details": stream.details(),
        "notes": notes(std::slice::from_ref(stream)),
    })
}

/// Spells a type as the options `types=` and `schema=` read it.
pub(crate) fn type_name(kind: &DataType) -> String {
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    };
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => format!("decimal({p},{s})"),
        DataType::Timestamp(u, None) => format!("timestamp({})", unit(u)),
        DataType::Timestamp(u, Some(zone)) => format!("timestamp({},{zone})", unit(u)),
        DataType::Time32(u) | DataType::Time64(u) => format!("time({})", unit(u)),
        DataType::Duration(u) => format!("duration({})", unit(u)),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("list({})", type_name(item.data_type()))
        }
        DataType::Struct(fields) => {
            let named = |field: &Arc<arrow_schema::Field>| {
                format!("{}:{}", field.name(), type_name(field.data_type()))
            };
            format!(
                "struct({})",
                fields.iter().map(named).collect::<Vec<_>>().join(",")
            )
        }
        DataType::Dictionary(_, value) => type_name(value),
        simple if simple.is_primitive() || matches!(simple, DataType::Boolean) => {
            simple.to_string().to_lowercase()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spelled_as_options_read_them() {
        for (kind, text) in [
            (DataType::Int64, "int64"),
            (DataType::Boolean, "boolean"),
            (DataType::Utf8View, "text"),
            (DataType::Decimal128(10, 2), "decimal(10,2)"),
            (
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
                "timestamp(us,UTC)",
            ),
        ] {
            assert_eq!(type_name(&kind), text);
        }
    }
}
