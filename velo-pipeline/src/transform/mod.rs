//! What a pipeline does to rows between source and sink, without an engine.

mod apply;
mod bind;
mod cast;
mod item;
mod limit;
mod raw;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod work;

use std::sync::Arc;

use serde_json::Value;
use velo_core::{Predicate, Result, StreamInfo};

pub use apply::{Applied, Bound};
pub(crate) use item::KEYS;
pub use limit::Limiter;
pub(crate) use raw::rows as rows_as_json;
pub(crate) use text::{has_text, texts};

use item::Item;

/// The list that a pipeline file has under `transform`, in the order in which it is worked off.
///
/// Each item is a map of one key:
///
/// | key | value | what it does |
/// |---|---|---|
/// | `select` | columns | keeps these, in this order |
/// | `drop` | columns | leaves these out |
/// | `rename` | from: to | names columns anew, all of an item at once |
/// | `cast` | column: type | gives another type, spelled as in the option `types` |
/// | `filter` | condition | keeps the rows for which it is true, as [`Predicate`] says |
/// | `set` | column: value | adds columns, or replaces them: a constant, or text with `${column}` in it |
/// | `rate_limit` | `1000/s`, `10MiB/s` | slows down what comes out of the whole list |
///
/// A value that a cast cannot represent makes its row a rejected one: it never becomes null and
/// never another value. Casting forth and back gives the value that was there; text is read as
/// the option `types` reads it, but for digits that a float does not hold.
///
/// In a template `${column}` is the value as text and null makes the whole text null;
/// `${column:default}` stands for null; `$${` is `${`. The columns are those before the item; new
/// ones are added in the order of their names.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use velo_core::StreamInfo;
/// use velo_pipeline::Transforms;
/// let transforms = Transforms::parse(&serde_json::json!([
///     { "filter": "amount >= 10" },
///     { "select": ["id", "amount"] },
///     { "rename": { "amount": "total" } },
///     { "cast": { "total": "decimal(12,2)" } },
///     { "set": { "label": "order ${id}" } },
/// ]))?;
/// let fields = ["id", "amount", "note"].map(|name| Field::new(name, DataType::Int64, true));
/// let orders = StreamInfo::new("orders", Arc::new(Schema::new(fields.to_vec())));
/// let bound = transforms.bind(&orders)?;
/// let names = bound.stream().schema().fields().iter().map(|field| field.name().as_str());
/// assert_eq!(names.collect::<Vec<_>>(), ["id", "total", "label"]);
/// assert_eq!(bound.columns_needed(), Some(&["id".to_owned(), "amount".to_owned()][..]));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Transforms {
    items: Arc<[Item]>,
    limiter: Option<Arc<Limiter>>,
}

impl Transforms {
    /// Reads the list, as the runner has it from YAML.
    ///
    /// # Errors
    /// `Config` naming the item, its key, what is wrong with it and the nearest right name.
    ///
    /// ```
    /// use velo_pipeline::Transforms;
    /// let error = Transforms::parse(&serde_json::json!([{ "selct": ["id"] }])).unwrap_err();
    /// assert_eq!(error.report(), "transform item 1, key selct: no such transform; did you mean `select`?");
    /// ```
    pub fn parse(list: &Value) -> Result<Self> {
        let items = item::parse(list)?;
        let rates = items.iter().filter_map(|item| match item {
            Item::RateLimit(rate) => Some(*rate),
            _ => None,
        });
        let limiter = Limiter::new(rates);
        Ok(Self {
            items: items.into(),
            limiter: limiter.map(Arc::new),
        })
    }

    /// Says whether rows come out as they go in; there may be a rate limit all the same.
    ///
    /// ```
    /// assert!(velo_pipeline::Transforms::default().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let slows = |item: &Item| matches!(item, Item::RateLimit(_));
        self.items.iter().all(slows)
    }

    /// Checks the list against a stream's columns and prepares it for its batches.
    ///
    /// # Errors
    /// `Config` naming the item and the column: one that does not exist, with the nearest name; a
    /// cast between types that have none; a condition whose literal does not fit; two columns of
    /// one name.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use velo_core::StreamInfo;
    /// use velo_pipeline::Transforms;
    /// let stream = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// let transforms = Transforms::parse(&serde_json::json!([{ "drop": ["id"] }]))?;
    /// assert!(transforms.bind(&stream).is_err());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn bind(&self, stream: &StreamInfo) -> Result<Bound> {
        bind::bind(self, &self.items, stream)
    }

    /// Gives the condition that stands before everything that changes columns: a source that takes
    /// it over need not yield the other rows. Rows are checked again when they come. Not for streams
    /// of changes, in which a filter also looks at before-images ([`Bound::apply`]).
    ///
    /// ```
    /// use velo_pipeline::Transforms;
    /// let transforms = Transforms::parse(&serde_json::json!([
    ///     { "filter": "a > 1" }, { "select": ["b"] }, { "filter": "b = 2" },
    ///     { "set": { "b": 3 } }, { "filter": "b = 3" },
    /// ]))?;
    /// let filter = transforms.pushdown_filter().unwrap();
    /// assert_eq!(filter.columns(), ["a", "b"]);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn pushdown_filter(&self) -> Option<Predicate> {
        let as_it_came = self.items.iter().take_while(|item| {
            matches!(
                item,
                Item::Filter(_) | Item::Select(_) | Item::Drop(_) | Item::RateLimit(_)
            )
        });
        let conditions = as_it_came.filter_map(|item| match item {
            Item::Filter(condition) => Some(condition.clone()),
            _ => None,
        });
        let mut conditions: Vec<Predicate> = conditions.collect();
        match conditions.len() {
            0 | 1 => conditions.pop(),
            _ => Some(Predicate::And(conditions)),
        }
    }

    /// Gives the rate limit, which all lanes share; `None` where there is none.
    ///
    /// ```
    /// use velo_pipeline::Transforms;
    /// let list = serde_json::json!([{ "rate_limit": "10MiB/s" }]);
    /// assert!(Transforms::parse(&list)?.limiter().is_some());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn limiter(&self) -> Option<&Arc<Limiter>> {
        self.limiter.as_ref()
    }
}
