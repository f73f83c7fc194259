//! `velo plan SRC DST` and `velo plan FILE`.

use std::path::Path;

use velo_core::{CommitKind, DataSink, DataSource, Result};
use velo_pipeline::{Guarantee, guarantee};
use velo_registry::{create_sink, create_source};

use crate::args::Arguments;
use crate::{report, run, schema};

pub(crate) async fn copy(all: &Arguments, source: &str, destination: &str) -> Result<()> {
    let (source, sink) = (create_source(source)?, create_sink(destination)?);
    let promise = guarantee(&source.capabilities(), &sink.capabilities());
    let told = format!("{promise} when resumed by a pipeline");
    show(all, &*source, &*sink, promise, &told).await
}

pub(crate) async fn pipeline(all: &Arguments, file: &str) -> Result<()> {
    let pipeline = run::open(all, Path::new(file))?;
    let promise = pipeline.guarantee();
    let remembers = match &pipeline.store {
        Some(store) => format!("positions in {}", store.shown()),
        None if pipeline.sink().capabilities().positions => "positions in the sink".to_owned(),
        None => "nothing remembered: a restart begins again".to_owned(),
    };
    let told = format!("{promise}, {remembers}");
    show(all, pipeline.source(), pipeline.sink(), promise, &told).await
}

async fn show(
    all: &Arguments,
    source: &dyn DataSource,
    sink: &dyn DataSink,
    promise: Guarantee,
    told: &str,
) -> Result<()> {
    let streams = source.streams().await?;
    let actions = sink.plan(&streams).await?;
    let estimate = source.estimate().await?;
    let (reads, writes) = (source.capabilities(), sink.capabilities());
    if all.json {
        let plan = serde_json::json!({
            "guarantee": promise.to_string(),
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
    for stream in &streams {
        let columns = stream.schema().fields().len();
        text += &format!("read      {} ({columns} columns)\n", stream.name());
    }
    if let Some(bytes) = estimate.bytes {
        text += &format!("size      {} bytes\n", report::count(bytes));
    }
    for action in &actions {
        text += &format!("then      {action}\n");
    }
    text += &format!("guarantee {told}\n");
    let whole = "all rows or none show in the destination";
    if reads.bounded && writes.commit == CommitKind::TwoPhase {
        text += &format!("copy      {whole}\n");
    }
    for note in schema::notes(&streams) {
        text += &format!("note: {note}\n");
    }
    report::print(&text)
}
