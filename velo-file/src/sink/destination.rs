//! What a destination is at the moment, and whether it can be written.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use velo_core::{Action, Error, ErrorKind, Result};

use super::failure::failed;
use super::target::Target;
use crate::config::{FileWriteOptions, IfExists};

/// Symbolic links that are followed one after the other.
const MOST_LINKS: usize = 40;

/// A destination, looked at.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    /// The directory that holds the file or the files.
    pub(super) root: PathBuf,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// One file, by its name in the root.
    File {
        name: String,
        old: Option<Old>,
    },
    Directory,
    /// Takes bytes as they come: nothing is hidden until the commit, nothing can be taken back.
    Through(Through),
}

/// What a new file takes over from the one that it replaces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Old {
    pub(super) mode: u32,
    pub(super) owner: u32,
    pub(super) group: u32,
}

#[derive(Debug, Clone)]
pub(super) enum Through {
    Stdout,
    /// A character device or a FIFO.
    Path(PathBuf),
}

impl Destination {
    /// Looks at the destination; changes nothing.
    pub(super) fn look(target: &Target, options: &FileWriteOptions) -> Result<Self> {
        let (path, slash) = match target {
            Target::Stdout => return through(Through::Stdout, options),
            Target::Path { path, slash } => (path, *slash),
        };
        let wants_directory = slash || options.directory_option().is_some();
        let found = match fs::metadata(path) {
            Ok(found) => found,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return if wants_directory {
                    Ok(directory(path))
                } else {
                    file(path, None)
                };
            }
            Err(cause) => return Err(failed(cause, "look at the destination", path)),
        };
        let kind = found.file_type();
        if found.is_dir() {
            Ok(directory(path))
        } else if kind.is_char_device() || kind.is_fifo() {
            through(Through::Path(path.clone()), options)
        } else if !found.is_file() {
            Err(Error::new(
                ErrorKind::Unsupported,
                "destination is neither a file nor a directory",
            )
            .with("file", path.display()))
        } else if wants_directory {
            let why = options.directory_option().unwrap_or("the slash at the end");
            Err(Error::new(
                ErrorKind::AlreadyExists,
                "destination is a file, not a directory",
            )
            .with("file", path.display())
            .with_hint(format!("{why} asks for a directory")))
        } else {
            file(path, Some(&found))
        }
    }

    /// Refuses what could not be written or may not be replaced, and says what would be done;
    /// `can_go_on` where the format can be written behind what is there.
    pub(super) fn actions(
        &self,
        options: &FileWriteOptions,
        can_go_on: bool,
    ) -> Result<Vec<Action>> {
        let mut actions = Vec::new();
        if !matches!(self.kind, Kind::Through(_)) {
            let missing = check_directory(&self.root, options)?;
            if missing {
                let object = format!("{}/", self.root.display());
                actions.push(Action::new("create directory", object.replace("//", "/")));
            }
        }
        match &self.kind {
            Kind::File { name, old } => {
                let path = self.root.join(name);
                check_file(&path, old.is_some(), options)?;
                if self.appends(options) && !can_go_on {
                    return Err(has_an_end(&path));
                }
                let verb = match old {
                    None => "create file",
                    Some(_) if self.appends(options) => "append to file",
                    Some(_) => "replace file",
                };
                actions.push(Action::new(verb, shown(&path)));
            }
            Kind::Directory => {
                check_contents(&self.root, options)?;
                actions.push(Action::new("add files to", shown(&self.root)));
            }
            Kind::Through(Through::Stdout) => actions.push(Action::new("write to", "stdout")),
            Kind::Through(Through::Path(path)) => {
                let usable = rustix::fs::access(path, Access::WRITE_OK);
                usable.map_err(|cause| failed(cause.into(), "open for writing", path))?;
                actions.push(Action::new("write to", path.display().to_string()));
            }
        }
        Ok(actions)
    }

    /// Refuses a directory that is missing and may not be created, or that cannot be written.
    pub(super) fn check_root(&self, options: &FileWriteOptions) -> Result<()> {
        check_directory(&self.root, options).map(drop)
    }

    /// Says whether a commit may replace a file.
    pub(super) fn replaces(&self, options: &FileWriteOptions) -> bool {
        matches!(self.kind, Kind::File { .. }) && options.if_exists != Some(IfExists::Fail)
    }

    /// Says whether rows go straight behind what a single file has.
    pub(super) fn appends(&self, options: &FileWriteOptions) -> bool {
        matches!(self.kind, Kind::File { .. }) && options.if_exists == Some(IfExists::Append)
    }

    /// Gives the path of a single file, or else the directory.
    pub(super) fn path(&self) -> PathBuf {
        match &self.kind {
            Kind::File { name, .. } => self.root.join(name),
            _ => self.root.clone(),
        }
    }

    /// Gives the path that errors name.
    pub(super) fn shown(&self) -> String {
        match &self.kind {
            Kind::File { name, .. } => shown(&self.root.join(name)),
            Kind::Directory => shown(&self.root),
            Kind::Through(Through::Stdout) => "stdout".to_owned(),
            Kind::Through(Through::Path(path)) => shown(path),
        }
    }
}

fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.display().to_string()
}

fn directory(path: &Path) -> Destination {
    Destination {
        root: path.to_owned(),
        kind: Kind::Directory,
    }
}

fn through(through: Through, options: &FileWriteOptions) -> Result<Destination> {
    let options = [
        (options.directory_option(), "it is no directory"),
        (
            options.if_exists.map(|_| "if_exists"),
            "nothing there can be kept or replaced",
        ),
    ];
    for (option, hint) in options {
        if let Some(option) = option {
            return Err(Error::new(
                ErrorKind::Config,
                "option does not apply to this destination",
            )
            .with("option", option)
            .with_hint(hint));
        }
    }
    Ok(Destination {
        root: PathBuf::new(),
        kind: Kind::Through(through),
    })
}

/// Describes a single file; a symbolic link stays, and what it points at is written.
fn file(path: &Path, found: Option<&Metadata>) -> Result<Destination> {
    let path = resolve(path)?;
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "path has no file name, or one that is not UTF-8",
        )
        .with("file", path.display()));
    };
    let root = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let old = found.map(|found| Old {
        mode: found.permissions().mode() & 0o777,
        owner: found.uid(),
        group: found.gid(),
    });
    let name = name.to_owned();
    Ok(Destination {
        root,
        kind: Kind::File { name, old },
    })
}

fn resolve(path: &Path) -> Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            // Not a link, or not there.
            Err(_) => return Ok(path),
        }
    }
    let cause = io::Error::from(rustix::io::Errno::LOOP);
    Err(failed(cause, "follow the link", path))
}

/// Checks that files can be made in a directory; says whether it must be created first.
fn check_directory(root: &Path, options: &FileWriteOptions) -> Result<bool> {
    let mut at = root;
    let found = loop {
        let here = if at.as_os_str().is_empty() {
            Path::new(".")
        } else {
            at
        };
        match fs::metadata(here) {
            Ok(found) => break (here, found),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                at = at.parent().unwrap_or(Path::new(""));
            }
            Err(cause) => return Err(failed(cause, "look at the directory", here)),
        }
    };
    let missing = at != root;
    if !found.1.is_dir() {
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            "is a file where a directory is needed",
        )
        .with("file", found.0.display()));
    }
    if missing && !options.create_dirs {
        return Err(Error::new(ErrorKind::NotFound, "no such directory")
            .with("file", root.display())
            .with_hint("create it, or leave out create_dirs=false"));
    }
    rustix::fs::access(found.0, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|cause| failed(cause.into(), "create files in the directory", found.0))?;
    Ok(missing)
}

fn check_file(path: &Path, exists: bool, options: &FileWriteOptions) -> Result<()> {
    if !exists {
        return Ok(());
    }
    if options.if_exists == Some(IfExists::Fail) {
        return Err(already_there(path));
    }
    // A rename would not ask; `cp` does, and so must we.
    rustix::fs::access(path, Access::WRITE_OK)
        .map_err(|cause| failed(cause.into(), "write to the file", path))
}

fn has_an_end(path: &Path) -> Error {
    Error::new(
        ErrorKind::Config,
        "nothing goes behind the end of this format",
    )
    .with("file", shown(path))
    .with("option", "if_exists=append")
    .with_hint("write into a directory: end the path in /")
}

fn check_contents(root: &Path, options: &FileWriteOptions) -> Result<()> {
    match options.if_exists {
        Some(IfExists::Replace) => Err(Error::new(
            ErrorKind::Config,
            "a directory cannot be replaced as one",
        )
        .with("file", root.display())
        .with("option", "if_exists=replace")
        .with_hint("remove its files first, or add to them with if_exists=append")),
        Some(IfExists::Fail) if has_entries(root) => Err(already_there(root)),
        _ => Ok(()),
    }
}

fn already_there(path: &Path) -> Error {
    Error::new(ErrorKind::AlreadyExists, "destination exists")
        .with("file", path.display())
        .with_hint("remove it, or leave out if_exists=fail")
}

/// Says whether anything but hidden files is in a directory.
pub(super) fn has_entries(directory: &Path) -> bool {
    let Ok(entries) = fs::read_dir(directory) else {
        return false;
    };
    let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().first() == Some(&b'.');
    entries.flatten().any(|entry| !hidden(&entry.file_name()))
}
