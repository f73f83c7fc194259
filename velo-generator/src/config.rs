//! Options of `test://`.

use arrow_cast::parse::string_to_timestamp_nanos;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{Error, ErrorKind, Result, Uri};

use crate::convert::{Kind, MOST_ROWS};

const MOST_SPLITS: u32 = 4096;

/// Options of `test://`.
///
/// ```
/// let config = velo_generator::GeneratorConfig::default();
/// assert_eq!((config.rows, config.splits, config.batch_size), (None, 1, 8192));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GeneratorConfig {
    /// Rows in all splits together; without it they never end.
    #[serde(alias = "total_records")]
    pub rows: Option<u64>,
    /// Rows per second in all splits together; as fast as they are taken when it is not set.
    #[serde(alias = "records_per_second")]
    pub rate: Option<u64>,
    /// Another number makes other rows.
    pub seed: u64,
    /// Parts that are read side by side; of N parts one has every N-th row.
    pub splits: u32,
    /// The point in time of the first row, in UTC; every row is a millisecond later.
    pub epoch: String,
    /// Rows in a batch at most.
    pub batch_size: usize,
    /// Whether a column `_metadata` says which split and row each row comes from.
    pub metadata: bool,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            rows: None,
            rate: None,
            seed: 0,
            splits: 1,
            epoch: "2024-01-01T00:00:00Z".to_owned(),
            batch_size: 8192,
            metadata: false,
        }
    }
}

impl GeneratorConfig {
    /// Reads the options of a URI.
    ///
    /// # Errors
    /// `Config` naming an option that is unknown or has a value that it cannot have.
    ///
    /// ```
    /// use velo_core::Uri;
    /// let uri = Uri::parse("test://user?total-records=10")?;
    /// assert_eq!(velo_generator::GeneratorConfig::read(&uri)?.rows, Some(10));
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn read(uri: &Uri) -> Result<Self> {
        let mut query = uri.query()?;
        let config: Self = query.read()?;
        query.finish()?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let refuse = |option: String, expected: String| {
            Err(Error::new(ErrorKind::Config, expected).with("option", option))
        };
        if self.rows.is_some_and(|rows| rows > MOST_ROWS) {
            let rows = self.rows.unwrap_or_default();
            let expected = format!("expected a number up to {MOST_ROWS}");
            return refuse(format!("rows={rows}"), expected);
        }
        for (name, zero) in [
            ("rate", self.rate == Some(0)),
            ("batch_size", self.batch_size == 0),
        ] {
            if zero {
                return refuse(format!("{name}=0"), "expected a number from 1 up".into());
            }
        }
        if !(1..=MOST_SPLITS).contains(&self.splits) {
            let expected = format!("expected a number from 1 to {MOST_SPLITS}");
            return refuse(format!("splits={}", self.splits), expected);
        }
        self.epoch_micros().map(|_| ())
    }

    /// Gives the first row's point in time in microseconds since 1970.
    pub(crate) fn epoch_micros(&self) -> Result<i64> {
        let nanos = string_to_timestamp_nanos(&self.epoch).map_err(|_| {
            let expected =
                "expected a point in time such as 2024-01-01T00:00:00Z, from 1678 to 2262";
            Error::new(ErrorKind::Config, expected).with("option", format!("epoch={}", self.epoch))
        })?;
        Ok(nanos.div_euclid(1000))
    }
}

/// The kind of rows that a URI names.
pub(crate) fn kind(uri: &Uri) -> Result<Kind> {
    if !uri.path().trim_matches('/').is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "nothing stands behind the kind of rows",
        )
        .with("path", uri.path())
        .with_hint("write test://order?rows=1000"));
    }
    uri.authority().parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Result<GeneratorConfig> {
        GeneratorConfig::read(&Uri::parse(uri).unwrap())
    }

    #[test]
    fn the_words_of_other_systems_are_understood() {
        let config = read("test://user?total-records=1000&recordsPerSecond=100").unwrap();
        assert_eq!((config.rows, config.rate), (Some(1000), Some(100)));
        assert!(read("test://user?rows=1&total_records=1").is_err());
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_by_name() {
        for (name, value) in [
            ("rows", "many"),
            ("rows", "1000000000000001"),
            ("rate", "0"),
            ("splits", "0"),
            ("splits", "5000"),
            ("batch_size", "0"),
            ("epoch", "soon"),
            ("epoch", "9999-01-01"),
            ("seed", "-1"),
        ] {
            let error = read(&format!("test://user?{name}={value}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let named = format!("{name}={value}");
            assert_eq!(error.context("option"), Some(named.as_str()));
        }
    }

    #[test]
    fn a_uri_names_one_kind() {
        let kind = |uri: &str| kind(&Uri::parse(uri).unwrap());
        assert_eq!(kind("test://order?rows=1").unwrap(), Kind::Order);
        assert_eq!(kind("test://order/").unwrap(), Kind::Order);
        let error = kind("test://oder").unwrap_err();
        assert!(error.report().contains("did you mean `order`?"));
        for uri in ["test://", "test://user/more", "test:user"] {
            assert!(kind(uri).is_err(), "{uri}");
        }
    }
}
