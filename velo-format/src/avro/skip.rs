//! Passing over values of columns that nobody wants.

use super::input::{Input, Parsed, Problem};
use super::schema::Type;

/// Passes over one value; what it says of lengths and numbers is checked as in reading it.
pub(super) fn skip(kind: &Type, input: &mut Input<'_>) -> Parsed<()> {
    match kind {
        Type::Null => {}
        Type::Boolean => drop(boolean(input)?),
        Type::Int | Type::Date | Type::Time(arrow_schema::TimeUnit::Millisecond) => {
            input.int()?;
        }
        Type::Long | Type::Time(_) | Type::Timestamp(..) => drop(input.long()?),
        Type::Float => drop(input.take(4)?),
        Type::Double => drop(input.take(8)?),
        Type::Bytes | Type::Text | Type::Decimal { fixed: None, .. } => drop(input.bytes()?),
        Type::Fixed(size)
        | Type::Decimal {
            fixed: Some(size), ..
        } => drop(input.take(*size)?),
        Type::Uuid => drop(input.take(16)?),
        Type::Duration => drop(input.take(12)?),
        Type::Enum(symbols) => drop(input.choice(symbols.len())?),
        Type::Array(item) => items(input, item.least(), |input| skip(item, input))?,
        Type::Map(value) => items(input, value.least().saturating_add(1), |input| {
            input.bytes()?;
            skip(value, input)
        })?,
        Type::Record(fields) => {
            for (_, field) in fields {
                skip(field, input)?;
            }
        }
        Type::Optional { null, value, inner } => {
            let branch = input.choice(1 + usize::from(null.is_some()))?;
            if branch == *value {
                skip(inner, input)?;
            }
        }
        Type::Union(branches) => {
            let branch = input.choice(branches.len())?;
            if let Some((_, branch)) = branches.get(branch) {
                skip(branch, input)?;
            }
        }
    }
    Ok(())
}

/// Reads a truth value.
pub(super) fn boolean(input: &mut Input<'_>) -> Parsed<bool> {
    match input.array()? {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(Problem::new("a boolean is neither 0 nor 1")),
    }
}

fn items<'b>(
    input: &mut Input<'b>,
    least: usize,
    skip: impl Fn(&mut Input<'b>) -> Parsed<()>,
) -> Parsed<()> {
    loop {
        let (count, end) = input.items(least)?;
        if count == 0 {
            return input.end_items(end);
        }
        // Items without bytes need no passing over, however many there are said to be.
        if least > 0 {
            for _ in 0..count {
                skip(input)?;
            }
        }
        input.end_items(end)?;
    }
}
