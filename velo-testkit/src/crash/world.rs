//! What the runs copy, and what happens around them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use velo_core::memory::Memory;
use velo_core::{Batch, Changes, ColumnChange, DataSink, DataSource, Op, Result, SchemaChange};

use crate::data::{self, Random};
use crate::models::{ChangeStream, Group};

const PARTITIONS: u32 = 3;
/// How many times the world changes while runs copy.
const DISTURBANCES: usize = 30;

/// A source with rows and an empty sink.
///
/// ```
/// let world = velo_testkit::crash::World::changes(1)?;
/// assert_eq!(world.name, "changes");
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug)]
pub struct World {
    /// What kind of source it has.
    pub name: &'static str,
    /// How many processes copy side by side.
    pub tasks: u32,
    from: From,
    to: Memory,
    left: AtomicUsize,
}

#[derive(Debug)]
enum From {
    Memory(Memory),
    Changes(ChangeStream),
    Group(Group),
}

impl World {
    /// Makes a bounded source with several splits, and one task.
    ///
    /// # Errors
    /// None that a caller could provoke.
    ///
    /// ```
    /// assert_eq!(velo_testkit::crash::World::memory(1)?.tasks, 1);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn memory(seed: u64) -> Result<Self> {
        let memory = Memory::new("from");
        for (partition, batch) in partitioned(seed, 5)? {
            memory.put(partition, batch);
        }
        Ok(Self::new("memory", 1, From::Memory(memory)))
    }

    /// Makes a change stream of two tables with a huge transaction and a schema change inside it.
    ///
    /// # Errors
    /// None that a caller could provoke.
    ///
    /// ```
    /// assert_eq!(velo_testkit::crash::World::changes(1)?.tasks, 1);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn changes(seed: u64) -> Result<Self> {
        let log = ChangeStream::default();
        let first = i64::try_from(seed % 1000).unwrap_or(0) * 1000;
        log.transaction([
            data::numbered("orders", first, 5)?,
            updates(&data::numbered("items", first, 6)?)?,
        ]);
        log.keep_alive();
        let before = interleaved(first + 100)?;
        let (change, after) = with_title(&before[0], first + 500)?;
        log.schema_change(before, change, after);
        log.transaction([data::numbered("items", first + 900, 3)?]);
        Ok(Self::new("changes", 1, From::Changes(log)))
    }

    /// Makes a group of two tasks.
    ///
    /// # Errors
    /// None that a caller could provoke.
    ///
    /// ```
    /// assert_eq!(velo_testkit::crash::World::group(1)?.tasks, 2);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn group(seed: u64) -> Result<Self> {
        let group = Group::default();
        for (partition, batch) in partitioned(seed, 6)? {
            group.produce(partition, batch);
        }
        Ok(Self::new("group", 2, From::Group(group)))
    }

    fn new(name: &'static str, tasks: u32, from: From) -> Self {
        Self {
            name,
            tasks,
            from,
            to: Memory::new("to"),
            left: AtomicUsize::new(DISTURBANCES),
        }
    }

    /// Makes a source as a new process would, and the number under which a group knows it.
    pub(super) fn source(&self) -> (Arc<dyn DataSource>, Option<u64>) {
        match &self.from {
            From::Memory(memory) => (Arc::new(memory.source()), None),
            From::Changes(log) => (Arc::new(log.source()), None),
            From::Group(group) => {
                let member = group.member();
                let id = member.id();
                (Arc::new(member), Some(id))
            }
        }
    }

    pub(super) fn sink(&self) -> Arc<dyn DataSink> {
        Arc::new(self.to.sink())
    }

    /// Moves a partition in one of three ways.
    pub(super) fn disturb(&self, random: &mut Random) {
        let From::Group(group) = &self.from else {
            self.left.store(0, Ordering::Relaxed);
            return;
        };
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return;
        }
        self.left.store(left - 1, Ordering::Relaxed);
        let partition = random.below(PARTITIONS as usize) as u32;
        match random.below(4) {
            0 => group.lose(partition),
            1 => group.expire(partition),
            _ => group.revoke(partition),
        }
    }

    /// Whether nothing more will happen by itself.
    pub(super) fn calm(&self) -> bool {
        !matches!(self.from, From::Group(_)) || self.left.load(Ordering::Relaxed) == 0
    }

    pub(super) fn evict(&self, member: u64) {
        if let From::Group(group) = &self.from {
            group.evict(member);
        }
    }

    pub(super) fn expected(&self) -> Vec<Batch> {
        match &self.from {
            From::Memory(memory) => memory.batches(),
            From::Changes(log) => log.batches(),
            From::Group(group) => group.batches(),
        }
    }

    pub(super) fn found(&self) -> Vec<Batch> {
        self.to.batches()
    }
}

fn partitioned(seed: u64, batches: u32) -> Result<Vec<(u32, Batch)>> {
    let mut random = Random::new(seed);
    let mut all = Vec::new();
    for n in 0..batches * PARTITIONS {
        let rows = 1 + random.below(4);
        let first = i64::from(n) * 10;
        all.push((n % PARTITIONS, data::numbered("orders", first, rows)?));
    }
    Ok(all)
}

/// Two tables in turns, as one huge transaction has them.
fn interleaved(first: i64) -> Result<Vec<Batch>> {
    let table = |n: i64| if n % 2 == 0 { "orders" } else { "items" };
    (0..8)
        .map(|n| data::numbered(table(n), first + n * 10, 2 + n as usize % 3))
        .collect()
}

/// Updates that did not send `name` in every other row, with the rows as they were before.
fn updates(rows: &Batch) -> Result<Batch> {
    let mut changes = Changes::new(vec![Op::Update; rows.num_rows()]);
    let unsent = (0..rows.num_rows()).map(|row| row % 2 == 0).collect();
    changes.unsent = vec![None, Some(unsent)];
    changes.before = Some(rows.rows().clone());
    rows.clone().with_changes(changes)
}

/// `name` becomes `title`; the rows after that have the new columns.
fn with_title(before: &Batch, first: i64) -> Result<(SchemaChange, Vec<Batch>)> {
    use arrow_array::RecordBatch;
    use arrow_schema::{DataType, Field, Schema};
    let fields = [
        Field::new("id", DataType::Int64, true),
        Field::new("title", DataType::Utf8, true),
    ];
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let stream = Arc::new(before.stream().next_version(schema.clone()));
    let rows = data::numbered(before.stream().name(), first, 5)?;
    let rows = RecordBatch::try_new(schema, rows.rows().columns().to_vec())?;
    let after = Batch::new(stream.clone(), rows)?;
    let columns = vec![ColumnChange::Renamed {
        from: "name".into(),
        to: "title".into(),
    }];
    let change = SchemaChange { stream, columns };
    Ok((change, vec![after.slice(0, 2), after.slice(2, 3)]))
}
