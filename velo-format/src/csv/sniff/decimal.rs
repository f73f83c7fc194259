//! Decimal comma or point.

use super::Choice;
use super::table::Table;
use crate::csv::DecimalSeparator;

/// Chooses what stands before fractions; `None` where commas divide fields.
pub(super) fn find(table: Option<&Table>) -> Choice<DecimalSeparator> {
    let columns = table.map_or(&[][..], |table| &table.below);
    let mut commas = columns.iter().filter(|column| column.needs_comma());
    let point = columns
        .iter()
        .any(|column| column.has_decimal_point && column.is_typed(false));
    let certain = commas.clone().any(|column| column.has_decimal_comma);
    let is_in_doubt = commas.next().is_some();
    let (value, reason, note) = match (certain, point) {
        (true, false) => (
            DecimalSeparator::Comma,
            "decimal comma in numbers",
            Some("numbers are read with a decimal comma; decimal_separator=. says otherwise"),
        ),
        (true, true) => (
            DecimalSeparator::Point,
            "decimal point, though some columns have a comma",
            Some(
                "numbers have decimal commas in one column and points in another: those with \
                 commas are text; decimal_separator= settles it",
            ),
        ),
        (false, _) if is_in_doubt => (
            DecimalSeparator::Point,
            "decimal point, though commas may be decimal",
            Some(
                "commas in numbers may divide thousands or stand before fractions: such columns \
                 are text; decimal_separator= settles it",
            ),
        ),
        (false, _) => (DecimalSeparator::Point, "decimal point as usual", None),
    };
    Choice {
        value,
        reason: reason.to_owned(),
        note: note.map(str::to_owned),
    }
}
