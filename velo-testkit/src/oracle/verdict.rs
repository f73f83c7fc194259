//! What the oracle says.

use std::fmt;

/// How many examples of what is wrong are kept.
const EXAMPLES: usize = 8;

/// What is wrong with what arrived; the examples name places, never a record's payload.
///
/// ```
/// assert!(velo_testkit::oracle::Verdict::default().is_clean());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Rows that were produced.
    pub expected: u64,
    /// Rows that were found.
    pub arrived: u64,
    /// Rows that did not arrive.
    pub missing: u64,
    /// Arrivals of rows that had arrived before.
    pub doubled: u64,
    /// Rows behind a later one of their key.
    pub reordered: u64,
    /// Rows whose checksum does not fit, and files that do not decode.
    pub corrupt: u64,
    /// Whole rows that nobody produced.
    pub unknown: u64,
    /// The first few of all these, in words.
    pub examples: Vec<String>,
}

impl Verdict {
    /// Says whether everything arrived once, whole and in order, and nothing else.
    ///
    /// ```
    /// use velo_testkit::oracle::Verdict;
    /// assert!(!Verdict { doubled: 1, ..Verdict::default() }.is_clean());
    /// ```
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing + self.doubled + self.reordered + self.corrupt + self.unknown == 0
    }

    pub(super) fn missing(&mut self, key: u64, seq: u64) {
        self.missing += 1;
        self.example(|| format!("key {key} seq {seq} missing"));
    }

    pub(super) fn doubled(&mut self, key: u64, seq: u64) {
        self.doubled += 1;
        self.example(|| format!("key {key} seq {seq} doubled"));
    }

    /// Takes a dead letter that was found so many times, and must be found once.
    pub(super) fn letter(&mut self, letter: u64, times: u64) {
        match times {
            0 => self.missing += 1,
            more => self.doubled += more - 1,
        }
        if times != 1 {
            self.example(|| format!("dead letter {letter} found {times} times"));
        }
    }

    pub(super) fn reordered(&mut self, key: u64, seq: u64) {
        self.reordered += 1;
        self.example(|| format!("key {key} seq {seq} reordered"));
    }

    pub(super) fn corrupt(&mut self) {
        self.corrupt += 1;
        let row = self.arrived;
        self.example(|| format!("row {row} corrupt"));
    }

    pub(super) fn unknown(&mut self) {
        self.unknown += 1;
        let row = self.arrived;
        self.example(|| format!("row {row} unknown"));
    }

    pub(super) fn unreadable(&mut self, what: String) {
        self.corrupt += 1;
        self.example(|| what);
    }

    fn example(&mut self, words: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(words());
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            expected,
            arrived,
            missing,
            doubled,
            reordered,
            corrupt,
            unknown,
            examples,
        } = self;
        write!(
            f,
            "{expected} rows produced, {arrived} arrived, {missing} missing, {doubled} doubled, \
             {reordered} reordered, {corrupt} corrupt, {unknown} unknown"
        )?;
        if !examples.is_empty() {
            write!(f, " ({})", examples.join("; "))?;
        }
        Ok(())
    }
}
