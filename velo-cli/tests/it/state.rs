//! `velo state`: what a pipeline remembers, shown, carried elsewhere and set by hand.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::velo::Folder;

const ROWS: usize = 1_000;

/// One file of numbered rows into a directory of JSON lines, with state.
fn numbers() -> Folder {
    let folder = Folder::new();
    put_rows(&folder, "a");
    folder.put(
        "p.yaml",
        "name: numbers\nsource: in/*.jsonl\nsink: out/?format=jsonl\n\
         delivery: effectively_once\ncheckpoint: { store: state, every: 20ms }\n",
    );
    folder
}

fn put_rows(folder: &Folder, name: &str) {
    let rows: String = (0..ROWS).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    folder.put(&format!("in/{name}.jsonl"), rows);
}

fn run(folder: &Folder) {
    folder.ok(&["run", "p.yaml", "-q"]);
}

fn count(folder: &Folder) -> String {
    folder.ok(&["count", "out"])
}

fn shown(folder: &Folder) -> Value {
    serde_json::from_str(&folder.ok(&["state", "show", "p.yaml", "--json"])).unwrap()
}

fn damage(folder: &Folder) {
    for name in folder.list("state/numbers/0") {
        if name.starts_with("checkpoint") {
            folder.put(&format!("state/numbers/0/{name}"), "");
        }
    }
}

#[test]
fn a_task_that_never_ran_has_no_state() {
    let folder = numbers();
    let never = ["this task never ran", "numbers"];
    folder.fails(&["state", "show", "p.yaml"], 66, &never);
    folder.fails(&["state", "export", "p.yaml"], 66, &never);
    assert!(!folder.path("state").exists());
    run(&folder);
    let other = ["state", "show", "p.yaml", "--task", "7"];
    folder.fails(&other, 66, &["task 7", "there are tasks 0"]);
}

#[test]
fn a_pipeline_that_remembers_nothing_says_so() {
    let folder = Folder::new();
    folder.put("p.yaml", "name: p\nsource: a.csv\nsink: b.csv\n");
    let words = ["remembers nothing", "checkpoint:"];
    folder.fails(&["state", "show", "p.yaml"], 78, &words);
}

#[test]
fn shows_where_a_pipeline_stands() {
    let folder = numbers();
    run(&folder);
    let text = folder.ok(&["state", "show", "p.yaml"]);
    for words in [
        "numbers, task 0",
        "generation 1",
        "1,000 read, 1,000 written",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let state = shown(&folder);
    assert_eq!(state["pipeline"], "numbers");
    assert_eq!(state["counts"]["read"], ROWS);
}

#[test]
fn shows_a_pipeline_at_work_and_changes_none() {
    let folder = numbers();
    let slow = folder.text("p.yaml") + "transform: [{ rate_limit: 500/s }]\n";
    folder.put("p.yaml", slow);
    let mut command = folder.command(&["run", "p.yaml", "-q"]);
    let mut running = command.stderr(Stdio::null()).spawn().unwrap();
    while folder.run(&["state", "show", "p.yaml"]).code() != Some(0) {
        assert!(running.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(20));
    }
    let set = ["state", "set", "p.yaml", "--reset", "--force"];
    folder.fails(&set, 75, &["another run of this task is alive"]);
    running.kill().unwrap();
    running.wait().unwrap();
    folder.ok(&set);
}

#[test]
fn an_export_is_imported_elsewhere() {
    let folder = numbers();
    run(&folder);
    folder.ok(&["state", "export", "p.yaml", "--to", "s.json"]);
    assert_eq!(
        folder.ok(&["state", "export", "p.yaml"]),
        folder.text("s.json")
    );
    let import = ["state", "import", "p.yaml", "s.json"];
    folder.fails(&import, 73, &["state is there already", "--force"]);
    std::fs::remove_dir_all(folder.path("state")).unwrap();
    folder.ok(&import);
    assert_eq!(shown(&folder)["generation"], 2);
    put_rows(&folder, "b");
    run(&folder);
    assert_eq!(count(&folder), format!("{}\n", 2 * ROWS));
    folder.ok(&[&import[..], &["--force"]].concat());
    assert_eq!(shown(&folder)["generation"], 4);
}

#[test]
fn what_is_no_export_of_this_pipeline_is_refused() {
    let folder = numbers();
    run(&folder);
    let text = folder.ok(&["state", "export", "p.yaml"]);
    let import = ["state", "import", "p.yaml", "s.json", "--force"];
    for (text, code, words) in [
        (
            text.replace("\"numbers\"", "\"others\""),
            78,
            "another task",
        ),
        (
            text.replace("\"velo_state\": 1", "\"velo_state\": 2"),
            78,
            "newer",
        ),
        (text[..40].to_owned(), 65, "s.json"),
        ("7".to_owned(), 65, "s.json"),
    ] {
        folder.put("s.json", text);
        folder.fails(&import, code, &[words]);
    }
    folder.fails(&["state", "import", "p.yaml", "no.json"], 66, &["no.json"]);
    assert_eq!(shown(&folder)["generation"], 1);
}

#[test]
fn without_force_it_says_what_it_would_do() {
    let folder = numbers();
    run(&folder);
    let set = ["state", "set", "p.yaml"];
    folder.fails(&set, 64, &["nothing to set", "--reset"]);
    let reset = [&set[..], &["--reset", "--drop-pending", "--epoch", "90"]].concat();
    folder.fails(
        &reset,
        64,
        &["nothing was changed", "begin again", "from 90", "--force"],
    );
    let split = [&set[..], &["--split", "nobody=file.v1:0"]].concat();
    folder.fails(&split, 64, &["no such split", "nobody"]);
    let split = [&set[..], &["--split", "nobody", "--force"]].concat();
    folder.fails(&split, 64, &["ID=OFFSET"]);
    assert_eq!(shown(&folder)["generation"], 1);
}

#[test]
fn p5_a_reset_begins_again_and_goes_on_counting() {
    let folder = numbers();
    run(&folder);
    let epoch = shown(&folder)["epoch"].clone();
    let told = folder.ok(&["state", "set", "p.yaml", "--reset", "--force"]);
    assert!(
        told.contains("begin again") && told.contains("generation 2"),
        "{told}"
    );
    let state = shown(&folder);
    assert_eq!(
        (&state["epoch"], &state["counts"]["read"]),
        (&epoch, &0.into())
    );
    run(&folder);
    assert_eq!(count(&folder), format!("{}\n", 2 * ROWS));
    assert_eq!(shown(&folder)["generation"], 3);
}

#[test]
fn p5_a_position_is_set_back() {
    let folder = numbers();
    let slow = folder.text("p.yaml") + "transform: [{ rate_limit: 500/s }]\n";
    let fast = folder.text("p.yaml");
    folder.put("p.yaml", slow.replace("*.jsonl", "*.jsonl?batch_size=50"));
    let mut running = folder.command(&["run", "p.yaml", "-q"]).spawn().unwrap();
    let (mut first, mut later) = (None, None);
    while later.is_none() {
        assert!(running.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(20));
        let ran = folder.run(&["state", "show", "p.yaml", "--json"]);
        let state: Value = serde_json::from_str(&ran.output()).unwrap_or_default();
        let split = &state["splits"][0];
        let Some(at) = split["at"].as_str() else {
            continue;
        };
        let now = (split["id"].as_str().unwrap().to_owned(), at.to_owned());
        match &first {
            None => first = Some(now),
            Some(first) if *first != now => later = Some(now),
            Some(_) => {}
        }
    }
    running.kill().unwrap();
    running.wait().unwrap();
    let (id, at) = first.unwrap();
    let place = format!("{id}={at}");
    folder.ok(&["state", "set", "p.yaml", "--force", "--split", &place]);
    assert_eq!(shown(&folder)["splits"][0]["at"], at.as_str());
    folder.put("p.yaml", fast);
    run(&folder);
    let rows: usize = count(&folder).trim().parse().unwrap();
    assert!(rows > ROWS, "{rows} rows");
}

#[test]
fn t141_lost_state_is_set_anew() {
    let folder = numbers();
    run(&folder);
    damage(&folder);
    assert_eq!(folder.run(&["run", "p.yaml", "-q"]).code(), Some(80));
    let set = ["state", "set", "p.yaml"];
    let epoch = [&set[..], &["--epoch", "5", "--force"]].concat();
    folder.fails(&epoch, 64, &["positions are lost", "--reset"]);
    let reset = [&set[..], &["--reset"]].concat();
    folder.fails(&reset, 64, &["damaged checkpoints aside", "--force"]);
    folder.ok(&[&reset[..], &["--force"]].concat());
    let names = folder.list("state/numbers/0");
    assert!(
        names.iter().any(|name| name.ends_with(".damaged")),
        "{names:?}"
    );
    run(&folder);
    assert_eq!(count(&folder), format!("{}\n", 2 * ROWS));
}

#[test]
fn generations_go_on_where_state_was_removed() {
    let folder = numbers();
    // Slow enough for checkpoints before the end: then the destination keeps its fence.
    let yaml = folder.text("p.yaml") + "transform: [{ rate_limit: 5000/s }]\n";
    folder.put("p.yaml", yaml);
    run(&folder);
    put_rows(&folder, "b");
    run(&folder);
    std::fs::remove_dir_all(folder.path("state")).unwrap();
    folder.fails(
        &["run", "p.yaml", "-q"],
        75,
        &["a later run has taken over", "state set", "--generation 2"],
    );
    folder.ok(&[
        "state",
        "set",
        "p.yaml",
        "--force",
        "--reset",
        "--generation",
        "2",
        "--epoch",
        "99",
    ]);
    run(&folder);
    assert_eq!(count(&folder), format!("{}\n", 4 * ROWS));
}

/// The same pipeline with its state in a database.
fn in_a_database() -> Folder {
    let folder = numbers();
    let yaml = folder.text("p.yaml");
    let store = format!("sqlite://{}", folder.path("state.db").display());
    folder.put(
        "p.yaml",
        yaml.replace("store: state", &format!("store: '{store}'")),
    );
    folder
}

#[test]
fn a_database_remembers_as_a_directory_does() {
    let folder = in_a_database();
    run(&folder);
    put_rows(&folder, "b");
    run(&folder);
    run(&folder);
    assert_eq!(count(&folder), format!("{}\n", 2 * ROWS));
    // The third run had nothing to store.
    assert_eq!(shown(&folder)["generation"], 2);
    folder.ok(&["state", "set", "p.yaml", "--reset", "--force"]);
    run(&folder);
    assert_eq!(count(&folder), format!("{}\n", 4 * ROWS));
    folder.put("state.db", "");
    let ran = folder.run(&["run", "p.yaml", "-q"]);
    assert_eq!(ran.code(), Some(80), "{}", ran.errors());
}

#[test]
fn t009_of_two_runs_with_a_database_the_later_goes_on() {
    let folder = in_a_database();
    let fast = folder.text("p.yaml");
    let slow = fast.replace("*.jsonl", "*.jsonl?batch_size=50");
    folder.put("slow.yaml", slow + "transform: [{ rate_limit: 200/s }]\n");
    let mut command = folder.command(&["run", "slow.yaml", "-q"]);
    let mut first = command.stderr(Stdio::null()).spawn().unwrap();
    while folder.run(&["state", "show", "slow.yaml"]).code() != Some(0) {
        assert!(first.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    run(&folder);
    assert_eq!(first.wait().unwrap().code(), Some(75));
    assert_eq!(count(&folder), format!("{ROWS}\n"));
}
