#![doc = include_str!("../README.md")]

mod registry;

pub use registry::{Registry, connectors, create_sink, create_source, schemes};
pub use velo_core::{Connector, Error, ErrorKind, Result, Sink, Source, Uri};
