//! Reading in a thread of its own, for a source that only one lane can read.
//!
//! Where every lane has a split, decoding and encoding one batch on one core is best: it stays in
//! the cache. A single split (a compressed file, a pipe) would leave the other cores idle, so
//! there the reader runs ahead of the writer.

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use velo_core::{DataReader, Error, ErrorKind, Event, Result};

/// Events that the reader may be ahead.
const AHEAD: usize = 8;

/// The events of one split, read here or ahead.
pub(crate) enum Events {
    Here(Box<dyn DataReader>),
    Ahead(mpsc::Receiver<Result<Option<Event>>>),
}

impl Events {
    /// Starts a thread that reads ahead; it ends with the split or when nobody listens any more.
    pub(crate) fn ahead(mut reader: Box<dyn DataReader>) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            runtime.block_on(async move {
                loop {
                    let event = tokio::select! {
                        event = reader.read() => event,
                        () = sender.closed() => break,
                    };
                    let last = !matches!(event, Ok(Some(_)));
                    if sender.send(event).await.is_err() || last {
                        break;
                    }
                }
            });
        });
        Self::Ahead(receiver)
    }

    /// Gives the next event; `None` at the split's end.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>> {
        match self {
            Self::Here(reader) => reader.read().await,
            // The end is said aloud: silence means that the thread is gone.
            Self::Ahead(receiver) => receiver
                .recv()
                .await
                .unwrap_or_else(|| Err(Error::new(ErrorKind::Unexpected, "a reader crashed"))),
        }
    }
}
