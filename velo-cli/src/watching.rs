//! What `velo run` shows while it works: log lines, and a status that others can look at.

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};
use velo_core::Result;
use velo_pipeline::config::{LogFormat, LogLevel, LogOptions};
use velo_pipeline::{Pipeline, Watching};

use crate::args::Arguments;
use crate::report;
#[cfg(feature = "otel")]
use crate::traces::Sending;

/// Nothing that would have to be sent.
#[cfg(not(feature = "otel"))]
pub(crate) struct Sending;

/// What the command line says of it, before the pipeline file.
#[derive(Debug, Default, Args)]
pub(crate) struct Wanted {
    /// Serve status page and metrics at this address; port 0 is any that is free.
    #[arg(long, value_name = "ADDR")]
    pub(crate) status: Option<SocketAddr>,
    /// How log lines look.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<Format>,
    /// The least important log lines that are written.
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<Least>,
    /// Send a trace of every epoch to this collector: OTLP over HTTP, `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL")]
    pub(crate) traces: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Least {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Wanted {
    /// Puts what the command line says over what the file says.
    pub(crate) fn settle(&self, watching: &mut Watching) -> Result<()> {
        if let Some(listen) = self.status {
            let status = watching.status.get_or_insert_default();
            status.listen = listen;
            status.check()?;
        }
        let log = &mut watching.log;
        log.format = self.log_format.map(Format::of).or(log.format);
        log.level = self.log_level.map(Least::of).or(log.level);
        Ok(())
    }
}

impl Format {
    fn of(self) -> LogFormat {
        match self {
            Self::Text => LogFormat::Text,
            Self::Json => LogFormat::Json,
        }
    }
}

impl Least {
    fn of(self) -> LogLevel {
        match self {
            Self::Error => LogLevel::Error,
            Self::Warn => LogLevel::Warn,
            Self::Info => LogLevel::Info,
            Self::Debug => LogLevel::Debug,
            Self::Trace => LogLevel::Trace,
        }
    }
}

/// Writes log lines to standard error, and sends traces where they are wanted while the answer is
/// held. Of foreign libraries only warnings are written: what else they say may hold an address
/// with its secrets.
pub(crate) fn log(options: LogOptions, wanted: &Wanted) -> Result<Option<Sending>> {
    let level = match options.level.unwrap_or(LogLevel::Warn) {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let ours = Targets::new()
        .with_default(LevelFilter::from_level(level.min(Level::WARN)))
        .with_target("velo", level);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false);
    let lines = match options.format.unwrap_or(LogFormat::Text) {
        LogFormat::Text => lines
            .with_writer(|| Escaping(io::stderr(), report::plain))
            .boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_writer(|| Escaping(io::stderr(), report::plain_json))
            .boxed(),
    };
    let (traces, sending) = traces(wanted)?;
    let registry = tracing_subscriber::registry();
    let layers = registry.with(traces).with(lines.with_filter(ours));
    // Somebody who embeds this may have set up another one.
    drop(layers.try_init());
    Ok(sending)
}

#[cfg(feature = "otel")]
fn traces(wanted: &Wanted) -> Result<(Option<impl Layer<Registry>>, Option<Sending>)> {
    let Some(to) = &wanted.traces else {
        return Ok((None, None));
    };
    let (layer, sending) = crate::traces::start(to)?;
    let spans = Targets::new().with_target("velo_pipeline", Level::DEBUG);
    Ok((Some(layer.with_filter(spans)), Some(sending)))
}

#[cfg(not(feature = "otel"))]
fn traces(wanted: &Wanted) -> Result<(Option<impl Layer<Registry>>, Option<Sending>)> {
    use velo_core::{Error, ErrorKind};
    match wanted.traces.is_none() {
        true => Ok((None::<tracing_subscriber::layer::Identity>, None)),
        false => Err(
            Error::new(ErrorKind::Config, "this velo was built without traces")
                .with("option", "--traces")
                .with_hint("add the feature `otel`"),
        ),
    }
}

/// Writes lines in which no terminal finds anything to obey.
struct Escaping<W>(W, fn(&str) -> String);

impl<W: Write> Write for Escaping<W> {
    /// Takes one log line at a time, as the subscriber gives them.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = match text.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (&*text, ""),
        };
        self.0.write_all(((self.1)(text) + end).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Serves the status of a pipeline while the answer is held.
#[cfg(feature = "status")]
pub(crate) fn serve(
    all: &Arguments,
    pipeline: &Pipeline,
) -> Result<Option<velo_pipeline::status::Server>> {
    let server = velo_pipeline::status::serve(vec![pipeline.watched()], &pipeline.watching)?;
    let address = server.as_ref().and_then(|server| server.address());
    if let Some(address) = address.filter(|_| !all.quiet && !all.json) {
        report::tell(&format!("status at http://{address}/\n"))?;
    }
    Ok(server)
}

#[cfg(not(feature = "status"))]
pub(crate) fn serve(_: &Arguments, pipeline: &Pipeline) -> Result<Option<()>> {
    use velo_core::{Error, ErrorKind};
    let watching = &pipeline.watching;
    match watching.status.is_some() || watching.webhook.is_some() {
        false => Ok(None),
        true => Err(
            Error::new(ErrorKind::Config, "this velo was built without a status")
                .with("key", "status")
                .with_hint("add the feature `status`"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t182_a_log_line_ends_where_it_ends() {
        let mut written = Vec::new();
        let line = b"WARN error=a\nb \x1b[31m \xe2\x80\xae\n";
        assert_eq!(
            Escaping(&mut written, report::plain).write(line).ok(),
            Some(line.len())
        );
        let shown = String::from_utf8(written).unwrap_or_default();
        assert_eq!(shown, "WARN error=a\\nb \\u{1b}[31m \\u{202e}\n");
    }
}
