//! Running pipelines, watched from outside: page, `velo top`, `velo tap`, logs, secrets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::velo::Folder;

/// `velo run p.yaml`, with a status at an address of its own.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: String,
}

impl Running {
    pub(crate) fn start(folder: &Folder, more: &[&str]) -> Self {
        let arguments = [&["run", "p.yaml", "--status", "127.0.0.1:0"], more].concat();
        let mut command = folder.command(&arguments);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("status at http://") {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "no status");
        }
        let address = line
            .trim_start_matches("status at http://")
            .trim_end_matches("/\n");
        let address = address.to_owned();
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self { child, address }
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }

    /// Waits until the status says something.
    pub(crate) fn until(&self, words: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            let status = self.get("/status");
            if words.iter().all(|word| status.contains(word)) {
                return status;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{words:?}: {status}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        drop(self.child.wait());
    }
}

/// A pipeline that goes on for long enough and has something to show.
fn pipeline(folder: &Folder) {
    let line = |row: usize| match row % 500 {
        7 => format!("{{bad {row}\n"),
        _ => format!("{{\"id\":{row},\"kind\":\"k{}\"}}\n", row % 3),
    };
    let text: String = (0..400_000).map(line).collect();
    folder.put("in/a.jsonl", text);
    folder.put(
        "p.yaml",
        "name: orders\nsource: in/*.jsonl?batch_size=1000\nsink: out/?format=jsonl\n\
         transform: [{ rate_limit: 5000/s }]\n\
         checkpoint: { store: state, every: 200ms }\ndead_letter: dead.jsonl\n\
         status: { tap: true }\n",
    );
}

#[test]
fn top_shows_a_table_to_scripts() {
    let folder = Folder::new();
    pipeline(&folder);
    let running = Running::start(&folder, &[]);
    running.until(&["\"phase\":\"running\"", "\"stage\":\"decode\""]);
    std::thread::sleep(Duration::from_millis(1500));
    let table = folder.ok(&["top", "--once", &running.address]);
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0][..3], ["PIPELINE", "HEALTH", "ROWS/S"]);
    assert_eq!(lines[1][..2], ["orders", "healthy"], "{table}");
    assert_eq!(lines[1].len(), lines[0].len());
    assert!(
        lines[1][2].contains('k') || lines[1][2].len() >= 3,
        "{table}"
    );
    assert!(lines[1][3].ends_with("KiB"), "{table}");
    assert!(
        lines[1][5].ends_with("MiB"),
        "the lag of a file is known: {table}"
    );
    drop(running);
    folder.fails(
        &["top", "--once", "127.0.0.1:1"],
        69,
        &["no velo answers", "127.0.0.1:1"],
    );
    folder.put("q.yaml", "name: q\nsource: a.csv\nsink: b.csv\n");
    folder.fails(
        &["top", "--once", "q.yaml"],
        78,
        &["serves no status", "q.yaml"],
    );
}

#[test]
fn tap_shows_rows_while_they_pass_and_only_where_it_is_allowed() {
    let folder = Folder::new();
    pipeline(&folder);
    let running = Running::start(&folder, &[]);
    running.until(&["\"phase\":\"running\""]);
    let rows = folder.ok(&["tap", &running.address, "--limit", "30"]);
    assert_eq!(rows.lines().count(), 30);
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        assert!(
            row["row"]["id"].is_u64() && row["stream"].is_string(),
            "{row}"
        );
    }
    drop(running);
    let closed = folder.text("p.yaml").replace("status: { tap: true }\n", "");
    folder.put("p.yaml", closed);
    let running = Running::start(&folder, &[]);
    folder.fails(&["tap", &running.address], 77, &["status: { tap: true }"]);
    folder.put(
        "w.yaml",
        "name: w\nsource: a.csv\nsink: b.csv\nstatus: { listen: 0.0.0.0:1, tap: true }\n",
    );
    folder.fails(
        &["check", "w.yaml"],
        78,
        &["status.tap", "on this machine only"],
    );
}

/// Runs in a terminal of 80 columns and 24 lines, and gives what stands there in the end.
fn in_a_terminal(folder: &Folder, running: &Running) -> Option<String> {
    let session = format!("velo-top-{}", std::process::id());
    let tmux = |arguments: &[&str]| {
        Command::new("tmux")
            .args(["-L", &session])
            .args(arguments)
            .output()
            .ok()
    };
    let velo = format!("{} top {}", env!("CARGO_BIN_EXE_velo"), running.address);
    let started = tmux(&[
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-x",
        "80",
        "-y",
        "24",
        &velo,
    ])?;
    assert!(started.status.success(), "{started:?}");
    let begun = Instant::now();
    let screen = loop {
        std::thread::sleep(Duration::from_millis(300));
        let shown = tmux(&["capture-pane", "-p"])?;
        let screen = String::from_utf8(shown.stdout).unwrap();
        if screen.contains("orders") && screen.contains("last errors") {
            break screen;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{screen}");
    };
    drop(tmux(&["send-keys", "q"]));
    std::thread::sleep(Duration::from_millis(500));
    let ended = tmux(&["list-sessions"]).is_none_or(|sessions| !sessions.status.success());
    drop(tmux(&["kill-server"]));
    assert!(ended, "q does not end it");
    let _ = folder;
    Some(screen)
}

#[test]
fn top_fits_a_terminal() {
    let folder = Folder::new();
    pipeline(&folder);
    let running = Running::start(&folder, &[]);
    running.until(&["\"stage\":\"decode\""]);
    let Some(screen) = in_a_terminal(&folder, &running) else {
        missing("tmux");
        return;
    };
    assert!(
        screen.lines().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
    for word in [
        "velo top",
        "1 pipeline",
        "healthy",
        "ROWS/S",
        "MEM",
        "rows per second",
        "SPLIT",
        "in/a.jsonl",
        "last errors",
    ] {
        assert!(screen.contains(word), "{word}\n{screen}");
    }
}

/// Says that a program is missing; where nothing may be missing, that is a failure.
pub(crate) fn missing(program: &str) {
    let required = std::env::var_os("VELO_TEST_REQUIRE").is_some_and(|value| value == "1");
    assert!(!required, "{program} is not installed");
    drop(writeln!(
        std::io::stderr(),
        "skipped: {program} is not installed"
    ));
}

fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.starts_with(name));
    line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn t157_visitors_that_dawdle_or_come_in_crowds_change_nothing() {
    let folder = Folder::new();
    pipeline(&folder);
    let running = Running::start(&folder, &[]);
    running.until(&["\"phase\":\"running\""]);
    let before = running.get("/metrics");
    let mut dawdling: Vec<_> = (0..200)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(&running.address).ok()?;
            // Whoever is turned away hears no more.
            drop(stream.write_all(b"GET /metrics HTTP/1.1\r\nx-"));
            Some(stream)
        })
        .collect();
    for _ in 0..10_000 {
        drop(TcpStream::connect(&running.address));
    }
    for stream in &mut dawdling {
        drop(stream.write_all(b"a"));
    }
    let huge = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(8 << 20));
    if let Ok(mut stream) = TcpStream::connect(&running.address) {
        drop(stream.write_all(huge.as_bytes()));
    }
    // Those that were let in are sent away when their time is over, while they still hold on.
    let begun = Instant::now();
    let after = loop {
        let head = b"GET /metrics HTTP/1.0\r\n\r\n";
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(&running.address) {
            drop(stream.write_all(head));
            drop(stream.read_to_string(&mut answer));
        }
        if answer.starts_with("HTTP/1.0 200") {
            break answer;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "nobody is sent away: {answer}"
        );
        std::thread::sleep(Duration::from_millis(100));
    };
    drop(dawdling);
    let memory = |text: &str| value(text, "process_resident_memory_bytes");
    assert!(memory(&after) - memory(&before) < 50e6, "{before}\n{after}");
    let (epochs, files) = (
        value(&after, "velo_epoch{"),
        value(&after, "process_open_fds"),
    );
    assert!(
        epochs > value(&before, "velo_epoch{") + 3.0 && files < 100.0,
        "{after}"
    );
}

#[test]
fn a_sink_that_holds_epochs_back_is_seen() {
    let folder = Folder::new();
    pipeline(&folder);
    let held = folder
        .text("p.yaml")
        .replace("format=jsonl", "format=parquet");
    folder.put("p.yaml", held);
    let running = Running::start(&folder, &[]);
    running.until(&["\"phase\":\"running\""]);
    let begun = Instant::now();
    let metrics = loop {
        let metrics = running.get("/metrics");
        if value(&metrics, "velo_held_position_seconds{") > 1.0 {
            break metrics;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{metrics}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(value(&metrics, "velo_checkpoint_age_seconds{") > 1.0);
    assert_eq!(value(&metrics, "velo_commits_total{"), 0.0);
    assert!(value(&metrics, "velo_rows_read_total{") > 1000.0);
}

#[test]
fn logs_are_text_or_json_as_important_as_asked_for() {
    let folder = Folder::new();
    folder.put("in.jsonl", "{\"id\":1,\"note\":\"planted-value\"}\n");
    folder.put(
        "p.yaml",
        "name: orders\nsource: in.jsonl\nsink: out.jsonl\nlog: { level: info }\n",
    );
    let lines = |arguments: &[&str]| {
        std::fs::remove_file(folder.path("out.jsonl")).ok();
        let run = folder.run(&[&["run", "p.yaml", "--quiet"], arguments].concat());
        assert_eq!(run.code(), Some(0), "{}", run.errors());
        run.errors()
    };
    let text = lines(&[]);
    assert!(
        text.contains("INFO") && text.contains("pipeline goes on"),
        "{text}"
    );
    assert!(!text.contains("DEBUG"), "{text}");
    assert_eq!(lines(&["--log-level", "warn"]), "");
    let json = lines(&["--log-format", "json", "--log-level", "trace"]);
    let mut levels = Vec::new();
    for line in json.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        levels.push(line["level"].as_str().unwrap().to_owned());
        assert!(
            line["timestamp"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
    assert!(
        levels.contains(&"DEBUG".to_owned()) && levels.contains(&"INFO".to_owned()),
        "{json}"
    );
    assert!(!json.contains("planted-value") && !text.contains("planted-value"));
}

const WEBHOOK: &str = "webhook: { url: 'http://user:pl4nted@127.0.0.1:1/pl4nted?token=pl4nted' }\n";

/// Pipeline files that are refused, each with a secret in the part that is wrong.
fn broken(whole: &str) -> Vec<String> {
    let secret_uri = "ftp://u:pl4nted@h/s?password=pl4nted";
    [
        ("webhook: { url: ", "webhook: { ur: "),
        (
            WEBHOOK,
            "webhook: { url: '${file:hook}', on: ['${file:hook}'] }\n",
        ),
        (WEBHOOK, "webhook: 'http://pl4nted/'\n"),
        (WEBHOOK, "webhook: ['http://pl4nted/']\n"),
        (WEBHOOK, "webhook: { url: [pl4nted] }\n"),
        (WEBHOOK, "webhook: { url: pl4nted }\n"),
        ("sink: out/", "sink: kafka://u:pl4nted@h/t"),
        ("source: in.jsonl", "source: file://u:pl4nted@h/in.jsonl"),
        ("batch_size=100", "token=pl4nted"),
        ("store: state", &format!("store: '{secret_uri}'")),
        (
            "dead_letter: dead.jsonl",
            &format!("dead_letter: '{secret_uri}'"),
        ),
    ]
    .map(|(right, wrong)| {
        assert!(whole.contains(right), "{right}");
        whole.replace(right, wrong)
    })
    .into()
}

/// Runs for a while, logging everything, and gives all that it shows.
fn shown_by_a_run(folder: &Folder) -> Vec<String> {
    let arguments = [
        "run",
        "p.yaml",
        "--status",
        "127.0.0.1:0",
        "--log-level",
        "trace",
    ];
    let mut command = folder.command(&arguments);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut seen = Vec::new();
    let address = loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "{seen:?}");
        let found = line.strip_prefix("status at http://").map(str::to_owned);
        seen.push(line);
        if let Some(found) = found {
            break found.trim_end_matches("/\n").to_owned();
        }
    };
    let running = Running { child, address };
    seen.push(running.until(&["\"stage\":\"decode\"", "\"level\":\"degraded\""]));
    seen.extend(["/metrics", "/healthz", "/readyz", "/"].map(|path| running.get(path)));
    // Three tries of the webhook, with pauses.
    std::thread::sleep(Duration::from_secs(4));
    drop(running);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    for words in [
        "health has changed",
        "webhook does not take",
        "epoch has ended",
    ] {
        assert!(rest.contains(words), "{words}: {rest}");
    }
    seen.push(rest);
    seen
}

#[test]
fn t170_a_planted_secret_is_found_nowhere() {
    let folder = Folder::new();
    // Half of all rows are bad: degraded, so that the webhook is tried and fails.
    folder.put("in.jsonl", "{\"id\":1}\n{bad}\n".repeat(20_000));
    let whole = format!(
        "name: orders\nsource: in.jsonl?batch_size=100\nsink: out/?format=jsonl\n\
         transform: [{{ rate_limit: 2000/s }}]\n\
         checkpoint: {{ store: state, every: 100ms }}\ndead_letter: dead.jsonl\n{WEBHOOK}"
    );
    folder.put(
        "hook",
        "http://user:pl4nted@127.0.0.1:1/pl4nted?token=pl4nted\n",
    );
    let from_file = "webhook: { url: '${file:hook}' }\n";
    folder.put("p.yaml", whole.replace(WEBHOOK, from_file));
    let mut seen = shown_by_a_run(&folder);
    seen.push(folder.ok(&["check", "p.yaml"]));
    seen.push(folder.ok(&["plan", "p.yaml"]));
    seen.push(folder.ok(&["state", "export", "p.yaml"]));
    seen.push(folder.text("dead.jsonl"));
    for broken in broken(&whole) {
        folder.put("broken.yaml", &broken);
        let refused = folder.run(&["run", "broken.yaml", "--log-level", "trace"]);
        assert_ne!(refused.code(), Some(0), "{broken}");
        seen.extend([refused.errors(), refused.output()]);
    }
    for text in seen {
        assert!(!text.contains("pl4nted"), "{text}");
    }
}

/// Takes one request and gives its body.
#[cfg(feature = "otel")]
fn collect(listener: &std::net::TcpListener) -> String {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    reader.get_mut().write_all(answer).unwrap();
    String::from_utf8(body).unwrap()
}

#[cfg(feature = "otel")]
#[test]
fn every_epoch_is_a_trace() {
    let folder = Folder::new();
    folder.put("in.jsonl", "{\"id\":1}\n{bad}\n");
    folder.put(
        "p.yaml",
        "name: orders\nsource: in.jsonl\nsink: out/?format=jsonl\n\
         checkpoint: { store: state }\ndead_letter: dead.jsonl\n",
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}", listener.local_addr().unwrap());
    let collecting = std::thread::spawn(move || collect(&listener));
    let errors = folder
        .run(&["run", "p.yaml", "--quiet", "--traces", &to])
        .errors();
    assert_eq!(errors, "");
    let body: serde_json::Value = serde_json::from_str(&collecting.join().unwrap()).unwrap();
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array()
        .unwrap();
    let named = |name: &str| {
        let found = spans.iter().find(|span| span["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {body:#}"))
    };
    let epoch = named("epoch");
    let attributes = epoch["attributes"].to_string();
    assert!(
        attributes.contains("\"orders\"") && attributes.contains("intValue"),
        "{attributes}"
    );
    assert!(epoch["parentSpanId"].is_null());
    for name in [
        "prepare",
        "dead_letters",
        "checkpoint",
        "commit",
        "acknowledge",
    ] {
        let span = named(name);
        assert_eq!(
            (&span["traceId"], &span["parentSpanId"]),
            (&epoch["traceId"], &epoch["spanId"])
        );
        let [begun, ended] = ["startTimeUnixNano", "endTimeUnixNano"]
            .map(|key| span[key].as_str().unwrap().parse::<u64>().unwrap());
        assert!(begun <= ended && begun > 1_600_000_000_000_000_000);
    }
}
