//! `velo plan SRC DST`.

use velo_core::Result;
use velo_pipeline::guarantee;
use velo_registry::{create_sink, create_source};

use crate::args::Arguments;
use crate::{report, schema};

pub(crate) async fn plan(all: &Arguments, source: &str, destination: &str) -> Result<()> {
    let (source, sink) = (create_source(source)?, create_sink(destination)?);
    let streams = source.streams().await?;
    let actions = sink.plan(&streams).await?;
    let estimate = source.estimate().await?;
    let (reads, writes) = (source.capabilities(), sink.capabilities());
    let promise = guarantee(&reads, &writes);
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
    text += &format!("guarantee {promise} when resumed by a pipeline\n");
    let whole = "all rows or none show in the destination";
    if reads.bounded && writes.commit == velo_core::CommitKind::TwoPhase {
        text += &format!("copy      {whole}\n");
    }
    for note in schema::notes(&streams) {
        text += &format!("note: {note}\n");
    }
    report::print(&text)
}
