//! Text with `${column}` in it.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, StringArray};
use velo_core::{Error, ErrorKind, Result};

/// Text and columns, in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Column {
        name: String,
        /// What stands for null.
        default: Option<String>,
    },
}

impl Template {
    /// Reads `${column}`, `${column:default}` and `$${` for `${`.
    ///
    /// # Errors
    /// `Config` when a place is not closed or names no column.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let (mut plain, mut rest) = (String::new(), text);
        while let Some(at) = rest.find("${") {
            let (before, found) = rest.split_at(at);
            if let Some(before) = before.strip_suffix('$') {
                plain.push_str(before);
                plain.push_str("${");
                rest = &found[2..];
                continue;
            }
            plain.push_str(before);
            let Some((place, behind)) = found[2..].split_once('}') else {
                return Err(Error::new(ErrorKind::Config, "`${` is not closed")
                    .with_hint("write ${column}, or $${ for the two characters"));
            };
            let (name, default) = match place.split_once(':') {
                Some((name, default)) => (name, Some(default.to_owned())),
                None => (place, None),
            };
            if name.is_empty() {
                return Err(Error::new(ErrorKind::Config, "`${}` names no column"));
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            let name = name.to_owned();
            parts.push(Part::Column { name, default });
            rest = behind;
        }
        plain.push_str(rest);
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// Lists the columns, one for each place.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Column { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Says whether it can be null.
    pub(super) fn is_nullable(&self) -> bool {
        let null = |part: &Part| matches!(part, Part::Column { default: None, .. });
        self.0.iter().any(null)
    }

    /// Fills the places with the values of columns, as text, one for each place.
    pub(super) fn fill(&self, values: &[StringArray], rows: usize) -> ArrayRef {
        let mut filled = StringBuilder::with_capacity(rows, rows * 16);
        for row in 0..rows {
            let mut places = values.iter();
            let null = self.0.iter().any(|part| match part {
                Part::Text(_) => false,
                Part::Column { default, .. } => {
                    let null = places.next().is_none_or(|value| value.is_null(row));
                    null && default.is_none()
                }
            });
            if null {
                filled.append_null();
                continue;
            }
            self.fill_row(values, row, &mut filled);
        }
        Arc::new(filled.finish())
    }

    fn fill_row(&self, values: &[StringArray], row: usize, filled: &mut StringBuilder) {
        let mut places = values.iter();
        for part in &self.0 {
            let text = match part {
                Part::Text(text) => text,
                Part::Column { default, .. } => match places.next() {
                    Some(value) if value.is_valid(row) => value.value(row),
                    _ => default.as_deref().unwrap_or_default(),
                },
            };
            // Writing to memory does not fail.
            let _ = filled.write_str(text);
        }
        filled.append_value("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, values: &[Vec<Option<&str>>]) -> Vec<Option<String>> {
        let template = Template::parse(template).unwrap();
        let values: Vec<StringArray> = values.iter().cloned().map(StringArray::from).collect();
        let rows = values.first().map_or(1, Array::len);
        let filled = template.fill(&values, rows);
        let filled = filled.as_any().downcast_ref::<StringArray>().unwrap();
        filled.iter().map(|text| text.map(str::to_owned)).collect()
    }

    #[test]
    fn places_are_filled_and_null_makes_null() {
        let values = [vec![Some("EU"), None], vec![Some("1"), Some("2")]];
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(filled("${a}-${b}", &values), [text("EU-1"), None]);
        assert_eq!(
            filled("${a:x}-${b}!", &values),
            [text("EU-1!"), text("x-2!")]
        );
        assert_eq!(filled("${a:}${b}", &values), [text("EU1"), text("2")]);
        assert_eq!(filled("", &[]), [text("")]);
        assert_eq!(filled("$${a} costs $5", &[]), [text("${a} costs $5")]);
        assert_eq!(filled("$$", &[]), [text("$$")]);
    }

    #[test]
    fn what_is_not_closed_or_named_is_refused() {
        for text in ["${a", "x ${", "${}", "${:1}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[a${}:é]{0,20}") {
            if let Ok(template) = Template::parse(&text) {
                let values = vec![StringArray::from(vec![Some("v")]); template.columns().count()];
                proptest::prop_assert_eq!(template.fill(&values, 1).len(), 1);
            }
        }
    }
}
