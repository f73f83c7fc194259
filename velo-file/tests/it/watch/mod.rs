//! Files that move: one test for each fault, and a model.

mod directories;
mod finished;
mod lines;
mod model;
mod rotation;
mod whole;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use velo_core::{
    Budget, DataReader, DataSource, Event, Mark, Progress, ReadRequest, Rejected, SourceOffset,
    SplitChange, Uri,
};
use velo_file::FileSource;

/// How long nothing must come before everything has come, on a clock that does not wait: longer than
/// a file may look like the beginning of a copy.
const QUIET: Duration = Duration::from_secs(5);

/// A directory with files, and a source that watches some of them.
struct Watched {
    directory: tempfile::TempDir,
    uri: String,
    source: FileSource,
    reader: Option<Box<dyn DataReader>>,
    /// What was yielded since it was taken last.
    rows: Vec<String>,
    rejected: Vec<Rejected>,
    mark: Option<Mark>,
}

impl Watched {
    /// Watches a name in a new directory, looking every other second of a clock that does not wait.
    fn new(name: &str, options: &str) -> Self {
        Self::within(tempfile::tempdir().unwrap(), name, options)
    }

    fn within(directory: tempfile::TempDir, name: &str, options: &str) -> Self {
        let path = directory.path().join(name);
        let uri = format!("{}?poll_interval=1500ms&{options}", path.display());
        Self {
            source: open(&uri),
            directory,
            uri,
            reader: None,
            rows: Vec::new(),
            rejected: Vec::new(),
            mark: None,
        }
    }

    /// Follows one file of plain text by looking alone.
    fn tail(name: &str) -> Self {
        Self::new(name, "watch=periodic&format=text")
    }

    fn path(&self, name: &str) -> String {
        self.directory
            .path()
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut options = OpenOptions::new();
        let mut file = options
            .append(true)
            .create(true)
            .open(self.path(name))
            .unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    fn truncate(&self, name: &str, length: u64) {
        let file = OpenOptions::new()
            .write(true)
            .open(self.path(name))
            .unwrap();
        file.set_len(length).unwrap();
    }

    /// Makes a file look as if nobody had written to it for a minute.
    fn age(&self, name: &str) {
        let file = OpenOptions::new()
            .write(true)
            .open(self.path(name))
            .unwrap();
        let then = std::time::SystemTime::now() - Duration::from_secs(60);
        file.set_modified(then).unwrap();
    }

    fn inode(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).unwrap().ino()
    }

    fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    async fn reader(&mut self) -> &mut dyn DataReader {
        if self.reader.is_none() {
            let mut splits = self.source.splits(None).await.unwrap();
            let Some(SplitChange::Added { splits, .. }) = splits.next().await.unwrap() else {
                panic!("no split");
            };
            let mut request = ReadRequest::new(splits[0].clone(), Budget::new(64 << 20));
            request.start = self.mark.as_ref().map(|mark| stored(&mark.offset));
            self.reader = Some(self.source.create_reader(request).await.unwrap());
        }
        &mut **self.reader.as_mut().unwrap()
    }

    /// Takes everything that comes until nothing comes for a while.
    async fn settle(&mut self) {
        let files = fs::read_dir(self.directory.path()).unwrap().flatten();
        let packed = files.filter(|file| file.path().extension().is_some_and(|of| of == "gz"));
        let (packed, mut rounds) = (packed.count(), 0);
        loop {
            let reader = self.reader().await;
            match tokio::time::timeout(QUIET, reader.read()).await {
                Err(_) if rounds > packed || packed == 0 => return,
                Err(_) => {
                    rounds += 1;
                    wait_for_threads();
                }
                Ok(event) => {
                    rounds = 0;
                    self.take(event.unwrap().unwrap());
                }
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Rows(batch) => self.rows.extend(texts(batch.rows())),
            Event::Rejected(rejected) => self.rejected.push(rejected),
            Event::Mark(mark) => self.mark = Some(mark),
            other => panic!("{other:?}"),
        }
    }

    /// Gives the rows that come.
    async fn read(&mut self) -> Vec<String> {
        self.settle().await;
        std::mem::take(&mut self.rows)
    }

    /// Gives the first rows that come, and those that come with them.
    async fn first(&mut self, wanted: usize) -> Vec<String> {
        while self.rows.len() < wanted {
            let event = self.reader().await.read().await.unwrap().unwrap();
            self.take(event);
        }
        std::mem::take(&mut self.rows)
    }

    /// Ends the process and begins another one with what the last mark says.
    fn restart(&mut self) {
        self.reader = None;
        self.source = open(&self.uri);
    }

    async fn acknowledge(&self) {
        let progress = Progress {
            marks: self.mark.iter().cloned().collect(),
            ended: Vec::new(),
        };
        self.source.acknowledge(&progress).await.unwrap();
    }
}

fn open(uri: &str) -> FileSource {
    FileSource::from_uri(&Uri::parse(uri).unwrap()).unwrap()
}

fn stored(offset: &SourceOffset) -> SourceOffset {
    offset.to_string().parse().unwrap()
}

/// Waits for threads that decompress: they do not know of a clock that passes at once.
fn wait_for_threads() {
    // A new thread has its parent's name until it runs.
    let own = fs::read("/proc/thread-self/comm").unwrap();
    let at_work = || {
        let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = threads.filter_map(|thread| fs::read(thread.path().join("comm")).ok());
        let of_this = names.filter(|name| *name == own || name.starts_with(b"velo-decompress"));
        of_this.count() > 1
    };
    for _ in 0..1000 {
        if !at_work() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs a test on a clock that passes at once where everybody waits.
fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test);
}

/// Writes the values of each row with commas.
fn texts(rows: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default();
    let columns = rows.columns().iter();
    let columns: Vec<_> = columns
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let row = |row| {
        let values = columns.iter().map(|column| column.value(row).to_string());
        values.collect::<Vec<_>>().join(",")
    };
    (0..rows.num_rows()).map(row).collect()
}
