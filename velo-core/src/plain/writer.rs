//! One lane of a sink with its commit.

use std::sync::Arc;

use crate::{
    Barrier, Batch, Budget, Commit, DataSink, DataWriter, Error, ErrorKind, Identity, Progress,
    Result, StreamInfo, StreamRecord, WriteRequest,
};

const BUDGET: u64 = 64 << 20;
const RECORDS_IN_A_BATCH: usize = 8192;

/// Writes to a sink through one lane, as the pipeline `plain`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use velo_core::{Sink, StreamInfo, StreamRecord, memory::Memory};
/// let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
/// let stream = Arc::new(StreamInfo::new("orders", schema));
/// let memory = Memory::new("orders");
///
/// let mut writer = Sink::new(memory.sink()).writer().await?;
/// writer.write_record(&stream, StreamRecord::new(&stream).with("id", 1_i64)?).await?;
/// assert_eq!(memory.num_rows(), 0);
/// writer.commit().await?;
/// assert_eq!(memory.num_rows(), 1);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
pub struct Writer {
    sink: Arc<dyn DataSink>,
    writer: Box<dyn DataWriter>,
    identity: Identity,
    epoch: u64,
    stream: Option<Arc<StreamInfo>>,
    records: Vec<StreamRecord<'static>>,
    unresolved: Option<Commit>,
}

impl Writer {
    pub(super) async fn open(sink: Arc<dyn DataSink>) -> Result<Self> {
        let since_1970 = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default();
        let generation = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
        let identity = Identity::new("plain", 0, generation);
        let recovered = sink.recover(&identity, None).await?;
        let request = WriteRequest::new(0, identity.clone(), Budget::new(BUDGET));
        let writer = sink.create_writer(request).await?;
        let epoch = recovered.epoch.unwrap_or(0);
        let records = Vec::new();
        Ok(Self {
            sink,
            writer,
            identity,
            epoch,
            stream: None,
            records,
            unresolved: None,
        })
    }

    /// Accepts a batch.
    ///
    /// # Errors
    /// What the destination refuses; the writer is then spent.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use std::sync::Arc;
    /// # use velo_core::{Batch, Sink, StreamInfo, memory::Memory};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// # let mut writer = Sink::new(Memory::new("t").sink()).writer().await?;
    /// writer.write(Batch::empty(stream)).await?;
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn write(&mut self, batch: Batch) -> Result<()> {
        self.flush_records().await?;
        self.writer.write(batch).await
    }

    /// Accepts one record; records are gathered into batches.
    ///
    /// # Errors
    /// As [`write`](Self::write); `InvalidInput` for a value that does not fit its column.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use std::sync::Arc;
    /// # use velo_core::{Sink, StreamInfo, StreamRecord, memory::Memory};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// # let mut writer = Sink::new(Memory::new("t").sink()).writer().await?;
    /// writer.write_record(&stream, StreamRecord::new(&stream)).await?;
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn write_record(
        &mut self,
        stream: &Arc<StreamInfo>,
        record: StreamRecord<'_>,
    ) -> Result<()> {
        if self.stream.as_ref().is_some_and(|open| open != stream) {
            self.flush_records().await?;
        }
        self.stream = Some(stream.clone());
        self.records.push(record.into_owned());
        if self.records.len() >= RECORDS_IN_A_BATCH {
            self.flush_records().await?;
        }
        Ok(())
    }

    /// Makes everything that was accepted visible.
    ///
    /// # Errors
    /// `OutcomeUnknown`: call it again, it finds out. `Aborted`: what was accepted is gone.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use velo_core::{Sink, memory::Memory};
    /// # let mut writer = Sink::new(Memory::new("t").sink()).writer().await?;
    /// writer.commit().await?;
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn commit(&mut self) -> Result<()> {
        let commit = match self.unresolved.take() {
            Some(commit) => commit,
            None => self.prepare().await?,
        };
        let outcome = self.sink.commit(&commit).await;
        if matches!(&outcome, Err(error) if error.kind() == ErrorKind::OutcomeUnknown) {
            self.unresolved = Some(commit);
        }
        outcome
    }

    /// Gives up what was not committed.
    ///
    /// # Errors
    /// When removing it fails.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use velo_core::{Sink, memory::Memory};
    /// # let writer = Sink::new(Memory::new("t").sink()).writer().await?;
    /// writer.close().await?;
    /// # Ok::<(), velo_core::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn close(self) -> Result<()> {
        self.writer.close().await
    }

    async fn prepare(&mut self) -> Result<Commit> {
        self.flush_records().await?;
        self.epoch += 1;
        let progress = Progress::default();
        let prepared = self
            .writer
            .prepare(self.epoch, Barrier::End, &progress)
            .await?;
        if let Some(rejected) = prepared.rejected.first() {
            return Err(
                Error::new(ErrorKind::InvalidData, "destination refused rows")
                    .with("rows", prepared.rejected.len())
                    .with("first reason", rejected.error.message()),
            );
        }
        let parts = prepared
            .committable
            .map(|part| (0, part))
            .into_iter()
            .collect();
        Ok(Commit {
            identity: self.identity.clone(),
            epoch: self.epoch,
            parts,
            progress,
        })
    }

    async fn flush_records(&mut self) -> Result<()> {
        let Some(stream) = self.stream.take() else {
            return Ok(());
        };
        let records = std::mem::take(&mut self.records);
        self.writer
            .write(StreamRecord::to_batch(&stream, &records)?)
            .await
    }
}
