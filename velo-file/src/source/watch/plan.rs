//! What is found out before anything is read: the columns, the format, who belongs together.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use velo_core::{Error, ErrorKind, Result};
use velo_format::{Format, Layout, StreamFormat, detect_name};

use super::names::Names;
use super::roster::Rules;
use super::scan::{Scope, Seen};
use super::turn::UNFINISHED;
use crate::config::BadRowPolicy;
use crate::config::path::PathPattern;
use crate::config::watch::Following;
use crate::source::Settings;
use crate::source::catalog::Catalog;
use crate::source::file::{Found, OpenFile};
use crate::source::stream::Beginning;

/// Files that the columns are looked for in, at most.
const SAMPLED: usize = 256;
/// Looked through for the end of the first line.
const FIRST_LINE: u64 = 1 << 20;

/// What was found out before reading starts.
pub(super) struct Plan {
    pub(super) pattern: PathPattern,
    pub(super) following: Following,
    pub(super) settings: Arc<Settings>,
    /// One file and what it is rotated to.
    pub(super) tail: bool,
    pub(super) names: Names,
    pub(super) catalog: Catalog,
    pub(super) format: Format,
    /// The dialect, settled by the first file.
    pub(super) beginning: Option<Arc<Beginning>>,
    /// Longest line in bytes.
    pub(super) longest: usize,
}

impl Plan {
    /// Looks at what is there; `None` while nothing tells the columns.
    pub(super) fn make(
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
        let Some((catalog, format)) = columns(&pattern, tail, &seen, &settings, &following)? else {
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
    pub(super) fn is_of_lines(&self) -> bool {
        matches!(self.format, Format::Csv | Format::Jsonl) || is_text(self.format, &self.settings)
    }

    pub(super) fn stream_format(&self) -> Result<&dyn StreamFormat> {
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

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope {
            pattern: &self.pattern,
            tail: self.tail,
            settings: &self.settings,
            format: self.settings.formats.common.format,
            names: &self.names,
        }
    }

    pub(super) fn rules(&self) -> Rules<'_> {
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
    following: &Following,
) -> Result<Option<(Catalog, Format)>> {
    let mains = seen.iter().filter(|seen| seen.size > 0 && !seen.rotated);
    let rotated = seen.iter().rev().filter(|seen| seen.size > 0 && tail);
    // The newest file that holds a line tells most about those that come.
    let most = if tail { 1 } else { SAMPLED };
    let complete = |seen: &Seen| {
        let after = following.complete_after;
        after.is_some_and(|after| was_left_alone(seen.modified, after))
    };
    let chosen = mains.chain(rotated);
    let chosen = chosen.filter(|seen| holds_a_line(&seen.path) || complete(seen));
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
    let Some(error) = looked.as_ref().err().filter(|error| broken(error)) else {
        return looked.map(Some);
    };
    let damaged = found
        .iter()
        .find(|found| error.context("file") == Some(found.path.as_str()));
    if damaged.is_some_and(|found| !was_left_alone(found.modified, UNFINISHED)) {
        return Ok(None);
    }
    if settings.options.on_bad_row == BadRowPolicy::Fail {
        return looked.map(Some);
    }
    // A damaged file is a dead letter later, and must not hide the columns of the others.
    let mut one_by_one = found.into_iter().map(|found| look(vec![found]));
    one_by_one.find(Result::is_ok).unwrap_or(looked).map(Some)
}

/// Says whether a file has not changed for so long, by its own time.
pub(super) fn was_left_alone(modified: i64, time: Duration) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
    now.saturating_sub(modified) > i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
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
