//! What is answered: metrics, status, health, and the page.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::monitor::Monitor;
use crate::config::StatusOptions;
use crate::health::{Health, Level};
use crate::metrics::{self, Process};

/// Longest path.
const LONGEST: usize = 256;

/// How long `/tap` looks at the rows that pass.
const TAP: Duration = Duration::from_secs(1);

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Nothing but what the server itself sends is loaded or asked by the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its parts.
const PAGE: [(&str, &str, &str); 4] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("page/index.html"),
    ),
    (
        "/page.css",
        "text/css; charset=utf-8",
        include_str!("page/page.css"),
    ),
    (
        "/page.js",
        "text/javascript; charset=utf-8",
        include_str!("page/page.js"),
    ),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];

/// Answers requests.
pub(super) struct Routes {
    monitor: Arc<Monitor>,
    options: StatusOptions,
}

type Answer = Response<Full<Bytes>>;

impl Routes {
    pub(super) fn new(monitor: Arc<Monitor>, options: StatusOptions) -> Self {
        Self { monitor, options }
    }

    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Answer {
        let path = request.uri().path();
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            refused.headers_mut().insert(header::ALLOW, allowed);
            return refused;
        }
        if path.len() > LONGEST {
            return plain(StatusCode::URI_TOO_LONG, "no path is that long\n");
        }
        let host = request.headers().get(header::HOST);
        if self.options.listen.ip().is_loopback() && !is_local(host) {
            let misled = "this address answers to localhost only\n";
            return plain(StatusCode::MISDIRECTED_REQUEST, misled);
        }
        match path {
            "/metrics" => {
                let text = metrics::text(&self.monitor.views(), &Process::now());
                answer(StatusCode::OK, METRICS, text)
            }
            "/status" => answer(StatusCode::OK, JSON, self.monitor.status().to_string()),
            "/healthz" => self.alive(),
            "/readyz" => self.ready(),
            "/tap" => self.tap().await,
            _ => match PAGE.iter().find(|(known, ..)| *known == path) {
                Some((_, kind, text)) => answer(StatusCode::OK, kind, (*text).to_owned()),
                None => plain(StatusCode::NOT_FOUND, "no such page\n"),
            },
        }
    }

    /// Says no when a pipeline has been unhealthy for longer than it may be.
    fn alive(&self) -> Answer {
        let healths = self.monitor.healths();
        let grace = self.options.grace.0;
        let too_long = |(_, health, since): &(_, Health, Duration)| {
            health.level == Level::Unhealthy && *since > grace
        };
        told(!healths.iter().any(too_long), &healths)
    }

    /// Says yes when every pipeline has recovered and none is unhealthy.
    fn ready(&self) -> Answer {
        let healths = self.monitor.healths();
        let unhealthy = |(_, health, _): &(_, Health, _)| health.level == Level::Unhealthy;
        let ready = self.monitor.all_recovered() && !healths.iter().any(unhealthy);
        told(ready, &healths)
    }

    /// Shows a sample of the rows that pass within a second, where it is allowed.
    async fn tap(&self) -> Answer {
        if !self.options.tap {
            let hint = "rows are shown only where the pipeline file says `status: { tap: true }`\n";
            return plain(StatusCode::FORBIDDEN, hint);
        }
        let Some(watched) = self.monitor.first() else {
            return plain(StatusCode::NOT_FOUND, "no pipeline\n");
        };
        let Some(listening) = watched.counters().listen() else {
            return plain(StatusCode::CONFLICT, "somebody else looks at the rows\n");
        };
        tokio::time::sleep(TAP).await;
        let lines = listening.take().concat();
        answer(StatusCode::OK, "application/x-ndjson", lines)
    }
}

/// Says whether a request was meant for this machine: a name that a stranger's name server has
/// pointed here was not.
fn is_local(host: Option<&HeaderValue>) -> bool {
    let Some(host) = host.and_then(|host| host.to_str().ok()) else {
        return host.is_none();
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<IpAddr>().is_ok()
}

fn told(well: bool, healths: &[(String, Health, Duration)]) -> Answer {
    let code = match well {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let pipelines = healths.iter().map(|(pipeline, health, since)| {
        json!({
            "pipeline": pipeline,
            "level": health.level,
            "since_seconds": since.as_secs(),
            "reasons": health.reasons,
        })
    });
    let pipelines: Vec<_> = pipelines.collect();
    let body = json!({ "ok": well, "pipelines": pipelines });
    answer(code, JSON, format!("{body}\n"))
}

fn plain(code: StatusCode, text: &'static str) -> Answer {
    answer(code, TEXT, text.to_owned())
}

fn answer(code: StatusCode, kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = code;
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
