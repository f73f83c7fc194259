//! URI -> connector, for the connectors built in and for one's own.

use velo_core::memory::Memory;
use velo_core::{Connector, Error, ErrorKind, Result, Sink, Source, Uri, nearest};

/// Which cargo feature adds which scheme.
const FEATURES: &[(&str, &str)] = &[
    ("file", "file"),
    ("stdin", "file"),
    ("stdout", "file"),
    ("test", "test"),
];

/// Connectors that can be looked up by a URI's scheme.
///
/// ```
/// use velo_registry::Registry;
/// let registry = Registry::default();
/// assert!(registry.schemes().contains(&"memory"));
/// ```
#[derive(Debug, Clone)]
pub struct Registry {
    connectors: Vec<Connector>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            connectors: connectors(),
        }
    }
}

impl Registry {
    /// Makes a registry without connectors.
    ///
    /// ```
    /// assert!(velo_registry::Registry::empty().schemes().is_empty());
    /// ```
    #[must_use]
    pub fn empty() -> Self {
        Self {
            connectors: Vec::new(),
        }
    }

    /// Adds one's own connector; it comes before an earlier one of the same scheme.
    ///
    /// ```
    /// use velo_core::memory::Memory;
    /// let registry = velo_registry::Registry::empty().with(Memory::connector());
    /// assert_eq!(registry.schemes(), ["memory"]);
    /// ```
    #[must_use]
    pub fn with(mut self, connector: Connector) -> Self {
        self.connectors.insert(0, connector);
        self
    }

    /// Lists the connectors.
    ///
    /// ```
    /// assert!(!velo_registry::Registry::default().connectors().is_empty());
    /// ```
    #[must_use]
    pub fn connectors(&self) -> &[Connector] {
        &self.connectors
    }

    /// Lists the schemes.
    ///
    /// ```
    /// assert!(velo_registry::Registry::default().schemes().contains(&"memory"));
    /// ```
    #[must_use]
    pub fn schemes(&self) -> Vec<&'static str> {
        self.connectors
            .iter()
            .flat_map(|connector| connector.schemes)
            .copied()
            .collect()
    }

    /// Opens a URI for reading; parses and validates, no I/O.
    ///
    /// # Errors
    /// `InvalidInput` for a malformed URI or unknown scheme; `Config` for its options.
    ///
    /// ```
    /// let registry = velo_registry::Registry::default();
    /// assert!(registry.create_source("memory://orders").is_ok());
    /// ```
    pub fn create_source(&self, uri: &str) -> Result<Source> {
        self.create_source_of(&Uri::parse(uri)?)
    }

    /// Opens a parsed URI for reading.
    ///
    /// # Errors
    /// As [`create_source`](Self::create_source).
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("memory://orders")?;
    /// assert!(velo_registry::Registry::default().create_source_of(&uri).is_ok());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn create_source_of(&self, uri: &Uri) -> Result<Source> {
        let connector = self.find(uri)?;
        match connector.source {
            Some(source) => source(uri),
            None => Err(one_way(connector, "read")),
        }
    }

    /// Opens a URI for writing; parses and validates, no I/O.
    ///
    /// # Errors
    /// As [`create_source`](Self::create_source).
    ///
    /// ```
    /// let registry = velo_registry::Registry::default();
    /// assert!(registry.create_sink("memory://orders").is_ok());
    /// ```
    pub fn create_sink(&self, uri: &str) -> Result<Sink> {
        self.create_sink_of(&Uri::parse(uri)?)
    }

    /// Opens a parsed URI for writing.
    ///
    /// # Errors
    /// As [`create_source`](Self::create_source).
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("memory://orders")?;
    /// assert!(velo_registry::Registry::default().create_sink_of(&uri).is_ok());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn create_sink_of(&self, uri: &Uri) -> Result<Sink> {
        let connector = self.find(uri)?;
        match connector.sink {
            Some(sink) => sink(uri),
            None => Err(one_way(connector, "written")),
        }
    }

    fn find(&self, uri: &Uri) -> Result<&Connector> {
        let scheme = uri.scheme();
        let found = self
            .connectors
            .iter()
            .find(|connector| connector.schemes.contains(&scheme));
        found.ok_or_else(|| self.unknown(scheme))
    }

    fn unknown(&self, scheme: &str) -> Error {
        let known = self.schemes();
        let error = Error::new(ErrorKind::InvalidInput, "unknown scheme").with("scheme", scheme);
        if let Some((_, feature)) = FEATURES.iter().find(|(known, _)| *known == scheme) {
            return error.with_hint(format!("add the feature `{feature}` to velo-registry"));
        }
        let all = known.join(", ");
        match nearest(scheme, known) {
            Some(name) => error.with_hint(format!("did you mean `{name}`? known are {all}")),
            None => error.with_hint(format!("known are {all}")),
        }
    }
}

/// Lists the connectors that this build holds: one for each feature, and `memory`.
///
/// ```
/// assert!(velo_registry::connectors().iter().any(|connector| connector.name == "memory"));
/// ```
#[must_use]
pub fn connectors() -> Vec<Connector> {
    BUILT_IN.iter().map(|connector| connector()).collect()
}

/// Lists the schemes that this build opens.
///
/// ```
/// assert!(velo_registry::schemes().contains(&"memory"));
/// ```
#[must_use]
pub fn schemes() -> Vec<&'static str> {
    Registry::default().schemes()
}

/// Opens a URI for reading by a connector of this build; parses and validates, no I/O.
///
/// # Errors
/// `InvalidInput` for a malformed URI or unknown scheme, with the nearest known one or the
/// feature that would add it; `Config` for its options.
///
/// ```
/// assert!(velo_registry::create_source("memory://orders").is_ok());
/// let error = velo_registry::create_source("memroy://orders").unwrap_err();
/// assert!(error.hint().unwrap().contains("did you mean `memory`?"));
/// ```
pub fn create_source(uri: &str) -> Result<Source> {
    built_in().create_source(uri)
}

/// Opens a URI for writing by a connector of this build; parses and validates, no I/O.
///
/// # Errors
/// As [`create_source`].
///
/// ```
/// assert!(velo_registry::create_sink("memory://orders").is_ok());
/// ```
pub fn create_sink(uri: &str) -> Result<Sink> {
    built_in().create_sink(uri)
}

/// One line for each feature: the only place that knows which connectors are built in.
static BUILT_IN: &[fn() -> Connector] = &[
    #[cfg(feature = "file")]
    velo_file::connector,
    #[cfg(feature = "test")]
    velo_generator::connector,
    Memory::connector,
];

fn built_in() -> &'static Registry {
    static REGISTRY: std::sync::LazyLock<Registry> = std::sync::LazyLock::new(Registry::default);
    &REGISTRY
}

fn one_way(connector: &Connector, verb: &str) -> Error {
    let message = format!("this connector cannot be {verb}");
    Error::new(ErrorKind::Unsupported, message).with("connector", connector.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_nearest_scheme_and_the_known_ones() {
        let error = create_sink("memry://x").unwrap_err();
        assert!(
            error.report().contains("did you mean `memory`"),
            "{}",
            error.report()
        );
        let error = Registry::empty().create_source("file:///x").unwrap_err();
        assert!(
            error.report().contains("feature `file`"),
            "{}",
            error.report()
        );
    }

    #[test]
    fn ones_own_connector_comes_first() {
        fn refused(_: &Uri) -> Result<Source> {
            Err(Error::new(ErrorKind::Unsupported, "mine"))
        }
        let mine = Connector {
            source: Some(refused),
            ..Memory::connector()
        };
        let error = Registry::default()
            .with(mine)
            .create_source("memory://x")
            .unwrap_err();
        assert_eq!(error.message(), "mine");
    }
}
