//! `velo run` of files that move: rotated and killed, nothing is lost and nothing comes twice.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::velo::Folder;

const PATIENCE: Duration = Duration::from_secs(60);

fn start(folder: &Folder) -> Child {
    let mut command = folder.command(&["run", "p.yaml", "--quiet"]);
    command.stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Gives the ids of every visible row, sorted.
fn ids(folder: &Folder) -> Vec<u64> {
    if !folder.path("out").exists() {
        return Vec::new();
    }
    let names = folder.list("out").into_iter();
    let names = names.filter(|name| !name.starts_with('.') && !name.ends_with('/'));
    let mut found = Vec::new();
    for name in names {
        for line in folder.text(&format!("out/{name}")).lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            found.push(row["id"].as_u64().unwrap());
        }
    }
    found.sort_unstable();
    found
}

fn append(folder: &Folder, ids: std::ops::Range<u64>) {
    let text: String = ids.map(|id| format!("{{\"id\":{id}}}\n")).collect();
    let mut options = OpenOptions::new();
    let file = options
        .append(true)
        .create(true)
        .open(folder.path("app.jsonl"));
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

/// Gives the last but one generation a name with a number, and the last one the name `.1`.
fn rotate(folder: &Folder, number: u64) {
    let (main, last) = (folder.path("app.jsonl"), folder.path("app.jsonl.1"));
    if last.exists() {
        let older = folder.path(&format!("app.jsonl-{number:06}"));
        std::fs::rename(&last, older).unwrap();
    }
    std::fs::rename(main, last).unwrap();
}

/// Six kills, or as many as `VELO_WATCH_KILLS` says.
#[test]
fn t073_rotated_and_killed_it_loses_and_doubles_nothing() {
    let kills = std::env::var("VELO_WATCH_KILLS").ok();
    let kills: u64 = kills.map_or(6, |text| text.parse().unwrap());
    let folder = Folder::new();
    folder.put(
        "p.yaml",
        "name: logs\nsource: app.jsonl?watch=tail\nsink: out/?format=jsonl&roll_age=100ms\n\
         delivery: effectively_once\ncheckpoint: { store: state, every: 20ms }\n",
    );
    let mut written = 0;
    for kill in 0..kills {
        append(&folder, written..written + 500);
        written += 500;
        let mut child = start(&folder);
        // From before it has begun to long after its first commits.
        for step in 0..kill * 7 % 40 {
            std::thread::sleep(Duration::from_millis(10));
            append(&folder, written..written + 50);
            written += 50;
            if step % 16 == 9 {
                rotate(&folder, written);
            }
        }
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        if kill % 3 == 0 {
            append(&folder, written..written + 50);
            written += 50;
            rotate(&folder, written);
        }
    }
    let mut child = start(&folder);
    let begun = Instant::now();
    while ids(&folder).len() < written as usize && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
    }
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let found = ids(&folder);
    assert_eq!(found.len(), written as usize);
    assert!(found.iter().copied().eq(0..written));
}

#[test]
fn files_are_deleted_once_they_are_committed() {
    let folder = Folder::new();
    folder.put(
        "p.yaml",
        "name: inbox\nsource: in/?watch=directory&delete_after_read=true&complete_after=100ms&format=jsonl\n\
         sink: out/?format=jsonl&roll_age=100ms\ndelivery: effectively_once\n\
         checkpoint: { store: state, every: 20ms }\n",
    );
    for file in 0..5 {
        folder.put(&format!("in/{file}.jsonl"), format!("{{\"id\":{file}}}"));
    }
    let mut child = start(&folder);
    let begun = Instant::now();
    while !folder.list("in").is_empty() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(folder.list("in").is_empty());
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(ids(&folder), [0, 1, 2, 3, 4]);
}

#[test]
fn options_without_watch_are_refused() {
    let folder = Folder::new();
    folder.put("a.jsonl", "{\"id\":1}\n");
    for option in ["poll_interval=1s", "on_done=delete", "start=end"] {
        let source = format!("a.jsonl?{option}");
        folder.fails(
            &["copy", &source, "b.csv"],
            78,
            &["without watch", "watch=tail"],
        );
    }
}

#[test]
fn a_folder_without_files_is_waited_for_and_a_stop_does_not_wait() {
    let folder = Folder::new();
    folder.put(
        "p.yaml",
        "name: inbox\nsource: in/?watch=directory\nsink: out/?format=jsonl\n\
         checkpoint: { store: state }\n",
    );
    let mut child = start(&folder);
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none());
    let asked = Instant::now();
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(20));
}
