//! Positions in a source, sealed by the connector that made them.

use std::any::Any;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::{Error, ErrorKind, Result};

/// What a connector implements on its own position type so that it can be sealed.
///
/// `encode` must be canonical: two equal positions are spelled the same, because stored text is
/// compared as text. `decode` must accept what every earlier `VERSION` wrote.
///
/// ```
/// use std::cmp::Ordering;
/// use velo_core::{Offset, Result, SourceOffset};
///
/// #[derive(Debug, Clone, PartialEq)]
/// struct LineOffset(u64);
///
/// impl Offset for LineOffset {
///     const KIND: &'static str = "line";
///     const VERSION: u32 = 1;
///     fn encode(&self) -> String { self.0.to_string() }
///     fn decode(_version: u32, text: &str) -> Result<Self> {
///         text.parse().map(LineOffset).map_err(|e| {
///             velo_core::Error::new(velo_core::ErrorKind::InvalidInput, "read line offset").with_source(e)
///         })
///     }
///     fn compare(&self, other: &Self) -> Option<Ordering> { self.0.partial_cmp(&other.0) }
/// }
///
/// let offset = SourceOffset::seal(LineOffset(7));
/// assert_eq!(offset.open::<LineOffset>()?, LineOffset(7));
/// # Ok::<(), velo_core::Error>(())
/// ```
pub trait Offset: fmt::Debug + Clone + Send + Sync + 'static {
    /// The connector's name in stored text: lowercase letters, digits and `-`.
    const KIND: &'static str;
    /// The version of the text that `encode` writes; starts at 1.
    const VERSION: u32;
    /// Writes the position canonically, without newlines.
    fn encode(&self) -> String;
    /// Reads what `encode` wrote, of this version or an earlier one.
    ///
    /// # Errors
    /// `InvalidInput` when the text is not such a position.
    fn decode(version: u32, text: &str) -> Result<Self>;
    /// Orders two positions of the same split; `None` where order means nothing.
    fn compare(&self, other: &Self) -> Option<Ordering>;
}

/// A place in a split: typed while the connector holds it, text once it is stored.
///
/// Only the connector that sealed it can open it. Two offsets are equal when they are of the same
/// kind and spelled the same; they can be ordered where at least one of the two is still typed.
///
/// ```
/// use velo_core::SourceOffset;
/// use velo_core::memory::MemoryOffset;
/// let offset = SourceOffset::seal(MemoryOffset { partition: 0, row: 42 });
/// let stored = offset.to_string();
/// assert_eq!(stored, "memory.v1:0/42");
/// assert_eq!(stored.parse::<SourceOffset>()?, offset);
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Clone)]
pub struct SourceOffset(Form);

#[derive(Clone)]
enum Form {
    Typed(Arc<dyn Sealed>),
    Stored {
        kind: Arc<str>,
        version: u32,
        body: Arc<str>,
    },
}

trait Sealed: fmt::Debug + Send + Sync {
    fn kind(&self) -> &'static str;
    fn version(&self) -> u32;
    fn encode(&self) -> String;
    fn compare(&self, other: &SourceOffset) -> Option<Ordering>;
    fn as_any(&self) -> &dyn Any;
}

impl<T: Offset> Sealed for T {
    fn kind(&self) -> &'static str {
        T::KIND
    }
    fn version(&self) -> u32 {
        T::VERSION
    }
    fn encode(&self) -> String {
        Offset::encode(self)
    }
    fn compare(&self, other: &SourceOffset) -> Option<Ordering> {
        other
            .open::<T>()
            .ok()
            .and_then(|other| Offset::compare(self, &other))
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl SourceOffset {
    /// Seals a connector's own position.
    ///
    /// ```
    /// use velo_core::{SourceOffset, memory::MemoryOffset};
    /// let offset = SourceOffset::seal(MemoryOffset { partition: 1, row: 0 });
    /// assert_eq!(offset.kind(), "memory");
    /// ```
    pub fn seal<T: Offset>(offset: T) -> Self {
        Self(Form::Typed(Arc::new(offset)))
    }

    /// Opens an offset that the same connector sealed, also after it was stored.
    ///
    /// # Errors
    /// `InvalidInput` when another connector sealed it, when it was written by a newer version,
    /// or when its stored text is damaged.
    ///
    /// ```
    /// use velo_core::{SourceOffset, memory::MemoryOffset};
    /// let offset: SourceOffset = "memory.v1:0/42".parse()?;
    /// assert_eq!(offset.open::<MemoryOffset>()?.row, 42);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn open<T: Offset>(&self) -> Result<T> {
        match &self.0 {
            Form::Typed(sealed) => sealed
                .as_any()
                .downcast_ref::<T>()
                .cloned()
                .ok_or_else(|| self.foreign::<T>()),
            Form::Stored {
                kind,
                version,
                body,
            } if **kind == *T::KIND => {
                if *version > T::VERSION {
                    return Err(
                        Error::new(ErrorKind::InvalidInput, "offset has a newer format")
                            .with("kind", kind)
                            .with("version", version)
                            .with_hint("a newer velo wrote it; use that version"),
                    );
                }
                T::decode(*version, body)
            }
            Form::Stored { .. } => Err(self.foreign::<T>()),
        }
    }

    /// Names the connector that sealed it.
    ///
    /// ```
    /// let offset: velo_core::SourceOffset = "kafka.v1:3/17".parse()?;
    /// assert_eq!(offset.kind(), "kafka");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> &str {
        match &self.0 {
            Form::Typed(sealed) => sealed.kind(),
            Form::Stored { kind, .. } => kind,
        }
    }

    fn foreign<T: Offset>(&self) -> Error {
        Error::new(
            ErrorKind::InvalidInput,
            "offset belongs to another connector",
        )
        .with("expected", T::KIND)
        .with("found", self.kind())
    }
}

impl PartialEq for SourceOffset {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for SourceOffset {}

impl PartialOrd for SourceOffset {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (&self.0, &other.0) {
            (Form::Typed(sealed), _) => sealed.compare(other),
            (_, Form::Typed(sealed)) => sealed.compare(self).map(Ordering::reverse),
            _ if self == other => Some(Ordering::Equal),
            _ => None,
        }
    }
}

impl fmt::Display for SourceOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Typed(sealed) => {
                write!(
                    f,
                    "{}.v{}:{}",
                    sealed.kind(),
                    sealed.version(),
                    sealed.encode()
                )
            }
            Form::Stored {
                kind,
                version,
                body,
            } => write!(f, "{kind}.v{version}:{body}"),
        }
    }
}

impl fmt::Debug for SourceOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceOffset({self})")
    }
}

impl std::str::FromStr for SourceOffset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once(':').and_then(|(head, body)| {
            let (kind, version) = head.rsplit_once(".v")?;
            Some((kind, version.parse().ok()?, body))
        });
        let Some((kind, version, body)) = parts.filter(|(kind, ..)| !kind.is_empty()) else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "stored offset is not kind.vN:text",
            ));
        };
        Ok(Self(Form::Stored {
            kind: kind.into(),
            version,
            body: body.into(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryOffset;

    fn at(row: u64) -> SourceOffset {
        SourceOffset::seal(MemoryOffset { partition: 0, row })
    }

    #[test]
    fn orders_when_one_of_the_two_is_typed() {
        let stored: SourceOffset = "memory.v1:0/9".parse().unwrap();
        assert_eq!(at(10).partial_cmp(&stored), Some(Ordering::Greater));
        assert_eq!(stored.partial_cmp(&at(10)), Some(Ordering::Less));
        let other: SourceOffset = "memory.v1:0/10".parse().unwrap();
        assert_eq!(stored.partial_cmp(&other), None);
    }

    #[test]
    fn refuses_foreign_newer_and_damaged() {
        for text in ["kafka.v1:0/1", "memory.v2:0/1", "memory.v1:zero"] {
            let offset: SourceOffset = text.parse().unwrap();
            assert_eq!(
                offset.open::<MemoryOffset>().unwrap_err().kind(),
                ErrorKind::InvalidInput
            );
        }
        for text in ["", "memory", "memory:1", ".v1:1", "memory.vx:1"] {
            assert!(text.parse::<SourceOffset>().is_err(), "{text}");
        }
    }
}
