//! Files as they are found and opened.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};

use velo_core::{Error, ErrorKind, Result};
use velo_format::ReadAt;

use crate::error;
use crate::offset::{Fingerprint, Place};

const HEAD: u64 = 1024;
const TAIL: u64 = 256;

/// A file and what it looked like when it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) size: u64,
    /// Nanoseconds since 1970.
    pub(super) modified: i64,
}

impl Found {
    pub(super) fn new(path: String, metadata: &Metadata) -> Self {
        Self {
            path,
            size: metadata.len(),
            modified: modified(metadata),
        }
    }
}

/// Gives the time of the last change in nanoseconds since 1970.
pub(super) fn modified(metadata: &Metadata) -> i64 {
    metadata
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.mtime_nsec())
}

/// A regular file, open for reading at any place.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    found: Found,
}

impl OpenFile {
    /// Opens a regular file; anything else is refused, and nothing is waited for.
    pub(super) fn open(path: &str) -> Result<Self> {
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(nonblocking)
            .open(path);
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => error::not_found(path),
            _ => error::on_file(path, error),
        })?;
        Self::new(file, path)
    }

    /// Takes over a file that is open already.
    pub(super) fn new(file: File, path: &str) -> Result<Self> {
        let metadata = file
            .metadata()
            .map_err(|error| error::on_file(path, error))?;
        regular(path, &metadata)?;
        let found = Found::new(path.to_owned(), &metadata);
        Ok(Self { file, found })
    }

    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    pub(super) fn path(&self) -> &str {
        &self.found.path
    }

    /// Reads bytes from a place on, fewer only where the file ends before.
    pub(super) fn range(&self, start: u64, length: u64) -> Result<Vec<u8>> {
        let length = length.min(self.found.size.saturating_sub(start));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        let read = self.fill(start, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Fills a buffer from a place on as far as the file goes.
    pub(super) fn fill(&self, start: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let read = self.read_at(start + filled as u64, &mut buffer[filled..]);
            match read.map_err(|error| error::on_file(self.path(), error))? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }

    /// Refuses a file that is not what it was when it was found.
    pub(super) fn check_unchanged(&self, found: &Found) -> Result<()> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|error| error::on_file(self.path(), error))?;
        if metadata.len() == found.size && modified(&metadata) == found.modified {
            Ok(())
        } else {
            Err(error::changed(self.path()))
        }
    }

    /// Says what the file looks like before a place.
    pub(super) fn fingerprint(&self, place: Place) -> Result<Fingerprint> {
        self.fingerprint_at(place, self.found.size)
    }

    /// Refuses to go on in a file that is not the one a position was stored for.
    pub(super) fn check_same(&self, place: Place, stored: &Fingerprint) -> Result<()> {
        let enough = match place {
            Place::Byte(at) => self.found.size >= at,
            Place::Decompressed(_) => self.found.size >= stored.size,
            Place::Row { .. } => self.found.size == stored.size,
        };
        if !enough {
            return Err(self
                .gap("file has another size than when reading stopped")
                .with("size", self.found.size)
                .with("size then", stored.size));
        }
        if self.fingerprint_at(place, stored.size)? != *stored {
            return Err(self.gap("file has other contents than when reading stopped"));
        }
        Ok(())
    }

    fn gap(&self, message: &'static str) -> Error {
        Error::new(ErrorKind::Gap, message)
            .with("file", self.path())
            .with_hint("read it from its start, or put the old file back")
    }

    fn fingerprint_at(&self, place: Place, size: u64) -> Result<Fingerprint> {
        let end = match place {
            Place::Byte(at) => at,
            Place::Decompressed(_) | Place::Row { .. } => size,
        };
        let start = end.saturating_sub(TAIL);
        Ok(Fingerprint {
            size,
            head: hash(&self.range(0, HEAD.min(size))?),
            tail: hash(&self.range(start, end - start)?),
        })
    }
}

impl ReadAt for OpenFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    fn size(&self) -> u64 {
        self.found.size
    }
}

/// Refuses what is not a regular file, and says what it is.
pub(super) fn regular(path: &str, metadata: &Metadata) -> Result<()> {
    let kind = metadata.file_type();
    let what = match kind {
        _ if kind.is_file() => return Ok(()),
        _ if kind.is_dir() => "path is a directory, not a file",
        _ if kind.is_fifo() => "path is a FIFO, which can be read only once",
        _ if kind.is_socket() => "path is a socket, not a file",
        _ => "path is a device, not a file",
    };
    let error = Error::new(ErrorKind::InvalidInput, what).with("file", path);
    Err(if kind.is_fifo() {
        error.with_hint(format!("read it as stdin: with < {path}"))
    } else {
        error
    })
}

/// FNV-1a with 64 bits: stored, so it must never change.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(bytes: &[u8]) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv").to_str().unwrap().to_owned();
        std::fs::write(&path, bytes).unwrap();
        (directory, path)
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn a_position_holds_while_what_was_read_is_the_same() {
        let (_directory, path) = write(b"id\n1\n2\n3\n");
        let place = Place::Byte(5);
        let stored = OpenFile::open(&path).unwrap().fingerprint(place).unwrap();
        let check = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            OpenFile::open(&path).unwrap().check_same(place, &stored)
        };
        assert!(check(b"id\n1\n2\n3\n").is_ok());
        assert!(check(b"id\n1\n2\n3\n4\n").is_ok());
        for other in [&b"id\n9\n2\n3\n"[..], b"ix\n1\n2\n3\n4\n", b"id\n1", b""] {
            assert_eq!(check(other).unwrap_err().kind(), ErrorKind::Gap);
        }
    }

    #[test]
    fn refuses_what_is_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_str().unwrap();
        let fifo = format!("{root}/x.csv");
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, &*fifo, kind, mode, 0).unwrap();
        for (path, part) in [
            (fifo.as_str(), "FIFO"),
            (root, "directory"),
            ("/dev/null", "device"),
        ] {
            let report = OpenFile::open(path).unwrap_err().report();
            assert!(report.contains(part), "{report}");
        }
    }
}
