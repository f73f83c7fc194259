//! Checkpoints in a SQLite database: the last three of every task, and its generation.
//!
//! Every checkpoint lies there in the same envelope as in a file, so that damage which SQLite does
//! not see is found all the same. Commits wait for the disk (`synchronous=FULL`, write-ahead log).
//!
//! No lock says who is alive: of two runs of a task the later takes over, and the earlier learns it
//! at its next save. Sinks fence it as well.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, params};
use velo_core::{Error, ErrorKind, Result};

use super::disk::{create, failed, sync};
use super::{Checkpoint, CheckpointStore, Tenure, envelope, overtaken};

/// What the database says that it is: "velo".
const APPLICATION: i64 = 0x7665_6c6f;
const VERSION: i64 = 1;

/// Checkpoints that are kept of a task.
const KEPT: i64 = 3;

/// How long another run's transaction is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

const TABLES: &str = "
    create table generations (
        pipeline text not null, task integer not null, generation integer not null,
        primary key (pipeline, task)
    ) strict;
    create table checkpoints (
        pipeline text not null, task integer not null, number integer not null,
        damaged integer not null default 0, sealed blob not null,
        primary key (pipeline, task, number)
    ) strict;";

/// Keeps checkpoints in a SQLite database on a local file system.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use velo_pipeline::store::{CheckpointStore, SqliteStore};
/// let directory = tempfile::tempdir()?;
/// let store = SqliteStore::new(directory.path().join("state.db"));
/// assert_eq!(store.acquire("orders", 0).await?.generation(), 1);
/// assert_eq!(store.acquire("orders", 0).await?.generation(), 2);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct SqliteStore {
    path: PathBuf,
}

impl SqliteStore {
    /// Names the database, which is created when a pipeline first runs.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn take(&self, key: Key, least: u64, mend: bool) -> Result<SqliteTenure> {
        if !self.path.exists() {
            self.make()?;
        }
        let mut database = self.open()?;
        let inode = inode(&self.path);
        let named = |cause| self.failed(cause, "take the task over");
        let raised = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate);
        let raised = raised.map_err(named)?;
        let before = key.generation(&raised).map_err(named)?;
        let generation = (before.unwrap_or(0) + 1).max(least);
        if before.is_none() && !mend {
            let first = Checkpoint::first(&key.pipeline, key.task);
            insert(&raised, &key, generation, &first)?.map_err(named)?;
        }
        key.raise(&raised, generation).map_err(named)?;
        raised.commit().map_err(named)?;
        let found = match mend {
            true => self.set_aside_damaged(&mut database, &key)?,
            false => self.newest(&database, &key)?,
        };
        let latest = match found {
            None if mend => Checkpoint::first(&key.pipeline, key.task),
            None => return Err(self.lost("checkpoint is missing")),
            Some(found) => found,
        };
        Ok(SqliteTenure {
            store: self.clone(),
            database,
            inode,
            key,
            generation,
            latest,
        })
    }

    /// Makes the database beside its place, so that it is there with its tables or not at all: an
    /// empty file would be taken for one by SQLite, and is a loss.
    fn make(&self) -> Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        create(directory).map_err(|cause| failed(cause, "create directory", directory))?;
        let beside = self
            .path
            .with_extension(format!("{}.new", std::process::id()));
        let making = |cause| self.failed(cause, "create the database");
        let database = Connection::open(&beside).map_err(making)?;
        let set = format!("pragma application_id={APPLICATION}; pragma user_version={VERSION};");
        let begun = format!("pragma synchronous=full; begin; {TABLES} {set} commit;");
        database.execute_batch(&begun).map_err(making)?;
        drop(database);
        let show = || {
            fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
            match fs::hard_link(&beside, &self.path) {
                // Another run was faster.
                Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {}
                other => other?,
            }
            fs::remove_file(&beside)?;
            sync(directory)
        };
        show().map_err(|cause| failed(cause, "create the database", &self.path))
    }

    /// Opens what is there, and makes sure that it is ours.
    fn open(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opening = |cause| self.failed(cause, "open the database");
        if fs::metadata(&self.path).is_ok_and(|found| found.len() == 0) {
            return Err(self.lost("database is empty"));
        }
        let database = Connection::open_with_flags(&self.path, flags).map_err(opening)?;
        database.busy_timeout(PATIENCE).map_err(opening)?;
        let number = |name| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let application = number("application_id").map_err(opening)?;
        let version = number("user_version").map_err(opening)?;
        if application != APPLICATION {
            return Err(
                Error::new(ErrorKind::Config, "database is not one of checkpoints")
                    .with("file", self.path.display())
                    .with_hint("name a file of its own"),
            );
        }
        if version > VERSION {
            return Err(
                Error::new(ErrorKind::Unsupported, "database has a newer format")
                    .with("file", self.path.display())
                    .with("version", version)
                    .with_hint("a newer velo wrote it; use that version"),
            );
        }
        let log = "pragma journal_mode=wal; pragma synchronous=full;";
        database.execute_batch(log).map_err(opening)?;
        Ok(database)
    }

    /// Reads the newest checkpoint that is whole; none if there was never any.
    fn newest(&self, database: &Connection, key: &Key) -> Result<Option<Checkpoint>> {
        let reading = |cause| self.failed(cause, "read the checkpoint");
        let kept = key.sealed(database).map_err(reading)?;
        for (number, sealed) in kept {
            match envelope::checkpoint(&sealed) {
                Ok(found) if found.pipeline == key.pipeline && found.task == key.task => {
                    return Ok(Some(found));
                }
                Ok(foreign) => {
                    return Err(self
                        .lost("checkpoint belongs to another pipeline")
                        .with("checkpoint of", foreign.pipeline)
                        .with("task", foreign.task));
                }
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    return Err(error.with("file", self.path.display()));
                }
                Err(error) => {
                    tracing::warn!(error = %error, number, "checkpoint is damaged");
                }
            }
        }
        match key.generation(database).map_err(reading)? {
            None => Ok(None),
            Some(_) => Err(self.lost("no checkpoint is whole")),
        }
    }

    /// Marks the checkpoints that are damaged; gives the newest that is whole.
    fn set_aside_damaged(
        &self,
        database: &mut Connection,
        key: &Key,
    ) -> Result<Option<Checkpoint>> {
        let setting = |cause| self.failed(cause, "set the checkpoint aside");
        let kept = key.sealed(database).map_err(setting)?;
        let is_damaged = |sealed: &[u8]| {
            envelope::checkpoint(sealed).is_err_and(|error| error.kind() == ErrorKind::InvalidData)
        };
        let (mut whole, mark) = (false, database.transaction().map_err(setting)?);
        for (number, sealed) in kept {
            if is_damaged(&sealed) {
                key.mark_damaged(&mark, number).map_err(setting)?;
            } else {
                whole = true;
            }
        }
        mark.commit().map_err(setting)?;
        match whole {
            true => self.newest(database, key),
            false => Ok(None),
        }
    }

    fn lost(&self, what: &'static str) -> Error {
        super::lost(what).with("file", self.path.display())
    }

    /// Says in our words what SQLite says by its codes.
    fn failed(&self, cause: rusqlite::Error, doing: &'static str) -> Error {
        let code = cause.sqlite_error_code();
        let kind = match code {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                return self.lost("database is damaged").with_source(cause);
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Conflict,
            Some(
                ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::AuthorizationForStatementDenied,
            ) => ErrorKind::PermissionDenied,
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => ErrorKind::Io,
            _ => ErrorKind::Unexpected,
        };
        let passes = matches!(
            code,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull)
        );
        let error = Error::new(kind, doing)
            .with("file", self.path.display())
            .with_source(cause);
        if passes { error.retryable() } else { error }
    }
}

#[async_trait]
impl CheckpointStore for SqliteStore {
    async fn acquire(&self, pipeline: &str, task: u32) -> Result<Box<dyn Tenure>> {
        Ok(Box::new(self.take(Key::new(pipeline, task), 0, false)?))
    }

    async fn repair(&self, pipeline: &str, task: u32, generation: u64) -> Result<Box<dyn Tenure>> {
        let key = Key::new(pipeline, task);
        Ok(Box::new(self.take(key, generation, true)?))
    }

    async fn read(&self, pipeline: &str, task: u32) -> Result<Option<Checkpoint>> {
        match self.path.exists() {
            true => self.newest(&self.open()?, &Key::new(pipeline, task)),
            false => Ok(None),
        }
    }

    async fn tasks(&self, pipeline: &str) -> Result<Vec<u32>> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let database = self.open()?;
        let list = || {
            let query = "select task from generations where pipeline = ? order by task";
            let mut query = database.prepare(query)?;
            let tasks = query.query_map([pipeline], |row| row.get(0))?;
            tasks.collect::<rusqlite::Result<Vec<u32>>>()
        };
        list().map_err(|cause| self.failed(cause, "list tasks"))
    }

    fn shown(&self) -> String {
        format!("sqlite {}", self.path.display())
    }
}

/// The row that a task has.
#[derive(Debug, Clone)]
struct Key {
    pipeline: String,
    task: u32,
}

impl Key {
    fn new(pipeline: &str, task: u32) -> Self {
        let pipeline = pipeline.to_owned();
        Self { pipeline, task }
    }

    fn generation(&self, database: &Connection) -> rusqlite::Result<Option<u64>> {
        let query = "select generation from generations where pipeline = ? and task = ?";
        let found = database.query_row(query, params![self.pipeline, self.task], |row| {
            row.get::<_, i64>(0)
        });
        Ok(found.optional()?.map(i64::cast_unsigned))
    }

    fn raise(&self, database: &Connection, generation: u64) -> rusqlite::Result<usize> {
        let raise = "insert or replace into generations values (?, ?, ?)";
        let generation = generation.cast_signed();
        database.execute(raise, params![self.pipeline, self.task, generation])
    }

    /// Gives what is kept and not set aside, newest first.
    fn sealed(&self, database: &Connection) -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
        let query = "select number, sealed from checkpoints
            where pipeline = ? and task = ? and damaged = 0 order by number desc";
        let mut query = database.prepare(query)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        query
            .query_map(params![self.pipeline, self.task], row)?
            .collect()
    }

    fn mark_damaged(&self, database: &Connection, number: i64) -> rusqlite::Result<usize> {
        let mark = "update checkpoints set damaged = 1
            where pipeline = ? and task = ? and number = ?";
        database.execute(mark, params![self.pipeline, self.task, number])
    }
}

struct SqliteTenure {
    store: SqliteStore,
    database: Connection,
    /// The file that was opened; what is written to one that was removed is lost.
    inode: Option<u64>,
    key: Key,
    generation: u64,
    latest: Checkpoint,
}

#[async_trait]
impl Tenure for SqliteTenure {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn latest(&self) -> &Checkpoint {
        &self.latest
    }

    async fn save(&mut self, mut checkpoint: Checkpoint) -> Result<()> {
        // Flushing waits for the disk, and other tasks of this thread should not.
        tokio::task::yield_now().await;
        let (store, key) = (&self.store, &self.key);
        if self.inode.is_none() || inode(&store.path) != self.inode {
            return Err(store.lost("state was removed while running"));
        }
        checkpoint.generation = self.generation;
        let saving = |cause| store.failed(cause, "save the checkpoint");
        let save = (self.database)
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(saving)?;
        match key.generation(&save).map_err(saving)? {
            None => return Err(store.lost("state was removed while running")),
            Some(now) if now > self.generation => {
                return Err(overtaken(&key.pipeline, key.task));
            }
            Some(_) => {}
        }
        insert(&save, key, self.generation, &checkpoint)?.map_err(saving)?;
        save.commit().map_err(saving)?;
        self.latest = checkpoint;
        Ok(())
    }
}

/// Adds a checkpoint and removes all but the last ones.
fn insert(
    save: &Transaction<'_>,
    key: &Key,
    generation: u64,
    checkpoint: &Checkpoint,
) -> Result<rusqlite::Result<()>> {
    let mut checkpoint = checkpoint.clone();
    checkpoint.generation = generation;
    let body = serde_json::to_vec(&checkpoint).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "write the checkpoint down").with_source(cause)
    })?;
    let sealed = envelope::seal(generation, &body);
    let add = || {
        let last = "select coalesce(max(number), 0) from checkpoints
            where pipeline = ? and task = ?";
        let last: i64 = save.query_row(last, params![key.pipeline, key.task], |row| row.get(0))?;
        let add = "insert into checkpoints (pipeline, task, number, sealed) values (?, ?, ?, ?)";
        save.execute(add, params![key.pipeline, key.task, last + 1, sealed])?;
        let prune = "delete from checkpoints
            where pipeline = ? and task = ? and damaged = 0 and number <= ?";
        save.execute(prune, params![key.pipeline, key.task, last + 1 - KEPT])?;
        Ok(())
    };
    Ok(add())
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|found| found.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(root: &Path) -> SqliteStore {
        SqliteStore::new(root.join("below/state.db"))
    }

    fn at(epoch: u64) -> Checkpoint {
        Checkpoint {
            epoch,
            ..Checkpoint::first("p", 0)
        }
    }

    async fn five(store: &SqliteStore) {
        let mut tenure = store.acquire("p", 0).await.unwrap();
        for epoch in 1..=5 {
            tenure.save(at(epoch)).await.unwrap();
        }
    }

    async fn refused(store: &SqliteStore) -> ErrorKind {
        store.acquire("p", 0).await.err().unwrap().kind()
    }

    fn change(store: &SqliteStore, sql: &str) {
        store.open().unwrap().execute_batch(sql).unwrap();
    }

    #[tokio::test]
    async fn p12_keeps_the_last_three() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        five(&store).await;
        let tenure = store.acquire("p", 0).await.unwrap();
        assert_eq!((tenure.generation(), tenure.latest().epoch), (2, 5));
        let kept = Key::new("p", 0).sealed(&store.open().unwrap()).unwrap();
        assert_eq!(kept.len(), 3);
        let mode = fs::metadata(&store.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn p12_a_damaged_checkpoint_gives_way_to_the_one_before() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        five(&store).await;
        change(
            &store,
            "update checkpoints set sealed = x'00' where number = 6",
        );
        assert_eq!(store.acquire("p", 0).await.unwrap().latest().epoch, 4);
        assert_eq!(store.read("p", 0).await.unwrap().unwrap().epoch, 4);
    }

    #[tokio::test]
    async fn p12_refuses_to_start_over_when_all_are_damaged() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        five(&store).await;
        change(&store, "update checkpoints set sealed = x'00'");
        assert_eq!(refused(&store).await, ErrorKind::StateLost);
        change(&store, "delete from checkpoints");
        assert_eq!(refused(&store).await, ErrorKind::StateLost);
    }

    #[tokio::test]
    async fn t141_a_damaged_database_is_a_loss() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        five(&store).await;
        for bytes in [&b""[..], &[0; 8192], b"SQLite format 3\0 torn"] {
            for log in ["below/state.db-wal", "below/state.db-shm"] {
                let _ = fs::remove_file(root.path().join(log));
            }
            fs::write(&store.path, bytes).unwrap();
            let kind = refused(&store).await;
            assert!(
                matches!(kind, ErrorKind::StateLost | ErrorKind::Config),
                "{kind:?}"
            );
            assert!(store.read("p", 0).await.is_err());
        }
    }

    #[tokio::test]
    async fn what_is_newer_or_not_ours_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        five(&store).await;
        change(&store, "pragma user_version = 2");
        assert_eq!(refused(&store).await, ErrorKind::Unsupported);
        let other = SqliteStore::new(root.path().join("other.db"));
        let foreign = Connection::open(&other.path).unwrap();
        foreign.execute_batch("create table t (a)").unwrap();
        assert_eq!(refused(&other).await, ErrorKind::Config);
    }

    #[tokio::test]
    async fn p6_a_run_that_was_overtaken_saves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let mut first = store.acquire("p", 0).await.unwrap();
        let mut second = store.acquire("p", 0).await.unwrap();
        let error = first.save(at(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fenced);
        second.save(at(2)).await.unwrap();
        assert_eq!(store.read("p", 0).await.unwrap().unwrap().epoch, 2);
    }

    #[tokio::test]
    async fn tasks_and_pipelines_do_not_meet() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        assert!(store.read("p", 0).await.unwrap().is_none());
        assert!(!store.path.exists());
        five(&store).await;
        for (pipeline, task) in [("p", 3), ("q", 0)] {
            let tenure = store.acquire(pipeline, task).await.unwrap();
            assert_eq!((tenure.generation(), tenure.latest().epoch), (1, 0));
        }
        assert_eq!(store.tasks("p").await.unwrap(), [0, 3]);
    }

    #[tokio::test]
    async fn state_that_was_removed_while_running_is_not_made_again() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let mut tenure = store.acquire("p", 0).await.unwrap();
        fs::remove_dir_all(root.path().join("below")).unwrap();
        let error = tenure.save(at(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StateLost);
    }

    #[tokio::test]
    async fn repairing_sets_damage_aside_and_raises_the_generation() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        five(&store).await;
        change(&store, "update checkpoints set sealed = x'00'");
        let mut tenure = store.repair("p", 0, 9).await.unwrap();
        assert_eq!((tenure.generation(), tenure.latest().epoch), (9, 0));
        tenure.save(at(7)).await.unwrap();
        assert_eq!(store.acquire("p", 0).await.unwrap().latest().epoch, 7);
        let aside = "select count(*) from checkpoints where damaged = 1";
        let aside = (store.open().unwrap()).query_row(aside, [], |row| row.get::<_, i64>(0));
        assert_eq!(aside.unwrap(), 3);
    }
}
