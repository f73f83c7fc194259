//! Several ends as one: many sources, many sinks, a destination named by the rows.

mod fan;
mod merged;
mod part;
mod routed;
mod template;

pub(crate) use fan::Fan;
pub(crate) use merged::Merged;
pub(crate) use routed::Routed;
pub(crate) use template::Template;
