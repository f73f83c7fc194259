//! The pace, on a clock that the tests turn.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use velo_core::{DataSource, Event};

use crate::{open, request, splits};

#[tokio::test(start_paused = true)]
async fn the_rate_is_that_of_all_splits_and_smooth() {
    let source = open("test://event?rate=1000&splits=2");
    let splits = splits(&source).await;
    let mut readers = Vec::new();
    for split in &splits {
        readers.push(source.create_reader(request(split)).await.unwrap());
    }
    let start = Instant::now();
    let mut rows = 0;
    let mut turn = 0;
    while rows < 5000 {
        turn += 1;
        match readers[turn % 2].read().await.unwrap() {
            Some(Event::Rows(batch)) => rows += batch.num_rows(),
            Some(_) => continue,
            None => break,
        }
        let due = (start.elapsed().as_secs_f64() * 1000.0) as usize;
        assert!(rows <= due + 30, "{rows} rows after {due} ms");
        assert!(rows + 30 >= due, "{rows} rows after {due} ms");
    }
    assert_eq!(rows, 5000);
}

#[tokio::test(start_paused = true)]
async fn a_mark_comes_before_each_wait_and_a_dropped_wait_loses_nothing() {
    let source = open("test://event?rate=10");
    let split = &splits(&source).await[0];
    let mut reader = source.create_reader(request(split)).await.unwrap();
    let start = Instant::now();
    let mut next = 0;
    let mut uncovered = false;
    while next < 20 {
        let event = match timeout(Duration::from_millis(7), reader.read()).await {
            Ok(event) => event.unwrap().unwrap(),
            Err(_) => {
                assert!(!uncovered, "it waits without a mark");
                continue;
            }
        };
        match event {
            Event::Rows(batch) => {
                assert_eq!(batch.span().unwrap().first, next);
                next += batch.num_rows() as u64;
                uncovered = true;
            }
            Event::Mark(_) => uncovered = false,
            other => panic!("{other:?}"),
        }
    }
    let elapsed = start.elapsed();
    assert!(elapsed >= Duration::from_millis(1900), "{elapsed:?}");
    assert!(elapsed <= Duration::from_millis(1950), "{elapsed:?}");
}
