//! A pipeline as others see it: metrics, status, health, webhook, rows.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use velo_core::memory::Memory;
use velo_core::{ErrorKind, Sink, Source};
use velo_pipeline::config::{StatusOptions, WebhookOptions};
use velo_pipeline::health::Level;
use velo_pipeline::metrics::{ALERTS, METRICS};
use velo_pipeline::status::{Server, serve};
use velo_pipeline::{BreakerSettings, Pipeline, Stop, Transforms, Watched};

use crate::evaluate::{Scrape, fires};
use crate::scripted::{Scripted, Then};
use crate::stuck::Stuck;

fn pipeline(then: Then) -> Pipeline {
    let sink = Sink::new(Memory::new("to").sink());
    let mut pipeline = Pipeline::new("numbers", Source::new(Scripted(then)), sink);
    pipeline.ends = vec!["source a://b".to_owned(), "sink c://d".to_owned()];
    pipeline.every = Duration::from_millis(20);
    pipeline.threads = 2;
    pipeline.retry.first = Duration::from_millis(1);
    pipeline.drain = Duration::from_secs(2);
    pipeline.watching.status = Some(StatusOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..StatusOptions::default()
    });
    pipeline
}

/// A pipeline that runs and is served.
struct Served {
    server: Server,
    watched: Watched,
    stop: Stop,
    running: tokio::task::JoinHandle<velo_core::Result<velo_pipeline::Summary>>,
}

impl Served {
    fn start(pipeline: Pipeline) -> Self {
        let watched = pipeline.watched();
        let server = serve(vec![watched.clone()], &pipeline.watching)
            .unwrap()
            .unwrap();
        Self {
            server,
            watched,
            stop: pipeline.stop.clone(),
            running: tokio::spawn(pipeline.run()),
        }
    }

    fn address(&self) -> SocketAddr {
        self.server.address().unwrap()
    }

    async fn get(&self, path: &str) -> String {
        let address = self.address();
        let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        tokio::task::spawn_blocking(move || say(address, head.as_bytes()))
            .await
            .unwrap()
    }

    /// Waits until something is so.
    async fn until(&self, what: &str, so: impl Fn(&Watched) -> bool) {
        let begun = Instant::now();
        while !so(&self.watched) {
            assert!(begun.elapsed() < Duration::from_secs(20), "never {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) {
        self.stop.now();
        drop(self.running.await);
    }
}

fn say(address: SocketAddr, words: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    // A server that has heard enough closes.
    drop(stream.write_all(words));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8(answer).unwrap()
}

/// Names the alerts that two answers of `/metrics` make fire, as if ten minutes apart.
fn firing(before: &str, after: &str) -> Vec<&'static str> {
    let scrape = |answer: &str| Scrape::of(answer.split_once("\r\n\r\n").unwrap().1, true);
    let scrapes = [scrape(before), scrape(after)];
    let rules = ALERTS.iter().filter(|alert| fires(alert.expr, &scrapes));
    rules.map(|alert| alert.name).collect()
}

fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find(|line| {
        let rest = line.strip_prefix(series);
        rest.is_some_and(|rest| rest.starts_with(' '))
    });
    let line = line.unwrap_or_else(|| panic!("no {series} in\n{metrics}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

/// The values that a run of [`Scripted`] ends up with, for every metric that does not depend on time.
const VALUES: [(&str, &str, f64); 24] = [
    (
        "velo_info",
        ",source=\"a://b\",sink=\"c://d\",guarantee=\"effectively-once\"",
        1.0,
    ),
    ("velo_health", "", 0.0),
    ("velo_rows_read_total", "", 101.0),
    ("velo_rows_written_total", "", 90.0),
    ("velo_rows_filtered_total", "", 10.0),
    ("velo_rows_rejected_total", ",stage=\"decode\"", 1.0),
    ("velo_rows_rejected_total", ",stage=\"transform\"", 0.0),
    ("velo_rows_rejected_total", ",stage=\"write\"", 0.0),
    ("velo_bytes_read_total", "", 1000.0),
    ("velo_commits_total", "", 1.0),
    ("velo_commit_seconds_count", "", 1.0),
    ("velo_retries_total", "", 0.0),
    ("velo_breaker_state", "", 0.0),
    ("velo_store_failing", "", 0.0),
    ("velo_held_position_seconds", "", 0.0),
    ("velo_splits", ",state=\"open\"", 1.0),
    ("velo_splits", ",state=\"waiting\"", 0.0),
    ("velo_splits", ",state=\"ended\"", 0.0),
    ("velo_split_lag_rows", ",split=\"a\"", 400.0),
    ("velo_split_lag_bytes", ",split=\"a\"", 4000.0),
    ("velo_memory_used_bytes", ",part=\"readers\"", 0.0),
    ("velo_memory_used_bytes", ",part=\"writers\"", 0.0),
    ("velo_memory_limit_bytes", ",part=\"readers\"", 25_165_824.0),
    ("velo_memory_limit_bytes", ",part=\"writers\"", 25_165_824.0),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_seen_with_its_value_in_one_run() {
    let mut moved = pipeline(Then::Waits);
    let filter = serde_json::json!([{ "filter": "n >= 10" }]);
    moved.transforms = Transforms::parse(&filter).unwrap();
    let served = Served::start(moved);
    served
        .until("committed", |of| of.counters().settled() == [90, 1])
        .await;
    // The look of every second, which judges health.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let metrics = served.get("/metrics").await;
    for metric in METRICS {
        let sample = |line: &str| line.starts_with(metric.name);
        assert!(metrics.lines().any(sample), "{}", metric.name);
    }
    let of = |name: &str, labels: &str| {
        let series = format!("{name}{{pipeline=\"numbers\",task=\"0\"{labels}}}");
        value(&metrics, &series)
    };
    for (name, labels, right) in VALUES {
        assert_eq!(of(name, labels), right, "{name}{labels}");
    }
    let epochs = of("velo_epoch", "");
    assert!(epochs >= of("velo_epoch_seconds_count", "") && epochs >= 10.0);
    assert!(of("velo_epoch_seconds_sum", "") < 10.0);
    assert!(of("velo_checkpoint_age_seconds", "") < 1.0);
    let lag = of("velo_split_lag_seconds", ",split=\"a\"");
    let (uptime, idle) = (of("velo_uptime_seconds", ""), of("velo_idle_seconds", ""));
    assert!(
        lag > 1.0 && idle > 0.0 && uptime >= lag.max(idle),
        "{lag} {idle} {uptime}"
    );
    assert!(value(&metrics, "process_resident_memory_bytes") > 1e6);
    assert!(value(&metrics, "process_cpu_seconds_total") > 0.0);
    assert!(value(&metrics, "process_threads") > 2.0);
    assert!(value(&metrics, "process_max_fds") > value(&metrics, "process_open_fds"));
    check_status(&served.get("/status").await);
    assert!(!metrics.contains("planted-value"));
    served.stop().await;
}

fn check_status(status: &str) {
    assert!(!status.contains("planted-value"));
    let (_, body) = status.split_once("\r\n\r\n").unwrap();
    let status: serde_json::Value = serde_json::from_str(body).unwrap();
    let of = &status["pipelines"][0];
    assert_eq!(of["splits"]["lag"][0]["rows"], 400);
    assert_eq!(of["splits"]["lag"][0]["position"], "memory.v1:0/101");
    assert_eq!(of["dead_letters"][0]["kind"], "InvalidData");
    assert_eq!(of["rolling"]["rows_per_second"][2]["window"], "24h");
    assert_eq!(of["health"]["level"], "healthy");
    assert_eq!(of["phase"], "running");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_turns_and_somebody_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = tokio::task::spawn_blocking(move || {
        // The first try finds nobody at home.
        drop(listener.accept().unwrap());
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        let mut part = [0; 4096];
        while !String::from_utf8_lossy(&heard).contains("\"to\"") {
            let count = stream.read(&mut part).unwrap();
            heard.extend_from_slice(&part[..count]);
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        String::from_utf8(heard).unwrap()
    });
    let mut failing = pipeline(Then::Fails);
    failing.breaker = BreakerSettings {
        failures: 2,
        open_for: Duration::from_secs(600),
        successes: 1,
    };
    failing.watching.webhook = Some(WebhookOptions {
        url: format!("http://{address}/s3cret").into(),
        on: vec![Level::Unhealthy],
    });
    let served = Served::start(failing);
    let heard = told.await.unwrap();
    assert!(heard.starts_with("POST /s3cret HTTP/1.1\r\n"), "{heard}");
    let (_, body) = heard.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&body["pipeline"], &body["to"]),
        (&"numbers".into(), &"unhealthy".into())
    );
    assert_eq!(body["reasons"][0]["code"], "breaker_open");
    let ready = served.get("/readyz").await;
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("breaker_open"),
        "{ready}"
    );
    let alive = served.get("/healthz").await;
    assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
    let status = served.get("/status").await;
    assert!(
        status.contains("source went away") && status.contains("\"waiting\""),
        "{status}"
    );
    let metrics = served.get("/metrics").await;
    let fired = firing(&metrics, &metrics);
    assert_eq!(fired, ["VeloUnhealthy", "VeloBreakerOpen"]);
    for answer in [ready, alive, status, metrics] {
        assert!(!answer.contains("s3cret"), "{answer}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_told_and_forgotten_when_it_is_well() {
    let store = Stuck::default();
    let full = store.full.clone();
    full.store(true, Ordering::Relaxed);
    let mut failing = pipeline(Then::Waits);
    failing.store = Some(Arc::new(store));
    failing.retry.longest = Duration::from_millis(20);
    failing.breaker.failures = 10_000;
    let served = Served::start(failing);
    let before = served.get("/metrics").await;
    let tries = served.watched.snapshot().retries;
    served
        .until("failing", |of| of.snapshot().retries > tries + 3)
        .await;
    // The look of every second, which judges health.
    while served.get("/readyz").await.starts_with("HTTP/1.1 200") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let metrics = served.get("/metrics").await;
    let fired = firing(&before, &metrics);
    assert_eq!(fired, ["VeloUnhealthy", "VeloStoreFails", "VeloRetries"]);
    let of = |name: &str| {
        let series = format!("{name}{{pipeline=\"numbers\",task=\"0\"}}");
        value(&metrics, &series)
    };
    assert_eq!(of("velo_store_failing"), 1.0);
    assert!(of("velo_retries_total") > 2.0);
    let health = served.watched.vitals(Duration::ZERO).health();
    let codes: Vec<_> = health.reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, ["store_fails", "retrying"]);
    full.store(false, Ordering::Relaxed);
    let well = |of: &Watched| of.vitals(Duration::ZERO).health().level == Level::Healthy;
    served.until("well", well).await;
    let snapshot = served.watched.snapshot();
    assert_eq!((snapshot.failures, snapshot.breaker), (0, "closed"));
    assert!(snapshot.errors.len() > 2 && snapshot.errors.len() <= 20);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t159_a_lane_that_panics_ends_the_run_and_one_that_hangs_is_noticed() {
    let crashed = pipeline(Then::Panics).run().await.unwrap_err();
    assert_eq!(crashed.kind(), ErrorKind::Unexpected);
    let served = Served::start(pipeline(Then::Hangs(Duration::from_secs(4))));
    served
        .until("hanging", |of| {
            let ending = of.vitals(Duration::from_secs(600)).ending;
            ending.is_some_and(|ending| ending > Duration::from_millis(500))
        })
        .await;
    let vitals = served.watched.vitals(Duration::from_secs(600));
    let health = vitals.health();
    assert_eq!(
        (health.level, health.reasons[0].code),
        (Level::Unhealthy, "stalled")
    );
    // Others are still told.
    assert!(served.get("/metrics").await.contains("velo_idle_seconds"));
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_asked_for_is_answered() {
    let served = Served::start(pipeline(Then::Waits));
    let address = served.address();
    for (request, code) in [
        ("GET / HTTP/1.1\r\nhost: localhost", "200"),
        ("HEAD /status HTTP/1.1\r\nhost: [::1]:9464", "200"),
        ("GET /page.js HTTP/1.1\r\nhost: 127.0.0.1:1", "200"),
        ("GET /healthz HTTP/1.0", "200"),
        ("POST /status HTTP/1.1\r\nhost: localhost", "405"),
        ("GET /../etc/passwd HTTP/1.1\r\nhost: localhost", "404"),
        ("GET /status HTTP/1.1\r\nhost: evil.example", "421"),
        ("GET /tap HTTP/1.1\r\nhost: localhost", "403"),
        ("nonsense", "400"),
    ] {
        let request = format!("{request}\r\n\r\n");
        let said = tokio::task::spawn_blocking(move || (say(address, request.as_bytes()), request));
        let (answer, request) = said.await.unwrap();
        let answered = answer.split(' ').nth(1);
        assert_eq!(answered, Some(code), "{request}{answer}");
        if code == "200" {
            for header in ["default-src 'none'", "nosniff", "no-store", "DENY"] {
                assert!(answer.contains(header), "{header}: {answer}");
            }
            assert!(!answer.contains("access-control"), "{answer}");
        }
    }
    let long = format!("/{}", "x".repeat(1000));
    assert!(served.get(&long).await.starts_with("HTTP/1.1 414"));
    let huge = format!("/{}", "x".repeat(1 << 20));
    let answer = served.get(&huge).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_shown_to_one_who_may_see_them() {
    let mut open = pipeline(Then::Waits);
    open.watching.status.as_mut().unwrap().tap = true;
    let watched = open.watched();
    let server = serve(vec![watched.clone()], &open.watching)
        .unwrap()
        .unwrap();
    let stop = open.stop.clone();
    let address = server.address().unwrap();
    let looking = tokio::task::spawn_blocking(move || {
        say(address, b"GET /tap HTTP/1.1\r\nhost: localhost\r\n\r\n")
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = tokio::task::spawn_blocking(move || {
        say(address, b"GET /tap HTTP/1.1\r\nhost: localhost\r\n\r\n")
    });
    let running = tokio::spawn(open.run());
    let (rows, second) = (looking.await.unwrap(), second.await.unwrap());
    assert!(
        rows.contains("{\"stream\":\"numbers\",\"row\":{\"n\":0}}\n"),
        "{rows}"
    );
    assert!(rows.lines().count() < 40, "{rows}");
    assert!(second.starts_with("HTTP/1.1 409"), "{second}");
    stop.now();
    drop(running.await);
}
