//! From two URIs to a pipeline file, and what is looked at before it runs: `init`, `check`, `doctor`.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::velo::Folder;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn what_init_writes_passes_check_as_it_stands() {
    let schema = Folder::new().ok(&["check", "--schema"]);
    let schema = json(&schema);
    let keys: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    for (source, destination, name, promise) in [
        (
            "in/*.jsonl",
            "lake/?format=parquet",
            "in-to-lake",
            "effectively-once",
        ),
        (
            "orders.csv.gz",
            "/srv/it's here/orders.parquet",
            "orders-to-orders",
            "effectively-once",
        ),
        (
            "file:///in/a.csv",
            "file:///out/${stream}/?format=csv",
            "a-to-out",
            "effectively-once",
        ),
        (
            "test://order?rows=10",
            "stdout:?format=csv",
            "order-to-stdout",
            "at-least-once",
        ),
        ("-?format=jsonl", "out.csv", "file-to-out", "at-most-once"),
        ("true", "null.csv", "true-to-null", "effectively-once"),
    ] {
        let folder = Folder::new();
        let said = folder.ok(&["init", source, destination]);
        let file = format!("{name}.yaml");
        assert!(said.contains(&format!("wrote {file}")), "{said}");
        assert_eq!(folder.ok(&["check", &file]), format!("{name}: {promise}\n"));
        let text = folder.text(&file);
        for key in &keys {
            let named = |line: &str| {
                line.trim_start_matches("# ")
                    .starts_with(&format!("{key}:"))
            };
            assert!(text.lines().any(named), "{key} is not mentioned");
        }
        // It never replaces a file.
        folder.fails(&["init", source, destination], 73, &[&file]);
        assert_eq!(folder.text(&file), text);
    }
}

#[test]
fn what_init_leaves_out_can_be_put_in() {
    let folder = Folder::new();
    folder.ok(&["init", "in.csv", "out.parquet", "p.yaml"]);
    let text = folder.text("p.yaml");
    for key in [
        "transform",
        "memory",
        "threads",
        "task",
        "retry",
        "circuit_breaker",
        "timeout",
        "stop_within",
        "status",
        "log",
        "metadata",
        "profiles",
        "data_sources",
    ] {
        let marked = format!("# {key}: ");
        assert!(text.contains(&marked), "{key}");
        folder.put("q.yaml", text.replace(&marked, &format!("{key}: ")));
        folder.ok(&["check", "q.yaml"]);
    }
    assert!(
        folder
            .ok(&["init", "a.csv", "b.csv", "-"])
            .contains("name: a-to-b")
    );
    folder.fails(
        &["init", "a.csv?delimter=;", "b.csv", "x.yaml"],
        78,
        &["delimiter"],
    );
    folder.fails(
        &["init", "kafak://a/b", "b.csv", "x.yaml"],
        64,
        &["unknown scheme"],
    );
    assert!(!folder.path("x.yaml").exists());
}

#[test]
fn a_new_user_comes_to_a_running_pipeline() {
    let folder = Folder::new();
    folder.put("in/a.csv", "id,amount\n1,5\n2,50\n");
    folder.ok(&["init", "in/*.csv", "lake/?format=parquet", "p.yaml"]);
    folder.ok(&["check", "p.yaml"]);
    let report = folder.ok(&["doctor", "p.yaml"]);
    assert!(
        report.contains("ok       source        can be read: 1 stream, 1 split"),
        "{report}"
    );
    folder.ok(&["run", "--quiet", "p.yaml"]);
    assert_eq!(folder.ok(&["count", "lake"]), "2\n");
    let report = folder.ok(&["doctor", "p.yaml"]);
    assert!(
        report.contains("whole: epoch") && report.contains("earlier runs"),
        "{report}"
    );
}

#[test]
fn check_tells_every_fault_and_where() {
    let folder = Folder::new();
    folder.put("base.yaml", "retry:\n  frist: 1s\n");
    folder.put(
        "p.yaml",
        "extends: base.yaml\nname: p\nsource: a.csv\nthread: 1\n",
    );
    let ran = folder.run(&["check", "p.yaml"]);
    let lines: Vec<String> = ran.errors().lines().map(str::to_owned).collect();
    assert_eq!(ran.code(), Some(78));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("velo: base.yaml, line 2, column 3, key frist")),
        "{lines:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("velo: p.yaml, line 4, column 1, key thread")),
        "{lines:?}"
    );
    let found = json(&folder.run(&["check", "p.yaml", "--json"]).output());
    assert_eq!(found["problems"].as_array().unwrap().len(), 2);
    assert!(found["problems"][0]["line"].is_u64());
    folder.put(
        "q.yaml",
        "name: q\nsource: a.csv\nsink: b.csv\nmetadata: { owner: [me] }\n",
    );
    let checked = json(&folder.ok(&["check", "q.yaml", "--json"]));
    assert_eq!(
        (
            checked["name"].as_str(),
            checked["metadata"]["owner"][0].as_str()
        ),
        (Some("q"), Some("me"))
    );
    assert!(folder.run(&["check"]).code() == Some(64));
}

#[test]
fn profiles_roots_and_variables_come_from_the_command_line() {
    let folder = Folder::new();
    folder.put(
        "shared/base.yaml",
        "sink: ${OUT:out}.csv\nprofiles: { prod: { name: live } }\n",
    );
    folder.put(
        "own/p.yaml",
        "extends: ../shared/base.yaml\nname: p\nsource: a.csv\n",
    );
    folder.fails(
        &["check", "own/p.yaml"],
        78,
        &["--config-root", "line 1, column 10"],
    );
    let checked = folder.ok(&["check", "own/p.yaml", "--config-root", "shared"]);
    assert_eq!(checked, "p: at-least-once\n");
    let checked = folder.ok(&[
        "check",
        "own/p.yaml",
        "--config-root",
        "shared",
        "--profile",
        "prod",
    ]);
    assert_eq!(checked, "live: at-least-once\n");
    let mut command = folder.command(&["check", "own/p.yaml"]);
    command
        .env("VELO_CONFIG_ROOT", folder.path("shared"))
        .env("VELO_PROFILE", "prd");
    let ran = command.output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("did you mean `prod`?"), "{said}");
}

#[test]
fn t185_a_secret_shows_nowhere() {
    const SECRET: &str = "s3cr3t-in-a-file";
    let folder = Folder::new();
    folder.put("pw", SECRET);
    folder.put("a.csv", "id\n1\n");
    // The connector knows no such option and says so; it says nothing of the value.
    folder.put(
        "p.yaml",
        "name: p\nsource: { uri: a.csv, password: '${file:pw}' }\nsink: b.csv\ncheckpoint: { store: state }\n",
    );
    for command in ["check", "plan", "run", "doctor"] {
        for more in [&[command, "p.yaml"][..], &[command, "p.yaml", "--json"]] {
            let ran = folder.run(more);
            assert_eq!(ran.code(), Some(78), "{}", ran.errors());
            assert!(
                !ran.errors().contains(SECRET) && !ran.output().contains(SECRET),
                "{more:?}"
            );
        }
    }
    folder.put("pw", "a.csv");
    folder.put(
        "q.yaml",
        "name: q\nsource: ${file:pw}\nsink: b.csv\ncheckpoint: { store: state }\n",
    );
    folder.ok(&["run", "-q", "q.yaml"]);
    assert_eq!(folder.text("b.csv"), "id\n1\n");
}

fn findings(folder: &Folder, file: &str, code: i32) -> Vec<(String, String, String)> {
    let ran = folder.run(&["doctor", file, "--json"]);
    assert_eq!(ran.code(), Some(code), "{} {}", ran.output(), ran.errors());
    let found = json(&ran.output());
    let of = |finding: &Value| {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        (text("about"), text("level"), text("found"))
    };
    found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect()
}

fn has(findings: &[(String, String, String)], about: &str, level: &str, words: &str) {
    let found = findings
        .iter()
        .any(|(a, l, found)| a == about && l == level && found.contains(words));
    assert!(found, "{about} {level} {words}: {findings:?}");
}

#[test]
fn doctor_says_what_is_wrong_before_the_start() {
    let folder = Folder::new();
    folder.put("a.jsonl", "{\"id\":1}\n");
    let file = |more: &str| {
        folder.put(
            "p.yaml",
            format!("name: p\nsource: a.jsonl\nsink: out/?format=jsonl\n{more}\n"),
        );
    };
    file("checkpoint: { store: state }");
    let well = findings(&folder, "p.yaml", 0);
    for about in [
        "configuration",
        "source",
        "sink",
        "state",
        "clock",
        "checkpoints",
        "output",
        "open files",
        "memory",
    ] {
        assert!(well.iter().any(|(it, ..)| it == about), "{about}: {well:?}");
    }
    assert!(
        !folder.path("state").exists() && !folder.path("out").exists(),
        "nothing is changed"
    );
    assert_eq!(folder.list(""), ["a.jsonl", "p.yaml"]);
    file("");
    has(
        &findings(&folder, "p.yaml", 0),
        "state",
        "warning",
        "nothing is remembered",
    );
}

#[test]
fn doctor_ends_with_the_code_of_the_first_problem() {
    let folder = Folder::new();
    folder.put("a.jsonl", "{\"id\":1}\n");
    let file = |more: &str| {
        folder.put(
            "p.yaml",
            format!("name: p\nsource: a.jsonl\nsink: out/?format=jsonl\n{more}\n"),
        );
    };
    file("memry: 1");
    has(
        &findings(&folder, "p.yaml", 78),
        "configuration",
        "problem",
        "`memory`",
    );
    file(
        "memory: 900TB\ncheckpoint: { store: state }"
            .replace("900TB", "900000GiB")
            .as_str(),
    );
    has(
        &findings(&folder, "p.yaml", 78),
        "memory",
        "problem",
        "asked for",
    );
    folder.put(
        "q.yaml",
        "name: p\nsource: missing.jsonl\nsink: out/?format=jsonl\n",
    );
    has(
        &findings(&folder, "q.yaml", 66),
        "source",
        "problem",
        "missing.jsonl",
    );
    folder.put("there.csv", "id\n");
    folder.put(
        "q.yaml",
        "name: p\nsource: a.jsonl\nsink: there.csv?if_exists=fail\n",
    );
    has(
        &findings(&folder, "q.yaml", 73),
        "sink",
        "problem",
        "there.csv",
    );
}

#[test]
fn doctor_really_tries_to_write() {
    let folder = Folder::new();
    folder.put("a.jsonl", "{\"id\":1}\n");
    folder.put("file", "");
    folder.put(
        "p.yaml",
        "name: p\nsource: a.jsonl\nsink: out.csv\ndead_letter: /proc/velo/d.jsonl\n",
    );
    let ran = folder.run(&["doctor", "p.yaml"]);
    assert_ne!(ran.code(), Some(0));
    assert!(
        ran.output()
            .contains("problem  dead letters  /proc/velo cannot be written"),
        "{}",
        ran.output()
    );
    folder.put(
        "p.yaml",
        "name: p\nsource: a.jsonl\nsink: out.csv\ncheckpoint: { store: file/state }\n",
    );
    let ran = folder.run(&["doctor", "p.yaml"]);
    assert!(
        ran.output()
            .contains("problem  checkpoints   file/state cannot be written"),
        "{}",
        ran.output()
    );
}

#[test]
fn doctor_looks_at_state() {
    let folder = Folder::new();
    folder.put("a.jsonl", "{\"id\":1}\n");
    folder.put(
        "p.yaml",
        "name: p\nsource: a.jsonl\nsink: out/?format=jsonl\ncheckpoint: { store: state }\n",
    );
    folder.ok(&["run", "-q", "p.yaml"]);
    has(
        &findings(&folder, "p.yaml", 0),
        "state",
        "ok",
        "whole: epoch",
    );
    folder.put("b.jsonl", "{\"id\":1}\n");
    folder.put(
        "other.yaml",
        folder.text("p.yaml").replace("a.jsonl", "b.jsonl"),
    );
    has(
        &findings(&folder, "other.yaml", 78),
        "state",
        "problem",
        "another source",
    );
    for name in folder.list("state/p/0") {
        if name.starts_with("checkpoint") {
            folder.put(&format!("state/p/0/{name}"), "damaged");
        }
    }
    has(&findings(&folder, "p.yaml", 80), "state", "problem", "");
}

#[test]
fn doctor_notices_a_run_that_is_alive() {
    let folder = Folder::new();
    folder.put(
        "p.yaml",
        "name: p\nsource: test://order?rate=100\nsink: out/?format=jsonl\ncheckpoint: { store: state, every: 50ms }\n",
    );
    let mut command = folder.command(&["run", "-q", "p.yaml"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !folder.path("state/p/0/lock").exists() && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let found = findings(&folder, "p.yaml", 75);
    child.kill().unwrap();
    child.wait().unwrap();
    has(
        &found,
        "state",
        "problem",
        "another run of this task is alive",
    );
    has(&findings(&folder, "p.yaml", 0), "state", "ok", "whole");
}
