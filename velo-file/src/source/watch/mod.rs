//! Following files that grow, are rotated, come up and go away.
//!
//! One reader follows all files of a path, and one position ([`position::WatchOffset`]) holds all
//! that was found and how far each file was read: both can never disagree, whatever is stored
//! where, and nothing costs more with every file that is only there.
//!
//! - `ears` hears of changes, `scan` looks what is there, `roster`, `missing` and `strangers` find
//!   out who is who, `copies` by contents.
//! - `follow` reads lines as they come, `whole` files that do not grow; `reader` takes turns.
//! - `done` puts away what was committed to its end.

mod copies;
mod done;
mod ears;
mod follow;
mod member;
mod missing;
mod names;
mod open;
mod plan;
mod position;
mod reader;
mod roster;
mod scan;
mod strangers;
mod turn;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use velo_core::{
    DataReader, Error, ErrorKind, Progress, ReadRequest, Result, SourceOffset, Split, SplitChange,
    SplitEnumerator, StreamInfo,
};

use super::catalog::DataFile;
use super::file::Found;
use super::shape::Shape;
use super::{Settings, blocking};
use crate::config::HivePartitioning;
use crate::config::path::PathPattern;
use crate::config::watch::Following;
use crate::offset::DiscoveryOffset;
use names::Names;
use plan::Plan;
use position::WatchOffset;
use reader::WatchReader;

/// The only split there is.
const SPLIT: &str = "watch";
/// How long the first file is waited for before somebody is told.
const FIRST_FILE: Duration = Duration::from_secs(30);

/// A path that is watched.
pub(super) struct Watching {
    pattern: PathPattern,
    following: Following,
    settings: Arc<Settings>,
    plan: OnceCell<Arc<Plan>>,
}

impl Watching {
    /// Prepares to watch; no I/O.
    ///
    /// # Errors
    /// `Config` for options that have no sense together.
    pub(super) fn new(
        pattern: PathPattern,
        following: Following,
        mut settings: Settings,
    ) -> Result<Self> {
        let options = &mut settings.options;
        let refuse = |option: &'static str, hint: &'static str| {
            Err(
                Error::new(ErrorKind::Config, "option does not go together with watch")
                    .with("option", option)
                    .with_hint(hint),
            )
        };
        if options.max_records.is_some() {
            return refuse("max_records", "leave it out: what is watched has no end");
        }
        if options.hive_partitioning == HivePartitioning::On {
            return refuse(
                "hive_partitioning",
                "columns come from the files alone there",
            );
        }
        options.hive_partitioning = HivePartitioning::Off;
        Names::new(following.rotation_pattern.as_deref())
            .map_err(|error| error.with("option", "rotation_pattern"))?;
        Ok(Self {
            pattern,
            following,
            settings: Arc::new(settings),
            plan: OnceCell::new(),
        })
    }

    /// Names the stream, as soon as there is a file to see its columns in.
    ///
    /// # Errors
    /// `Unavailable` while there is none; what looking at the files shows.
    pub(super) async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        Ok(vec![self.plan().await?.catalog.stream.clone()])
    }

    async fn plan(&self) -> Result<&Arc<Plan>> {
        let make = || async {
            let until = Instant::now() + FIRST_FILE;
            loop {
                let (pattern, following) = (self.pattern.clone(), self.following.clone());
                let settings = self.settings.clone();
                let made = blocking(move || Plan::make(pattern, following, &settings)).await??;
                if let Some(plan) = made {
                    return Ok(Arc::new(plan));
                }
                if Instant::now() >= until {
                    let message = "no file to see the columns in yet";
                    return Err(Error::new(ErrorKind::Unavailable, message)
                        .with("path", &self.pattern.plain)
                        .with_hint("schema= names them before there is a file")
                        .retryable());
                }
                tokio::time::sleep(self.following.poll).await;
            }
        };
        self.plan.get_or_try_init(make).await
    }

    /// Hands out the one split, unless that was done before.
    pub(super) fn splits(&self, resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        if let Some(resume) = resume {
            resume.open::<DiscoveryOffset>()?;
        }
        let path = self.pattern.plain.clone();
        let first = resume.is_none().then_some(path);
        Ok(Box::new(Once(first)))
    }

    /// Goes on at a position, and puts away what it says is done.
    ///
    /// # Errors
    /// As [`streams`](Self::streams); `InvalidInput` for another connector's offset.
    pub(super) async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        let plan = self.plan().await?.clone();
        // Refuses unknown columns before there is a file.
        let nothing = DataFile::of_input(Found {
            path: self.pattern.plain.clone(),
            size: 0,
            modified: 0,
        });
        Shape::new(&plan.catalog, &nothing, &request)?;
        let start = request.start.as_ref().or(request.split.start.as_ref());
        let start = start.map(SourceOffset::open::<WatchOffset>).transpose()?;
        if let Some(position) = start.clone() {
            // The run that committed it may have ended before it came to that.
            let on_done = plan.following.on_done.clone();
            if let Err(error) = blocking(move || done::put_away(&position, &on_done)).await? {
                tracing::warn!(error = %error, "file that is done stays where it is");
            }
        }
        Ok(Box::new(WatchReader::new(plan, request, start)))
    }

    /// Puts away the files that a commit has finished.
    ///
    /// # Errors
    /// What the file system answers.
    pub(super) async fn acknowledge(&self, progress: &Progress) -> Result<()> {
        let own = progress
            .marks
            .iter()
            .find(|mark| mark.split.as_str() == SPLIT);
        let Some(mark) = own else {
            return Ok(());
        };
        let position = mark.offset.open::<WatchOffset>()?;
        let on_done = self.following.on_done.clone();
        blocking(move || done::put_away(&position, &on_done)).await?
    }
}

/// Hands the one split out, and waits for ever.
struct Once(Option<String>);

#[async_trait]
impl SplitEnumerator for Once {
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        match self.0.take() {
            None => std::future::pending().await,
            Some(path) => Ok(Some(SplitChange::Added {
                splits: vec![Arc::new(Split::new(SPLIT, 0))],
                resume: Some(SourceOffset::seal(DiscoveryOffset {
                    path,
                    next: None,
                    order: 1,
                    records: 0,
                    row: 0,
                })),
            })),
        }
    }
}
