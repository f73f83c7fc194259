//! The folders from which a configuration may take files, and reading from them.
//!
//! A file that is extended may be somebody else's, so that what it names is confined: `extends` to the
//! folder of the main file and the roots, `${file:…}` to these and the folders of secrets. A path is
//! followed through all of its links first, and what is then opened is no link.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use velo_core::{Error, ErrorKind, Result};

/// Largest secret that is read.
const LARGEST_SECRET: u64 = 64 << 10;

/// What tells one file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// A file that is open for reading.
pub(super) struct Opened {
    pub(super) identity: Identity,
    file: File,
}

/// Folders, all links followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders {
    /// For files that are extended: the folder of the main file, and the roots.
    roots: Vec<PathBuf>,
    /// For secrets, beside these.
    secrets: Vec<PathBuf>,
}

impl Folders {
    /// Follows the links of folders; those that do not exist hold nothing.
    pub(super) fn new(main: &Path, roots: &[PathBuf], secrets: &[PathBuf]) -> Self {
        let beside = match main.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let real = |path: &Path| path.canonicalize().ok();
        let roots = [beside]
            .into_iter()
            .chain(roots.iter().map(PathBuf::as_path));
        let secrets = secrets.iter().map(PathBuf::as_path);
        Self {
            roots: roots.filter_map(real).collect(),
            secrets: secrets.filter_map(real).collect(),
        }
    }

    /// Opens a file that is extended.
    ///
    /// # Errors
    /// `Config` outside the roots; `NotFound`, `PermissionDenied`, `Io`.
    pub(super) fn open(&self, path: &Path) -> Result<Opened> {
        confined(path, self.roots.iter(), |error| {
            error.with_hint(
                "keep it below the folder of the main file, or name its folder by --config-root or \
                 VELO_CONFIG_ROOT",
            )
        })
    }

    /// Reads a secret: text without its last line end.
    ///
    /// # Errors
    /// `Config` outside the folders, for more than 64 KiB and for what is not UTF-8.
    pub(super) fn secret(&self, path: &Path) -> Result<String> {
        let opened = confined(path, self.roots.iter().chain(&self.secrets), |error| {
            error.with_hint(
                "secrets are read from /run/secrets, /var/run/secrets, the folders in \
                 VELO_SECRET_DIRS and those of the configuration",
            )
        });
        let opened = opened.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::new(ErrorKind::Config, "file does not exist"),
            _ => error,
        })?;
        let mut text = opened.text(LARGEST_SECRET, "secret is larger than 64 KiB")?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Ok(text)
    }
}

/// Opens a regular file whose real path lies below one of the folders.
fn confined<'f>(
    path: &Path,
    mut folders: impl Iterator<Item = &'f PathBuf>,
    advise: impl FnOnce(Error) -> Error,
) -> Result<Opened> {
    let real = path.canonicalize()?;
    if !folders.any(|folder| real.starts_with(folder)) {
        return Err(advise(Error::new(
            ErrorKind::Config,
            "file lies outside the folders that a configuration may read",
        )));
    }
    // A pipe is not waited for, and what became a link since is refused.
    let opened = open_as(&real, OFlags::NONBLOCK | OFlags::NOFOLLOW)?;
    match opened.file.metadata()?.is_file() {
        true => Ok(opened),
        false => Err(Error::new(ErrorKind::Config, "no regular file")),
    }
}

/// Opens the main file, which may be a pipe.
pub(super) fn open(path: &Path) -> io::Result<Opened> {
    open_as(path, OFlags::empty())
}

fn open_as(path: &Path, flags: OFlags) -> io::Result<Opened> {
    let flags = flags.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let found = file.metadata()?;
    Ok(Opened {
        identity: Identity {
            device: found.dev(),
            inode: found.ino(),
        },
        file,
    })
}

impl Opened {
    /// Reads text of a limited size.
    ///
    /// # Errors
    /// `Config` for more than `most` bytes, in the words of `too_large`, and for what is not UTF-8.
    pub(super) fn text(self, most: u64, too_large: &'static str) -> Result<String> {
        let mut bytes = Vec::new();
        self.file.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(Error::new(ErrorKind::Config, too_large));
        }
        String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Config, "text is not UTF-8"))
    }
}
