//! A source that ends: every split read by one lane, all of them in one commit.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use velo_core::{
    Barrier, Batch, Commit, DataWriter, Error, ErrorKind, Progress, ReadRequest, Result, Split,
    SplitChange, SplitEnumerator, WriteRequest,
};

use crate::ahead::Events;
use crate::copy::Run;
use crate::dead_letters::Stage;
use crate::lane::{Follow, keep};

const EPOCH: u64 = 1;

/// What a lane hands back when no split is left.
struct Done {
    lane: u32,
    writer: Box<dyn DataWriter>,
    progress: Progress,
    seen: Vec<Arc<str>>,
}

pub(crate) async fn run(run: Arc<Run>) -> Result<()> {
    let enumerator = run.copy.source.splits(None).await?;
    let queue = Arc::new(Queue(Mutex::new(Waiting {
        enumerator,
        splits: VecDeque::new(),
        all_found: false,
        begun: false,
    })));
    let mut lanes = JoinSet::new();
    for lane in 0..run.lanes() {
        let (run, queue) = (run.clone(), queue.clone());
        let runtime = Handle::current();
        // Decoding and encoding keep a thread busy, so every lane has one of its own: on the
        // runtime's workers a lane would wait behind the one that woke it.
        lanes.spawn_blocking(move || runtime.block_on(halting(lane, run, queue)));
    }
    let (mut done, mut failed) = (Vec::new(), None);
    while let Some(lane) = lanes.join_next().await {
        match lane.map_err(crashed).flatten() {
            Ok(lane) => done.push(lane),
            Err(error) => {
                run.halt.now();
                // What a failure makes of the other lanes is not the reason.
                if failed.is_none() || error.kind() != ErrorKind::Aborted {
                    failed = Some(error);
                }
            }
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    done.sort_by_key(|done| done.lane);
    announce_empty_streams(&run, &mut done).await?;
    finish(&run, done).await
}

/// Reads until the splits end or another lane has failed; nothing will be committed then, so
/// dropping a write does no harm.
async fn halting(lane: u32, run: Arc<Run>, queue: Arc<Queue>) -> Result<Done> {
    tokio::select! {
        done = read_splits(lane, run.clone(), queue) => done,
        () = run.halt.asked() => Err(Run::stopped()),
    }
}

async fn read_splits(lane: u32, run: Arc<Run>, queue: Arc<Queue>) -> Result<Done> {
    let copy = &run.copy;
    let request = WriteRequest::new(lane, run.identity.clone(), run.writers.clone());
    let mut writer = copy.sink.create_writer(request).await?;
    let (mut progress, mut seen) = (Progress::default(), Vec::<Arc<str>>::new());
    while let Some((split, alone)) = queue.next().await? {
        let mut request = ReadRequest::new(split.clone(), run.readers.clone());
        request.projection = copy.columns.clone();
        request.filter = copy.filter.clone();
        let reader = copy.source.create_reader(request).await?;
        let mut events = match alone && copy.threads > 1 {
            true => Events::ahead(reader),
            false => Events::Here(reader),
        };
        let mut follow = Follow::new(split.clone());
        while let Some(event) = events.next().await? {
            if copy.stop.is_set() || run.halt.is_set() {
                return Err(Run::stopped());
            }
            note_stream(&event, &mut seen);
            follow
                .take(event, &mut *writer, &copy.counters, &run.letters)
                .await?;
        }
        follow.check_end()?;
        writer.end_split(&split).await?;
        copy.counters.add_split();
        progress.marks.extend(follow.mark);
        progress.ended.push(split);
    }
    Ok(Done {
        lane,
        writer,
        progress,
        seen,
    })
}

fn note_stream(event: &velo_core::Event, seen: &mut Vec<Arc<str>>) {
    if let velo_core::Event::Rows(batch) = event {
        let name = batch.stream().name();
        if !seen.iter().any(|known| **known == *name) {
            seen.push(name.into());
        }
    }
}

/// Creates the destination of a stream that had no rows (W3).
async fn announce_empty_streams(run: &Run, done: &mut [Done]) -> Result<()> {
    for stream in &run.streams {
        let had_rows = done
            .iter()
            .any(|done| done.seen.iter().any(|name| **name == *stream.name()));
        if let (false, Some(first)) = (had_rows, done.first_mut()) {
            first.writer.write(Batch::empty(stream.clone())).await?;
        }
    }
    Ok(())
}

async fn finish(run: &Arc<Run>, mut done: Vec<Done>) -> Result<()> {
    if run.copy.stop.is_set() {
        return Err(Run::stopped());
    }
    let mut progress = Progress::default();
    for lane in &mut done {
        progress.marks.append(&mut lane.progress.marks);
        progress.ended.append(&mut lane.progress.ended);
    }
    progress.ended.sort_by_key(|split| split.order);
    let progress = Arc::new(progress);
    let mut preparing = JoinSet::new();
    for Done {
        lane, mut writer, ..
    } in done
    {
        let progress = progress.clone();
        preparing.spawn(async move {
            let prepared = writer.prepare(EPOCH, Barrier::End, &progress).await?;
            Ok::<_, Error>((lane, writer, prepared))
        });
    }
    let (mut parts, mut writers) = (Vec::new(), Vec::new());
    while let Some(prepared) = preparing.join_next().await {
        let (lane, writer, prepared) = prepared.map_err(crashed)??;
        keep(&prepared.rejected, Stage::Write, &run.letters).await?;
        run.copy.counters.take_rows(prepared.rejected.len() as u64);
        parts.extend(prepared.committable.map(|part| (lane, part)));
        writers.push(writer);
    }
    parts.sort_by_key(|(lane, _)| *lane);
    let progress = Arc::unwrap_or_clone(progress);
    let identity = run.identity.clone();
    run.commit(&Commit {
        identity,
        epoch: EPOCH,
        parts,
        progress,
    })
    .await?;
    for writer in writers {
        writer.close().await?;
    }
    Ok(())
}

/// The splits that no lane has taken yet; finding more of them happens as lanes ask.
struct Queue(Mutex<Waiting>);

struct Waiting {
    enumerator: Box<dyn SplitEnumerator>,
    splits: VecDeque<Arc<Split>>,
    all_found: bool,
    begun: bool,
}

impl Queue {
    /// Takes the next split, and says whether it is the only one that there is.
    async fn next(&self) -> Result<Option<(Arc<Split>, bool)>> {
        let mut waiting = self.0.lock().await;
        // One more than is asked for: what is found decides how the first one is read.
        while waiting.splits.len() < 2 && !waiting.all_found {
            match waiting.enumerator.next().await? {
                Some(SplitChange::Added { splits, .. }) => waiting.splits.extend(splits),
                Some(_) => {
                    return Err(Error::new(
                        ErrorKind::Unexpected,
                        "a bounded source took back a split",
                    ));
                }
                None => waiting.all_found = true,
            }
        }
        let only = !waiting.begun && waiting.splits.len() == 1;
        waiting.begun = true;
        Ok(waiting.splits.pop_front().map(|split| (split, only)))
    }
}

pub(crate) fn crashed(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Unexpected, "a lane crashed").with_source(error)
}
