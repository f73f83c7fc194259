//! What a connector lends to the contract: how to fill, open and look at the system it talks to.

use std::fmt;
use std::time::Duration;

use arrow_schema::DataType;
use async_trait::async_trait;
use velo_core::{Batch, Connector, Error, ErrorKind, Result, SchemaChange, Sink, Source, SplitId};

/// A fresh place in the system under test: a table, a topic, a directory of this name.
///
/// ```
/// let place = velo_testkit::Place::new("orders");
/// assert_eq!(place.batch_size, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Lowercase letters, digits and `_`; no two tests have the same.
    pub name: String,
    /// How many rows the source is to put into a batch, where a test sets that.
    pub batch_size: Option<usize>,
}

impl Place {
    /// Names a place.
    ///
    /// ```
    /// assert_eq!(velo_testkit::Place::new("orders").name, "orders");
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            batch_size: None,
        }
    }
}

/// What a connector, or its harness, can do; tests that need something else are ignored by name.
///
/// ```
/// assert_eq!(velo_testkit::Ability::Splits.to_string(), "several splits");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ability {
    /// There is a source.
    Source,
    /// There is a sink.
    Sink,
    /// `fill` takes split numbers above 0, and a split per number is found.
    Splits,
    /// Several streams in one place; their names come through.
    Streams,
    /// The source obeys [`Place::batch_size`].
    BatchSize,
    /// [`Happening::Schema`] can be provoked.
    SchemaChanges,
    /// One `fill` is one transaction of the source.
    Transactions,
    /// [`Happening::Revoke`] and [`Happening::Lose`] can be provoked.
    Rebalance,
    /// [`Happening::Idle`] can be provoked.
    Idle,
    /// [`Happening::BrokenRow`] can be provoked.
    BrokenRows,
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "a source",
            Self::Sink => "a sink",
            Self::Splits => "several splits",
            Self::Streams => "several streams",
            Self::BatchSize => "a batch size",
            Self::SchemaChanges => "schema changes",
            Self::Transactions => "transactions",
            Self::Rebalance => "rebalances",
            Self::Idle => "idle marks",
            Self::BrokenRows => "broken rows",
        })
    }
}

/// Something that a test wants to happen in the system.
///
/// ```
/// let happening = velo_testkit::Happening::Lose("0".into());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Happening {
    /// The split is taken from the place's first member in good order, for the next one.
    Revoke(SplitId),
    /// The split is taken from the place's first member at once.
    Lose(SplitId),
    /// The source says that it is alive although it has no rows.
    Idle,
    /// From here on the stream in this split has other columns.
    Schema {
        /// The number of the split, as in [`Harness::fill`].
        split: u32,
        /// The change.
        change: SchemaChange,
    },
    /// A row arrives that does not decode.
    BrokenRow {
        /// The number of the split, as in [`Harness::fill`].
        split: u32,
    },
}

/// A URI of the connector, for the tests of options and secrets.
///
/// ```
/// use velo_testkit::Door;
/// let door = Door::new(velo_core::memory::Memory::connector(), "memory://orders")
///     .refuses("batch_size", "many");
/// assert_eq!(door.bad_values.len(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct Door {
    /// The connector.
    pub connector: Connector,
    /// A URI that opens; `{password}` in it stands for a secret.
    pub uri: String,
    /// Options with values that they must refuse.
    pub bad_values: Vec<(String, String)>,
}

impl Door {
    /// States a URI that opens without any server.
    ///
    /// ```
    /// let door = velo_testkit::Door::new(velo_core::memory::Memory::connector(), "memory://a");
    /// ```
    pub fn new(connector: Connector, uri: impl Into<String>) -> Self {
        Self {
            connector,
            uri: uri.into(),
            bad_values: Vec::new(),
        }
    }

    /// Adds a value that an option must refuse.
    ///
    /// ```
    /// # let door = velo_testkit::Door::new(velo_core::memory::Memory::connector(), "memory://a");
    /// assert_eq!(door.refuses("batch_size", "0").bad_values.len(), 1);
    /// ```
    #[must_use]
    pub fn refuses(mut self, option: &str, value: &str) -> Self {
        self.bad_values.push((option.to_owned(), value.to_owned()));
        self
    }
}

/// Lends a connector and its system to the contract.
///
/// A third party implements `abilities` and, of the four methods after it, those of its half; the
/// rest are hooks with defaults. Every place keeps at least nullable columns of `Int64` and
/// `Utf8`, which most tests use as `id` and `name`.
///
/// ```
/// use velo_core::{Batch, Result, Sink, Source, memory::Memory};
/// use velo_testkit::{Ability, Harness, Place};
///
/// struct MemoryHarness;
///
/// fn memory(place: &Place) -> Result<Memory> {
///     Memory::open(&format!("memory://{}", place.name).parse()?)
/// }
///
/// #[async_trait::async_trait]
/// impl Harness for MemoryHarness {
///     fn abilities(&self) -> Vec<Ability> { vec![Ability::Source, Ability::Sink] }
///     async fn fill(&self, place: &Place, split: u32, batches: &[Batch]) -> Result<()> {
///         let memory = memory(place)?;
///         Ok(batches.iter().for_each(|batch| memory.put(split, batch.clone())))
///     }
///     fn source(&self, place: &Place) -> Result<Source> { Ok(Source::new(memory(place)?.source())) }
///     fn sink(&self, place: &Place) -> Result<Sink> { Ok(Sink::new(memory(place)?.sink())) }
///     async fn visible(&self, place: &Place) -> Result<Vec<Batch>> { Ok(memory(place)?.batches()) }
/// }
/// # assert!(!velo_testkit::trials("memory", MemoryHarness).is_empty());
/// ```
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// Lists what there is to test.
    fn abilities(&self) -> Vec<Ability>;

    /// Adds rows to a split of the place, after those that it has; makes the place if needed.
    ///
    /// # Errors
    /// Whatever hinders it; the test fails with it.
    async fn fill(&self, _place: &Place, _split: u32, _batches: &[Batch]) -> Result<()> {
        Err(lacking("fill"))
    }

    /// Makes the rows that tests of sources put in, numbered from `first`; a source whose rows
    /// cannot be chosen gives its own here, with columns `id` and `name`, and `fill` counts them.
    ///
    /// # Errors
    /// Whatever hinders it.
    fn numbered(&self, stream: &str, first: i64, rows: usize) -> Result<Batch> {
        crate::data::numbered(stream, first, rows)
    }

    /// Makes a new source of the place, without I/O; called again it is another member.
    ///
    /// # Errors
    /// Whatever hinders it.
    fn source(&self, _place: &Place) -> Result<Source> {
        Err(lacking("source"))
    }

    /// Makes a new sink to the place, without I/O, as another process would.
    ///
    /// # Errors
    /// Whatever hinders it.
    fn sink(&self, _place: &Place) -> Result<Sink> {
        Err(lacking("sink"))
    }

    /// Reads what anybody can see in the place; nothing where it does not exist, and an empty
    /// batch for a stream that exists without rows.
    ///
    /// # Errors
    /// Whatever hinders it.
    async fn visible(&self, _place: &Place) -> Result<Vec<Batch>> {
        Err(lacking("visible"))
    }

    /// Makes something happen that an ability promises.
    ///
    /// # Errors
    /// Whatever hinders it.
    async fn provoke(&self, _place: &Place, _happening: Happening) -> Result<()> {
        Err(lacking("provoke"))
    }

    /// Removes the place after a test, passed or failed.
    async fn remove(&self, _place: &Place) {}

    /// Names the server that is missing here, and how to give one; `None` when all is there.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Lists the types of columns that come back exactly as they were written.
    fn types(&self) -> Vec<DataType> {
        vec![DataType::Int64, DataType::Utf8]
    }

    /// Gives a URI for the tests of options and secrets.
    fn door(&self) -> Option<Door> {
        None
    }

    /// Gives how long an unbounded source is silent before it counts as idle.
    fn quiet(&self) -> Duration {
        Duration::from_millis(100)
    }

    /// Gives the most rows that may stand between two marks.
    fn mark_distance(&self) -> usize {
        10_000
    }
}

fn lacking(what: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, "harness does not implement this").with("method", what)
}
