//! Transforms, bound to the streams that come by.

use std::sync::Arc;

use velo_core::{Result, SchemaChange, StreamInfo};

use crate::{Bound, Transforms};

/// The transforms as they are bound to the streams that have come by.
#[derive(Default)]
pub(super) struct Bindings(Vec<(Arc<str>, u32, Bound)>);

impl Bindings {
    pub(super) fn of(&mut self, transforms: &Transforms, stream: &StreamInfo) -> Result<&Bound> {
        let known = |(name, version, _): &(Arc<str>, u32, Bound)| {
            **name == *stream.name() && *version == stream.version()
        };
        let at = match self.0.iter().position(known) {
            Some(at) => at,
            None => {
                self.forget(stream.name());
                let bound = transforms.bind(stream)?;
                self.0.push((stream.name().into(), stream.version(), bound));
                self.0.len() - 1
            }
        };
        Ok(&self.0[at].2)
    }

    /// Follows a schema change and says what it is for those behind.
    pub(super) fn change(
        &mut self,
        transforms: &Transforms,
        change: &SchemaChange,
    ) -> Result<SchemaChange> {
        if transforms.is_empty() {
            return Ok(change.clone());
        }
        let stream = &change.stream;
        let before = self.0.iter().find(|(name, ..)| **name == *stream.name());
        let Some((_, _, before)) = before else {
            let bound = self.of(transforms, stream)?;
            return Ok(SchemaChange {
                stream: bound.stream().clone(),
                columns: change.columns.clone(),
            });
        };
        let (bound, change) = before.change(change)?;
        let (name, version) = (stream.name().into(), stream.version());
        self.forget(stream.name());
        self.0.push((name, version, bound));
        Ok(change)
    }

    fn forget(&mut self, stream: &str) {
        self.0.retain(|(name, ..)| **name != *stream);
    }
}
