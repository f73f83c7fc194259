//! Random sequences of what happens to logs, against a model of what has to come of it.
//!
//! The model knows which lines stand in which file. A line must come exactly once; where its file
//! was cut off, removed or replaced before its position was committed, it may be missing. That
//! alone is what the documentation calls lossy.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use fastrand::Rng;
use velo_core::Mark;

use super::{Watched, run};

const MAIN: &str = "app.log";
const STEPS: usize = 24;

/// A file as it should be: its lines, and the beginning of one.
#[derive(Debug, Clone, Default)]
struct Log {
    lines: Vec<String>,
    begun: String,
}

struct Model {
    random: Rng,
    watched: Watched,
    /// What is under each name; rotated ones by number, compressed or not.
    main: Option<Log>,
    rotated: BTreeMap<u32, (Log, bool)>,
    written: u64,
    must: BTreeSet<String>,
    may: BTreeSet<String>,
    seen: Vec<String>,
    committed: (Option<Mark>, Vec<String>),
    history: Vec<String>,
}

impl Model {
    fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            watched: Watched::tail(MAIN),
            main: None,
            rotated: BTreeMap::new(),
            written: 0,
            must: BTreeSet::new(),
            may: BTreeSet::new(),
            seen: Vec::new(),
            committed: (None, Vec::new()),
            history: Vec::new(),
        }
    }

    async fn step(&mut self) {
        match self.random.u32(0..100) {
            0..30 => self.write(),
            30..38 => self.begin(),
            38..48 => self.rotate(),
            48..54 => self.copy_and_truncate(),
            54..57 => self.truncate(),
            57..60 => self.remove(),
            60..63 => self.replace(),
            63..67 => self.compress(),
            67..70 => self.write_late(),
            70..88 => self.read().await,
            88..94 => self.restart(),
            _ => self.crash(),
        }
    }

    fn name(number: u32, packed: bool) -> String {
        format!("{MAIN}.{number}{}", if packed { ".gz" } else { "" })
    }

    fn line(&mut self) -> String {
        self.written += 1;
        let padding = "x".repeat(self.random.usize(0..200));
        format!("{} {padding}", self.written)
    }

    fn write(&mut self) {
        self.history
            .push(format!("write from {}", self.written + 1));
        for _ in 0..self.random.u32(1..40) {
            let log = self.main.get_or_insert_default();
            let rest = std::mem::take(&mut log.begun);
            let line = format!("{rest}{}", self.line());
            self.watched
                .append(MAIN, format!("{}\n", &line[rest.len()..]));
            self.must.insert(line.clone());
            self.main.get_or_insert_default().lines.push(line);
        }
    }

    fn begin(&mut self) {
        self.history.push(format!("half of {}", self.written + 1));
        let piece = format!("half {}:", self.line());
        self.watched.append(MAIN, &piece);
        self.main.get_or_insert_default().begun += &piece;
    }

    /// Makes room for number 1.
    fn shift(&mut self) {
        for (number, (log, packed)) in std::mem::take(&mut self.rotated).into_iter().rev() {
            let (from, to) = (Self::name(number, packed), Self::name(number + 1, packed));
            self.watched.rename(&from, &to);
            self.rotated.insert(number + 1, (log, packed));
        }
    }

    fn rotate(&mut self) {
        self.history.push("rotate".to_owned());
        let Some(log) = self.main.take() else { return };
        self.shift();
        self.watched.rename(MAIN, &Self::name(1, false));
        self.rotated.insert(1, (log, false));
    }

    fn copy_and_truncate(&mut self) {
        // Half a line would be cut apart.
        let Some(log) = self.main.clone().filter(|log| log.begun.is_empty()) else {
            return;
        };
        self.history.push("copytruncate".to_owned());
        self.shift();
        self.watched.copy(MAIN, &Self::name(1, false));
        self.watched.truncate(MAIN, 0);
        self.rotated.insert(1, (log, false));
        self.main = Some(Log::default());
    }

    /// Lines are gone, and missing where nobody has committed them.
    fn lose(&mut self, log: &Log) {
        for line in &log.lines {
            if !self.committed.1.contains(line) && self.must.remove(line) {
                self.may.insert(line.clone());
            }
        }
    }

    fn truncate(&mut self) {
        let Some(log) = self.main.take() else { return };
        self.history.push("truncate".to_owned());
        self.lose(&log);
        self.watched.truncate(MAIN, 0);
        self.main = Some(Log::default());
    }

    fn remove(&mut self) {
        let oldest = self.rotated.keys().next_back().copied();
        if let Some(number) = oldest.filter(|_| self.random.bool()) {
            self.history.push("remove the oldest".to_owned());
            let (log, packed) = self.rotated.remove(&number).unwrap();
            self.lose(&log);
            self.watched.remove(&Self::name(number, packed));
        } else if let Some(log) = self.main.take() {
            self.history.push("remove".to_owned());
            self.lose(&log);
            self.watched.remove(MAIN);
        }
    }

    fn replace(&mut self) {
        self.history
            .push(format!("replace from {}", self.written + 1));
        if let Some(log) = self.main.take() {
            self.lose(&log);
        }
        let lines: Vec<String> = (0..self.random.u32(1..20)).map(|_| self.line()).collect();
        self.watched.write("new", lines.join("\n") + "\n");
        self.watched.rename("new", MAIN);
        self.must.extend(lines.iter().cloned());
        self.main = Some(Log {
            lines,
            begun: String::new(),
        });
    }

    fn compress(&mut self) {
        let plain = self.rotated.iter().rev();
        // In a compressed file, which nobody goes on writing, half a line is a whole one.
        let mut plain = plain.filter(|(_, (log, packed))| !packed && log.begun.is_empty());
        let Some(number) = plain.next().map(|(number, _)| *number) else {
            return;
        };
        self.history.push(format!("compress {number}"));
        let bytes = std::fs::read(self.watched.path(&Self::name(number, false))).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&bytes).unwrap();
        self.watched
            .write(&Self::name(number, true), encoder.finish().unwrap());
        self.watched.remove(&Self::name(number, false));
        self.rotated.get_mut(&number).unwrap().1 = true;
    }

    /// Whoever has not noticed the rotation yet goes on in the old file.
    fn write_late(&mut self) {
        let line = self.line();
        let Some((log, false)) = self.rotated.get_mut(&1) else {
            return;
        };
        self.history.push("write late".to_owned());
        let rest = std::mem::take(&mut log.begun);
        self.watched
            .append(&Self::name(1, false), format!("{line}\n"));
        let line = format!("{rest}{line}");
        log.lines.push(line.clone());
        self.must.insert(line);
    }

    async fn read(&mut self) {
        self.history.push("read".to_owned());
        let rows = self.watched.read().await;
        self.seen.extend(rows);
        if self.random.bool() {
            self.history.push("commit".to_owned());
            self.committed = (self.watched.mark.clone(), self.seen.clone());
        }
    }

    fn restart(&mut self) {
        self.history.push("restart".to_owned());
        self.committed = (self.watched.mark.clone(), self.seen.clone());
        self.watched.restart();
    }

    fn crash(&mut self) {
        self.history.push("crash".to_owned());
        self.watched.mark.clone_from(&self.committed.0);
        self.seen.clone_from(&self.committed.1);
        self.watched.restart();
    }

    async fn check(&mut self, seed: u64) {
        self.read().await;
        let history = self.history.join(", ");
        let mut once = BTreeSet::new();
        for line in &self.seen {
            assert!(
                once.insert(line),
                "seed {seed}: {line} came twice: {history}"
            );
            let known = self.must.contains(line) || self.may.contains(line);
            assert!(known, "seed {seed}: {line} was never written: {history}");
        }
        let lost = self.must.iter().filter(|line| !once.contains(line));
        let lost: Vec<_> = lost.map(|line| line.trim_end_matches('x')).collect();
        assert!(lost.is_empty(), "seed {seed}: lost {lost:?}: {history}");
    }
}

/// Runs 2,000 sequences, or as many as `VELO_MODEL_SEQUENCES` says.
#[test]
fn random_sequences_lose_and_double_nothing() {
    let wanted = std::env::var("VELO_MODEL_SEQUENCES").ok();
    let sequences: u64 = wanted.map_or(2000, |text| text.parse().unwrap());
    for seed in 0..sequences {
        run(async move {
            let mut model = Model::new(seed);
            for _ in 0..STEPS {
                model.step().await;
            }
            model.check(seed).await;
        });
    }
}
