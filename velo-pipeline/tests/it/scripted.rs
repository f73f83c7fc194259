//! A source that yields what it is told to, and then waits, fails, panics or hangs.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use async_trait::async_trait;
use velo_core::memory::MemoryOffset;
use velo_core::{
    Batch, DataReader, DataSource, Error, ErrorKind, Event, Mark, ReadRequest, Rejected, Replay,
    Result, SourceCapabilities, SourceOffset, Split, SplitChange, SplitEnumerator, StreamInfo,
};

/// What comes behind the rows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Then {
    Waits,
    Fails,
    Panics,
    /// Keeps its thread for so long.
    Hangs(Duration),
}

/// One split, `a`, of a hundred rows (`n` from 0), a bad one, and a mark.
pub(crate) struct Scripted(pub(crate) Then);

fn stream() -> Arc<StreamInfo> {
    Arc::new(StreamInfo::new("numbers", rows().schema()))
}

fn rows() -> RecordBatch {
    let n: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
    RecordBatch::try_from_iter([("n", n)]).unwrap()
}

#[async_trait]
impl DataSource for Scripted {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            replay: Replay::Exact,
            bounded: false,
        }
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        Ok(vec![stream()])
    }

    async fn splits(&self, _: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        Ok(Box::new(One(false)))
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        let offset = SourceOffset::seal(MemoryOffset {
            partition: 0,
            row: 101,
        });
        let mark = Mark {
            lag: Some(400),
            lag_bytes: Some(4000),
            bytes_read: 1000,
            ..Mark::new("a".into(), offset)
        };
        let bad = Rejected {
            stream: "numbers".into(),
            split: "a".into(),
            ordinal: 100,
            offset: None,
            raw: Arc::from(&b"planted-value"[..]),
            error: Arc::new(Error::new(ErrorKind::InvalidData, "no number")),
        };
        let mut events = vec![
            Event::Mark(mark),
            Event::Rejected(bad),
            Event::Rows(Batch::new(stream(), rows())?),
        ];
        if request.start.is_some() {
            events.clear();
        }
        Ok(Box::new(Reader(events, self.0)))
    }
}

struct One(bool);

#[async_trait]
impl SplitEnumerator for One {
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        if std::mem::replace(&mut self.0, true) {
            return std::future::pending().await;
        }
        Ok(Some(SplitChange::Added {
            splits: vec![Arc::new(Split::new("a", 0))],
            resume: None,
        }))
    }
}

struct Reader(Vec<Event>, Then);

#[async_trait]
impl DataReader for Reader {
    async fn read(&mut self) -> Result<Option<Event>> {
        if let Some(event) = self.0.pop() {
            return Ok(Some(event));
        }
        match self.1 {
            Then::Waits => std::future::pending().await,
            Then::Fails => Err(Error::new(ErrorKind::Unavailable, "source went away").retryable()),
            Then::Panics => panic!("a defect"),
            Then::Hangs(time) => {
                std::thread::sleep(time);
                std::future::pending().await
            }
        }
    }
}
