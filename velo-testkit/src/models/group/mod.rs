//! A consumer group in memory: partitions are splits, members come and go, a script rebalances.

mod source;

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use velo_core::{
    Batch, Error, ErrorKind, Offset, Result, SourceOffset, Split, SplitChange, SplitId,
};

pub use source::GroupSource;

/// Far enough that no script waits for it; [`Group::expire`] is how a deadline passes.
const DEADLINE: Duration = Duration::from_secs(3600);

/// A topic with partitions and one group of readers; clones share it.
///
/// A member joins when its `splits` is called; the first one gets all partitions. After that only
/// the script moves them: [`revoke`](Self::revoke), [`lose`](Self::lose), [`evict`](Self::evict).
///
/// ```
/// use velo_testkit::{data, models::Group};
/// let group = Group::default();
/// group.produce(0, data::numbered("orders", 0, 10)?);
/// let member = group.member();
/// assert_eq!(group.partitions(), 1);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Group(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    partitions: Vec<Partition>,
    /// Members that have joined and were not evicted, oldest first.
    members: Vec<u64>,
    news: HashMap<u64, VecDeque<SplitChange>>,
    next_member: u64,
}

#[derive(Debug, Default)]
struct Partition {
    log: Vec<Batch>,
    /// The offset that the group has acknowledged.
    stored: Option<u64>,
    owner: Option<u64>,
    /// The member that gets the partition once its owner has released it.
    heir: Option<u64>,
}

/// A place in a partition: how many of its rows came before.
///
/// ```
/// let offset = velo_testkit::models::GroupOffset { partition: 0, row: 7 };
/// assert_eq!(offset.row, 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupOffset {
    /// The partition.
    pub partition: u32,
    /// The number of rows before.
    pub row: u64,
}

impl Offset for GroupOffset {
    const KIND: &'static str = "testkit-group";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        format!("{}/{}", self.partition, self.row)
    }

    fn decode(_version: u32, text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(partition, row)| {
            let (partition, row) = (partition.parse().ok()?, row.parse().ok()?);
            Some(Self { partition, row })
        });
        numbers.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "offset is not partition/row"))
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        (self.partition == other.partition).then(|| self.row.cmp(&other.row))
    }
}

impl State {
    fn tell(&mut self, member: u64, change: SplitChange) {
        self.news.entry(member).or_default().push_back(change);
    }

    fn split(&self, partition: u32) -> Arc<Split> {
        let stored = self.partitions[partition as usize].stored;
        Arc::new(Split {
            start: stored.map(|row| SourceOffset::seal(GroupOffset { partition, row })),
            ..Split::new(partition.to_string(), partition.into())
        })
    }

    fn give(&mut self, partition: u32, member: u64) {
        let place = &mut self.partitions[partition as usize];
        place.owner = Some(member);
        place.heir = None;
        let splits = vec![self.split(partition)];
        let resume = None;
        self.tell(member, SplitChange::Added { splits, resume });
    }

    /// Gives every partition that nobody has to the oldest member.
    fn assign(&mut self) {
        let Some(&member) = self.members.first() else {
            return;
        };
        let free = self.partitions.iter().enumerate();
        let free = free.filter(|(_, place)| place.owner.is_none());
        let free: Vec<u32> = free.map(|(n, _)| n as u32).collect();
        if free.is_empty() {
            return;
        }
        for &partition in &free {
            self.partitions[partition as usize].owner = Some(member);
        }
        let splits = free.into_iter().map(|n| self.split(n)).collect();
        let resume = None;
        self.tell(member, SplitChange::Added { splits, resume });
    }

    /// Gives a member other than the owner, the next one after it.
    fn other(&self, owner: u64) -> Option<u64> {
        let after = self.members.iter().find(|member| **member > owner);
        let others = || self.members.iter().find(|member| **member != owner);
        after.or_else(others).copied()
    }
}

fn number(split: &SplitId) -> Result<u32> {
    let unknown = || Error::new(ErrorKind::InvalidInput, "no such partition").with("split", split);
    split.as_str().parse().map_err(|_| unknown())
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends rows to a partition; a new partition goes to the oldest member.
    ///
    /// ```
    /// # use velo_testkit::{data, models::Group};
    /// Group::default().produce(2, data::numbered("orders", 0, 10)?);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn produce(&self, partition: u32, batch: Batch) {
        let mut state = self.lock();
        let partition = partition as usize;
        if state.partitions.len() <= partition {
            state
                .partitions
                .resize_with(partition + 1, Partition::default);
        }
        state.partitions[partition].log.push(batch);
        state.assign();
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// Makes the source of a new member; it joins when its `splits` is called.
    ///
    /// ```
    /// use velo_core::DataSource;
    /// let member = velo_testkit::models::Group::default().member();
    /// assert!(!member.capabilities().bounded);
    /// ```
    #[must_use]
    pub fn member(&self) -> GroupSource {
        let mut state = self.lock();
        state.next_member += 1;
        GroupSource::new(self.clone(), state.next_member)
    }

    /// Counts the partitions.
    ///
    /// ```
    /// assert_eq!(velo_testkit::models::Group::default().partitions(), 0);
    /// ```
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.lock().partitions.len()
    }

    /// Gives all rows of all partitions.
    ///
    /// ```
    /// assert!(velo_testkit::models::Group::default().batches().is_empty());
    /// ```
    #[must_use]
    pub fn batches(&self) -> Vec<Batch> {
        let state = self.lock();
        state
            .partitions
            .iter()
            .flat_map(|place| place.log.clone())
            .collect()
    }

    /// Asks a partition's owner to give it up for another member, if there is one.
    ///
    /// ```
    /// velo_testkit::models::Group::default().revoke(0);
    /// ```
    pub fn revoke(&self, partition: u32) {
        let mut state = self.lock();
        let place = state.partitions.get(partition as usize);
        let Some(owner) = place.and_then(|place| place.owner) else {
            return;
        };
        let pending = state.partitions[partition as usize].heir.is_some();
        if let (Some(heir), false) = (state.other(owner), pending) {
            state.partitions[partition as usize].heir = Some(heir);
            let revoked = SplitChange::Revoked {
                splits: vec![SplitId::from(partition.to_string())],
                deadline: Instant::now() + DEADLINE,
            };
            state.tell(owner, revoked);
        }
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// Lets the deadline of a revoke pass: the owner has lost the partition.
    ///
    /// ```
    /// velo_testkit::models::Group::default().expire(0);
    /// ```
    pub fn expire(&self, partition: u32) {
        let revoking = |place: &Partition| place.heir.is_some();
        let revoked = self
            .lock()
            .partitions
            .get(partition as usize)
            .is_some_and(revoking);
        if revoked {
            self.lose(partition);
        }
    }

    /// Takes a partition from its owner at once and gives it to another member, if there is one.
    ///
    /// ```
    /// velo_testkit::models::Group::default().lose(0);
    /// ```
    pub fn lose(&self, partition: u32) {
        let mut state = self.lock();
        let place = state.partitions.get(partition as usize);
        let owner = place.and_then(|place| place.owner);
        if let Some((owner, heir)) = owner.and_then(|owner| Some((owner, state.other(owner)?))) {
            state.tell(owner, SplitChange::Lost(vec![partition.to_string().into()]));
            state.give(partition, heir);
        }
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// Removes a member that is silent for too long; its partitions go to the oldest other one.
    ///
    /// ```
    /// # use velo_testkit::models::Group;
    /// let group = Group::default();
    /// group.evict(group.member().id());
    /// ```
    pub fn evict(&self, member: u64) {
        let mut state = self.lock();
        state.members.retain(|known| *known != member);
        let mut lost = Vec::new();
        for (n, place) in state.partitions.iter_mut().enumerate() {
            if place.owner == Some(member) {
                place.owner = None;
                place.heir = None;
                lost.push(SplitId::from(n.to_string()));
            }
            if place.heir == Some(member) {
                place.heir = place.owner;
            }
        }
        if !lost.is_empty() {
            state.tell(member, SplitChange::Lost(lost));
        }
        state.assign();
        drop(state);
        self.0.changed.notify_waiters();
    }
}
