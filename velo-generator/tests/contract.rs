//! The contract against made-up people, who have the columns that its tests ask for.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::DataType;
use async_trait::async_trait;
use libtest_mimic::Trial;
use velo_core::{Batch, Error, ErrorKind, Result, Source, StreamInfo, Uri};
use velo_generator::{GeneratorSource, Numbers};
use velo_testkit::{Ability, Door, Harness, Place, run_all, trials};

fn main() -> ExitCode {
    let harness = GeneratorHarness::default();
    run_all(trials("", harness).into_iter().map(ignored).collect())
}

/// Clauses that made-up rows do not keep, and why.
const NOT_KEPT: [(&str, &str); 1] = [(
    "source::E6 discovery resumes",
    "no split is added to those of a position; tests/it/positions.rs has the rest of the clause",
)];

fn ignored(test: Trial) -> Trial {
    match NOT_KEPT.iter().find(|(clause, _)| test.name() == *clause) {
        None => test,
        Some((_, why)) => {
            let name = format!("{} ({why})", test.name());
            Trial::test(name, move || Err((*why).into())).with_ignored_flag(true)
        }
    }
}

/// Counts what a test puts into each split of a place: so many rows are made up.
#[derive(Default)]
struct GeneratorHarness(Mutex<HashMap<String, Vec<usize>>>);

#[async_trait]
impl Harness for GeneratorHarness {
    fn abilities(&self) -> Vec<Ability> {
        vec![Ability::Source, Ability::Splits, Ability::BatchSize]
    }

    /// Rows cannot be chosen, only how many there are.
    fn numbered(&self, stream: &str, first: i64, rows: usize) -> Result<Batch> {
        let source = GeneratorSource::from_uri(&Uri::parse("test://user")?)?;
        let first = u64::try_from(first)
            .map_err(|_| Error::new(ErrorKind::Unsupported, "rows are numbered from 0"))?;
        let rows = source.recipe().rows(&Numbers {
            first,
            step: 1,
            count: rows,
        })?;
        Batch::new(Arc::new(StreamInfo::new(stream, rows.schema())), rows)
    }

    async fn fill(&self, place: &Place, split: u32, batches: &[Batch]) -> Result<()> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let splits = places.entry(place.name.clone()).or_default();
        let split = split as usize;
        splits.resize(splits.len().max(split + 1), 0);
        splits[split] += batches.iter().map(Batch::num_rows).sum::<usize>();
        Ok(())
    }

    fn source(&self, place: &Place) -> Result<Source> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let splits = places.get(&place.name).cloned().unwrap_or_default();
        let rows: usize = splits.iter().sum();
        let parts = splits.len().max(1);
        let size = place.batch_size.unwrap_or(8192);
        let uri = format!("test://user?rows={rows}&splits={parts}&batch_size={size}");
        Ok(Source::new(GeneratorSource::from_uri(&Uri::parse(&uri)?)?))
    }

    /// None: the columns are those of the kind.
    fn types(&self) -> Vec<DataType> {
        Vec::new()
    }

    fn door(&self) -> Option<Door> {
        let door = Door::new(velo_generator::connector(), "test://order");
        let bad = [
            ("rows", "many"),
            ("rows", "-1"),
            ("rate", "0"),
            ("rate", "fast"),
            ("seed", "x"),
            ("splits", "0"),
            ("epoch", "soon"),
            ("batch_size", "0"),
            ("metadata", "maybe"),
        ];
        let door = bad
            .iter()
            .fold(door, |door, (option, value)| door.refuses(option, value));
        Some(door)
    }
}
