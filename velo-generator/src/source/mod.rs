//! Reading: splits that share the row numbers, each with a reader of its own.

mod reader;
mod shape;

use std::sync::Arc;

use async_trait::async_trait;
use velo_core::{
    DataReader, DataSource, Error, ErrorKind, Pace, Predicate, Pushdown, ReadRequest, Replay,
    Result, SourceCapabilities, SourceEstimate, SourceOffset, Split, SplitChange, SplitEnumerator,
    StreamInfo, Uri,
};

use crate::config::{GeneratorConfig, kind};
use crate::convert::{MOST_ROWS, Recipe};
use crate::offset::GeneratorOffset;
use reader::GeneratorReader;

/// Made-up rows of one kind.
///
/// ```
/// use velo_core::{DataSource, Uri};
/// use velo_generator::GeneratorSource;
/// let source = GeneratorSource::from_uri(&Uri::parse("test://order?rows=1000")?)?;
/// assert!(source.capabilities().bounded);
/// let endless = GeneratorSource::from_uri(&Uri::parse("test://order")?)?;
/// assert!(!endless.capabilities().bounded);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug)]
pub struct GeneratorSource {
    recipe: Recipe,
    config: GeneratorConfig,
    stream: Arc<StreamInfo>,
    /// One for all readers: the rate is that of all splits together.
    pace: Option<Arc<Pace>>,
}

impl GeneratorSource {
    /// Reads the kind of rows and the options out of a URI; no I/O.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown kind; `Config` naming the option.
    ///
    /// ```
    /// use velo_core::Uri;
    /// assert!(velo_generator::GeneratorSource::from_uri(&Uri::parse("test://horse")?).is_err());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn from_uri(uri: &Uri) -> Result<Self> {
        let kind = kind(uri)?;
        let config = GeneratorConfig::read(uri)?;
        let metadata = config.metadata.then(shape::metadata_field);
        Ok(Self {
            recipe: Recipe {
                kind,
                seed: config.seed,
                epoch: config.epoch_micros()?,
            },
            stream: Arc::new(kind.stream(metadata)?),
            pace: config.rate.map(|rate| Arc::new(Pace::new(rate as f64))),
            config,
        })
    }

    /// Gives what makes the rows what they are.
    ///
    /// ```
    /// use velo_generator::{GeneratorSource, Kind};
    /// let source = GeneratorSource::from_uri(&"test://user?seed=7".parse()?)?;
    /// assert_eq!((source.recipe().kind, source.recipe().seed), (Kind::User, 7));
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        self.recipe
    }

    fn offset(&self, split: u32, row: u64) -> GeneratorOffset {
        GeneratorOffset {
            kind: self.recipe.kind,
            recipe: self.recipe.fingerprint(),
            splits: self.config.splits,
            split,
            row,
        }
    }

    fn split_number(&self, split: &Split) -> Result<u32> {
        let number = split.id.as_str().parse().ok();
        number
            .filter(|number| *number < self.config.splits)
            .ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, "no such split")
                    .with("split", &split.id)
                    .with("splits", self.config.splits)
            })
    }

    /// Counts the rows of a split: those whose number leaves it when divided by the splits.
    fn rows_of(&self, split: u32) -> u64 {
        let rows = self.config.rows.unwrap_or(MOST_ROWS);
        let before = u64::from(self.config.splits - 1 - split);
        (rows + before) / u64::from(self.config.splits)
    }
}

#[async_trait]
impl DataSource for GeneratorSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            replay: Replay::Exact,
            bounded: self.config.rows.is_some(),
        }
    }

    fn pushdown(&self, _predicate: &Predicate) -> Pushdown {
        Pushdown::Exact
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        Ok(vec![self.stream.clone()])
    }

    async fn estimate(&self) -> Result<SourceEstimate> {
        Ok(SourceEstimate {
            rows: self.config.rows,
            bytes: None,
        })
    }

    async fn splits(&self, resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        let found = self.offset(self.config.splits, 0);
        let known = match resume {
            None => 0,
            Some(offset) => {
                offset.open::<GeneratorOffset>()?.expect(&found)?;
                self.config.splits
            }
        };
        let split = |number: u32| Arc::new(Split::new(number.to_string(), u64::from(number)));
        Ok(Box::new(Splits {
            splits: (known..self.config.splits).map(split).collect(),
            found: SourceOffset::seal(found),
        }))
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        let split = self.split_number(&request.split)?;
        let rows = self.rows_of(split);
        let start = request.start.as_ref().or(request.split.start.as_ref());
        let row = match start {
            None => 0,
            Some(offset) => {
                let offset = offset.open::<GeneratorOffset>()?;
                offset.expect(&self.offset(split, 0))?;
                offset.row
            }
        };
        if row > rows {
            return Err(
                Error::new(ErrorKind::Gap, "split has fewer rows than the position")
                    .with("split", split)
                    .with("rows", rows)
                    .with("position", row)
                    .with_hint("give no fewer rows than before"),
            );
        }
        Ok(Box::new(GeneratorReader::new(self, request, split, row)?))
    }
}

struct Splits {
    splits: Vec<Arc<Split>>,
    found: SourceOffset,
}

#[async_trait]
impl SplitEnumerator for Splits {
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        if self.splits.is_empty() {
            return Ok(None);
        }
        Ok(Some(SplitChange::Added {
            splits: std::mem::take(&mut self.splits),
            resume: Some(self.found.clone()),
        }))
    }
}
