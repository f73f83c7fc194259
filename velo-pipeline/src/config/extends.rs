//! `extends`: a file that is laid over others.
//!
//! Files are told apart by device and inode, so that links and other spellings of a name are the same
//! file. Each is read once, and what it becomes is kept, so that a diamond of files costs no more than
//! its files.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result};

use super::folders::{Folders, Identity, Opened, open};
use super::node::{Node, Value};
use super::place::{Origin, Place};
use super::yaml;

/// Largest file that is read.
pub(super) const LARGEST: u64 = 1 << 20;

/// Bytes of all files of a configuration.
const LARGEST_SUM: u64 = 8 << 20;

/// Files that extend one another in a row, below the first.
const DEEPEST: usize = 32;

/// Values that are laid over one another.
const MOST_MERGED: usize = 1_000_000;

/// Reads a file with all that it extends.
///
/// # Errors
/// `Config` with the place of the `extends` for a circle, shown as a path, for a file outside the
/// folders, for a missing one, and for limits; `NotFound` and `PermissionDenied` for the main file.
pub(super) fn load(path: &Path, folders: &Folders) -> Result<Node> {
    let shown = path.display().to_string();
    let named = |error: Error| error.within("file", &shown);
    let opened = open(path).map_err(|cause| named(cause.into()))?;
    let mut loader = Loader {
        folders,
        main: path.parent().unwrap_or(Path::new("")).to_owned(),
        done: HashMap::new(),
        row: Vec::new(),
        bytes: 0,
        merged: 0,
    };
    loader.load(path, opened)
}

struct Loader<'f> {
    folders: &'f Folders,
    /// The folder of the main file; names are shown from there.
    main: PathBuf,
    /// Files with all that they extend.
    done: HashMap<Identity, Node>,
    /// Files that extend one another, from the main file on.
    row: Vec<(Identity, String)>,
    bytes: u64,
    merged: usize,
}

impl Loader<'_> {
    fn load(&mut self, path: &Path, opened: Opened) -> Result<Node> {
        let identity = opened.identity;
        let shown = match self.row.is_empty() {
            true => path.display().to_string(),
            false => self.shown(path),
        };
        let origin = Arc::new(Origin {
            shown: shown.clone(),
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
        });
        let text = self.text(opened).map_err(|error| origin.put(error))?;
        let mut own = yaml::parse(&text, &origin)?;
        if own.as_map().is_none() {
            let error = Error::new(ErrorKind::Config, "expected a map of keys");
            return Err(own.place.put(error));
        }
        let Some(extends) = own.take("extends") else {
            return Ok(own);
        };
        self.row.push((identity, shown));
        let mut whole: Option<Node> = None;
        for (name, place) in names(&extends.node)? {
            let base = self.base(&name, path).map_err(|error| place.put(error))?;
            let base = match base {
                Base::Known(node) => node,
                Base::New(path, opened) => {
                    let identity = opened.identity;
                    let node = self.load(&path, opened)?;
                    self.done.insert(identity, node.clone());
                    node
                }
            };
            self.lay(&mut whole, base)
                .map_err(|error| place.put(error))?;
        }
        self.row.pop();
        let place = own.place.clone();
        self.lay(&mut whole, own)
            .map_err(|error| place.put(error))?;
        whole.ok_or_else(|| Error::new(ErrorKind::Unexpected, "a file became nothing"))
    }

    fn text(&mut self, opened: Opened) -> Result<String> {
        let text = opened.text(LARGEST, "file is larger than 1 MiB")?;
        self.bytes += text.len() as u64;
        match self.bytes > LARGEST_SUM {
            true => Err(Error::new(
                ErrorKind::Config,
                "the files of this configuration are larger than 8 MiB",
            )),
            false => Ok(text),
        }
    }

    /// Finds what a name under `extends` stands for.
    fn base(&self, name: &str, extending: &Path) -> Result<Base> {
        let refused =
            |what: &'static str| Error::new(ErrorKind::Config, what).with("extends", name);
        if name.contains("://") {
            return Err(refused("only files of this machine can be extended")
                .with_hint("fetch it first, and write a path"));
        }
        if name.contains("${") {
            return Err(refused("variables are resolved after the files are read")
                .with_hint("use `profiles:` and --profile for what differs between environments"));
        }
        if self.row.len() > DEEPEST {
            return Err(refused("more than 32 files extend one another"));
        }
        let folder = extending.parent().unwrap_or(Path::new(""));
        let path = plain(&folder.join(name));
        let opened = self
            .folders
            .open(&path)
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => refused("file does not exist"),
                _ => error.with("extends", name),
            })?;
        if let Some(first) = self.row.iter().position(|(it, _)| *it == opened.identity) {
            let names = self.row[first..].iter().map(|(_, shown)| shown.as_str());
            let circle: Vec<&str> = names.chain([self.row[first].1.as_str()]).collect();
            return Err(
                Error::new(ErrorKind::Config, "files extend one another in a circle")
                    .with("circle", circle.join(" -> ")),
            );
        }
        Ok(match self.done.get(&opened.identity) {
            Some(node) => Base::Known(node.clone()),
            None => Base::New(path, opened),
        })
    }

    fn lay(&mut self, whole: &mut Option<Node>, over: Node) -> Result<()> {
        self.merged += over.weight();
        if self.merged > MOST_MERGED {
            return Err(Error::new(
                ErrorKind::Config,
                "more than 1,000,000 values in the files that extend one another",
            ));
        }
        match whole {
            Some(whole) => whole.merge(over),
            None => *whole = Some(over),
        }
        Ok(())
    }

    fn shown(&self, path: &Path) -> String {
        let shown = path.strip_prefix(&self.main).unwrap_or(path);
        shown.display().to_string()
    }
}

enum Base {
    Known(Node),
    New(PathBuf, Opened),
}

/// Reads a name, or a list of names.
fn names(extends: &Node) -> Result<Vec<(String, Place)>> {
    let one = |node: &Node| match node.as_text() {
        Some(name) if !name.is_empty() => Ok((name.to_owned(), node.place.clone())),
        _ => {
            let error = Error::new(ErrorKind::Config, "expected a path, or a list of paths");
            Err(node.place.put(error.with("key", "extends")))
        }
    };
    match &extends.value {
        Value::List(items) => items.iter().map(one).collect(),
        _ => Ok(vec![one(extends)?]),
    }
}

/// Takes `.` out of a path for messages.
fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}
