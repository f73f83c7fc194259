//! `velo run` killed again and again: the short tier of `cargo xtask crash`.

use std::path::PathBuf;

use velo_testkit::campaign::{Pair, Plan, Subject, campaign};

/// 25 kills at random times over rounds of 20,000 rows.
fn survives(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let velo = Subject::Velo(PathBuf::from(env!("CARGO_BIN_EXE_velo")));
    let plan = Plan::new(velo, Pair::named(name).unwrap());
    let tally = campaign(&plan, folder.path(), &mut |_| {}).unwrap();
    assert!(tally.is_clean(), "{name}: {:#?}", tally.complaints);
    assert_eq!(tally.kills, plan.kills);
}

#[test]
fn files_to_json_lines_survive_kills() {
    survives("file-jsonl");
}

#[test]
fn files_to_parquet_survive_kills() {
    survives("file-parquet");
}

#[test]
fn generated_rows_to_json_lines_survive_kills() {
    survives("test-jsonl");
}

#[test]
fn dead_letters_survive_kills() {
    survives("poison-jsonl");
}
