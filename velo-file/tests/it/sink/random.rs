//! Runs that checkpoint, pause, fail, die and start again at random: every row once.

use velo_core::Committable;

use super::epochs::{ids, visible};
use super::*;

/// What is written where, and how it may die.
struct Pair {
    path: &'static str,
    options: &'static str,
}

const PAIRS: [Pair; 9] = [
    Pair {
        path: "out.csv",
        options: "?sync=false",
    },
    Pair {
        path: "out.csv.gz",
        options: "?sync=false",
    },
    Pair {
        path: "out.parquet",
        options: "?sync=false",
    },
    Pair {
        path: "out.csv",
        options: "?sync=false&if_exists=append",
    },
    Pair {
        path: "out.jsonl.zst",
        options: "?sync=false&if_exists=append",
    },
    Pair {
        path: "out/",
        options: "?sync=false&format=csv&roll_rows=3",
    },
    Pair {
        path: "out/",
        options: "?sync=false&format=jsonl&compression=gzip&roll_age=1h",
    },
    Pair {
        path: "out/",
        options: "?sync=false&format=parquet&roll_rows=4&roll_age=1h",
    },
    Pair {
        path: "out/",
        options: "?sync=false&format=csv&roll_age=0s",
    },
];

/// A runner by hand: what it has stored, and what the run at work has not.
struct World {
    root: tempfile::TempDir,
    pair: &'static Pair,
    random: u64,
    generation: u64,
    epoch: u64,
    stored: Option<Commit>,
    /// Rows below this are stored.
    covered: i64,
    next: i64,
    /// Parts of epochs that are held.
    waiting: Vec<(u32, Committable)>,
    sink: FileSink,
    writer: Box<dyn DataWriter>,
    taken: u64,
    log: Vec<String>,
}

impl World {
    async fn new(pair: &'static Pair, seed: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("taken")).unwrap();
        let sink = open(&root.path().join("at").join(pair.path), pair.options);
        sink.recover(&identity(1), None).await.unwrap();
        let writer = writer(&sink, 1, 0).await;
        Self {
            root,
            pair,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            generation: 1,
            epoch: 0,
            stored: None,
            covered: 0,
            next: 0,
            waiting: Vec::new(),
            sink,
            writer,
            taken: 0,
            log: vec![format!("seed {seed} {}{}", pair.path, pair.options)],
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.root.path().join("at").join(self.pair.path)
    }

    fn is_directory(&self) -> bool {
        self.pair.path.ends_with('/')
    }

    fn appends(&self) -> bool {
        self.pair.options.contains("append")
    }

    /// Throws a die.
    fn throw(&mut self, sides: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 20) % sides
    }

    async fn write(&mut self) {
        let end = self.next + 1 + self.throw(4) as i64;
        self.log.push(format!("write {}..{end}", self.next));
        self.writer.write(batch(self.next..end)).await.unwrap();
        self.next = end;
    }

    /// Ends an epoch; a run that cannot store or commit it starts again.
    async fn end_epoch(&mut self, barrier: Barrier) {
        self.epoch += 1;
        let progress = Progress::default();
        let prepared = self.writer.prepare(self.epoch, barrier, &progress).await;
        let prepared =
            prepared.unwrap_or_else(|error| panic!("{}: {:?}", error.report(), self.log));
        self.waiting
            .extend(prepared.committable.map(|part| (0, part)));
        let fate = match barrier {
            Barrier::End => 9,
            _ => self.throw(10),
        };
        self.log.push(format!(
            "{barrier:?} {} held {} fate {fate}",
            self.epoch, prepared.held
        ));
        if prepared.held {
            return;
        }
        if fate == 0 {
            return self.restart().await;
        }
        let commit = Commit {
            identity: identity(self.generation),
            epoch: self.epoch,
            parts: std::mem::take(&mut self.waiting),
            progress,
        };
        self.stored = Some(commit.clone());
        self.covered = self.next;
        if fate == 1 {
            return self.restart().await;
        }
        let committed = self.sink.commit(&commit).await;
        committed.unwrap_or_else(|error| panic!("{}: {:?}", error.report(), self.log));
        if fate == 2 {
            self.restart().await;
        }
    }

    /// Ends a run in one of many ways, and starts the next.
    async fn restart(&mut self) {
        let way = self.throw(4);
        self.log
            .push(format!("restart {way} from {}", self.covered));
        let fresh = open(&self.path(), self.pair.options);
        let nothing: Box<dyn DataWriter> = Box::new(Nothing);
        let writer_before = std::mem::replace(&mut self.writer, nothing);
        match way {
            // Within the process, in the same generation.
            0 => writer_before.close().await.unwrap(),
            1 => {
                drop((writer_before, std::mem::replace(&mut self.sink, fresh)));
                self.generation += 1;
            }
            // Killed; or still alive, but only one may append.
            way => {
                std::mem::forget((writer_before, std::mem::replace(&mut self.sink, fresh)));
                if way == 2 || self.appends() {
                    release(&self.root.path().join("at"));
                }
                self.generation += 1;
            }
        }
        self.waiting.clear();
        self.next = self.covered;
        self.epoch = self.stored.as_ref().map_or(0, |stored| stored.epoch);
        for _ in 0..=self.throw(2) {
            let identity = identity(self.generation);
            let recovered = self.sink.recover(&identity, self.stored.as_ref()).await;
            recovered.unwrap_or_else(|error| panic!("{}: {:?}", error.report(), self.log));
        }
        self.check().await;
        self.writer = writer(&self.sink, self.generation, 0).await;
    }

    /// A consumer takes what it sees.
    fn take(&mut self) {
        for name in visible(&self.path()) {
            self.taken += 1;
            let (stem, ending) = name.split_once('.').unwrap();
            let to = format!("taken/{:05}-{stem}.{ending}", self.taken);
            fs::rename(self.path().join(name), self.root.path().join(to)).unwrap();
        }
        self.log.push(format!("taken {}", self.taken));
    }

    async fn seen(&self) -> Vec<i64> {
        let mut seen = Vec::new();
        let taken = self.root.path().join("taken");
        if !visible(&taken).is_empty() {
            seen.extend(ids(&taken).await);
        }
        let path = self.path();
        let any = match self.is_directory() {
            true => path.exists() && !visible(&path).is_empty(),
            false => path.exists() && fs::metadata(&path).unwrap().len() > 0,
        };
        if any {
            seen.extend(ids(&path).await);
        }
        seen.sort_unstable();
        seen
    }

    /// After a recovery nobody sees a row twice, or one that is not committed.
    async fn check(&self) {
        let seen = self.seen().await;
        let (rows, covered) = (seen.len() as i64, self.covered);
        let fits = if self.appends() {
            rows == covered
        } else {
            rows <= covered
        };
        assert!(
            seen == Vec::from_iter(0..rows) && fits,
            "{seen:?} {:?}",
            self.log
        );
    }
}

struct Nothing;

#[async_trait::async_trait]
impl DataWriter for Nothing {
    async fn write(&mut self, _: Batch) -> Result<()> {
        Ok(())
    }
    async fn change_schema(&mut self, _: &velo_core::SchemaChange) -> Result<()> {
        Ok(())
    }
    async fn prepare(&mut self, _: u64, _: Barrier, _: &Progress) -> Result<velo_core::Prepared> {
        Ok(velo_core::Prepared::default())
    }
    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Takes the locks from a run that was forgotten: its files get other inodes.
fn release(directory: &Path) {
    let mut roots = vec![directory.to_owned()];
    while let Some(root) = roots.pop() {
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                roots.push(path);
            } else if name == "lock" || name.ends_with(".fence") {
                let copy = path.with_extension("copy");
                fs::copy(&path, &copy).unwrap();
                fs::rename(&copy, &path).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn every_row_comes_once_whatever_happens() {
    for pair in &PAIRS {
        for seed in 0..30 {
            let mut world = World::new(pair, seed).await;
            for _ in 0..40 {
                match world.throw(12) {
                    0..6 => world.write().await,
                    6..9 => world.end_epoch(Barrier::Checkpoint).await,
                    9 => world.end_epoch(Barrier::Pause).await,
                    10 => world.restart().await,
                    _ if world.is_directory() && world.path().exists() => world.take(),
                    _ => {}
                }
            }
            world.write().await;
            world.end_epoch(Barrier::End).await;
            let seen = world.seen().await;
            assert!(
                seen == Vec::from_iter(0..world.next),
                "{seen:?} {:?}",
                world.log
            );
            if pair.path == "out.csv" {
                assert_eq!(text(&world.path()).matches("id,name").count(), 1);
            }
            if !world.is_directory() {
                assert_eq!(ids(&world.path()).await, seen, "{:?}", world.log);
            }
            // A pipeline that has ended is started once more.
            world.restart().await;
            let seen_again = world.seen().await;
            assert_eq!(seen, seen_again, "{:?}", world.log);
        }
    }
}
