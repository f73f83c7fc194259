//! Rows that do not decode, kept as rows of a stream of their own.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema};
use velo_core::{
    Barrier, Budget, Commit, Committable, DataSink, DataWriter, FieldValue, Identity, Progress,
    Rejected, Result, StreamInfo, StreamRecord, WriteRequest,
};

/// The columns of dead letters: where each row came from, why it was refused, and its bytes as
/// text (bytes that are not UTF-8 are replaced; `raw_bytes` keeps them all in hexadecimal then).
///
/// ```
/// assert_eq!(velo_pipeline::dead_letter_stream().name(), "dead_letters");
/// ```
pub fn dead_letter_stream() -> Arc<StreamInfo> {
    static STREAM: LazyLock<Arc<StreamInfo>> = LazyLock::new(|| {
        let text = |name| Field::new(name, DataType::Utf8, true);
        let fields = vec![
            text("stream"),
            text("split"),
            Field::new("ordinal", DataType::UInt64, false),
            text("file"),
            Field::new("line", DataType::UInt64, true),
            text("column"),
            Field::new("byte", DataType::UInt64, true),
            text("reason"),
            text("raw"),
            text("raw_bytes"),
        ];
        Arc::new(StreamInfo::new(
            "dead_letters",
            Arc::new(Schema::new(fields)),
        ))
    });
    STREAM.clone()
}

/// Writes dead letters; they are durable before the commit that passes them.
pub(crate) struct DeadLetters {
    sink: Arc<dyn DataSink>,
    writer: Box<dyn DataWriter>,
    identity: Identity,
    commits: u64,
}

impl DeadLetters {
    pub(crate) async fn open(sink: Arc<dyn DataSink>, identity: Identity) -> Result<Self> {
        sink.plan(&[dead_letter_stream()]).await?;
        sink.recover(&identity, None).await?;
        let request = WriteRequest::new(0, identity.clone(), Budget::new(8 << 20));
        let writer = sink.create_writer(request).await?;
        Ok(Self {
            sink,
            writer,
            identity,
            commits: 0,
        })
    }

    pub(crate) async fn write(&mut self, rejected: &[Rejected]) -> Result<()> {
        if rejected.is_empty() {
            return Ok(());
        }
        let stream = dead_letter_stream();
        let records: Vec<_> = rejected.iter().map(record).collect::<Result<_>>()?;
        self.writer
            .write(StreamRecord::to_batch(&stream, &records)?)
            .await
    }

    /// Makes what was written visible, before the rows around it are.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        self.commits += 1;
        let progress = Progress::default();
        let prepared = self
            .writer
            .prepare(self.commits, Barrier::End, &progress)
            .await?;
        let Some(part) = prepared.committable else {
            return Ok(());
        };
        let parts: Vec<(u32, Committable)> = vec![(0, part)];
        let identity = self.identity.clone();
        self.sink
            .commit(&Commit {
                identity,
                epoch: self.commits,
                parts,
                progress,
            })
            .await
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.writer.close().await
    }
}

fn record(rejected: &Rejected) -> Result<StreamRecord<'_>> {
    let error = &rejected.error;
    let number = |key| error.context(key).and_then(|text| text.parse::<u64>().ok());
    let raw = String::from_utf8_lossy(&rejected.raw);
    let exact = matches!(raw, std::borrow::Cow::Borrowed(_));
    let hex = || {
        rejected
            .raw
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    StreamRecord::new(&dead_letter_stream())
        .with("stream", &*rejected.stream)?
        .with("split", rejected.split.as_str())?
        .with("ordinal", rejected.ordinal)?
        .with("file", error.context("file"))?
        .with("line", number("line"))?
        .with("column", error.context("column"))?
        .with("byte", number("byte"))?
        .with("reason", error.message())?
        .with("raw", FieldValue::Utf8(raw))?
        .with("raw_bytes", (!exact).then(hex))
}
