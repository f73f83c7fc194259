//! A source of numbers: several splits, some of the rows bad, found a few at a time.

use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use async_trait::async_trait;
use velo_core::memory::MemoryOffset;
use velo_core::{
    Batch, DataReader, DataSource, Error, ErrorKind, Event, Mark, Progress, ReadRequest, Rejected,
    Replay, Result, SourceCapabilities, SourceOffset, Span, Split, SplitChange, SplitEnumerator,
    StreamInfo,
};

const BATCH: u64 = 7;

#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    pub(crate) splits: u32,
    pub(crate) rows: u64,
    /// Every so many rows one does not decode; 0 means none.
    pub(crate) bad: u64,
    pub(crate) acknowledged: Arc<Mutex<Progress>>,
}

impl Numbers {
    pub(crate) fn new(splits: u32, rows: u64, bad: u64) -> Self {
        Self {
            splits,
            rows,
            bad,
            acknowledged: Arc::default(),
        }
    }

    fn is_bad(&self, number: u64) -> bool {
        self.bad > 0 && number % self.bad == self.bad - 1
    }

    /// Gives the rows that decode, and those that do not.
    pub(crate) fn all(&self) -> (Vec<i64>, Vec<i64>) {
        let numbers = 0..u64::from(self.splits) * self.rows;
        let (bad, good): (Vec<_>, Vec<_>) = numbers.partition(|number| self.is_bad(*number));
        let signed = |numbers: Vec<u64>| numbers.into_iter().map(|n| n as i64).collect();
        (signed(good), signed(bad))
    }
}

fn stream() -> Arc<StreamInfo> {
    let column: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    let rows = RecordBatch::try_from_iter([("n", column)]).unwrap();
    Arc::new(StreamInfo::new("numbers", rows.schema()))
}

fn offset(partition: u32, row: u64) -> SourceOffset {
    SourceOffset::seal(MemoryOffset { partition, row })
}

#[async_trait]
impl DataSource for Numbers {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            replay: Replay::Exact,
            bounded: true,
        }
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        Ok(vec![stream()])
    }

    async fn splits(&self, resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        let found = match resume {
            Some(offset) => offset.open::<MemoryOffset>()?.partition,
            None => 0,
        };
        Ok(Box::new(Finding {
            found,
            all: self.splits,
        }))
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        let partition: u32 = request.split.id.as_str().parse().unwrap();
        let row = match &request.start {
            Some(offset) => offset.open::<MemoryOffset>()?.row,
            None => 0,
        };
        Ok(Box::new(Reading {
            numbers: self.clone(),
            split: request.split,
            partition,
            row,
            marked: row,
        }))
    }

    async fn acknowledge(&self, progress: &Progress) -> Result<()> {
        self.acknowledged.lock().unwrap().merge(progress.clone());
        Ok(())
    }
}

struct Finding {
    found: u32,
    all: u32,
}

#[async_trait]
impl SplitEnumerator for Finding {
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        if self.found == self.all {
            return Ok(None);
        }
        let split = Split::new(self.found.to_string(), u64::from(self.found));
        self.found += 1;
        Ok(Some(SplitChange::Added {
            splits: vec![Arc::new(split)],
            resume: Some(offset(self.found, 0)),
        }))
    }
}

struct Reading {
    numbers: Numbers,
    split: Arc<Split>,
    partition: u32,
    row: u64,
    marked: u64,
}

impl Reading {
    fn number(&self) -> u64 {
        u64::from(self.partition) * self.numbers.rows + self.row
    }

    fn rejected(&self) -> Rejected {
        Rejected {
            stream: "numbers".into(),
            split: self.split.id.clone(),
            ordinal: self.row,
            offset: Some(offset(self.partition, self.row)),
            raw: self.number().to_string().into_bytes().into(),
            error: Arc::new(Error::new(ErrorKind::InvalidData, "bad number")),
        }
    }

    fn batch(&mut self) -> Result<Batch> {
        let first = self.row;
        let mut numbers = Vec::new();
        while self.row < self.numbers.rows
            && !self.numbers.is_bad(self.number())
            && self.row - first < BATCH
        {
            numbers.push(self.number() as i64);
            self.row += 1;
        }
        let column: ArrayRef = Arc::new(Int64Array::from(numbers));
        let rows = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let span = Span {
            split: self.split.id.clone(),
            order: self.split.order,
            first,
            last: self.row - 1,
        };
        Ok(Batch::new(stream(), rows)?.with_span(span))
    }
}

#[async_trait]
impl DataReader for Reading {
    async fn read(&mut self) -> Result<Option<Event>> {
        tokio::task::yield_now().await;
        // A mark after every second batch or so.
        let due = self.row >= self.marked + 2 * BATCH || self.row == self.numbers.rows;
        if due && self.row > self.marked {
            self.marked = self.row;
            let at = offset(self.partition, self.row);
            return Ok(Some(Event::Mark(Mark::new(self.split.id.clone(), at))));
        }
        if self.row == self.numbers.rows {
            return Ok(None);
        }
        if self.numbers.is_bad(self.number()) {
            let rejected = self.rejected();
            self.row += 1;
            return Ok(Some(Event::Rejected(rejected)));
        }
        Ok(Some(Event::Rows(self.batch()?)))
    }
}
