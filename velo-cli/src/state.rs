//! `velo state`: what a pipeline remembers, shown and carried elsewhere.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use velo_core::{Error, ErrorKind, Result};
use velo_pipeline::store::{Checkpoint, CheckpointStore, SinkState};

use crate::args::{Arguments, State, Task};
use crate::{report, run, state_set};

/// The version of what `export` writes.
const VERSION: u32 = 1;

/// Largest export that is read; a checkpoint is a few kilobytes for each split.
const LARGEST: u64 = 1 << 30;

/// One task's state, and where it is kept.
pub(crate) struct Kept {
    pub(crate) pipeline: Arc<str>,
    pub(crate) task: u32,
    pub(crate) store: Arc<dyn CheckpointStore>,
}

/// What `export` writes.
#[derive(Serialize, Deserialize)]
struct Exported {
    velo_state: u32,
    checkpoint: Checkpoint,
}

pub(crate) async fn state(all: &Arguments, command: &State) -> Result<()> {
    match command {
        State::Show { of } => show(all, of).await,
        State::Export { of, to } => export(all, of, to.as_deref()).await,
        State::Import { of, from, force } => import(all, of, from, *force).await,
        State::Set(set) => state_set::set(all, set).await,
    }
}

impl Kept {
    pub(crate) fn of(all: &Arguments, task: &Task) -> Result<Self> {
        let pipeline = run::open(all, &task.file)?;
        let Some(store) = pipeline.store else {
            return Err(Error::new(ErrorKind::Config, "pipeline remembers nothing")
                .with("file", task.file.display())
                .with_hint("add `checkpoint: { store: file:///var/lib/velo }`"));
        };
        Ok(Self {
            pipeline: pipeline.name,
            task: task.task.unwrap_or(pipeline.task),
            store,
        })
    }

    pub(crate) async fn read(&self) -> Result<Option<Checkpoint>> {
        self.store.read(&self.pipeline, self.task).await
    }

    /// Reads what is there; nothing is an error.
    async fn found(&self) -> Result<Checkpoint> {
        if let Some(found) = self.read().await? {
            return Ok(found);
        }
        let never = Error::new(ErrorKind::NotFound, "this task never ran")
            .with("pipeline", &self.pipeline)
            .with("task", self.task)
            .with("state", self.store.shown());
        let tasks = self.store.tasks(&self.pipeline).await?;
        if tasks.is_empty() {
            return Err(never);
        }
        let tasks: Vec<_> = tasks.iter().map(ToString::to_string).collect();
        Err(never.with_hint(format!("there are tasks {}", tasks.join(", "))))
    }
}

async fn show(all: &Arguments, of: &Task) -> Result<()> {
    let kept = Kept::of(all, of)?;
    let checkpoint = kept.found().await?;
    if all.json {
        return report::print(&format!("{}\n", as_json(&checkpoint)?));
    }
    report::print(&described(&kept, &checkpoint))
}

fn as_json(checkpoint: &Checkpoint) -> Result<serde_json::Value> {
    serde_json::to_value(checkpoint).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "write the checkpoint down").with_source(cause)
    })
}

fn described(kept: &Kept, checkpoint: &Checkpoint) -> String {
    let counts = &checkpoint.counts;
    let mut lines = vec![
        format!("pipeline   {}, task {}", kept.pipeline, kept.task),
        format!("kept in    {}", report::plain(&kept.store.shown())),
        format!("generation {}", checkpoint.generation),
        format!("epoch      {}", checkpoint.epoch),
        format!(
            "rows       {} read, {} written, {} filtered, {} rejected",
            report::count(counts.read),
            report::count(counts.written),
            report::count(counts.filtered),
            report::count(counts.rejected)
        ),
    ];
    let ends = checkpoint.ends.iter();
    lines.extend(ends.map(|end| format!("for        {}", report::plain(end))));
    lines.extend(pending("rows", &checkpoint.sink));
    lines.extend(pending("letters", &checkpoint.letters));
    let found = match (&checkpoint.discovery, checkpoint.all_found) {
        (Some(at), true) => format!("{at}, all found"),
        (Some(at), false) => at.clone(),
        (None, true) => "all splits found".to_owned(),
        (None, false) => "begins again".to_owned(),
    };
    lines.push(format!("discovery  {}", report::plain(&found)));
    for split in &checkpoint.splits {
        let at = split.at.as_deref().unwrap_or("at its beginning");
        let (id, at) = (report::plain(&split.id), report::plain(at));
        lines.push(format!("split      {id}  {at}"));
    }
    lines.join("\n") + "\n"
}

/// Says what a sink has prepared.
fn pending(what: &str, state: &SinkState) -> Option<String> {
    let (first, parts) = (state.parts.first()?, state.parts.len());
    let plural = if parts == 1 { "part" } else { "parts" };
    let (kind, epoch) = (report::plain(&first.kind), state.epoch);
    Some(format!(
        "prepared   {what}: {parts} {plural} of {kind}, epoch {epoch}"
    ))
}

async fn export(all: &Arguments, of: &Task, to: Option<&Path>) -> Result<()> {
    let exported = Exported {
        velo_state: VERSION,
        checkpoint: Kept::of(all, of)?.found().await?,
    };
    let mut text = serde_json::to_string_pretty(&exported).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "write the checkpoint down").with_source(cause)
    })?;
    text.push('\n');
    match to {
        None => report::print(&text),
        Some(path) => {
            let written = std::fs::write(path, text).map_err(Error::from);
            written.map_err(|error| error.within("file", path.display()))
        }
    }
}

async fn import(all: &Arguments, of: &Task, from: &Path, force: bool) -> Result<()> {
    let kept = Kept::of(all, of)?;
    let checkpoint = exported(from).map_err(|error| error.within("file", from.display()))?;
    if *checkpoint.pipeline != *kept.pipeline || checkpoint.task != kept.task {
        return Err(
            Error::new(ErrorKind::Config, "state belongs to another task")
                .with("file", from.display())
                .with("state of", report::plain(&checkpoint.pipeline))
                .with("task", checkpoint.task)
                .with_hint("give the pipeline of that name; `--task N` names another task"),
        );
    }
    if !force && kept.read().await?.is_some() {
        return Err(
            Error::new(ErrorKind::AlreadyExists, "state is there already")
                .with("pipeline", &kept.pipeline)
                .with("task", kept.task)
                .with_hint("`--force` replaces it"),
        );
    }
    let generation = checkpoint.generation.saturating_add(1);
    let repair = kept.store.repair(&kept.pipeline, kept.task, generation);
    repair.await?.save(checkpoint).await
}

fn exported(from: &Path) -> Result<Checkpoint> {
    let mut text = Vec::new();
    File::open(from)?.take(LARGEST).read_to_end(&mut text)?;
    let no_export = |cause| {
        Error::new(ErrorKind::InvalidData, "file is not what an export wrote").with_source(cause)
    };
    let exported: Exported = serde_json::from_slice(&text).map_err(no_export)?;
    if exported.velo_state > VERSION {
        return Err(
            Error::new(ErrorKind::Unsupported, "exported state has a newer format")
                .with("version", exported.velo_state)
                .with_hint("a newer velo wrote it; use that version"),
        );
    }
    state_set::check(&exported.checkpoint)?;
    Ok(exported.checkpoint)
}
