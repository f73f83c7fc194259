#![doc = include_str!("../README.md")]

mod batch;
mod budget;
mod changes;
mod connector;
mod error;
mod event;
pub mod memory;
mod offset;
mod options;
mod pace;
mod plain;
mod predicate;
mod progress;
mod record;
pub mod simple;
mod sink;
mod source;
mod stream;
pub mod uri;
mod value;

pub use batch::{Batch, Span};
pub use budget::{Budget, Lease};
pub use changes::{Changes, Op};
pub use connector::Connector;
pub use error::{Error, ErrorKind, Result};
pub use event::{ColumnChange, Event, Mark, Rejected, SchemaChange, Token};
pub use offset::{Offset, SourceOffset};
pub use options::{ByteSize, OptionInfo, TimeSpan, describe};
pub use pace::Pace;
pub use plain::{Reader, Sink, Source, Writer};
pub use predicate::{Comparison, Literal, Predicate};
pub use progress::{
    Barrier, Commit, Committable, Identity, Position, Prepared, Progress, Split, SplitId,
};
pub use record::StreamRecord;
pub use sink::{
    Action, CommitKind, DataSink, DataWriter, Recovered, SinkCapabilities, WriteRequest,
};
pub use source::{
    DataReader, DataSource, Pushdown, ReadRequest, Replay, SourceCapabilities, SourceEstimate,
    SplitChange, SplitEnumerator,
};
pub use stream::StreamInfo;
pub use uri::{Query, Uri, nearest};
pub use value::FieldValue;
