//! Pipeline files: whatever stands in one, it is a pipeline or refused with its place, and a secret is in
//! no message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use velo_pipeline::config::{Loading, PipelineFile};
use velo_registry::Registry;

const SECRET: &str = "s3cr3t-of-the-environment";

fuzz_target!(|text: &str| {
    let loading = Loading {
        profile: text.contains("profiles").then(|| "prod".to_owned()),
        environment: [("PASSWORD".to_owned(), SECRET.to_owned())].into(),
        ..Loading::default()
    };
    let quiet = |error: velo_core::Error| {
        let said = format!("{error:?} {error} {}", error.report());
        assert!(!said.contains(SECRET) || text.contains(SECRET), "{said}");
    };
    match PipelineFile::parse_with(text, &loading) {
        Ok(file) => drop(file.check(&Registry::default())),
        Err(error) => quiet(error),
    }
});
