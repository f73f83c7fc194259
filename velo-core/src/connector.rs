//! What a connector says of itself, so that a registry can list, open and explain it.

use std::fmt;

use crate::{OptionInfo, Result, Sink, Source, Uri};

/// One connector: its schemes, how to open them, and every option, described once.
///
/// ```
/// use velo_core::memory::Memory;
/// let connector = Memory::connector();
/// assert_eq!(connector.schemes, ["memory"]);
/// assert!(connector.source.is_some() && connector.sink.is_some());
/// ```
#[derive(Clone, Copy)]
pub struct Connector {
    /// The name that `velo connectors NAME` takes.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The URI schemes that it opens.
    pub schemes: &'static [&'static str],
    /// URIs as a user would write them, each with what it means.
    pub uris: &'static [(&'static str, &'static str)],
    /// Opens a URI for reading; `None` where the connector only writes.
    pub source: Option<fn(&Uri) -> Result<Source>>,
    /// Opens a URI for writing; `None` where the connector only reads.
    pub sink: Option<fn(&Uri) -> Result<Sink>>,
    /// Describes the options of reading.
    pub source_options: fn() -> Vec<OptionInfo>,
    /// Describes the options of writing.
    pub sink_options: fn() -> Vec<OptionInfo>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connector({}: {})", self.name, self.schemes.join(", "))
    }
}
