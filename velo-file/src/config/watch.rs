//! Options of following files that grow, move and come up.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{Error, ErrorKind, Query, Result, TimeSpan};

/// How files are watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Watch {
    /// What is there is read once.
    #[default]
    #[serde(rename = "false")]
    Off,
    /// `tail` for one file, `directory` for a directory or a glob.
    #[serde(rename = "true")]
    Auto,
    /// One file and what it is rotated to, as it grows.
    #[serde(rename = "tail")]
    Tail,
    /// Every file that comes up, and those of lines as they grow; by events of the system.
    #[serde(rename = "directory", alias = "directory_watch")]
    Directory,
    /// As `true`, but found by scans alone.
    #[serde(rename = "periodic", alias = "periodic_scan")]
    Periodic,
}

/// Where reading begins in files that are there at the very first start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchStart {
    /// At their first record.
    #[default]
    Beginning,
    /// Behind their last whole line.
    End,
}

/// Options of watching files; none of them has an effect without `watch`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchOptions {
    /// Whether files are followed, and how: tail, directory, periodic; true means tail for one
    /// file and directory for a directory or a glob.
    pub watch: Watch,
    /// How often is looked where no events come: 10s for periodic, else 250ms.
    pub poll_interval: Option<TimeSpan>,
    /// Names that rotated files get, as `app-*.log.old`; without it a number or a date behind the
    /// name or before its ending, and `.old`.
    pub rotation_pattern: Option<String>,
    /// Whether a rotated file is read to its end; true unless it is set.
    pub finish_rotated: Option<bool>,
    /// Where the very first start begins: beginning, unless it is set, or end.
    pub start: Option<WatchStart>,
    /// What becomes of a file that is read and committed to its end: keep, delete or move:DIR.
    pub on_done: Option<String>,
    /// The same as `on_done=delete`.
    pub delete_after_read: Option<bool>,
    /// How long a file of lines is left alone before it is complete, so that its last line counts
    /// without a line feed; 5s with `on_done`, else never.
    pub complete_after: Option<TimeSpan>,
}

/// What becomes of a file that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OnDone {
    Keep,
    Delete,
    /// Moved into this directory.
    Move(String),
}

/// How files are followed, with every default filled in.
#[derive(Debug, Clone)]
pub(crate) struct Following {
    /// One file and its rotated ones, not what comes up beside them.
    pub(crate) tail: bool,
    /// That may still turn out to be a directory.
    pub(crate) guessed: bool,
    /// Events of the system are listened to.
    pub(crate) events: bool,
    pub(crate) poll: Duration,
    pub(crate) rotation_pattern: Option<String>,
    pub(crate) finish_rotated: bool,
    pub(crate) start: WatchStart,
    pub(crate) on_done: OnDone,
    pub(crate) complete_after: Option<Duration>,
}

const POLL: Duration = Duration::from_millis(250);
const SCAN: Duration = Duration::from_secs(10);
const COMPLETE: Duration = Duration::from_secs(5);

impl WatchOptions {
    /// Takes the options out of a query; `single` says that the path is that of one file.
    ///
    /// # Errors
    /// `Config` naming the option.
    pub(crate) fn take(query: &mut Query<'_>, single: bool) -> Result<Option<Following>> {
        let options: Self = query.read()?;
        let given: Vec<&'static str> = query.last_read().filter(|name| *name != "watch").collect();
        if options.watch == Watch::Off {
            return match given.first() {
                None => Ok(None),
                Some(name) => Err(Error::new(
                    ErrorKind::Config,
                    "option has no effect without watch",
                )
                .with("option", name)
                .with_hint("add watch=tail or watch=directory, or leave it out")),
            };
        }
        options.following(single).map(Some)
    }

    fn following(self, single: bool) -> Result<Following> {
        let tail = match self.watch {
            Watch::Tail if !single => {
                return Err(Error::new(ErrorKind::Config, "tail follows one file")
                    .with("option", "watch=tail")
                    .with_hint("watch=directory follows a directory or a pattern"));
            }
            Watch::Tail => true,
            Watch::Auto | Watch::Periodic => single,
            Watch::Directory | Watch::Off => false,
        };
        let periodic = self.watch == Watch::Periodic;
        let poll = self.poll_interval.map(|span| span.0);
        if poll.is_some_and(|poll| poll.is_zero()) {
            return Err(Error::new(ErrorKind::Config, "expected a time above 0")
                .with("option", "poll_interval"));
        }
        let on_done = on_done(
            self.on_done.as_deref(),
            self.delete_after_read == Some(true),
        )?;
        let complete = (on_done != OnDone::Keep).then_some(COMPLETE);
        Ok(Following {
            tail,
            guessed: self.watch != Watch::Tail,
            events: !periodic,
            poll: poll.unwrap_or(if periodic { SCAN } else { POLL }),
            rotation_pattern: self.rotation_pattern,
            finish_rotated: self.finish_rotated.unwrap_or(true),
            start: self.start.unwrap_or_default(),
            on_done,
            complete_after: self.complete_after.map(|span| span.0).or(complete),
        })
    }
}

fn on_done(text: Option<&str>, delete: bool) -> Result<OnDone> {
    let refuse = |message: &'static str, hint: &'static str| {
        Err(Error::new(ErrorKind::Config, message)
            .with("option", "on_done")
            .with_hint(hint))
    };
    let wanted = match text {
        None if delete => OnDone::Delete,
        None | Some("keep") => OnDone::Keep,
        Some("delete") => OnDone::Delete,
        Some(text) => match text.strip_prefix("move:") {
            Some(directory) if !directory.is_empty() => OnDone::Move(directory.to_owned()),
            _ => return refuse("value is none of the choices", "keep, delete or move:DIR"),
        },
    };
    if delete && wanted != OnDone::Delete {
        return refuse(
            "delete_after_read and on_done contradict each other",
            "leave delete_after_read out",
        );
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use velo_core::Uri;

    fn take(query: &str, single: bool) -> Result<Option<Following>> {
        let uri = Uri::parse(&format!("a.csv?{query}"))?;
        let mut query = uri.query()?;
        let following = WatchOptions::take(&mut query, single)?;
        query.finish()?;
        Ok(following)
    }

    #[test]
    fn accepts_every_spelling() {
        for (query, single, tail, events) in [
            ("watch=true", true, true, true),
            ("watch=true", false, false, true),
            ("watch=tail", true, true, true),
            ("watch=directory_watch", true, false, true),
            ("watch=periodic_scan&pollInterval=1s", false, false, false),
        ] {
            let following = take(query, single).unwrap().unwrap();
            assert_eq!(
                (following.tail, following.events),
                (tail, events),
                "{query}"
            );
        }
        assert!(take("watch=false", true).unwrap().is_none());
        let following = take("watch=tail&delete_after_read=true", true)
            .unwrap()
            .unwrap();
        assert_eq!(following.on_done, OnDone::Delete);
        assert_eq!(following.complete_after, Some(COMPLETE));
        let moving = take("watch=true&on_done=move:/done", false)
            .unwrap()
            .unwrap();
        assert_eq!(moving.on_done, OnDone::Move("/done".to_owned()));
    }

    #[test]
    fn refuses_what_has_no_effect_or_no_sense() {
        for (query, single, part) in [
            ("poll_interval=5s", true, "without watch"),
            ("on_done=delete", true, "without watch"),
            ("delete_after_read=false", true, "without watch"),
            ("watch=tail", false, "watch=directory"),
            ("watch=tail&on_done=burn", true, "keep, delete or move:DIR"),
            (
                "watch=tail&on_done=keep&delete_after_read=true",
                true,
                "contradict",
            ),
            ("watch=tail&poll_interval=0s", true, "above 0"),
            ("watch=sometimes", true, "directory"),
        ] {
            let report = take(query, single).unwrap_err().report();
            assert!(report.contains(part), "{query}: {report}");
        }
    }
}
