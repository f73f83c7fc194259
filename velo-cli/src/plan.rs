//! `velo plan SRC DST` and `velo plan FILE`.

use std::path::Path;
use std::sync::Arc;

use velo_core::{CommitKind, DataSink, DataSource, Result, StreamInfo};
use velo_pipeline::{Guarantee, guarantee};
use velo_registry::{create_sink, create_source};

use crate::args::Arguments;
use crate::{report, run, schema};

pub(crate) async fn copy(all: &Arguments, source: &str, destination: &str) -> Result<()> {
    let (source, sink) = (create_source(source)?, create_sink(destination)?);
    let promise = guarantee(&source.capabilities(), &sink.capabilities());
    let told = format!("{promise} when resumed by a pipeline");
    let streams = source.streams().await?;
    let copied = Planned {
        announced: streams.clone(),
        streams,
        promise,
        told,
        is_copy: true,
    };
    show(all, &*source, &*sink, &copied).await
}

pub(crate) async fn pipeline(all: &Arguments, file: &str) -> Result<()> {
    let pipeline = run::open(all, Path::new(file))?;
    let promise = pipeline.guarantee();
    let remembers = match &pipeline.store {
        Some(store) => format!("positions in {}", store.shown()),
        None if pipeline.sink().capabilities().positions => "positions in the sink".to_owned(),
        None => "nothing remembered: a restart begins again".to_owned(),
    };
    let streams = pipeline.source().streams().await?;
    let planned = Planned {
        announced: pipeline.announced(&streams)?,
        streams,
        promise,
        told: format!("{promise}, {remembers}"),
        is_copy: false,
    };
    show(all, pipeline.source(), pipeline.sink(), &planned).await
}

/// What would move, and what is promised.
struct Planned {
    /// As the source has them, and as the sink gets them.
    streams: Vec<Arc<StreamInfo>>,
    announced: Vec<Arc<StreamInfo>>,
    promise: Guarantee,
    told: String,
    /// A copy shows nothing before its end; a pipeline shows what it commits.
    is_copy: bool,
}

async fn show(
    all: &Arguments,
    source: &dyn DataSource,
    sink: &dyn DataSink,
    planned: &Planned,
) -> Result<()> {
    let streams = &planned.streams;
    let actions = sink.plan(&planned.announced).await?;
    let estimate = source.estimate().await?;
    let (reads, writes) = (source.capabilities(), sink.capabilities());
    if all.json {
        let plan = serde_json::json!({
            "guarantee": planned.promise.to_string(),
            "replay": format!("{:?}", reads.replay),
            "commit": format!("{:?}", writes.commit),
            "streams": streams.iter().map(|stream| stream.name()).collect::<Vec<_>>(),
            "actions": actions.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "bytes": estimate.bytes,
            "rows": estimate.rows,
        });
        return report::print(&format!("{plan}\n"));
    }
    let mut text = String::new();
    for (stream, announced) in streams.iter().zip(&planned.announced) {
        let columns = stream.schema().fields().len();
        text += &format!("read      {} ({columns} columns)\n", stream.name());
        if announced.schema() != stream.schema() {
            let names = announced.schema().fields().iter();
            let names: Vec<_> = names.map(|field| field.name().as_str()).collect();
            text += &format!("write     {} ({})\n", announced.name(), names.join(", "));
        }
    }
    if let Some(bytes) = estimate.bytes {
        text += &format!("size      {} bytes\n", report::count(bytes));
    }
    for action in &actions {
        text += &format!("then      {action}\n");
    }
    text += &format!("guarantee {}\n", planned.told);
    if planned.is_copy && reads.bounded && writes.commit == CommitKind::TwoPhase {
        text += "copy      all rows or none show in the destination\n";
    }
    for note in schema::notes(streams) {
        text += &format!("note: {note}\n");
    }
    report::print(&text)
}
