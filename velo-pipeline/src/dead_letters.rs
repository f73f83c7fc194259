//! Rows that nobody could take, kept as rows of a stream of their own.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use velo_core::{
    Barrier, Budget, Commit, Committable, DataSink, DataWriter, Error, ErrorKind, FieldValue,
    Identity, Progress, Rejected, Result, StreamInfo, StreamRecord, WriteRequest,
};

const MEMORY: u64 = 8 << 20;

/// Where a row came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    Decode,
    Transform,
    Write,
}

/// All stages, in the order in which rows come by.
pub(crate) const STAGES: [Stage; 3] = [Stage::Decode, Stage::Transform, Stage::Write];

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Transform => "transform",
            Self::Write => "write",
        }
    }
}

/// A row that nobody could take, and who refused it.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) rejected: Rejected,
    pub(crate) stage: Stage,
    /// How often the row was tried, from 1.
    pub(crate) attempt: u64,
}

impl Letter {
    pub(crate) fn new(rejected: Rejected, stage: Stage) -> Self {
        Self {
            rejected,
            stage,
            attempt: 1,
        }
    }

    /// Gives about as many bytes as it holds.
    pub(crate) fn size(&self) -> u64 {
        const FACTS: u64 = 256;
        FACTS + self.rejected.raw.len() as u64
    }
}

/// The columns of dead letters: where each row came from, which stage refused it and why, when,
/// and its bytes as text (bytes that are not UTF-8 are replaced; `raw_bytes` keeps them all in
/// hexadecimal then).
///
/// `id` is the row's position, `split#ordinal`; it is the key, so that a destination with keys
/// keeps a row once, however often it is replayed.
///
/// ```
/// assert_eq!(velo_pipeline::dead_letter_stream().keys(), ["id"]);
/// ```
pub fn dead_letter_stream() -> Arc<StreamInfo> {
    static STREAM: LazyLock<Arc<StreamInfo>> = LazyLock::new(|| {
        let text = |name| Field::new(name, DataType::Utf8, true);
        let number = |name, nullable| Field::new(name, DataType::UInt64, nullable);
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fields = vec![
            Field::new("id", DataType::Utf8, false),
            text("stream"),
            text("split"),
            number("ordinal", false),
            text("offset"),
            text("file"),
            number("line", true),
            text("column"),
            number("byte", true),
            text("stage"),
            text("kind"),
            text("reason"),
            number("attempt", false),
            Field::new("at", utc, false),
            text("raw"),
            text("raw_bytes"),
        ];
        let stream = StreamInfo::new("dead_letters", Arc::new(Schema::new(fields)));
        Arc::new(stream.clone().with_keys(["id"]).unwrap_or(stream))
    });
    STREAM.clone()
}

/// Writes dead letters; they are durable before the commit that passes them.
pub(crate) struct DeadLetters {
    sink: Arc<dyn DataSink>,
    writer: Box<dyn DataWriter>,
    identity: Identity,
}

impl DeadLetters {
    /// Opens the destination and finishes what an earlier run has prepared there.
    pub(crate) async fn open(
        sink: Arc<dyn DataSink>,
        identity: Identity,
        pending: Option<&Commit>,
    ) -> Result<Self> {
        sink.plan(&[dead_letter_stream()]).await?;
        let recovered = sink.recover(&identity, pending).await?;
        if pending.is_some() && !recovered.committed {
            return Err(Error::new(
                ErrorKind::StateLost,
                "dead letters that were prepared are lost",
            )
            .with("pipeline", &identity.pipeline));
        }
        let request = WriteRequest::new(0, identity.clone(), Budget::new(MEMORY));
        let writer = sink.create_writer(request).await?;
        Ok(Self {
            sink,
            writer,
            identity,
        })
    }

    pub(crate) async fn write(&mut self, letters: &[Letter]) -> Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let now = now();
        let records = letters.iter().map(|letter| record(letter, now));
        let records: Vec<_> = records.collect::<Result<_>>()?;
        let batch = StreamRecord::to_batch(&dead_letter_stream(), &records)?;
        self.writer.write(batch).await
    }

    /// Makes what was written durable; it is not visible everywhere before the commit.
    pub(crate) async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
    ) -> Result<Vec<(u32, Committable)>> {
        let prepared = self
            .writer
            .prepare(epoch, barrier, &Progress::default())
            .await?;
        if prepared.held {
            return Err(Error::new(
                ErrorKind::Config,
                "this destination keeps dead letters in memory until its end",
            )
            .with_hint("use JSON lines or CSV, or a directory: end the path in /"));
        }
        if let Some(refused) = prepared.rejected.first() {
            return Err(
                Error::new(refused.error.kind(), "dead letters were refused")
                    .with("reason", refused.error.message()),
            );
        }
        Ok(prepared
            .committable
            .map(|part| (0, part))
            .into_iter()
            .collect())
    }

    pub(crate) async fn commit(
        &mut self,
        epoch: u64,
        parts: Vec<(u32, Committable)>,
    ) -> Result<()> {
        if parts.is_empty() {
            return Ok(());
        }
        let commit = Commit {
            identity: self.identity.clone(),
            epoch,
            parts,
            progress: Progress::default(),
        };
        self.sink.commit(&commit).await
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.writer.close().await
    }
}

fn now() -> i64 {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

fn record(letter: &Letter, now: i64) -> Result<StreamRecord<'_>> {
    let rejected = &letter.rejected;
    let error = &rejected.error;
    let number = |key| error.context(key).and_then(|text| text.parse::<u64>().ok());
    let raw = String::from_utf8_lossy(&rejected.raw);
    let exact = matches!(raw, Cow::Borrowed(_));
    let hex = || {
        let bytes = rejected.raw.iter();
        bytes.map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    StreamRecord::new(&dead_letter_stream())
        .with("id", format!("{}#{}", rejected.split, rejected.ordinal))?
        .with("stream", &*rejected.stream)?
        .with("split", rejected.split.as_str())?
        .with("ordinal", rejected.ordinal)?
        .with("offset", rejected.offset.as_ref().map(ToString::to_string))?
        .with("file", error.context("file"))?
        .with("line", number("line"))?
        .with("column", error.context("column"))?
        .with("byte", number("byte"))?
        .with("stage", letter.stage.name())?
        .with("kind", format!("{:?}", error.kind()))?
        .with("reason", error.message())?
        .with("attempt", letter.attempt)?
        .with(
            "at",
            FieldValue::Timestamp(now, TimeUnit::Microsecond, Some("UTC".into())),
        )?
        .with("raw", FieldValue::Utf8(raw))?
        .with("raw_bytes", (!exact).then(hex))
}
