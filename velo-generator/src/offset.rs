//! Where a reader of `test://` stands.

use std::cmp::Ordering;

use velo_core::{Error, ErrorKind, Offset, Result};

use crate::convert::Kind;

/// How many rows of a split came before, and of which rows.
///
/// ```
/// use velo_core::SourceOffset;
/// use velo_generator::{GeneratorOffset, Kind};
/// let offset = GeneratorOffset { kind: Kind::Order, recipe: 0xab, splits: 4, split: 1, row: 8192 };
/// assert_eq!(SourceOffset::seal(offset).to_string(), "test.v1:order/00000000000000ab/4/1/8192");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GeneratorOffset {
    /// The kind of rows.
    pub kind: Kind,
    /// Stands for seed and epoch, which make other rows of the same kind.
    pub recipe: u64,
    /// How many splits share the rows.
    pub splits: u32,
    /// The split; behind the last one for a position of discovery.
    pub split: u32,
    /// The number of rows of the split before.
    pub row: u64,
}

impl GeneratorOffset {
    /// Refuses a position in other rows than these.
    pub(crate) fn expect(&self, expected: &Self) -> Result<()> {
        let other = |what: &'static str| {
            Error::new(ErrorKind::InvalidInput, "position is one of other rows")
                .with("differs", what)
                .with_hint("resume with the kind, seed, epoch and splits of before, or start anew")
        };
        if self.kind != expected.kind {
            return Err(other("kind"));
        }
        if self.recipe != expected.recipe {
            return Err(other("seed or epoch"));
        }
        if self.splits != expected.splits {
            return Err(other("splits"));
        }
        if self.split != expected.split {
            return Err(other("split"));
        }
        Ok(())
    }
}

impl Offset for GeneratorOffset {
    const KIND: &'static str = "test";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        let Self {
            kind,
            recipe,
            splits,
            split,
            row,
        } = self;
        format!("{}/{recipe:016x}/{splits}/{split}/{row}", kind.name())
    }

    fn decode(_version: u32, text: &str) -> Result<Self> {
        let mut parts = text.split('/');
        let mut part = || parts.next();
        let offset = (|| {
            Some(Self {
                kind: part()?.parse().ok()?,
                recipe: u64::from_str_radix(part()?, 16).ok()?,
                splits: part()?.parse().ok()?,
                split: part()?.parse().ok()?,
                row: part()?.parse().ok()?,
            })
        })();
        // Canonical, and nothing behind it.
        offset
            .filter(|offset| offset.encode() == text)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidInput,
                    "stored test offset is not kind/recipe/splits/split/row",
                )
            })
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        self.expect(other).ok()?;
        Some(self.row.cmp(&other.row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: GeneratorOffset = GeneratorOffset {
        kind: Kind::Sensor,
        recipe: u64::MAX,
        splits: 3,
        split: 2,
        row: u64::MAX,
    };

    #[test]
    fn what_is_stored_is_read_back() {
        assert_eq!(GeneratorOffset::decode(1, &AT.encode()).unwrap(), AT);
        for text in [
            "",
            "sensor",
            "sensor/ff/3/2/1",
            "sensor/ffffffffffffffff/3/2/1/4",
            "sensor/ffffffffffffffff/3/2/+1",
            "horse/ffffffffffffffff/3/2/1",
        ] {
            assert!(GeneratorOffset::decode(1, text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_rows_have_no_order() {
        let earlier = GeneratorOffset { row: 1, ..AT };
        assert_eq!(earlier.compare(&AT), Some(Ordering::Less));
        for (other, differs) in [
            (
                GeneratorOffset {
                    kind: Kind::User,
                    ..AT
                },
                "kind",
            ),
            (GeneratorOffset { recipe: 1, ..AT }, "seed or epoch"),
            (GeneratorOffset { splits: 4, ..AT }, "splits"),
            (GeneratorOffset { split: 1, ..AT }, "split"),
        ] {
            assert_eq!(AT.compare(&other), None);
            let error = other.expect(&AT).unwrap_err();
            assert_eq!(error.context("differs"), Some(differs));
        }
    }
}
