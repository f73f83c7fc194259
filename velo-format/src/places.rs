//! Columns by name.

use std::collections::HashMap;

use arrow_schema::Schema;
use velo_core::{Error, ErrorKind, Result, nearest};

/// Where columns stand, by their names: for looking up many, since a schema goes through all its
/// columns each time.
///
/// ```
/// use velo_format::Places;
///
/// let places = Places::new(["id", "name"]);
/// assert_eq!(places.get("name"), Some(1));
/// assert_eq!(places.get("price"), None);
/// ```
#[derive(Debug, Clone)]
pub struct Places<'n>(HashMap<&'n str, usize>);

impl<'n> Places<'n> {
    /// Takes names in their order; of two that are the same, the first counts.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut places = HashMap::new();
        for (place, name) in names.into_iter().enumerate() {
            places.entry(name).or_insert(place);
        }
        Self(places)
    }

    /// Takes the columns of a schema.
    #[must_use]
    pub fn of(schema: &'n Schema) -> Self {
        Self::new(schema.fields().iter().map(|field| field.name().as_str()))
    }

    /// Gives the place of a column, counted from 0.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }

    /// Gives the place of a column that there must be.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is no column's, with the nearest one.
    pub fn find(&self, name: &str) -> Result<usize> {
        self.get(name).ok_or_else(|| {
            let mut known: Vec<_> = self.0.iter().collect();
            known.sort_unstable_by_key(|(_, place)| **place);
            let error = Error::new(ErrorKind::InvalidInput, "no such column").with("column", name);
            match nearest(name, known.into_iter().map(|(name, _)| *name)) {
                Some(nearest) => error.with_hint(format!("did you mean `{nearest}`?")),
                None => error,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_counts_and_the_nearest_is_named() {
        let places = Places::new(["id", "price", "id", "prices"]);
        assert_eq!(places.find("id").unwrap(), 0);
        assert_eq!(places.get("prices"), Some(3));
        let error = places.find("prise").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.hint(), Some("did you mean `price`?"));
        assert_eq!(places.find("zzzzzz").unwrap_err().hint(), None);
    }
}
