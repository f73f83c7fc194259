//! What `velo check` reports: every fault that can be found without looking at source and sink.

use velo_core::{Error, Result};
use velo_registry::Registry;

use super::PipelineFile;
use crate::Pipeline;

impl PipelineFile {
    /// Opens what the file names, as [`pipeline`](Self::pipeline) does, and finds every fault.
    ///
    /// # Errors
    /// At least one.
    pub fn check(&self, registry: &Registry) -> Result<Pipeline, Vec<Error>> {
        self.pipeline(registry).map_err(|error| {
            let mut all = self.faults(registry);
            // What parts make of one another is looked at last.
            if all.is_empty() {
                all.push(error);
            }
            all
        })
    }

    fn faults(&self, registry: &Registry) -> Vec<Error> {
        let parts = [
            self.checked_name(),
            self.opened_source(registry).map(drop),
            self.opened_sink(registry).map(drop),
            self.parsed_transforms().map(drop),
            self.opened_store().map(drop),
            self.opened_letters(registry).map(drop),
        ];
        parts.into_iter().filter_map(Result::err).collect()
    }
}
