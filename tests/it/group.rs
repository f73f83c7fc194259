//! A consumer group: partitions that come, are revoked, are lost.

use velo_core::memory::Memory;
use velo_testkit::data::{ids, numbered};
use velo_testkit::models::Group;

use crate::running::Running;

const ROWS: usize = 100;

fn produce(group: &Group, partition: u32, batch: u32) {
    let first = i64::from(partition) * 1_000_000 + i64::from(batch) * ROWS as i64;
    group.produce(partition, numbered("orders", first, ROWS).unwrap());
}

fn sorted(memory: &Memory) -> Vec<i64> {
    let mut found = ids(&memory.batches());
    found.sort_unstable();
    found
}

fn produced(group: &Group) -> Vec<i64> {
    let mut all = ids(&group.batches());
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_all_partitions_arrive_once() {
    let (group, memory) = (Group::default(), Memory::new("orders"));
    for partition in 0..5 {
        produce(&group, partition, 0);
    }
    let copy = Running::start(group.member(), &memory, 2);
    copy.reaches(5 * ROWS).await;
    produce(&group, 3, 1);
    produce(&group, 7, 0);
    copy.reaches(7 * ROWS).await;
    let summary = copy.stop().await;
    assert_eq!(summary.rows, 7 * ROWS as u64);
    assert!(summary.commits > 1);
    assert_eq!(sorted(&memory), produced(&group));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_partition_goes_on_at_its_heir_without_gap_or_repeat() {
    let (group, memory) = (Group::default(), Memory::new("orders"));
    let first = Running::start(group.member(), &memory, 2);
    let second = {
        // The first member has everything before the second one joins.
        (0..4).for_each(|partition| produce(&group, partition, 0));
        first.reaches(4 * ROWS).await;
        Running::start(group.member(), &memory, 2)
    };
    for round in 1..20 {
        (0..4).for_each(|partition| produce(&group, partition, round));
        group.revoke(round % 4);
        first.reaches((round as usize + 1) * 4 * ROWS).await;
    }
    first.stop().await;
    second.stop().await;
    assert_eq!(sorted(&memory), produced(&group));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_lost_partition_are_committed_by_its_heir_alone() {
    let (group, memory) = (Group::default(), Memory::new("orders"));
    let first = Running::start(group.member(), &memory, 2);
    (0..4).for_each(|partition| produce(&group, partition, 0));
    first.reaches(4 * ROWS).await;
    let second = Running::start(group.member(), &memory, 2);
    for round in 1..10 {
        (0..4).for_each(|partition| produce(&group, partition, round));
        group.lose(round % 4);
        first.reaches((round as usize + 1) * 4 * ROWS).await;
    }
    first.stop().await;
    second.stop().await;
    // A lost partition's new owner starts at the group's stored offset; what the old owner had
    // committed and not yet acknowledged may come again, but nothing is missing.
    let mut found = sorted(&memory);
    found.dedup();
    assert_eq!(found, produced(&group));
}
