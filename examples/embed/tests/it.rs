//! The ten lines, run.

#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn ten_lines_copy_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "id,name\n1,x\n2,\n").unwrap();
    let mut embed = Command::new(env!("CARGO_BIN_EXE_embed"));
    let status = embed
        .current_dir(folder.path())
        .args(["a.csv", "b.jsonl"])
        .status()
        .unwrap();
    assert!(status.success());
    let copied = std::fs::read_to_string(folder.path().join("b.jsonl")).unwrap();
    assert_eq!(
        copied,
        "{\"id\":1,\"name\":\"x\"}\n{\"id\":2,\"name\":null}\n"
    );
}
