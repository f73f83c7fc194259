//! Destinations that take bytes as they come: standard output, devices, FIFOs.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use velo_core::{Error, ErrorKind, Result};

use super::destination::Through;
use super::failure::failed;
use super::inflight::{Failure, Watched};

/// Small writes, a header for one, are collected.
const BUFFER: usize = 64 << 10;

/// How long a FIFO may be without a reader, and how often we look.
const READER_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Opens the destination; waits a while for the reader of a FIFO.
pub(super) async fn open(through: &Through) -> Result<File> {
    let path = match through {
        Through::Stdout => {
            // A descriptor of our own, without the line buffer of `std`.
            let stdout = io::stdout().as_fd().try_clone_to_owned();
            return stdout
                .map(File::from)
                .map_err(|cause| failed(cause, "open", "stdout"));
        }
        Through::Path(path) => path.clone(),
    };
    let opened = tokio::task::spawn_blocking(move || {
        open_path(&path).map_err(|cause| no_reader(cause, &path))
    });
    let joined = opened.await.map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "open the destination").with_source(cause)
    });
    joined?
}

fn open_path(path: &Path) -> io::Result<File> {
    let give_up = Instant::now() + READER_WITHIN;
    let nonblocking = OFlags::NONBLOCK.bits() as i32;
    loop {
        match OpenOptions::new()
            .write(true)
            .custom_flags(nonblocking)
            .open(path)
        {
            Err(cause)
                if cause.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
                    && Instant::now() < give_up =>
            {
                std::thread::sleep(LOOK_EVERY);
            }
            Err(cause) => return Err(cause),
            Ok(file) => {
                let flags = rustix::fs::fcntl_getfl(&file)?;
                rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
                return Ok(file);
            }
        }
    }
}

fn no_reader(cause: io::Error, path: &Path) -> Error {
    if cause.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) {
        return Error::new(ErrorKind::Unavailable, "nobody reads from the pipe")
            .with("file", path.display())
            .with_hint("start its reader first");
    }
    failed(cause, "open for writing", path)
}

/// Gives the end that a format writes into.
pub(super) fn writer(out: &Arc<File>, failure: &Failure) -> Box<dyn Write + Send> {
    let out = Watched::new(Shared(out.clone()), failure.clone());
    Box::new(BufWriter::with_capacity(BUFFER, out))
}

struct Shared(Arc<File>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
