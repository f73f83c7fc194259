//! Both ends of a pipeline: can the source be read, would the sink take it?

use std::sync::Arc;
use std::time::Duration;

use velo_core::{ErrorKind, Replay, Result, SplitChange, StreamInfo};
use velo_pipeline::Pipeline;

use super::Finding;
use crate::report;

/// How long an end may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a source that never ends is listened to.
const LISTENING: Duration = Duration::from_secs(1);

/// Splits after which counting stops.
const ENOUGH: usize = 10_000;

/// Looks at streams and splits of the source; `None` where it cannot be read.
pub(super) async fn source(
    pipeline: &Pipeline,
    findings: &mut Vec<Finding>,
) -> Option<Vec<Arc<StreamInfo>>> {
    let about = "source";
    if pipeline.source().capabilities().replay == Replay::None {
        findings.push(Finding::ok(
            about,
            "can be read once, so it is not looked at",
        ));
        return None;
    }
    let looked = answered(pipeline.source().streams()).await;
    let streams = match looked {
        Ok(streams) => streams,
        Err(finding) => {
            findings.push(finding.about(about));
            return None;
        }
    };
    let splits = answered(count(pipeline)).await;
    findings.push(match splits {
        Err(finding) => finding.about(about),
        Ok(_) if streams.is_empty() => Finding::warning(
            about,
            "there is nothing to read",
            "look at the path and the options of the source",
        ),
        Ok(0) if pipeline.source().capabilities().bounded => Finding::warning(
            about,
            "there is nothing to read now",
            "look at the path and the options of the source",
        ),
        Ok(splits) => Finding::ok(about, counted(streams.len(), splits)),
    });
    Some(streams)
}

fn counted(streams: usize, splits: usize) -> String {
    let plural = |number: usize| if number == 1 { "" } else { "s" };
    format!(
        "can be read: {} stream{}, {} split{}",
        report::count(streams as u64),
        plural(streams),
        report::count(splits as u64),
        plural(splits)
    )
}

async fn count(pipeline: &Pipeline) -> Result<usize> {
    let mut found = pipeline.source().splits(None).await?;
    let patience = match pipeline.source().capabilities().bounded {
        true => PATIENCE,
        false => LISTENING,
    };
    let mut splits = 0;
    while splits < ENOUGH {
        match tokio::time::timeout(patience, found.next()).await {
            Ok(Ok(Some(SplitChange::Added { splits: more, .. }))) => splits += more.len(),
            Ok(Ok(Some(_))) => {}
            Ok(Err(error)) => return Err(error),
            Ok(Ok(None)) | Err(_) => break,
        }
    }
    Ok(splits)
}

/// Asks the sink what it would do; one that holds this pipeline's rows already is not asked.
pub(super) async fn sink(
    pipeline: &Pipeline,
    streams: &[Arc<StreamInfo>],
    has_run: bool,
) -> Finding {
    let about = "sink";
    let announced = match pipeline.announced(streams) {
        Ok(announced) => announced,
        Err(error) => return Finding::of("transform", &error),
    };
    if has_run {
        return Finding::ok(about, "holds what earlier runs committed");
    }
    match answered(pipeline.sink().plan(&announced)).await {
        Err(finding) => finding.about(about),
        Ok(actions) if actions.is_empty() => Finding::ok(about, "nothing has to be made"),
        Ok(actions) => {
            let actions: Vec<_> = actions.iter().map(ToString::to_string).collect();
            Finding::ok(about, actions.join(", "))
        }
    }
}

impl Finding {
    fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }
}

async fn answered<T>(asked: impl Future<Output = Result<T>>) -> Result<T, Finding> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Finding::of("", &error)),
        Err(_) => Err(Finding::problem(
            "",
            ErrorKind::Unavailable,
            "no answer within 30 seconds",
            "look at the network and the server",
        )),
    }
}
