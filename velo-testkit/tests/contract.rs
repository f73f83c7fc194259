//! The contract against its reference, against both models, and against a third party's connector.

use std::process::ExitCode;

use velo_testkit::models::{ChangesHarness, GroupHarness, MemoryHarness};
use velo_testkit::{run_all, trials};

#[path = "../examples/third_party.rs"]
mod third_party;

fn main() -> ExitCode {
    let mut tests = trials("memory", MemoryHarness);
    tests.extend(trials("group", GroupHarness::default()));
    tests.extend(trials("changes", ChangesHarness::default()));
    tests.extend(trials(
        "third_party",
        third_party::NotebookHarness::default(),
    ));
    run_all(tests)
}
