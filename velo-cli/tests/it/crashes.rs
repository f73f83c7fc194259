//! Killed, interrupted or out of space: the old destination or the whole new one.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::velo::Folder;

const ROWS: usize = 300_000;

fn big(folder: &Folder) {
    let rows: String = (0..ROWS)
        .map(|row| format!("{row},{},text {row}\n", row * 7))
        .collect();
    folder.put("a.csv", format!("a,b,c\n{rows}"));
}

fn signal_after(
    folder: &Folder,
    wait: Duration,
    signal: Signal,
    to: &str,
) -> std::process::ExitStatus {
    let mut child = folder
        .command(&["copy", "--quiet", "a.csv", to])
        .spawn()
        .unwrap();
    std::thread::sleep(wait);
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let _it_may_have_ended = kill_process(pid, signal);
    child.wait().unwrap()
}

#[test]
fn kill_9_leaves_the_old_or_the_whole_new_destination() {
    let folder = Folder::new();
    big(&folder);
    let started = std::time::Instant::now();
    folder.ok(&["copy", "--quiet", "a.csv", "whole.csv"]);
    let took = started.elapsed();
    let whole = folder.text("whole.csv");
    let (mut old, mut new) = (0, 0);
    for step in 0..20 {
        folder.put("b.csv", "old\n");
        signal_after(&folder, took * step / 16, Signal::KILL, "b.csv");
        match folder.text("b.csv") {
            text if text == "old\n" => old += 1,
            text if text == whole => new += 1,
            text => panic!("neither old nor new: {} bytes", text.len()),
        }
    }
    assert!(old > 0, "no kill came in time ({new} were whole)");
    folder.ok(&["copy", "--quiet", "a.csv", "b.csv"]);
    assert!(folder.text("b.csv") == whole);
    assert_eq!(
        folder.list("."),
        ["a.csv", "b.csv", "whole.csv"],
        "something was left behind"
    );
}

#[test]
fn ctrl_c_and_sigterm_leave_nothing_half_written() {
    let folder = Folder::new();
    big(&folder);
    for signal in [Signal::INT, Signal::TERM] {
        folder.put("b.parquet", "old");
        let status = signal_after(&folder, Duration::from_millis(60), signal, "b.parquet");
        if status.code() == Some(130) {
            assert_eq!(folder.text("b.parquet"), "old");
        } else {
            assert!(status.success() || status.code().is_none(), "{status}");
        }
        assert_eq!(
            folder.list("."),
            ["a.csv", "b.parquet"],
            "something was left behind"
        );
    }
}

#[test]
fn a_full_disk_is_one_line_and_changes_nothing() {
    let folder = Folder::new();
    big(&folder);
    folder.put("b.csv", "old\n");
    // A limit on the size of files stands for a disk that is full; the signal that would come
    // with it is ignored by the shell, and so by velo.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1000; exec {} copy --quiet a.csv b.csv",
        env!("CARGO_BIN_EXE_velo")
    );
    let mut command = std::process::Command::new("bash");
    let output = command
        .current_dir(folder.path("."))
        .args(["-c", &script])
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    assert!(errors.contains("b.csv"), "{errors}");
    assert_eq!(folder.text("b.csv"), "old\n");
    assert_eq!(folder.list("."), ["a.csv", "b.csv"]);
}
