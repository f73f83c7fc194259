//! Positions: which are taken, and which are refused.

use velo_core::{DataSource, ErrorKind, Event, ReadRequest, SourceOffset, SplitChange};

use crate::{numbers, open, read, request, splits};

/// The position behind the first ten rows of the second of two splits.
async fn behind_ten(uri: &str) -> SourceOffset {
    let source = open(uri);
    let split = &splits(&source).await[1];
    let mut reader = source.create_reader(request(split)).await.unwrap();
    loop {
        if let Some(Event::Mark(mark)) = reader.read().await.unwrap() {
            return mark.offset.to_string().parse().unwrap();
        }
    }
}

#[tokio::test]
async fn a_position_holds_for_more_rows_and_another_batch_size() {
    let at = behind_ten("test://order?rows=100&splits=2&batch_size=10").await;
    for uri in [
        "test://order?rows=1000&splits=2",
        "test://order?splits=2&rate=1000000",
        "test://order?rows=100&splits=2&metadata=true",
    ] {
        let source = open(uri);
        let split = &splits(&source).await[1];
        let request = ReadRequest {
            start: Some(at.clone()),
            ..request(split)
        };
        let mut reader = source.create_reader(request).await.unwrap();
        let found = numbers(&read(&mut *reader, 10).await);
        assert_eq!(found[..10], [21, 23, 25, 27, 29, 31, 33, 35, 37, 39]);
    }
}

#[tokio::test]
async fn a_position_in_other_rows_is_refused() {
    let at = behind_ten("test://order?rows=100&splits=2&batch_size=10").await;
    for (uri, split, kind, differs) in [
        ("test://user?splits=2", 1, ErrorKind::InvalidInput, "kind"),
        (
            "test://order?splits=2&seed=1",
            1,
            ErrorKind::InvalidInput,
            "seed or epoch",
        ),
        (
            "test://order?splits=2&epoch=2025-01-01",
            1,
            ErrorKind::InvalidInput,
            "seed or epoch",
        ),
        (
            "test://order?splits=3",
            1,
            ErrorKind::InvalidInput,
            "splits",
        ),
        ("test://order?splits=2", 0, ErrorKind::InvalidInput, "split"),
        ("test://order?splits=2&rows=19", 1, ErrorKind::Gap, ""),
    ] {
        let source = open(uri);
        let split = &splits(&source).await[split];
        let request = ReadRequest {
            start: Some(at.clone()),
            ..request(split)
        };
        let error = source.create_reader(request).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{uri}");
        assert_eq!(
            error.context("differs").unwrap_or_default(),
            differs,
            "{uri}"
        );
    }
}

#[tokio::test]
async fn discovery_resumes_with_nothing_new_and_refuses_other_splits() {
    let source = open("test://order?splits=3");
    let mut enumerator = source.splits(None).await.unwrap();
    let Some(SplitChange::Added { splits, resume }) = enumerator.next().await.unwrap() else {
        panic!("no splits");
    };
    assert_eq!(splits.len(), 3);
    let found: SourceOffset = resume.unwrap().to_string().parse().unwrap();
    let mut resumed = source.splits(Some(&found)).await.unwrap();
    assert!(resumed.next().await.unwrap().is_none());
    let other = open("test://order?splits=4");
    let error = other.splits(Some(&found)).await.err().unwrap();
    assert_eq!(error.context("differs"), Some("splits"));
}
