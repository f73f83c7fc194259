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
mod position;
mod reader;
mod roster;
mod scan;
mod strangers;
mod turn;
mod whole;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use velo_core::{
    DataReader, Error, ErrorKind, Progress, ReadRequest, Result, SourceOffset, Split, SplitChange,
    SplitEnumerator, StreamInfo,
};
use velo_format::{Format, Layout, StreamFormat, detect_name};

use super::catalog::Catalog;
use super::file::{Found, OpenFile};
use super::stream::Beginning;
use super::{Settings, blocking};
use crate::config::path::PathPattern;
use crate::config::watch::Following;
use crate::config::{BadRowPolicy, HivePartitioning};
use crate::offset::DiscoveryOffset;
use names::Names;
use position::WatchOffset;
use reader::WatchReader;
use roster::Rules;
use scan::{Scope, Seen};

/// The only split there is.
const SPLIT: &str = "watch";
/// Files that the columns are looked for in, at most.
const SAMPLED: usize = 256;
/// Looked through for the end of the first line.
const FIRST_LINE: u64 = 1 << 20;

/// A path that is watched.
pub(super) struct Watching {
    pattern: PathPattern,
    following: Following,
    settings: Arc<Settings>,
    plan: OnceCell<Arc<Plan>>,
}

/// What was found out before reading starts.
struct Plan {
    pattern: PathPattern,
    following: Following,
    settings: Arc<Settings>,
    /// One file and what it is rotated to.
    tail: bool,
    names: Names,
    catalog: Catalog,
    format: Format,
    /// The dialect, settled by the first file.
    beginning: Option<Arc<Beginning>>,
    /// Longest line in bytes.
    longest: usize,
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
    /// What looking at the files shows.
    pub(super) async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        Ok(vec![self.plan().await?.catalog.stream.clone()])
    }

    async fn plan(&self) -> Result<&Arc<Plan>> {
        let make = || async {
            loop {
                let (pattern, following) = (self.pattern.clone(), self.following.clone());
                let settings = self.settings.clone();
                let made = blocking(move || Plan::make(pattern, following, &settings)).await??;
                match made {
                    Some(plan) => return Ok(Arc::new(plan)),
                    None => tokio::time::sleep(self.following.poll).await,
                }
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

impl Plan {
    /// Looks at what is there; `None` while nothing tells the columns.
    fn make(
        pattern: PathPattern,
        following: Following,
        settings: &Settings,
    ) -> Result<Option<Self>> {
        let directory = std::fs::metadata(&pattern.plain).is_ok_and(|found| found.is_dir());
        if directory && following.tail && !following.guessed {
            return Err(Error::new(
                ErrorKind::Config,
                "path is a directory, and tail follows one file",
            )
            .with("directory", &pattern.plain)
            .with_hint("watch=directory"));
        }
        let tail = following.tail && !directory;
        let names = Names::new(following.rotation_pattern.as_deref())?;
        let mut settings = settings.clone();
        // Lines that are too long are passed over here; a decoder ends the reading.
        let longest = settings.formats.common.max_line_length.0;
        settings.formats.common.max_line_length.0 = longest.saturating_mul(2).min(1 << 30);
        let common = &mut settings.formats.common;
        common.format = common
            .format
            .or(detect_name(&pattern.plain).format.filter(|_| tail));
        let scope = Scope {
            pattern: &pattern,
            tail,
            settings: &settings,
            format: settings.formats.common.format,
            names: &names,
        };
        let seen = scope.look(std::iter::empty())?;
        let Some((catalog, format)) = columns(&pattern, tail, &seen, &settings)? else {
            return Ok(None);
        };
        let lines = matches!(format, Format::Csv | Format::Jsonl) || is_text(format, &settings);
        if following.tail && !following.guessed && !lines {
            return Err(Error::new(
                ErrorKind::Config,
                "only files of lines can be followed by tail",
            )
            .with("format", format.name())
            .with_hint("watch=directory reads every file that comes up, of any format"));
        }
        let beginning = match catalog.files.first().filter(|file| file.found.size > 0) {
            Some(file) if lines => {
                let (opened, coding) = catalog.open_stream(file, &settings.formats)?;
                Some(catalog.beginning(file, &opened, coding)?)
            }
            _ => None,
        };
        let settings = Arc::new(settings);
        let longest = usize::try_from(longest.min(1 << 30)).unwrap_or(usize::MAX);
        Ok(Some(Self {
            pattern,
            following,
            settings,
            tail,
            names,
            catalog,
            format,
            beginning,
            longest,
        }))
    }

    /// Says whether files are of lines that can be followed, unless they are compressed.
    fn is_of_lines(&self) -> bool {
        matches!(self.format, Format::Csv | Format::Jsonl) || is_text(self.format, &self.settings)
    }

    fn stream_format(&self) -> Result<&dyn StreamFormat> {
        let file = self.catalog.files.first();
        let file = file.ok_or_else(|| Error::new(ErrorKind::Unexpected, "there is no file"))?;
        let by_options = match self.catalog.layout(file) {
            Layout::Stream(format) => &**format,
            Layout::Random(_) => {
                return Err(Error::new(ErrorKind::Unexpected, "format has no lines"));
            }
        };
        Ok(match &self.beginning {
            Some(beginning) => beginning.format(by_options),
            None => by_options,
        })
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            pattern: &self.pattern,
            tail: self.tail,
            settings: &self.settings,
            format: self.settings.formats.common.format,
            names: &self.names,
        }
    }

    fn rules(&self) -> Rules<'_> {
        Rules {
            names: &self.names,
            settings: &self.settings,
            tail: self.tail,
            finish_rotated: self.following.finish_rotated,
            start: self.following.start,
            lines: self.is_of_lines(),
        }
    }
}

fn is_text(format: Format, settings: &Settings) -> bool {
    format == Format::Text && !settings.formats.text.whole_file
}

/// Finds the columns in the files that are there; `None` while they tell none.
fn columns(
    pattern: &PathPattern,
    tail: bool,
    seen: &[Seen],
    settings: &Settings,
) -> Result<Option<(Catalog, Format)>> {
    let mains = seen.iter().filter(|seen| seen.size > 0 && !seen.rotated);
    let rotated = seen.iter().rev().filter(|seen| seen.size > 0 && tail);
    // The newest file that holds a line tells most about those that come.
    let most = if tail { 1 } else { SAMPLED };
    let chosen = mains.chain(rotated).filter(|seen| holds_a_line(&seen.path));
    let mut found: Vec<Found> = chosen
        .take(most)
        .filter_map(|seen| Some(OpenFile::open(&seen.path).ok()?.found().clone()))
        .collect();
    let common = &settings.formats.common;
    let known = common.schema.is_some() || common.format == Some(Format::Text);
    if found.is_empty() && !(known && common.format.is_some()) {
        return Ok(None);
    }
    if found.is_empty() {
        found.push(Found {
            path: pattern.plain.clone(),
            size: 0,
            modified: 0,
        });
    }
    found.sort_unstable_by(|one, other| one.path.as_bytes().cmp(other.path.as_bytes()));
    let name = pattern.plain.trim_end_matches('/').rsplit('/').next();
    let name = name
        .unwrap_or_default()
        .trim_start_matches('.')
        .split(['.', '*'])
        .next();
    let name = name.filter(|name| !name.is_empty()).unwrap_or("files");
    let look = |found: Vec<Found>| {
        let values = vec![Vec::new(); found.len()];
        Catalog::of_found(found, name, (Vec::new(), values), settings, true)
    };
    let looked = look(found.clone());
    let broken = |error: &Error| error.kind() == ErrorKind::InvalidData;
    if settings.options.on_bad_row == BadRowPolicy::Fail || !looked.as_ref().is_err_and(broken) {
        return looked.map(Some);
    }
    // A damaged file is a dead letter later, and must not hide the columns of the others.
    let mut one_by_one = found.into_iter().map(|found| look(vec![found]));
    one_by_one.find(Result::is_ok).unwrap_or(looked).map(Some)
}

/// Says whether a file has a first line, as far as it is looked through; anything that is no text
/// has.
fn holds_a_line(path: &str) -> bool {
    let head = OpenFile::open(path).and_then(|file| file.range(0, FIRST_LINE));
    let head = head.unwrap_or_default();
    let packed = velo_format::detect(&head);
    packed.compression.is_some()
        || packed.format.is_some()
        || head.contains(&b'\n')
        || head.contains(&0)
        || head.len() as u64 == FIRST_LINE
}
