//! What arrived against what was produced: lost, doubled, reordered, corrupt, unknown.

mod arrived;
mod verdict;

use std::collections::HashMap;
use std::path::Path;

use velo_core::{Error, ErrorKind, Result};

use crate::ledger::{Ledger, Record};

pub use arrived::{Format, Row, Seen, read, visible_files};
pub use verdict::Verdict;

/// Where a row belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    At { key: u64, seq: u64 },
    Corrupt,
    Unknown,
}

/// What should have arrived.
#[derive(Debug)]
enum Expected {
    Ledger(Ledger),
    /// Rows of an undisturbed run, by their text, in one key.
    Rows(HashMap<String, u64>),
}

/// Compares rows with what was produced; hand it all rows, then ask for the verdict.
///
/// Order is judged within a key and a file: [`Oracle::next_file`] says that another one begins.
///
/// ```
/// use velo_testkit::ledger::Ledger;
/// use velo_testkit::oracle::Oracle;
/// let ledger = Ledger::new(1, 100);
/// let mut oracle = Oracle::of_ledger(ledger);
/// ledger.records().skip(1).for_each(|record| oracle.see(&record));
/// assert_eq!(oracle.verdict().missing, 1);
/// ```
#[derive(Debug)]
pub struct Oracle {
    expected: Expected,
    /// How often each place was seen, by key.
    seen: Vec<Vec<u8>>,
    /// One behind the last place that came first, by key, in this file.
    reached: HashMap<u64, u64>,
    ordered: bool,
    verdict: Verdict,
}

impl Oracle {
    /// Expects a ledger's records.
    ///
    /// ```
    /// use velo_testkit::{ledger::Ledger, oracle::Oracle};
    /// assert_eq!(Oracle::of_ledger(Ledger::new(1, 9)).verdict().missing, 9);
    /// ```
    #[must_use]
    pub fn of_ledger(ledger: Ledger) -> Self {
        let counts = ledger.counts();
        Self::new(Expected::Ledger(ledger), &counts)
    }

    /// Expects the rows that an undisturbed run left behind, in any order.
    ///
    /// # Errors
    /// `InvalidData` when two of them are equal, so that a loss and a repeat could not be told
    /// apart, or when they can't be read.
    ///
    /// ```
    /// use velo_testkit::oracle::{Format, Oracle};
    /// let folder = std::env::temp_dir().join("velo-oracle-example");
    /// std::fs::create_dir_all(&folder)?;
    /// std::fs::write(folder.join("a.jsonl"), "{\"id\":1}\n{\"id\":2}\n")?;
    /// let mut oracle = Oracle::of_rows(&folder, Format::JsonLines)?;
    /// oracle.look_at(&folder, Format::JsonLines)?;
    /// assert!(oracle.verdict().is_clean());
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn of_rows(directory: &Path, format: Format) -> Result<Self> {
        let mut rows = HashMap::new();
        let mut broken = None;
        read(directory, format, &mut |seen| match seen {
            Seen::Row(row) => {
                let place = rows.len() as u64;
                if rows.insert(row.text(), place).is_some() {
                    broken = Some("two rows of the undisturbed run are equal".to_owned());
                }
            }
            Seen::Unreadable(what) => broken = Some(what),
            Seen::File(_) => {}
        })?;
        if let Some(what) = broken {
            return Err(
                Error::new(ErrorKind::InvalidData, "read the undisturbed run")
                    .with("because", what),
            );
        }
        let count = rows.len() as u64;
        Ok(Self::new(Expected::Rows(rows), &[count]).in_any_order())
    }

    fn new(expected: Expected, counts: &[u64]) -> Self {
        Self {
            expected,
            seen: counts
                .iter()
                .map(|count| vec![0; *count as usize])
                .collect(),
            reached: HashMap::new(),
            ordered: true,
            verdict: Verdict::default(),
        }
    }

    /// Does not judge order.
    ///
    /// ```
    /// use velo_testkit::{ledger::Ledger, oracle::Oracle};
    /// let ledger = Ledger { keys: 1, ..Ledger::new(1, 2) };
    /// let mut oracle = Oracle::of_ledger(ledger).in_any_order();
    /// oracle.see(&ledger.record(0, 1));
    /// oracle.see(&ledger.record(0, 0));
    /// assert!(oracle.verdict().is_clean());
    /// ```
    #[must_use]
    pub fn in_any_order(self) -> Self {
        Self {
            ordered: false,
            ..self
        }
    }

    /// Judges all rows of all visible files of a directory, or of one file.
    ///
    /// # Errors
    /// `Io` and its kin when a file can't be opened. One that does not decode is in the verdict.
    ///
    /// ```
    /// use velo_testkit::{ledger::Ledger, oracle::{Format, Oracle}};
    /// let mut oracle = Oracle::of_ledger(Ledger::new(1, 9));
    /// assert!(oracle.look_at("no/such/folder".as_ref(), Format::Csv).is_err());
    /// ```
    pub fn look_at(&mut self, place: &Path, format: Format) -> Result<()> {
        read(place, format, &mut |seen| match seen {
            Seen::File(_) => self.next_file(),
            Seen::Row(row) => self.see_row(&row),
            Seen::Unreadable(what) => self.verdict.unreadable(what),
        })
    }

    /// Forgets how far each key has come: another file has an order of its own.
    ///
    /// ```
    /// use velo_testkit::{ledger::Ledger, oracle::Oracle};
    /// Oracle::of_ledger(Ledger::new(1, 9)).next_file();
    /// ```
    pub fn next_file(&mut self) {
        self.reached.clear();
    }

    /// Judges one record.
    ///
    /// ```
    /// use velo_testkit::{ledger::Ledger, oracle::Oracle};
    /// let mut oracle = Oracle::of_ledger(Ledger::new(1, 9));
    /// oracle.see(&Ledger::new(2, 9).record(0, 0));
    /// assert_eq!(oracle.verdict().unknown, 1);
    /// ```
    pub fn see(&mut self, record: &Record) {
        let place = self.place_of_record(record);
        self.settle(place);
    }

    fn see_row(&mut self, row: &Row) {
        let place = match &self.expected {
            Expected::Ledger(_) => match row.record() {
                Some(record) => self.place_of_record(&record),
                None => Place::Corrupt,
            },
            Expected::Rows(rows) => match rows.get(&row.text()) {
                Some(seq) => Place::At { key: 0, seq: *seq },
                None => Place::Unknown,
            },
        };
        self.settle(place);
    }

    fn place_of_record(&self, record: &Record) -> Place {
        if !record.is_intact() {
            return Place::Corrupt;
        }
        let Expected::Ledger(ledger) = &self.expected else {
            return Place::Unknown;
        };
        let (key, seq) = (record.key, record.seq);
        let count = self.seen.get(key as usize).map_or(0, Vec::len) as u64;
        if seq < count && *record == ledger.record(key, seq) {
            Place::At { key, seq }
        } else {
            Place::Unknown
        }
    }

    fn settle(&mut self, place: Place) {
        self.verdict.arrived += 1;
        let (key, seq) = match place {
            Place::At { key, seq } => (key, seq),
            Place::Corrupt => return self.verdict.corrupt(),
            Place::Unknown => return self.verdict.unknown(),
        };
        let times = &mut self.seen[key as usize][seq as usize];
        *times = times.saturating_add(1);
        if *times > 1 {
            return self.verdict.doubled(key, seq);
        }
        let reached = self.reached.entry(key).or_default();
        if self.ordered && seq < *reached {
            return self.verdict.reordered(key, seq);
        }
        *reached = seq + 1;
    }

    /// Judges a file of dead letters, JSON lines whose `raw` is the line that is no record: each of
    /// them must be there once.
    ///
    /// # Errors
    /// `Io` and its kin when the file is there and can't be read.
    ///
    /// ```
    /// use velo_testkit::{ledger::Ledger, oracle::Oracle};
    /// let ledger = Ledger { poison_after: 1, ..Ledger::new(1, 2) };
    /// let mut oracle = Oracle::of_ledger(ledger);
    /// oracle.look_at_letters("no/such/file".as_ref())?;
    /// assert_eq!(oracle.verdict().missing, 4);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn look_at_letters(&mut self, file: &Path) -> Result<()> {
        let Expected::Ledger(ledger) = &self.expected else {
            return Ok(());
        };
        let mut times = vec![0_u64; ledger.poisons() as usize];
        if file.exists() {
            read(file, Format::JsonLines, &mut |seen| match seen {
                Seen::File(_) => {}
                Seen::Unreadable(what) => self.verdict.unreadable(what),
                Seen::Row(row) => match row.poison().and_then(|it| times.get_mut(it)) {
                    Some(times) => *times += 1,
                    None => self.verdict.unknown(),
                },
            })?;
        }
        for (letter, times) in (1..).zip(times) {
            self.verdict.letter(letter, times);
        }
        Ok(())
    }

    /// Says what is wrong, once all rows have been seen.
    ///
    /// ```
    /// use velo_testkit::{ledger::Ledger, oracle::Oracle};
    /// assert!(Oracle::of_ledger(Ledger::new(1, 0)).verdict().is_clean());
    /// ```
    #[must_use]
    pub fn verdict(mut self) -> Verdict {
        for (key, places) in self.seen.iter().enumerate() {
            self.verdict.expected += places.len() as u64;
            for (seq, times) in places.iter().enumerate() {
                if *times == 0 {
                    self.verdict.missing(key as u64, seq as u64);
                }
            }
        }
        self.verdict
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judge(ledger: Ledger, records: &[Record]) -> Verdict {
        let mut oracle = Oracle::of_ledger(ledger);
        records.iter().for_each(|record| oracle.see(record));
        oracle.verdict()
    }

    fn counts(verdict: &Verdict) -> [u64; 5] {
        [
            verdict.missing,
            verdict.doubled,
            verdict.reordered,
            verdict.corrupt,
            verdict.unknown,
        ]
    }

    /// T000: one loss, one repeat, one swap and one flipped byte, all in one output.
    #[test]
    fn reports_a_loss_a_repeat_a_swap_and_a_flipped_byte() {
        let ledger = Ledger {
            keys: 4,
            ..Ledger::new(11, 400)
        };
        let mut records: Vec<Record> = ledger.records().collect();
        let of_key = |records: &[Record], key: u64| -> Vec<usize> {
            let ours = |n: &usize| records[*n].key == key;
            (0..records.len()).filter(ours).collect()
        };
        let swap = of_key(&records, 2);
        records.swap(swap[10], swap[11]);
        let flip = of_key(&records, 3)[5];
        records[flip].payload.replace_range(0..1, "q");
        let double = of_key(&records, 1)[7];
        records.insert(double + 40, records[double].clone());
        records.remove(of_key(&records, 0)[3]);
        let verdict = judge(ledger, &records);
        // The flipped record is corrupt, and what it was is missing.
        assert_eq!(counts(&verdict), [2, 1, 1, 1, 0], "{verdict}");
        let told = verdict.to_string();
        for word in [
            "key 0 seq 3 missing",
            "key 1 seq 7 doubled",
            "key 2 seq 10 reordered",
        ] {
            assert!(told.contains(word), "{told}");
        }
    }

    #[test]
    fn rows_of_another_run_or_beyond_the_end_are_unknown() {
        let ledger = Ledger::new(11, 40);
        let mut records: Vec<Record> = ledger.records().collect();
        records.push(Ledger::new(12, 40).record(0, 0));
        records.push(ledger.record(0, 999));
        assert_eq!(counts(&judge(ledger, &records)), [0, 0, 0, 0, 2]);
    }

    #[test]
    fn order_counts_within_a_file() {
        let ledger = Ledger {
            keys: 1,
            ..Ledger::new(11, 4)
        };
        let mut oracle = Oracle::of_ledger(ledger);
        for seq in [2, 3] {
            oracle.see(&ledger.record(0, seq));
        }
        oracle.next_file();
        for seq in [0, 1] {
            oracle.see(&ledger.record(0, seq));
        }
        assert!(oracle.verdict().is_clean());
    }

    proptest! {
        #[test]
        fn whatever_is_left_out_or_repeated_is_counted(
            seed in any::<u64>(),
            fates in prop::collection::vec(0_usize..4, 1..300),
        ) {
            let ledger = Ledger { keys: 5, ..Ledger::new(seed, fates.len() as u64) };
            let mut out = Vec::new();
            for (record, fate) in ledger.records().zip(&fates) {
                out.extend(std::iter::repeat_n(record, *fate));
            }
            let verdict = judge(ledger, &out);
            let lost = fates.iter().filter(|fate| **fate == 0).count();
            let more: usize = fates.iter().map(|fate| fate.saturating_sub(1)).sum();
            prop_assert_eq!(counts(&verdict), [lost as u64, more as u64, 0, 0, 0]);
        }
    }
}
