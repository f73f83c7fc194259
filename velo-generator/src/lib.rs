#![doc = include_str!("../README.md")]

mod config;
mod convert;
mod offset;
mod source;

pub use config::GeneratorConfig;
pub use convert::{CHECKSUM, Kind, MOST_ROWS, Numbers, Recipe, checksums};
pub use offset::GeneratorOffset;
pub use source::GeneratorSource;

use velo_core::{Connector, Result, Source, Uri};

/// Describes `test://` for a registry.
///
/// ```
/// assert_eq!(velo_generator::connector().schemes, ["test"]);
/// ```
#[must_use]
pub fn connector() -> Connector {
    Connector {
        name: "generator",
        summary: "Made-up rows for trials and tests, the same from the same seed.",
        schemes: &["test"],
        uris: &[
            ("test://user?rows=1000", "a thousand people"),
            ("test://event?rate=100", "clicks, 100 a second, without end"),
            ("test://order?rows=1000000&splits=4", "orders of a shop"),
            ("test://sensor?seed=7", "readings of sensors, without end"),
        ],
        source: Some(create_source),
        sink: None,
        source_options: velo_core::describe::<GeneratorConfig>,
        sink_options: Vec::new,
    }
}

fn create_source(uri: &Uri) -> Result<Source> {
    Ok(Source::new(GeneratorSource::from_uri(uri)?))
}
