//! A toy that copies lines with a checkpoint, right or with one of several bugs: what the crash
//! kit is tested with.
//!
//! It writes a part below `.velo-inflight/`, flushes it, stores a checkpoint that holds the place
//! in the input, the part's length and the parts that are whole, and only then renames those. A
//! start deletes parts that no checkpoint knows, cuts the open one, and renames what was pending.

mod bug;
mod place;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

pub use bug::Bug;
use place::Place;

/// Rows of an epoch, and rows at which a part is whole.
const EPOCH_ROWS: u64 = 40;
const PART_ROWS: u64 = 200;

/// What the copier is told on its command line.
struct Copier {
    input: PathBuf,
    output: PathBuf,
    state: PathBuf,
    pause: Duration,
    bug: Option<Bug>,
}

/// Runs the copier with `IN OUT STATE PAUSE_MICROSECONDS [BUG]`, and ends as velo does: 0, 64, 74.
///
/// ```
/// use std::process::ExitCode;
/// assert_eq!(velo_testkit::copier::main(std::iter::empty()), ExitCode::from(64));
/// ```
#[must_use]
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let Some(copier) = Copier::parse(arguments) else {
        return ExitCode::from(64);
    };
    match copier.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The one line that a program says about its end; a closed terminal is no reason to
            // end otherwise.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(74)
        }
    }
}

impl Copier {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut path = || arguments.next().map(PathBuf::from);
        let (input, output, state) = (path()?, path()?, path()?);
        let pause = Duration::from_micros(arguments.next()?.parse().ok()?);
        let bug = match arguments.next() {
            Some(name) => Some(Bug::named(&name)?),
            None => None,
        };
        Some(Self {
            input,
            output,
            state,
            pause,
            bug,
        })
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn inflight(&self) -> PathBuf {
        self.output.join(".velo-inflight")
    }

    fn part(&self, number: u64) -> PathBuf {
        self.inflight().join(format!("part-{number:06}.jsonl"))
    }

    fn published(&self, number: u64) -> PathBuf {
        self.output.join(format!("part-{number:06}.jsonl"))
    }

    fn sync(&self, directory: &Path) -> io::Result<()> {
        sync_directory(directory, self.bug)
    }

    fn run(&self) -> io::Result<()> {
        for directory in [&self.state, &self.output, &self.inflight()] {
            std::fs::create_dir_all(directory)?;
        }
        for parent in [self.state.parent(), self.output.parent()] {
            self.sync(parent.unwrap_or(&self.output))?;
        }
        self.sync(&self.output)?;
        let mut inputs: Vec<PathBuf> = std::fs::read_dir(&self.input)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        inputs.sort();
        let stored = Place::load(&self.state)?;
        let restarted = stored.is_some();
        let mut place = stored.unwrap_or_default();
        self.recover(&place)?;
        if restarted {
            self.misbehave(&mut place)?;
        }
        let mut first = restarted;
        loop {
            let (mut lines, next) = self.read(&inputs, &place)?;
            if lines.is_empty() && place.rows == 0 {
                return Ok(());
            }
            if first {
                self.spoil(&mut lines);
            }
            first = false;
            place = self.epoch(place, next, &lines)?;
            std::thread::sleep(self.pause);
        }
    }

    /// Writes an epoch's lines, makes them durable, stores where we are, and publishes.
    fn epoch(&self, before: Place, next: Place, lines: &[Vec<u8>]) -> io::Result<Place> {
        let bytes = lines.concat();
        let mut after = Place {
            epoch: before.epoch + 1,
            length: before.length + bytes.len() as u64,
            rows: before.rows + lines.len() as u64,
            pending: None,
            ..next
        };
        if after.rows >= PART_ROWS || lines.is_empty() {
            after = Place {
                pending: Some(before.part),
                part: before.part + 1,
                length: 0,
                rows: 0,
                ..after
            };
        }
        if self.has(Bug::CheckpointBeforeData) {
            after.store(&self.state, self.bug)?;
        }
        self.append(before.part, &bytes)?;
        if self.has(Bug::CommitBeforeCheckpoint) {
            self.publish(&after)?;
        }
        if !self.has(Bug::CheckpointBeforeData) {
            after.store(&self.state, self.bug)?;
        }
        if !self.has(Bug::CommitBeforeCheckpoint) {
            self.publish(&after)?;
        }
        Ok(after)
    }

    fn append(&self, part: u64, bytes: &[u8]) -> io::Result<()> {
        let path = self.part(part);
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(bytes)?;
        if !self.has(Bug::FileNotSynced) {
            file.sync_data()?;
            self.sync(&self.inflight())?;
        }
        Ok(())
    }

    fn publish(&self, place: &Place) -> io::Result<()> {
        let Some(part) = place.pending else {
            return Ok(());
        };
        match std::fs::rename(self.part(part), self.published(part)) {
            // A run before this one came so far.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                File::open(self.published(part))?;
            }
            other => other?,
        }
        self.sync(&self.output)?;
        self.sync(&self.inflight())
    }

    fn recover(&self, place: &Place) -> io::Result<()> {
        self.publish(place)?;
        let open = self.part(place.part);
        for entry in std::fs::read_dir(self.inflight())? {
            let path = entry?.path();
            if path != open {
                std::fs::remove_file(path)?;
            }
        }
        if place.rows == 0 && place.length == 0 && !self.has(Bug::TailKept) {
            return match std::fs::remove_file(&open) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            };
        }
        if !self.has(Bug::TailKept) {
            let file = OpenOptions::new().write(true).open(&open)?;
            file.set_len(place.length)?;
            file.sync_all()?;
        }
        Ok(())
    }

    /// Reads up to an epoch's lines of one file, and says where the next ones begin.
    fn read(&self, inputs: &[PathBuf], place: &Place) -> io::Result<(Vec<Vec<u8>>, Place)> {
        let mut next = place.clone();
        let mut lines = Vec::new();
        while let Some(path) = inputs.get(next.file as usize) {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(next.offset))?;
            let mut reader = BufReader::new(file);
            while (lines.len() as u64) < EPOCH_ROWS {
                let mut line = Vec::new();
                if reader.read_until(b'\n', &mut line)? == 0 {
                    break;
                }
                next.offset += line.len() as u64;
                lines.push(line);
            }
            if !lines.is_empty() {
                break;
            }
            (next.file, next.offset) = (next.file + 1, 0);
        }
        Ok((lines, next))
    }

    /// What a bug does to a start from a checkpoint.
    fn misbehave(&self, place: &mut Place) -> io::Result<()> {
        match self.bug {
            Some(Bug::Hangs) => loop {
                std::thread::sleep(Duration::from_secs(60));
            },
            Some(Bug::Aborts) => std::process::abort(),
            Some(Bug::Gives) => Err(io::Error::other("the checkpoint is not to our liking")),
            Some(Bug::StartsOver) => {
                place.file = 0;
                place.offset = 0;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What a bug does to the first lines behind a checkpoint.
    fn spoil(&self, lines: &mut Vec<Vec<u8>>) {
        match self.bug {
            Some(Bug::Loses) if !lines.is_empty() => {
                lines.remove(0);
            }
            Some(Bug::Swaps) => lines.reverse(),
            Some(Bug::Flips) => {
                if let Some(line) = lines.first_mut() {
                    let at = line.windows(2).rposition(|pair| pair == b"q\"");
                    if let Some(at) = at {
                        line[at] ^= 1;
                    }
                }
            }
            _ => {}
        }
    }
}

/// Makes a directory's names durable.
fn sync_directory(path: &Path, bug: Option<Bug>) -> io::Result<()> {
    match bug {
        Some(Bug::DirectoriesNotSynced) => Ok(()),
        _ => File::open(path)?.sync_all(),
    }
}
