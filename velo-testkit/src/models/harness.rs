//! The contract's harnesses of the models, and of `memory://`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arrow_schema::DataType;
use async_trait::async_trait;
use velo_core::memory::Memory;
use velo_core::{Batch, Error, ErrorKind, Result, Sink, Source, SplitId, Uri};

use super::{ChangeStream, Group};
use crate::data::supported_types;
use crate::harness::{Ability, Door, Happening, Harness, Place};

/// What is in memory is there at once.
const QUIET: Duration = Duration::from_millis(20);

/// Models by the name of their place.
#[derive(Debug)]
struct Places<M>(Mutex<HashMap<String, M>>);

impl<M> Default for Places<M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<M: Clone + Default> Places<M> {
    fn open(&self, place: &Place) -> M {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry(place.name.clone()).or_default().clone()
    }
}

fn cannot(happening: &Happening) -> Error {
    Error::new(ErrorKind::Unsupported, "provoke").with("happening", format!("{happening:?}"))
}

/// Lends a [`Group`] to the contract.
///
/// ```
/// let tests = velo_testkit::trials("group", velo_testkit::models::GroupHarness::default());
/// ```
#[derive(Debug, Default)]
pub struct GroupHarness(Places<Group>);

#[async_trait]
impl Harness for GroupHarness {
    fn abilities(&self) -> Vec<Ability> {
        use Ability as A;
        vec![A::Source, A::Splits, A::Streams, A::Rebalance]
    }

    fn types(&self) -> Vec<DataType> {
        supported_types()
    }

    fn quiet(&self) -> Duration {
        QUIET
    }

    async fn fill(&self, place: &Place, split: u32, batches: &[Batch]) -> Result<()> {
        let group = self.0.open(place);
        for batch in batches {
            group.produce(split, batch.clone());
        }
        Ok(())
    }

    fn source(&self, place: &Place) -> Result<Source> {
        Ok(Source::new(self.0.open(place).member()))
    }

    async fn provoke(&self, place: &Place, happening: Happening) -> Result<()> {
        let group = self.0.open(place);
        let number = |split: &SplitId| split.as_str().parse().unwrap_or(u32::MAX);
        match &happening {
            Happening::Revoke(split) => group.revoke(number(split)),
            Happening::Lose(split) => group.lose(number(split)),
            _ => return Err(cannot(&happening)),
        }
        Ok(())
    }
}

/// Lends a [`ChangeStream`] to the contract.
///
/// ```
/// let tests = velo_testkit::trials("changes", velo_testkit::models::ChangesHarness::default());
/// ```
#[derive(Debug, Default)]
pub struct ChangesHarness(Places<ChangeStream>);

#[async_trait]
impl Harness for ChangesHarness {
    fn abilities(&self) -> Vec<Ability> {
        use Ability as A;
        vec![
            A::Source,
            A::Streams,
            A::SchemaChanges,
            A::Transactions,
            A::Idle,
        ]
    }

    fn types(&self) -> Vec<DataType> {
        supported_types()
    }

    fn quiet(&self) -> Duration {
        QUIET
    }

    async fn fill(&self, place: &Place, _split: u32, batches: &[Batch]) -> Result<()> {
        self.0.open(place).transaction(batches.iter().cloned());
        Ok(())
    }

    fn source(&self, place: &Place) -> Result<Source> {
        Ok(Source::new(self.0.open(place).source()))
    }

    async fn provoke(&self, place: &Place, happening: Happening) -> Result<()> {
        let log = self.0.open(place);
        match happening {
            Happening::Idle => log.keep_alive(),
            Happening::Schema { change, .. } => log.schema_change([], change, []),
            other => return Err(cannot(&other)),
        }
        Ok(())
    }
}

/// Lends `memory://` to the contract.
///
/// ```
/// let tests = velo_testkit::trials("memory", velo_testkit::models::MemoryHarness);
/// ```
#[derive(Debug, Default)]
pub struct MemoryHarness;

fn memory(place: &Place) -> Result<Memory> {
    let mut uri = Uri::parse(&format!("memory://{}", place.name))?;
    if let Some(size) = place.batch_size {
        uri = uri.with_option("batch_size", &size.to_string())?;
    }
    Memory::open(&uri)
}

#[async_trait]
impl Harness for MemoryHarness {
    fn abilities(&self) -> Vec<Ability> {
        use Ability as A;
        vec![
            A::Source,
            A::Sink,
            A::Splits,
            A::Streams,
            A::BatchSize,
            A::SchemaChanges,
        ]
    }

    fn types(&self) -> Vec<DataType> {
        supported_types()
    }

    async fn fill(&self, place: &Place, split: u32, batches: &[Batch]) -> Result<()> {
        let memory = memory(place)?;
        for batch in batches {
            memory.put(split, batch.clone());
        }
        Ok(())
    }

    fn source(&self, place: &Place) -> Result<Source> {
        Ok(Source::new(memory(place)?.source()))
    }

    fn sink(&self, place: &Place) -> Result<Sink> {
        Ok(Sink::new(memory(place)?.sink()))
    }

    async fn visible(&self, place: &Place) -> Result<Vec<Batch>> {
        let memory = memory(place)?;
        let streams = Source::new(memory.source()).streams().await?;
        let announced = streams.into_iter().map(Batch::empty);
        Ok(announced.chain(memory.batches()).collect())
    }

    async fn provoke(&self, place: &Place, happening: Happening) -> Result<()> {
        match happening {
            Happening::Schema { change, .. } => memory(place)?.change_schema(change),
            other => return Err(cannot(&other)),
        }
        Ok(())
    }

    fn door(&self) -> Option<Door> {
        let door = Door::new(Memory::connector(), "memory://orders");
        Some(
            door.refuses("batch_size", "many")
                .refuses("batch_size", "0"),
        )
    }
}
