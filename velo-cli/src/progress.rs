//! The progress line on a terminal: rows, bytes, rate, time left.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use velo_core::Source;
use velo_pipeline::Counters;

use crate::args::Arguments;
use crate::report;

const REFRESH: Duration = Duration::from_millis(100);

pub(crate) struct Progress {
    bar: ProgressBar,
    ticking: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows progress where somebody sees it.
    pub(crate) async fn start(all: &Arguments, source: &Source, counters: Arc<Counters>) -> Self {
        let seen = std::io::stderr().is_terminal() || all.color == clap::ColorChoice::Always;
        if all.quiet || all.json || !seen {
            return Self {
                bar: ProgressBar::hidden(),
                ticking: None,
            };
        }
        // What cannot be estimated has no end to show; the copy itself reports what is wrong.
        let total = source.estimate().await.unwrap_or_default().bytes;
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        bar.set_style(style(total.is_some(), all.color));
        let shown = bar.clone();
        let ticking = tokio::spawn(async move {
            let mut clock = tokio::time::interval(REFRESH);
            loop {
                clock.tick().await;
                shown.set_position(counters.bytes());
                shown.set_message(format!("{} rows", report::count(counters.rows())));
            }
        });
        Self {
            bar,
            ticking: Some(ticking),
        }
    }

    pub(crate) fn finish(self) {
        if let Some(ticking) = self.ticking {
            ticking.abort();
        }
        self.bar.finish_and_clear();
    }
}

fn style(bounded: bool, color: clap::ColorChoice) -> ProgressStyle {
    let plain = color == clap::ColorChoice::Never || std::env::var_os("NO_COLOR").is_some();
    let template = match (bounded, plain) {
        (true, true) => "{msg}  {wide_bar} {percent}%  {binary_bytes_per_sec}  {eta} left",
        (true, false) => "{msg}  {wide_bar:.cyan} {percent}%  {binary_bytes_per_sec}  {eta} left",
        (false, _) => "{msg}  {binary_bytes}  {binary_bytes_per_sec}  {elapsed}",
    };
    let style = ProgressStyle::with_template(template);
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}
