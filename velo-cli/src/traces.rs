//! Traces of epochs as OpenTelemetry takes them: OTLP 1.x over HTTP, in its JSON form
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).
//!
//! A run makes a handful of spans in an epoch, so one thread with one connection is plenty. What
//! cannot be sent is dropped; a pipeline never waits for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use ureq::Agent;
use velo_core::{Error, ErrorKind, Result};

/// Spans that wait to be sent; later ones are dropped.
const WAITING: usize = 1000;

/// How long spans are collected before they are sent together.
const COLLECT: Duration = Duration::from_secs(1);

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Turns spans into OTLP.
pub(crate) struct Traces(SyncSender<Told>);

/// Sends what is left when it is dropped.
pub(crate) struct Sending(SyncSender<Told>);

enum Told {
    Span(Value),
    /// Everything is to be sent now, and the sender told.
    End(SyncSender<()>),
}

/// An open span.
struct Open {
    trace: u128,
    span: u64,
    parent: Option<u64>,
    begun: SystemTime,
    attributes: Attributed,
}

#[derive(Default)]
struct Attributed(Vec<Value>);

/// Starts to send spans to `<to>/v1/traces`.
///
/// # Errors
/// `Io` when no thread can be started.
pub(crate) fn start(to: &str) -> Result<(Traces, Sending)> {
    let (sender, receiver) = sync_channel(WAITING);
    let url = format!("{}/v1/traces", to.trim_end_matches('/'));
    let thread = std::thread::Builder::new().name("velo-traces".to_owned());
    let started = thread.spawn(move || work(&url, &receiver));
    started
        .map_err(|cause| Error::new(ErrorKind::Io, "start the trace thread").with_source(cause))?;
    Ok((Traces(sender.clone()), Sending(sender)))
}

impl Drop for Sending {
    fn drop(&mut self) {
        let (done, sent) = sync_channel(1);
        if self.0.try_send(Told::End(done)).is_ok() {
            // A collector that does not answer must not keep the process.
            let _ = sent.recv_timeout(PATIENCE);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        let parent = span.parent().and_then(|parent| {
            let extensions = parent.extensions();
            extensions.get::<Open>().map(|open| (open.trace, open.span))
        });
        let mut attributed = Attributed::default();
        attributes.record(&mut attributed);
        span.extensions_mut().insert(Open {
            // Zero is no id.
            trace: parent.map_or_else(|| fastrand::u128(1..), |(trace, _)| trace),
            span: fastrand::u64(1..),
            parent: parent.map(|(_, span)| span),
            begun: SystemTime::now(),
            attributes: attributed,
        });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        if let Some(open) = span.extensions_mut().remove::<Open>() {
            // Too many wait: the collector is slow, and the pipeline is not to be.
            drop(self.0.try_send(Told::Span(open.ended(span.metadata()))));
        }
    }
}

impl Open {
    fn ended(self, metadata: &Metadata<'_>) -> Value {
        let mut span = json!({
            "traceId": format!("{:032x}", self.trace),
            "spanId": format!("{:016x}", self.span),
            "name": metadata.name(),
            "kind": 1,
            "startTimeUnixNano": nanos(self.begun),
            "endTimeUnixNano": nanos(SystemTime::now()),
            "attributes": self.attributes.0,
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = json!(format!("{parent:016x}"));
        }
        span
    }
}

impl Attributed {
    fn add(&mut self, field: &Field, value: Value) {
        self.0.push(json!({ "key": field.name(), "value": value }));
    }
}

impl Visit for Attributed {
    fn record_u64(&mut self, field: &Field, value: u64) {
        // 64-bit numbers are text in the JSON form.
        self.add(field, json!({ "intValue": value.to_string() }));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, json!({ "stringValue": value }));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field, json!({ "stringValue": format!("{value:?}") }));
    }
}

fn nanos(at: SystemTime) -> String {
    let since_1970 = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    since_1970.as_nanos().to_string()
}

/// Sends spans together, until nobody makes any.
fn work(url: &str, told: &Receiver<Told>) {
    let config = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .build();
    let agent = Agent::new_with_config(config);
    let mut spans = Vec::new();
    loop {
        match told.recv_timeout(COLLECT) {
            Ok(Told::Span(span)) => {
                spans.push(span);
                if spans.len() < WAITING {
                    continue;
                }
                send(&agent, url, &mut spans);
            }
            Ok(Told::End(done)) => {
                send(&agent, url, &mut spans);
                // Whoever has not waited any longer needs no answer.
                let _ = done.try_send(());
            }
            Err(RecvTimeoutError::Timeout) => send(&agent, url, &mut spans),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn send(agent: &Agent, url: &str, spans: &mut Vec<Value>) {
    let spans = std::mem::take(spans);
    if spans.is_empty() {
        return;
    }
    let service = json!({ "key": "service.name", "value": { "stringValue": "velo" } });
    let body = json!({ "resourceSpans": [{
        "resource": { "attributes": [service] },
        "scopeSpans": [{
            "scope": { "name": "velo", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans,
        }],
    }] });
    let sent = agent
        .post(url)
        .header("content-type", "application/json")
        .send(body.to_string());
    if sent.is_err() {
        // The error may spell the address, which may hold a secret.
        tracing::warn!("nobody takes the traces");
    }
}
