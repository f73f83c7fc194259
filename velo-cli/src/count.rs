//! `velo count URI`.

use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result, Sink};
use velo_pipeline::{Copy, Discard};
use velo_registry::create_source;

use crate::args::Arguments;
use crate::progress::Progress;
use crate::report;

pub(crate) async fn count(
    all: &Arguments,
    uri: &str,
    filter: Option<&str>,
    threads: usize,
) -> Result<()> {
    let source = create_source(uri)?;
    if !source.capabilities().bounded {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "rows of a source without end cannot be counted",
        )
        .with_hint(
            "give it an end, as rows=1000 does for test://, or look at its first rows by velo head",
        ));
    }
    let mut copy = Copy::new(source.clone(), Sink::new(Discard));
    copy.threads = threads;
    copy.filter = filter.map(str::parse).transpose()?.map(Arc::new);
    copy.columns = copy.filter.is_none().then(|| Arc::from([]));
    let progress = Progress::start(all, &source, copy.counters.clone()).await;
    let outcome = copy.run().await;
    progress.finish();
    let rows = outcome?.rows;
    let text = if all.json {
        format!("{{\"rows\":{rows}}}\n")
    } else {
        format!("{rows}\n")
    };
    report::print(&text)
}
