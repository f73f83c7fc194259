//! What was produced: records that their seed alone decides, so that nothing has to be stored.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use velo_core::Result;

use crate::data::Random;

/// Pieces that payloads are made of; some of them need quoting or escaping, or several bytes.
const PIECES: [&str; 12] = [
    "a", "Q", "7", " ", ",", "\"", "\\", ";", "ä", "€", "𝄞", "\n",
];
/// Records of one transaction; every second transaction has no number.
const PER_TRANSACTION: u64 = 50;

/// What a line that is no record says, in front of its number.
pub(crate) const POISON: &str = "no record: ";

/// One record, as it is written into a source and looked for in a sink.
///
/// ```
/// let record = velo_testkit::ledger::Ledger::new(1, 10).record(0, 0);
/// assert!(record.is_intact());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which ledger the record belongs to.
    pub run: u32,
    /// The key within which the order counts.
    pub key: u64,
    /// The place within the key, from 0 on.
    pub seq: u64,
    /// The number of a transaction.
    pub tx: Option<u64>,
    /// Text with characters that formats have to escape.
    pub payload: String,
    /// CRC-32C of everything above.
    pub crc: u32,
}

impl Record {
    /// Says whether the checksum fits what it covers.
    ///
    /// ```
    /// let mut record = velo_testkit::ledger::Ledger::new(1, 10).record(0, 0);
    /// record.seq += 1;
    /// assert!(!record.is_intact());
    /// ```
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.crc == self.checksum()
    }

    fn checksum(&self) -> u32 {
        let Self {
            run,
            key,
            seq,
            payload,
            ..
        } = self;
        let mut text = format!("{run}/{key}/{seq}/");
        if let Some(tx) = self.tx {
            let _ = write!(text, "{tx}");
        }
        text.push('/');
        text.push_str(payload);
        crc32c::crc32c(text.as_bytes())
    }

    fn json(&self) -> String {
        serde_json::json!({
            "run": self.run,
            "key": self.key,
            "seq": self.seq,
            "tx": self.tx,
            "payload": self.payload,
            "crc": self.crc,
        })
        .to_string()
    }

    fn csv(&self) -> String {
        let Self {
            run, key, seq, crc, ..
        } = self;
        let tx = self.tx.map(|tx| tx.to_string()).unwrap_or_default();
        let payload = self.payload.replace('"', "\"\"");
        format!("{run},{key},{seq},{tx},\"{payload}\",{crc}")
    }
}

/// How a ledger's records stand in files.
///
/// ```
/// assert_eq!(velo_testkit::ledger::Lines::Csv.extension(), "csv");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// One JSON object on each line.
    Json,
    /// RFC 4180 with a header.
    Csv,
    /// The lines of `Json`, in files of text.
    Text,
}

impl Lines {
    /// The end of such files' names.
    ///
    /// ```
    /// assert_eq!(velo_testkit::ledger::Lines::Json.extension(), "jsonl");
    /// ```
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "jsonl",
            Self::Csv => "csv",
            Self::Text => "txt",
        }
    }
}

/// The records of one campaign, outside of the system under test: computed, never stored.
///
/// ```
/// use velo_testkit::ledger::Ledger;
/// let ledger = Ledger::new(7, 1000);
/// assert_eq!(ledger.records().count(), 1000);
/// assert!(ledger.records().eq(Ledger::new(7, 1000).records()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    /// What decides every record.
    pub seed: u64,
    /// How many records there are.
    pub rows: u64,
    /// Among how many keys they are spread, 1 at least.
    pub keys: u64,
    /// Characters of a payload at most, 3 at least.
    pub payload: usize,
    /// After how many records a line follows that is none; 0 for no such lines.
    pub poison_after: u64,
}

impl Ledger {
    /// A ledger of so many rows, over 97 keys, with payloads of up to 60 characters.
    ///
    /// ```
    /// assert_eq!(velo_testkit::ledger::Ledger::new(1, 10).keys, 97);
    /// ```
    #[must_use]
    pub fn new(seed: u64, rows: u64) -> Self {
        Self {
            seed,
            rows,
            keys: 97,
            payload: 60,
            poison_after: 0,
        }
    }

    /// The name of the run, by which rows of another campaign are known.
    ///
    /// ```
    /// use velo_testkit::ledger::Ledger;
    /// assert_ne!(Ledger::new(1, 10).run(), Ledger::new(2, 10).run());
    /// ```
    #[must_use]
    pub fn run(&self) -> u32 {
        (Random::new(self.seed).next() >> 33) as u32
    }

    /// All records, in the order in which they were produced.
    ///
    /// ```
    /// let ledger = velo_testkit::ledger::Ledger::new(1, 10);
    /// assert_eq!(ledger.records().count(), 10);
    /// ```
    pub fn records(&self) -> impl Iterator<Item = Record> + use<'_> {
        let mut next = vec![0; self.keys.max(1) as usize];
        (0..self.rows).map(move |row| {
            let key = self.key_of(row);
            let seq = next[key as usize];
            next[key as usize] += 1;
            self.record(key, seq)
        })
    }

    /// How many records each key has.
    ///
    /// ```
    /// let ledger = velo_testkit::ledger::Ledger::new(1, 10);
    /// assert_eq!(ledger.counts().iter().sum::<u64>(), 10);
    /// ```
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.keys.max(1) as usize];
        (0..self.rows).for_each(|row| counts[self.key_of(row) as usize] += 1);
        counts
    }

    /// The record at a place of a key, whether or not the key has so many.
    ///
    /// ```
    /// let record = velo_testkit::ledger::Ledger::new(1, 10).record(3, 4);
    /// assert_eq!((record.key, record.seq), (3, 4));
    /// ```
    #[must_use]
    pub fn record(&self, key: u64, seq: u64) -> Record {
        let mut random = Random::new(self.seed ^ key.rotate_left(40) ^ seq.rotate_left(8));
        let transaction = random.next() % self.rows.max(1) / PER_TRANSACTION;
        let mut record = Record {
            run: self.run(),
            key,
            seq,
            tx: transaction.is_multiple_of(2).then_some(transaction),
            payload: payload(&mut random, self.payload),
            crc: 0,
        };
        record.crc = record.checksum();
        record
    }

    /// Writes all records into so many files of a directory, a key's records all into one, and
    /// returns their paths.
    ///
    /// # Errors
    /// `Io` and its kin when the directory or a file can't be written.
    ///
    /// ```
    /// use velo_testkit::ledger::{Ledger, Lines};
    /// let directory = std::env::temp_dir().join("velo-ledger-example");
    /// assert_eq!(Ledger::new(1, 10).write(&directory, Lines::Csv, 2)?.len(), 2);
    /// # std::fs::remove_dir_all(directory)?;
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn write(&self, directory: &Path, lines: Lines, files: u64) -> Result<Vec<PathBuf>> {
        std::fs::create_dir_all(directory)?;
        let files = files.max(1);
        let path = |n: u64| directory.join(format!("in-{n:03}.{}", lines.extension()));
        let paths: Vec<PathBuf> = (0..files).map(path).collect();
        let mut writers = Vec::new();
        for path in &paths {
            let mut writer = BufWriter::new(File::create(path)?);
            if lines == Lines::Csv {
                writeln!(writer, "run,key,seq,tx,payload,crc")?;
            }
            writers.push(writer);
        }
        for (row, record) in (1..).zip(self.records()) {
            let line = match lines {
                Lines::Json | Lines::Text => record.json(),
                Lines::Csv => record.csv(),
            };
            let writer = &mut writers[(record.key % files) as usize];
            writeln!(writer, "{line}")?;
            if self.poison_after > 0 && row % self.poison_after == 0 {
                writeln!(writer, "{POISON}{}", row / self.poison_after)?;
            }
        }
        for mut writer in writers {
            writer.flush()?;
        }
        Ok(paths)
    }

    /// How many lines are no records; the first of them is number 1.
    ///
    /// ```
    /// use velo_testkit::ledger::Ledger;
    /// let ledger = Ledger { poison_after: 10, ..Ledger::new(1, 35) };
    /// assert_eq!(ledger.poisons(), 3);
    /// ```
    #[must_use]
    pub fn poisons(&self) -> u64 {
        self.rows.checked_div(self.poison_after).unwrap_or_default()
    }

    fn key_of(&self, row: u64) -> u64 {
        Random::new(self.seed.wrapping_add(row.rotate_left(20))).next() % self.keys.max(1)
    }
}

/// Text that is never a number, never empty and has no blanks at its ends.
fn payload(random: &mut Random, longest: usize) -> String {
    let middle = random.below(longest.saturating_sub(1));
    let mut text = String::from("p");
    for _ in 0..middle {
        text.push_str(PIECES[random.below(PIECES.len())]);
    }
    text.push('q');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_from_nought_without_gaps() {
        let ledger = Ledger::new(3, 5000);
        let mut next = vec![0; 97];
        for record in ledger.records() {
            assert!(record.is_intact());
            assert_eq!(record.seq, next[record.key as usize]);
            next[record.key as usize] += 1;
        }
        assert_eq!(next, ledger.counts());
        assert!(next.iter().all(|count| *count > 20), "{next:?}");
    }

    #[test]
    fn every_field_is_under_the_checksum() {
        let good = Ledger::new(3, 500).record(1, 1);
        let broken = [
            Record {
                run: 1,
                ..good.clone()
            },
            Record {
                key: 2,
                ..good.clone()
            },
            Record {
                seq: 0,
                ..good.clone()
            },
            Record {
                tx: Some(99),
                ..good.clone()
            },
            Record {
                payload: format!("{} ", good.payload),
                ..good.clone()
            },
            Record {
                crc: good.crc ^ 1,
                ..good.clone()
            },
        ];
        assert!(good.is_intact());
        for record in broken {
            assert!(!record.is_intact(), "{record:?}");
        }
    }

    #[test]
    fn payloads_hold_what_formats_must_escape() {
        let all: String = Ledger::new(3, 500).records().map(|it| it.payload).collect();
        for piece in PIECES {
            assert!(all.contains(piece), "{piece:?}");
        }
    }
}
