//! Checkpoints in a directory: `PIPELINE/TASK/checkpoint-N`, the last three of them, each with a
//! copy beside it that serves when the first is damaged.
//!
//! A checkpoint is written beside its place, flushed, renamed, and the directory is flushed: it is
//! there whole or not at all, also after a loss of power. The generation stands in a file of its
//! own, replaced in the same way before anything is read. A lock on a third file, which the system
//! releases with the process, says that somebody is at work.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use velo_core::{Error, ErrorKind, Result};

use super::disk::{create, failed, names, replace, sync};
use super::{Checkpoint, CheckpointStore, Tenure, envelope, overtaken};

const GENERATION: &str = "generation";
const LOCK: &str = "lock";
const CHECKPOINT: &str = "checkpoint-";
const COPY: &str = ".copy";
const DAMAGED: &str = ".damaged";

/// Checkpoints that are kept of a task.
const KEPT: usize = 3;

/// Keeps checkpoints in a directory of a local file system.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use velo_pipeline::store::{CheckpointStore, FileStore};
/// let directory = tempfile::tempdir()?;
/// let store = FileStore::new(directory.path());
/// let tenure = store.acquire("orders", 0).await?;
/// assert!(store.acquire("orders", 0).await.is_err(), "somebody is at work");
/// drop(tenure);
/// assert_eq!(store.acquire("orders", 0).await?.generation(), 2);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct FileStore {
    root: PathBuf,
}

impl FileStore {
    /// Names the directory, which is created when a pipeline first runs.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn directory(&self, pipeline: &str, task: u32) -> Result<PathBuf> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if pipeline.is_empty() || pipeline.starts_with('.') || !pipeline.chars().all(plain) {
            return Err(
                Error::new(ErrorKind::Config, "pipeline has no name for a directory")
                    .with("pipeline", pipeline)
                    .with_hint("use letters, digits, `-`, `_` and `.`"),
            );
        }
        Ok(self.root.join(pipeline).join(task.to_string()))
    }
}

#[async_trait]
impl CheckpointStore for FileStore {
    async fn acquire(&self, pipeline: &str, task: u32) -> Result<Box<dyn Tenure>> {
        let directory = self.directory(pipeline, task)?;
        Ok(Box::new(FileTenure::take(directory, pipeline, task)?))
    }

    async fn repair(&self, pipeline: &str, task: u32, generation: u64) -> Result<Box<dyn Tenure>> {
        let directory = self.directory(pipeline, task)?;
        let tenure = FileTenure::repair(directory, pipeline, task, generation)?;
        Ok(Box::new(tenure))
    }

    async fn read(&self, pipeline: &str, task: u32) -> Result<Option<Checkpoint>> {
        let directory = self.directory(pipeline, task)?;
        load(&directory, pipeline, task)
    }

    async fn tasks(&self, pipeline: &str) -> Result<Vec<u32>> {
        let directory = self.directory(pipeline, 0)?;
        let directory = directory.parent().unwrap_or(&self.root);
        let mut tasks: Vec<u32> = names(directory)?
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        tasks.sort_unstable();
        Ok(tasks)
    }

    async fn check_free(&self, pipeline: &str, task: u32) -> Result<()> {
        let directory = self.directory(pipeline, task)?;
        match directory.join(LOCK).exists() {
            true => lock(&directory, pipeline, task).map(drop),
            false => Ok(()),
        }
    }

    fn shown(&self) -> String {
        self.root.display().to_string()
    }
}

struct FileTenure {
    directory: PathBuf,
    #[expect(dead_code, reason = "closing it lets another run in")]
    lock: File,
    generation: u64,
    latest: Checkpoint,
    /// The number of the next file.
    next: u64,
}

impl FileTenure {
    fn take(directory: PathBuf, pipeline: &str, task: u32) -> Result<Self> {
        create(&directory).map_err(|cause| failed(cause, "create directory", &directory))?;
        let lock = lock(&directory, pipeline, task)?;
        let fresh = numbers(&directory)?.is_empty() && !directory.join(GENERATION).exists();
        let before = generation(&directory)?;
        let mut tenure = Self {
            generation: before + 1,
            latest: Checkpoint::first(pipeline, task),
            next: next(&directory)?,
            lock,
            directory,
        };
        if fresh {
            // First, so that a generation without a checkpoint always means a loss.
            tenure.write(tenure.latest.clone())?;
        }
        replace(
            &tenure.directory,
            GENERATION,
            &envelope::seal(tenure.generation, b""),
        )?;
        let found = load(&tenure.directory, pipeline, task)?;
        tenure.latest = found.ok_or_else(|| lost(&tenure.directory, "checkpoint is missing"))?;
        Ok(tenure)
    }

    /// As [`take`](Self::take), but sets aside what is damaged. Until something is saved, state
    /// that was lost counts as lost.
    fn repair(directory: PathBuf, pipeline: &str, task: u32, least: u64) -> Result<Self> {
        create(&directory).map_err(|cause| failed(cause, "create directory", &directory))?;
        let lock = lock(&directory, pipeline, task)?;
        let generation = (generation(&directory)? + 1).max(least);
        let next = next(&directory)?;
        let sealed = envelope::seal(generation, b"");
        replace(&directory, GENERATION, &sealed)?;
        let found = set_aside_damaged(&directory, pipeline, task)?;
        Ok(Self {
            generation,
            latest: found.unwrap_or_else(|| Checkpoint::first(pipeline, task)),
            next,
            lock,
            directory,
        })
    }

    fn write(&mut self, mut checkpoint: Checkpoint) -> Result<()> {
        checkpoint.generation = self.generation;
        let body = serde_json::to_vec(&checkpoint).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "write the checkpoint down").with_source(cause)
        })?;
        let name = format!("{CHECKPOINT}{:020}", self.next);
        let sealed = envelope::seal(self.generation, &body);
        replace(&self.directory, &name, &sealed)?;
        // Not flushed: it protects from what happens to the first file later.
        if let Err(cause) = fs::write(self.directory.join(name + COPY), &sealed) {
            tracing::warn!(error = %cause, "copy of the checkpoint was not written");
        }
        self.next += 1;
        self.latest = checkpoint;
        self.prune();
        Ok(())
    }

    /// Removes all but the last checkpoints; what is left over does no harm.
    fn prune(&self) {
        let numbers = numbers(&self.directory).unwrap_or_default();
        let spare = numbers.len().saturating_sub(KEPT);
        for number in &numbers[..spare] {
            for path in both(&self.directory, *number) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

#[async_trait]
impl Tenure for FileTenure {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn latest(&self) -> &Checkpoint {
        &self.latest
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<()> {
        if !self.directory.join(GENERATION).exists() {
            return Err(lost(&self.directory, "state was removed while running"));
        }
        if generation(&self.directory)? > self.generation {
            return Err(overtaken(&checkpoint.pipeline, checkpoint.task));
        }
        // Flushing waits for the disk, and other tasks of this thread should not.
        tokio::task::yield_now().await;
        self.write(checkpoint)
    }
}

/// Takes the task's lock, or says who holds it.
fn lock(directory: &Path, pipeline: &str, task: u32) -> Result<File> {
    let path = directory.join(LOCK);
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
    };
    let mut file = open().map_err(|cause| failed(cause, "open the lock", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(
                Error::new(ErrorKind::Fenced, "another run of this task is alive")
                    .with("pipeline", pipeline)
                    .with("task", task)
                    .with("process", holder.trim())
                    .with_hint("stop it first, or run this as another task"),
            );
        }
        Err(fs::TryLockError::Error(cause)) => return Err(failed(cause, "take the lock", &path)),
    }
    let holder = format!("{}\n", std::process::id());
    let noted = file
        .set_len(0)
        .and_then(|()| file.write_all(holder.as_bytes()));
    noted.map_err(|cause| failed(cause, "write the lock", &path))?;
    Ok(file)
}

/// Reads the highest generation so far; a damaged file is made good by the checkpoints.
fn generation(directory: &Path) -> Result<u64> {
    let path = directory.join(GENERATION);
    let bytes = match fs::read(&path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other.map_err(|cause| failed(cause, "read the generation", &path))?,
    };
    if let Ok((generation, _)) = envelope::open(&bytes) {
        return Ok(generation);
    }
    let mut highest = 0;
    for number in numbers(directory)? {
        for path in both(directory, number) {
            if let Ok((generation, _)) = envelope::open(&read(&path)?) {
                highest = highest.max(generation);
            }
        }
    }
    Ok(highest)
}

/// Reads the newest checkpoint that is whole; none if there was never any.
fn load(directory: &Path, pipeline: &str, task: u32) -> Result<Option<Checkpoint>> {
    let numbers = numbers(directory)?;
    let newest_first = numbers.iter().rev();
    for path in newest_first.flat_map(|number| both(directory, *number)) {
        match envelope::checkpoint(&read(&path)?) {
            Ok(checkpoint) if checkpoint.pipeline == pipeline && checkpoint.task == task => {
                return Ok(Some(checkpoint));
            }
            Ok(foreign) => {
                return Err(lost(directory, "checkpoint belongs to another pipeline")
                    .with("checkpoint of", foreign.pipeline)
                    .with("task", foreign.task));
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                return Err(error.with("file", path.display()));
            }
            Err(error) => {
                tracing::warn!(error = %error, path = %path.display(), "checkpoint is damaged");
            }
        }
    }
    if numbers.is_empty() && !directory.join(GENERATION).exists() {
        return Ok(None);
    }
    Err(lost(directory, "no checkpoint is whole"))
}

/// Gives the places of a checkpoint, the one to be believed first.
fn both(directory: &Path, number: u64) -> [PathBuf; 2] {
    let name = format!("{CHECKPOINT}{number:020}");
    let copy = directory.join(format!("{name}{COPY}"));
    [directory.join(name), copy]
}

/// Renames the checkpoints that are damaged; gives the newest that is whole.
fn set_aside_damaged(directory: &Path, pipeline: &str, task: u32) -> Result<Option<Checkpoint>> {
    let mut whole = false;
    for number in numbers(directory)? {
        for path in both(directory, number) {
            match envelope::checkpoint(&read(&path)?) {
                Ok(_) => whole = true,
                Err(error) if error.kind() == ErrorKind::InvalidData && path.exists() => {
                    let mut aside = path.clone().into_os_string();
                    aside.push(DAMAGED);
                    fs::rename(&path, &aside)
                        .map_err(|cause| failed(cause, "set the checkpoint aside", &path))?;
                }
                // What is of a newer version is refused below.
                Err(_) => whole |= path.exists(),
            }
        }
    }
    sync(directory).map_err(|cause| failed(cause, "flush directory", directory))?;
    match whole {
        true => load(directory, pipeline, task),
        false => Ok(None),
    }
}

/// Reads a file; one that is missing is empty.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = match File::open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(bytes),
        Err(cause) => Err(cause),
        Ok(file) => file.take(envelope::LARGEST).read_to_end(&mut bytes),
    };
    read.map_err(|cause| failed(cause, "read the checkpoint", path))?;
    Ok(bytes)
}

/// Gives the numbers of the checkpoints that are there, in order.
fn numbers(directory: &Path) -> Result<Vec<u64>> {
    let number = |name: &String| name.strip_prefix(CHECKPOINT)?.parse().ok();
    let mut numbers: Vec<u64> = names(directory)?.iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Gives a number that no checkpoint ever had, those that were set aside included.
fn next(directory: &Path) -> Result<u64> {
    let digits = |name: &String| {
        let number = name.strip_prefix(CHECKPOINT)?;
        number.split('.').next()?.parse::<u64>().ok()
    };
    let last = names(directory)?.iter().filter_map(digits).max();
    Ok(last.map_or(1, |last| last + 1))
}

fn lost(directory: &Path, what: &'static str) -> Error {
    super::lost(what).with("directory", directory.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn acquire(root: &Path) -> Result<Box<dyn Tenure>> {
        FileStore::new(root).acquire("p", 0).await
    }

    fn at(epoch: u64) -> Checkpoint {
        Checkpoint {
            epoch,
            ..Checkpoint::first("p", 0)
        }
    }

    /// Saves epochs 1 to 5 and ends the run; gives the checkpoints, each with its copy.
    async fn five(root: &Path) -> Vec<[PathBuf; 2]> {
        let mut tenure = acquire(root).await.unwrap();
        for epoch in 1..=5 {
            tenure.save(at(epoch)).await.unwrap();
        }
        let directory = root.join("p/0");
        let numbers = numbers(&directory).unwrap();
        let paths = |number| both(&directory, number);
        numbers.into_iter().map(paths).collect()
    }

    #[tokio::test]
    async fn p12_keeps_the_last_three() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(five(root.path()).await.len(), 3);
        let tenure = acquire(root.path()).await.unwrap();
        assert_eq!((tenure.generation(), tenure.latest().epoch), (2, 5));
    }

    #[tokio::test]
    async fn p12_a_torn_checkpoint_gives_way_to_its_copy() {
        let root = tempfile::tempdir().unwrap();
        let [newest, _] = five(root.path()).await.remove(2);
        let bytes = fs::read(&newest).unwrap();
        for length in 0..bytes.len() {
            fs::write(&newest, &bytes[..length]).unwrap();
            let tenure = acquire(root.path()).await.unwrap();
            assert_eq!(tenure.latest().epoch, 5, "{length}");
        }
    }

    #[tokio::test]
    async fn p12_a_checkpoint_lost_with_its_copy_gives_way_to_the_one_before() {
        let root = tempfile::tempdir().unwrap();
        let newest = five(root.path()).await.remove(2);
        newest.iter().for_each(|path| fs::write(path, b"").unwrap());
        assert_eq!(acquire(root.path()).await.unwrap().latest().epoch, 4);
        let mut tenure = acquire(root.path()).await.unwrap();
        tenure.save(at(6)).await.unwrap();
        drop(tenure);
        assert_eq!(acquire(root.path()).await.unwrap().latest().epoch, 6);
    }

    #[tokio::test]
    async fn p12_refuses_to_start_over_when_all_are_damaged() {
        let root = tempfile::tempdir().unwrap();
        let files = five(root.path()).await.concat();
        for bytes in [&b""[..], &[0; 200]] {
            files
                .iter()
                .for_each(|file| fs::write(file, bytes).unwrap());
            let error = acquire(root.path()).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::StateLost);
        }
        files.iter().for_each(|file| fs::remove_file(file).unwrap());
        let error = acquire(root.path()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::StateLost);
    }

    #[tokio::test]
    async fn repairing_sets_damage_aside_and_raises_the_generation() {
        let root = tempfile::tempdir().unwrap();
        let files = five(root.path()).await.concat();
        for file in &files {
            fs::write(file, b"torn").unwrap();
        }
        let store = FileStore::new(root.path());
        let tenure = store.repair("p", 0, 0).await.unwrap();
        assert_eq!((tenure.generation(), tenure.latest().epoch), (2, 0));
        assert_eq!(
            store.repair("p", 0, 0).await.err().unwrap().kind(),
            ErrorKind::Fenced
        );
        drop(tenure);
        let aside = names(&root.path().join("p/0")).unwrap();
        let aside = aside.iter().filter(|name| name.ends_with(DAMAGED));
        assert_eq!(aside.count(), files.len());
        let error = acquire(root.path()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::StateLost);
        let mut tenure = store.repair("p", 0, 9).await.unwrap();
        assert_eq!(tenure.generation(), 9);
        tenure.save(at(7)).await.unwrap();
        drop(tenure);
        assert_eq!(acquire(root.path()).await.unwrap().generation(), 10);
    }

    #[tokio::test]
    async fn repairing_keeps_the_newest_that_is_whole() {
        let root = tempfile::tempdir().unwrap();
        let newest = five(root.path()).await.remove(2);
        newest.iter().for_each(|path| fs::write(path, b"").unwrap());
        let tenure = FileStore::new(root.path()).repair("p", 0, 0).await.unwrap();
        assert_eq!(tenure.latest().epoch, 4);
    }

    #[tokio::test]
    async fn refuses_the_checkpoint_of_another_pipeline() {
        let root = tempfile::tempdir().unwrap();
        five(root.path()).await;
        fs::rename(root.path().join("p"), root.path().join("q")).unwrap();
        let error = FileStore::new(root.path()).acquire("q", 0).await.err();
        assert_eq!(error.unwrap().kind(), ErrorKind::StateLost);
    }

    #[tokio::test]
    async fn refuses_a_newer_format_even_if_an_older_checkpoint_is_there() {
        let root = tempfile::tempdir().unwrap();
        let [newest, _] = five(root.path()).await.remove(2);
        let mut newer = fs::read(&newest).unwrap();
        newer[8] = 9;
        let sum = crc32c::crc32c_append(crc32c::crc32c(&newer[8..28]), &newer[32..]);
        newer[28..32].copy_from_slice(&sum.to_le_bytes());
        fs::write(&newest, newer).unwrap();
        let error = acquire(root.path()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[tokio::test]
    async fn p6_every_run_has_a_higher_generation_and_only_one_is_alive() {
        let root = tempfile::tempdir().unwrap();
        let first = acquire(root.path()).await.unwrap();
        let error = acquire(root.path()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Fenced);
        drop(first);
        let second = acquire(root.path()).await.unwrap();
        assert_eq!(second.generation(), 2);
    }

    #[tokio::test]
    async fn p6_a_run_that_was_overtaken_saves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let mut first = acquire(root.path()).await.unwrap();
        // The lock is gone with its file, as on a file system that loses locks.
        fs::remove_file(root.path().join("p/0").join(LOCK)).unwrap();
        let second = acquire(root.path()).await.unwrap();
        let error = first.save(at(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fenced);
        assert_eq!(second.latest().epoch, 0);
    }

    #[tokio::test]
    async fn a_damaged_generation_is_made_good_by_the_checkpoints() {
        let root = tempfile::tempdir().unwrap();
        drop(acquire(root.path()).await.unwrap());
        five(root.path()).await;
        fs::write(root.path().join("p/0").join(GENERATION), b"").unwrap();
        assert_eq!(acquire(root.path()).await.unwrap().generation(), 3);
    }

    #[tokio::test]
    async fn a_lock_left_by_a_dead_process_is_taken_over() {
        let root = tempfile::tempdir().unwrap();
        drop(acquire(root.path()).await.unwrap());
        fs::write(root.path().join("p/0").join(LOCK), "1\n").unwrap();
        assert!(acquire(root.path()).await.is_ok());
    }

    #[tokio::test]
    async fn state_that_was_removed_while_running_is_not_made_again() {
        let root = tempfile::tempdir().unwrap();
        let mut tenure = acquire(root.path()).await.unwrap();
        fs::remove_dir_all(root.path().join("p")).unwrap();
        let error = tenure.save(at(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StateLost);
    }

    #[tokio::test]
    async fn refuses_names_that_lead_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        for name in ["", ".", "..", "a/b", "../x", "a\0b", "\u{e4}"] {
            let error = FileStore::new(root.path()).acquire(name, 0).await.err();
            assert_eq!(error.unwrap().kind(), ErrorKind::Config, "{name}");
        }
    }

    #[tokio::test]
    async fn reading_takes_nothing_over() {
        let root = tempfile::tempdir().unwrap();
        let store = FileStore::new(root.path());
        assert!(store.read("p", 0).await.unwrap().is_none());
        let mut tenure = store.acquire("p", 0).await.unwrap();
        tenure.save(at(1)).await.unwrap();
        assert_eq!(store.read("p", 0).await.unwrap().unwrap().epoch, 1);
        assert_eq!(store.tasks("p").await.unwrap(), [0]);
        tenure.save(at(2)).await.unwrap();
    }
}
