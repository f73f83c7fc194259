//! What becomes of files that were read and committed to their end.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use velo_core::{Error, ErrorKind, Result};

use super::follow::holds;
use super::member::{Member, Reached, State};
use super::position::WatchOffset;
use super::scan::{self, Seen, parts};
use crate::config::watch::OnDone;
use crate::error;
use crate::source::listing::join;

/// Names that are tried where one is taken.
const TRIES: u32 = 10_000;

/// Deletes or moves the files that a committed position says are done; never one that has changed.
///
/// # Errors
/// What the file system answers; the others are done all the same.
pub(super) fn put_away(position: &WatchOffset, on_done: &OnDone) -> Result<()> {
    if *on_done == OnDone::Keep {
        return Ok(());
    }
    let mut first = Ok(());
    for (_, member) in position.shelf.all() {
        if member.state != State::Done || !is_unchanged(member) {
            continue;
        }
        let put = match on_done {
            OnDone::Keep => Ok(()),
            OnDone::Delete => {
                fs::remove_file(&member.path).map_err(|error| error::on_file(&member.path, error))
            }
            OnDone::Move(directory) => move_into(directory, &member.path),
        };
        first = first.and(put);
    }
    first
}

/// Says whether a file still is what was read, and all of it.
fn is_unchanged(member: &Member) -> bool {
    let Some(seen) = Seen::at(&member.path, false) else {
        return false;
    };
    if !seen.identity.is(member.identity) {
        return false;
    }
    match &member.reached {
        Reached::Whole(whole) => whole.stamp == (seen.size, seen.modified),
        Reached::Lines(lines) => {
            let same = scan::open(&member.path).and_then(|file| holds(&file, *lines));
            seen.size == lines.at && same.unwrap_or(false)
        }
    }
}

/// Moves a file without ever replacing another one: a number is put behind a name that is taken.
fn move_into(directory: &str, path: &str) -> Result<()> {
    fs::create_dir_all(directory).map_err(|error| error::on_file(directory, error))?;
    let name = parts(path).1;
    for number in 0..TRIES {
        let free = match number {
            0 => join(directory, name),
            number => join(directory, &format!("{name}.{number}")),
        };
        match renameat_with(CWD, path, CWD, &free, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::EXIST) => {}
            Err(rustix::io::Errno::XDEV) => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "directory for files that are done is on another file system",
                )
                .with("file", path)
                .with("directory", directory)
                .with_hint("on_done=move: takes a directory on the file system of the files"));
            }
            Err(rustix::io::Errno::INVAL) if !Path::new(&free).exists() => {
                // A file system without such a rename: a second name never replaces another file.
                return link_over(path, &free);
            }
            Err(errno) => return Err(error::on_file(path, io::Error::from(errno))),
        }
    }
    Err(
        Error::new(ErrorKind::AlreadyExists, "every name for the file is taken")
            .with("file", path)
            .with("directory", directory),
    )
}

fn link_over(path: &str, free: &str) -> Result<()> {
    let linked = fs::hard_link(path, free).and_then(|()| fs::remove_file(path));
    linked.map_err(|error| error::on_file(path, error))
}
