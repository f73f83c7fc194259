//! A small disk of its own, in memory: full, read-only, freed again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use velo_core::{Error, ErrorKind, Result};

/// A tmpfs that is unmounted when it is dropped; only root can make one.
#[derive(Debug)]
pub struct Disk {
    at: PathBuf,
}

impl Disk {
    /// Mounts an empty disk of so many bytes at a directory, which is created.
    ///
    /// # Errors
    /// `PermissionDenied` where this process may not mount: a test skips itself then, by name.
    ///
    /// ```
    /// use velo_testkit::process::Disk;
    /// let at = std::env::temp_dir().join("velo-disk-example");
    /// if let Ok(disk) = Disk::mount(&at, 1 << 20) {
    ///     std::fs::write(disk.path().join("a"), "b")?;
    /// }
    /// # let _ = std::fs::remove_dir(at);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn mount(at: &Path, bytes: u64) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        let size = format!("size={bytes}");
        mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], at)?;
        Ok(Self { at: at.to_owned() })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// The bytes that are used of it.
    ///
    /// # Errors
    /// `Io` when the system does not say.
    pub fn used(&self) -> Result<u64> {
        let about = rustix::fs::statvfs(&self.at).map_err(std::io::Error::from)?;
        Ok((about.f_blocks - about.f_bfree) * about.f_frsize)
    }

    /// Makes it larger or smaller, as if something else were deleted or written.
    ///
    /// # Errors
    /// As [`Disk::mount`].
    pub fn grow(&self, bytes: u64) -> Result<()> {
        mount(&["-o", &format!("remount,size={bytes}")], &self.at)
    }

    /// Lets nobody write any more, or lets them again.
    ///
    /// # Errors
    /// As [`Disk::mount`]; `Conflict` while a file is open for writing.
    pub fn read_only(&self, only: bool) -> Result<()> {
        let mode = if only { "remount,ro" } else { "remount,rw" };
        mount(&["-o", mode], &self.at)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that is being killed may hold a file open a moment longer.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> Result<()> {
    let output = Command::new("mount")
        .args(arguments)
        .arg(at)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let kind = match said.contains("busy") {
        true => ErrorKind::Conflict,
        false => ErrorKind::PermissionDenied,
    };
    Err(Error::new(kind, "mount a disk in memory")
        .with("said", said)
        .with_hint("run as root in a place that may mount"))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind as Io;

    use super::*;

    #[test]
    fn is_full_and_read_only_when_it_should_be() {
        let folder = tempfile::tempdir().unwrap();
        let Ok(disk) = Disk::mount(&folder.path().join("disk"), 64 << 10) else {
            eprintln!("skipped: this process may not mount");
            return;
        };
        let file = disk.path().join("a");
        let full = std::fs::write(&file, vec![0; 1 << 20]).unwrap_err();
        assert_eq!(full.kind(), Io::StorageFull);
        disk.grow(4 << 20).unwrap();
        std::fs::write(&file, vec![0; 1 << 20]).unwrap();
        disk.read_only(true).unwrap();
        let refused = std::fs::write(&file, "x").unwrap_err();
        assert_eq!(refused.kind(), Io::ReadOnlyFilesystem);
        disk.read_only(false).unwrap();
        std::fs::write(&file, "x").unwrap();
    }
}
