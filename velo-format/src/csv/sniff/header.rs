//! Header or data in the first record.

use arrow_schema::DataType;

use super::Choice;
use super::table::{Column, Table};
use crate::csv::dialect::Dialect;

/// What a field of the first record says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vote {
    Header,
    Data,
    Nothing,
}

/// Says whether the first record is a header; `names` are those of columns in other options.
pub(super) fn find(table: Option<&Table>, dialect: &Dialect, names: &[&str]) -> Choice<bool> {
    let usual = |reason: &str| Choice {
        value: true,
        reason: reason.to_owned(),
        note: None,
    };
    let Some(table) = table else {
        return usual("header as usual: no record to look at");
    };
    let named = |field: &Vec<u8>| names.iter().any(|name| name.as_bytes() == field);
    if table.first.iter().any(named) {
        return usual("header, as schema= or types= names its columns");
    }
    let fields = table.first.iter().zip(&table.below);
    let alone = table.records == 0;
    let votes = fields.map(|(field, column)| vote(field, column, dialect, alone));
    let votes: Vec<Vote> = votes.collect();
    let place = |wanted| {
        votes
            .iter()
            .position(|vote| *vote == wanted)
            .map(|at| at + 1)
    };
    match (place(Vote::Header), place(Vote::Data)) {
        (None, Some(_)) if alone && votes.iter().any(|vote| *vote != Vote::Data) => {
            usual("header as usual: it is the only record")
        }
        (None, Some(field)) => Choice {
            value: false,
            reason: format!(
                "no header: field {field} of the first record is typed like its column"
            ),
            note: Some(format!(
                "the first record is data: its field {field} has the type of the column; \
                 header=true makes it the header"
            )),
        },
        (Some(header), Some(data)) => Choice {
            value: true,
            reason: format!("header: field {header} is not typed like its column"),
            note: Some(format!(
                "the first record may be data: its field {data} has the type of the column, \
                 field {header} has not; taken for a header; header= settles it"
            )),
        },
        (Some(field), None) => usual(&format!(
            "header: field {field} is not typed like its column"
        )),
        (None, None) => usual("header as usual"),
    }
}

/// `alone`: there are no records below.
fn vote(field: &[u8], column: &Column, dialect: &Dialect, alone: bool) -> Vote {
    let below = match dialect.decimal_comma {
        true => &column.comma,
        false => &column.point,
    };
    let mut with_first = below.clone();
    with_first.observe(dialect, field, true);
    if with_first.values() == below.values() {
        // A null fits everything.
        return Vote::Nothing;
    }
    match (below.values(), with_first.data_type()) {
        (0, kind) if !alone || kind == DataType::Utf8 => Vote::Nothing,
        (0, _) => Vote::Data,
        _ if below.data_type() == DataType::Utf8 => Vote::Nothing,
        (_, DataType::Utf8) => Vote::Header,
        _ => Vote::Data,
    }
}
