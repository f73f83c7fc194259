//! `velo run`: what a pipeline file asks for, and what becomes of it when the process does not.

use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::velo::Folder;

const ROWS: usize = 60_000;

/// Three files of numbered rows, one of which is bad every `bad`.
fn numbered(folder: &Folder, bad: usize) {
    for file in 0..3 {
        let line = |row: usize| {
            let id = file * ROWS + row;
            match bad > 0 && row % bad == bad - 1 {
                true => format!("{{bad {id}\n"),
                false => format!("{{\"id\":{id},\"kind\":\"k{}\",\"v\":{row}}}\n", id % 3),
            }
        };
        let text: String = (0..ROWS).map(line).collect();
        folder.put(&format!("in/{file}.jsonl"), text);
    }
}

/// The ids in all JSON lines below a folder, sorted.
fn ids(folder: &Folder, below: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for name in folder.list(below) {
        if name.starts_with('.') {
            continue;
        }
        if let Some(inner) = name.strip_suffix('/') {
            found.extend(ids(folder, &format!("{below}/{inner}")));
            continue;
        }
        for line in folder.text(&format!("{below}/{name}")).lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            found.push(row["id"].as_u64().unwrap() as usize);
        }
    }
    found.sort_unstable();
    found
}

fn all() -> Vec<usize> {
    (0..3 * ROWS).collect()
}

fn pipeline(folder: &Folder, more: &str) {
    folder.put(
        "p.yaml",
        format!(
            "name: numbers\nsource: in/*.jsonl?split_size=128KiB\ncheckpoint: {{ store: state, every: 20ms }}\n{more}\n"
        ),
    );
}

#[test]
fn runs_to_the_end_and_only_what_is_new_the_next_time() {
    let folder = Folder::new();
    numbered(&folder, 0);
    pipeline(
        &folder,
        "sink: out/?format=jsonl\ndelivery: effectively_once",
    );
    folder.ok(&["run", "p.yaml", "--quiet"]);
    assert_eq!(ids(&folder, "out"), all());
    folder.ok(&["run", "p.yaml", "--quiet"]);
    assert_eq!(ids(&folder, "out"), all());
    folder.put("in/3.jsonl", "{\"id\":180000,\"kind\":\"k\",\"v\":1}\n");
    folder.ok(&["run", "p.yaml", "--quiet"]);
    assert_eq!(ids(&folder, "out").len(), all().len() + 1);
}

#[test]
fn says_what_it_can_promise() {
    let folder = Folder::new();
    numbered(&folder, 0);
    pipeline(
        &folder,
        "sink: out/?format=parquet\ndelivery: effectively_once",
    );
    assert_eq!(
        folder.ok(&["check", "p.yaml"]),
        "numbers: effectively-once\n"
    );
    let plan = folder.ok(&["plan", "p.yaml"]);
    assert!(
        plan.contains("effectively-once, positions in state"),
        "{plan}"
    );
    assert!(!folder.path("out").exists() && !folder.path("state").exists());
}

#[test]
fn plan_speaks_of_the_rows_as_the_sink_gets_them() {
    let folder = Folder::new();
    numbered(&folder, 0);
    pipeline(
        &folder,
        "transform: [{ select: [id, v] }, { rename: { v: value } }]\nsink: out/?format=parquet&partition_by=value",
    );
    let plan = folder.ok(&["plan", "p.yaml"]);
    assert!(plan.contains("(id, value)"), "{plan}");
    assert!(!plan.contains("all rows or none"), "{plan}");
}

#[test]
fn p8_refuses_what_the_pair_cannot_promise() {
    let folder = Folder::new();
    numbered(&folder, 0);
    let refused = |text: &str, words: &[&str]| {
        folder.put("p.yaml", text);
        folder.fails(&["run", "p.yaml"], 78, words);
    };
    let once = "name: n\nsource: in/*.jsonl\ndelivery: effectively_once\n";
    refused(
        &format!("{once}sink: out/?format=jsonl"),
        &["nothing remembers", "checkpoint:"],
    );
    refused(
        &format!("{once}sink: '-'\ncheckpoint: {{ store: state }}"),
        &["before they are committed", "at-least-once"],
    );
    refused(
        "name: n\nsource: '-'\nsink: out/?format=csv\ndelivery: effectively_once\ncheckpoint: { store: state }",
        &["cannot be read again"],
    );
}

#[test]
fn says_where_a_pipeline_file_is_wrong() {
    let folder = Folder::new();
    for (text, words) in [
        (
            "name: a\nsorce: b\nsink: c\n",
            &["p.yaml", "line 2", "did you mean `source`?"][..],
        ),
        ("name: a/b\nsource: b.csv\nsink: c.csv\n", &["name"]),
        ("name: a\nsource: b.csv\n", &["sink", "missing"]),
        (
            "name: a\nsource: b.csv\nsources: { x: c.csv }\nsink: c.csv\n",
            &["not both"],
        ),
        (
            "name: a\nsource: b.csv\nsink: c.csv\ncheckpoint: { store: redis://x }\n",
            &["redis"],
        ),
        (
            "name: a\nsource: b.csv\nsink: c.csv\ntransform: [{ selec: [a] }]\n",
            &["select"],
        ),
        (
            "name: a\nsource: b.csv?delimter=;\nsink: c.csv\n",
            &["delimiter"],
        ),
    ] {
        folder.put("p.yaml", text);
        folder.fails(&["check", "p.yaml"], 78, words);
    }
    folder.fails(&["run", "missing.yaml"], 66, &["missing.yaml"]);
}

#[test]
fn several_sources_into_several_sinks() {
    let folder = Folder::new();
    folder.put("eu.jsonl", "{\"id\":0}\n{\"id\":1}\n");
    folder.put("us.jsonl", "{\"id\":2}\n");
    folder.put(
        "p.yaml",
        "name: p\nsources: { eu: eu.jsonl, us: { uri: us.jsonl, format: jsonl } }\n\
         sinks: { rows: 'rows/?format=jsonl', columns: 'columns/?format=parquet' }\n\
         delivery: effectively_once\ncheckpoint: { store: state }\n",
    );
    folder.ok(&["run", "p.yaml", "--quiet"]);
    assert_eq!(ids(&folder, "rows"), [0, 1, 2]);
    assert_eq!(folder.ok(&["count", "columns"]), "3\n");
    folder.ok(&["run", "p.yaml", "--quiet"]);
    assert_eq!(ids(&folder, "rows"), [0, 1, 2]);
}

#[test]
fn destinations_are_named_by_the_rows() {
    let folder = Folder::new();
    numbered(&folder, 0);
    pipeline(
        &folder,
        "sink: 'out/${stream}/${kind}/?format=jsonl'\ndelivery: effectively_once",
    );
    folder.ok(&["run", "p.yaml", "--quiet"]);
    assert_eq!(folder.list("out/in"), ["k0/", "k1/", "k2/"]);
    assert_eq!(ids(&folder, "out"), all());
    pipeline(&folder, "sink: 'out/${nobody}/?format=jsonl'");
    folder.fails(&["run", "p.yaml", "-q"], 78, &["nobody"]);
}

#[test]
fn transforms_rows_on_their_way() {
    let folder = Folder::new();
    folder.put(
        "in/a.csv",
        "id,amount,note\n1,5,x\n2,50,y\n3,seven,z\n4,70,w\n",
    );
    folder.put(
        "p.yaml",
        "name: p\nsource: in/a.csv?types=amount:utf8\nsink: out.csv\n\
         transform:\n  - select: [id, amount]\n  - cast: { amount: int64 }\n\
         \x20 - filter: amount >= 10\n  - rename: { amount: total }\n  - set: { label: 'n${id}' }\n\
         dead_letter: dead.jsonl\ncheckpoint: { store: state }\n",
    );
    folder.ok(&["run", "p.yaml", "--quiet"]);
    assert_eq!(folder.text("out.csv"), "id,total,label\n2,50,n2\n4,70,n4\n");
    let letter: serde_json::Value = serde_json::from_str(&folder.text("dead.jsonl")).unwrap();
    assert_eq!(letter["stage"], "transform");
    assert_eq!(letter["ordinal"], 2);
}

#[test]
fn bad_rows_become_dead_letters_with_their_place() {
    let folder = Folder::new();
    numbered(&folder, 20_000);
    pipeline(
        &folder,
        "sink: out/?format=parquet\ndead_letter: dead.jsonl\ndelivery: effectively_once",
    );
    folder.ok(&["run", "p.yaml", "--quiet"]);
    let dead = folder.text("dead.jsonl");
    assert_eq!(dead.lines().count(), 9);
    let letter: serde_json::Value = serde_json::from_str(dead.lines().next().unwrap()).unwrap();
    for (key, value) in [
        ("stage", "decode"),
        ("kind", "InvalidData"),
        ("stream", "in"),
    ] {
        assert_eq!(letter[key], value);
    }
    assert!(letter["raw"].as_str().unwrap().starts_with("{bad"));
    assert_eq!(folder.ok(&["count", "out"]), format!("{}\n", 3 * ROWS - 9));
    // A second run has nothing to add.
    folder.ok(&["run", "p.yaml", "--quiet"]);
    assert_eq!(folder.text("dead.jsonl"), dead);
}

#[test]
fn too_many_bad_rows_stop_it_before_they_are_passed_over() {
    let folder = Folder::new();
    numbered(&folder, 3);
    let limit = "sink: out/?format=jsonl\ndead_letter: { uri: dead.jsonl, max_ratio: 0.01 }";
    pipeline(&folder, limit);
    folder.fails(
        &["run", "p.yaml", "-q"],
        65,
        &["too many rows are bad", "max_ratio"],
    );
    assert!(!folder.path("dead.jsonl").exists() || folder.text("dead.jsonl").is_empty());
    pipeline(&folder, &limit.replace("0.01", "0.5"));
    folder.ok(&["run", "p.yaml", "-q"]);
    assert_eq!(folder.text("dead.jsonl").lines().count(), ROWS);
}

fn start(folder: &Folder) -> Child {
    let mut command = folder.command(&["run", "p.yaml", "--quiet"]);
    command.stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let _it_may_have_ended = kill_process(pid, signal);
}

/// Slow enough that a signal comes while rows are on their way.
fn slow(folder: &Folder) {
    numbered(folder, 0);
    pipeline(
        folder,
        "sink: out/?format=jsonl&roll_age=50ms\ndelivery: effectively_once\ntransform: [{ rate_limit: 200000/s }]",
    );
}

#[test]
fn t006_a_signal_stops_it_in_good_order() {
    for (what, code) in [(Signal::TERM, 0), (Signal::INT, 130)] {
        let folder = Folder::new();
        slow(&folder);
        let child = start(&folder);
        std::thread::sleep(Duration::from_millis(400));
        signal(&child, what);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(
            ended.status.code(),
            Some(code),
            "{}",
            String::from_utf8_lossy(&ended.stderr)
        );
        let so_far = ids(&folder, "out").len();
        assert!(so_far > 0 && so_far < all().len(), "{so_far} rows");
        let hidden = folder.list("out/.velo-inflight");
        assert!(
            hidden
                .iter()
                .all(|name| !name.ends_with(".open") && !name.ends_with(".ready"))
        );
        folder.ok(&["run", "p.yaml", "--quiet"]);
        assert_eq!(ids(&folder, "out"), all());
    }
}

#[test]
fn t001_killed_again_and_again_it_loses_and_doubles_nothing() {
    for format in [
        "jsonl",
        "jsonl&compression=none&roll_rows=10000",
        "jsonl&compression=gzip",
    ] {
        let folder = Folder::new();
        slow(&folder);
        let yaml = folder
            .text("p.yaml")
            .replace("format=jsonl", &format!("format={format}"));
        folder.put("p.yaml", yaml);
        for kill in 0..4 {
            let mut child = start(&folder);
            std::thread::sleep(Duration::from_millis(60 + kill * 70));
            signal(&child, Signal::KILL);
            child.wait().unwrap();
        }
        folder.ok(&["run", "p.yaml", "--quiet"]);
        folder.ok(&["copy", "out", "whole.jsonl", "-q"]);
        folder.put("whole/rows.jsonl", folder.text("whole.jsonl"));
        assert_eq!(ids(&folder, "whole"), all(), "{format}");
    }
}

#[test]
fn t009_of_two_runs_one_works() {
    let folder = Folder::new();
    slow(&folder);
    let first = start(&folder);
    std::thread::sleep(Duration::from_millis(300));
    folder.fails(
        &["run", "p.yaml", "-q"],
        75,
        &["another run of this task is alive"],
    );
    let ended = first.wait_with_output().unwrap();
    assert!(ended.status.success());
    assert_eq!(ids(&folder, "out"), all());
}

#[test]
fn t142_positions_of_other_ends_are_refused() {
    let folder = Folder::new();
    numbered(&folder, 0);
    pipeline(&folder, "sink: out/?format=jsonl");
    folder.ok(&["run", "p.yaml", "--quiet"]);
    pipeline(&folder, "sink: elsewhere/?format=jsonl");
    folder.fails(
        &["run", "p.yaml", "-q"],
        78,
        &["another source or sink", "elsewhere"],
    );
}

#[test]
fn t141_lost_state_is_not_taken_for_none() {
    let folder = Folder::new();
    numbered(&folder, 0);
    pipeline(&folder, "sink: out/?format=jsonl");
    folder.ok(&["run", "p.yaml", "--quiet"]);
    for name in folder.list("state/numbers/0") {
        if name.starts_with("checkpoint") {
            folder.put(&format!("state/numbers/0/{name}"), "");
        }
    }
    let ran = folder.run(&["run", "p.yaml", "-q"]);
    assert_eq!(ran.code(), Some(80));
    assert!(ran.errors().contains("no checkpoint is whole"));
    assert_eq!(ids(&folder, "out"), all());
}

#[test]
fn p9_a_source_that_lost_the_stored_position_is_not_read_from_elsewhere() {
    let folder = Folder::new();
    slow(&folder);
    let child = start(&folder);
    std::thread::sleep(Duration::from_millis(400));
    signal(&child, Signal::TERM);
    assert!(child.wait_with_output().unwrap().status.success());
    let so_far = ids(&folder, "out");
    // Everything is shorter now than where reading stopped.
    for file in 0..3 {
        folder.put(
            &format!("in/{file}.jsonl"),
            "{\"id\":0,\"kind\":\"k\",\"v\":1}\n",
        );
    }
    folder.fails(&["run", "p.yaml", "-q"], 79, &[".jsonl"]);
    assert_eq!(ids(&folder, "out"), so_far);
}

#[test]
fn a_source_without_an_end_needs_a_destination_that_shows_something_before() {
    let folder = Folder::new();
    let hint = &["never finishes a single file", "if_exists=append"][..];
    folder.fails(&["copy", "test://sensor", "out.jsonl", "-q"], 78, hint);
    folder.put(
        "p.yaml",
        "name: p\nsource: test://sensor\nsink: out.parquet\n",
    );
    folder.fails(&["run", "p.yaml", "-q"], 78, hint);
    assert!(!folder.path("out.jsonl").exists() && !folder.path("out.parquet").exists());
}

#[test]
fn an_endless_pipeline_appends_to_a_file() {
    let folder = Folder::new();
    folder.put(
        "p.yaml",
        "name: p\nsource: test://sensor?rate=20000\nsink: out.jsonl?if_exists=append\n\
         delivery: effectively_once\ncheckpoint: { store: state, every: 50ms }\n",
    );
    for _ in 0..3 {
        let mut child = start(&folder);
        std::thread::sleep(Duration::from_millis(400));
        signal(&child, Signal::KILL);
        child.wait().unwrap();
    }
    let child = start(&folder);
    std::thread::sleep(Duration::from_millis(400));
    signal(&child, Signal::TERM);
    assert!(child.wait_with_output().unwrap().status.success());
    let seq = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["seq"].as_u64().unwrap()
    };
    let found: Vec<u64> = folder.text("out.jsonl").lines().map(seq).collect();
    assert!(!found.is_empty() && found.iter().copied().eq(0..found.len() as u64));
}
