//! What a condition says once some columns are known: partitions, and columns that a file lacks.

use arrow_array::{Array, ArrayRef, RecordBatch};
use velo_core::{Predicate, Result};

/// What is left of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// It has this value for every row.
    Known(Option<bool>),
    /// Rows decide, by this condition on the other columns.
    Rows(Predicate),
    /// Rows decide, and the condition cannot be said without the known columns.
    Mixed,
}

/// Decides a condition as far as the columns of one row that are `known` go.
pub(super) fn decide(predicate: &Predicate, known: &[(&str, ArrayRef)]) -> Result<Verdict> {
    Ok(match predicate {
        Predicate::Compare { column, .. }
        | Predicate::IsNull(column)
        | Predicate::IsNotNull(column) => match known.iter().find(|(name, _)| name == column) {
            None => Verdict::Rows(predicate.clone()),
            Some((name, value)) => {
                let row = RecordBatch::try_from_iter_with_nullable([(name, value.clone(), true)])?;
                let holds = predicate.evaluate(&row)?;
                Verdict::Known(holds.is_valid(0).then(|| holds.value(0)))
            }
        },
        Predicate::Not(one) => match decide(one, known)? {
            Verdict::Known(holds) => Verdict::Known(holds.map(|holds| !holds)),
            Verdict::Rows(rest) => Verdict::Rows(Predicate::Not(Box::new(rest))),
            Verdict::Mixed => Verdict::Mixed,
        },
        Predicate::And(all) => fold(all, known, false)?,
        Predicate::Or(all) => fold(all, known, true)?,
        _ => Verdict::Mixed,
    })
}

/// `and` is decided by one false, `or` by one true; the opposite value leaves the others to decide.
fn fold(all: &[Predicate], known: &[(&str, ArrayRef)], decisive: bool) -> Result<Verdict> {
    let (mut rest, mut null, mut mixed) = (Vec::new(), false, false);
    for one in all {
        match decide(one, known)? {
            Verdict::Known(Some(holds)) if holds == decisive => {
                return Ok(Verdict::Known(Some(decisive)));
            }
            Verdict::Known(Some(_)) => {}
            Verdict::Known(None) => null = true,
            Verdict::Rows(one) => rest.push(one),
            Verdict::Mixed => mixed = true,
        }
    }
    Ok(match (rest.pop(), null, mixed) {
        (_, _, true) | (Some(_), true, _) => Verdict::Mixed,
        (None, null, _) => Verdict::Known((!null).then_some(!decisive)),
        (Some(only), ..) if rest.is_empty() => Verdict::Rows(only),
        (Some(last), ..) => {
            rest.push(last);
            Verdict::Rows(if decisive {
                Predicate::Or(rest)
            } else {
                Predicate::And(rest)
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Int64Array;
    use std::sync::Arc;

    #[test]
    fn decides_what_known_columns_decide() {
        let year: ArrayRef = Arc::new(Int64Array::from(vec![2020]));
        let gone: ArrayRef = Arc::new(Int64Array::from(vec![None]));
        let known = [("year", year), ("gone", gone)];
        for (condition, expected) in [
            ("year = 2020", "true"),
            ("year > 2020 and a = 1", "false"),
            ("year = 2020 and a = 1", "a = 1"),
            ("year = 2020 or a = 1", "true"),
            ("year = 1 or a = 1 or b = 2", "a = 1 or b = 2"),
            ("not (year = 1 or a = 1)", "not a = 1"),
            ("gone = 1", "null"),
            ("gone is null and a = 1", "a = 1"),
            ("gone = 1 and a = 1", "mixed"),
            ("gone = 1 and year = 1", "false"),
            ("not gone = 1", "null"),
        ] {
            let verdict = decide(&condition.parse().unwrap(), &known).unwrap();
            let expected = match expected {
                "true" => Verdict::Known(Some(true)),
                "false" => Verdict::Known(Some(false)),
                "null" => Verdict::Known(None),
                "mixed" => Verdict::Mixed,
                rest => Verdict::Rows(rest.parse().unwrap()),
            };
            assert_eq!(verdict, expected, "{condition}");
        }
    }
}
