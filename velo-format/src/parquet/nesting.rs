//! How deep a schema is nested, found without recursion, and whether it says more of itself than
//! there is.
//!
//! Decoders build and drop a schema recursively, and a stack that overflows ends the process, fence
//! or not; and they take memory for as many elements and children as are announced. So the
//! schema's elements are counted before any decoder sees them, in the compact
//! encoding of Thrift that Parquet's metadata have.

use super::thrift::{STRUCT, Thrift};

/// Levels that a schema may have; a list takes two of them.
pub(super) const DEEPEST: usize = 200;

/// What keeps a schema from a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is nested deeper than [`DEEPEST`].
    TooDeep,
    /// It announces more elements or children than there can be.
    TooMany,
}

/// Looks for a flaw in the schema in a file's metadata.
///
/// Metadata that cannot be made out are left for the decoder to complain of.
pub(super) fn flaw(metadata: &[u8]) -> Option<Flaw> {
    schema_flaw(&mut Thrift::new(metadata)).unwrap_or(None)
}

fn schema_flaw(input: &mut Thrift<'_>) -> Option<Option<Flaw>> {
    const SCHEMA: i64 = 2;
    let mut id = 0;
    while let Some(kind) = input.field(&mut id)? {
        if id != SCHEMA {
            input.skip(kind, 0)?;
            continue;
        }
        let (elements, STRUCT) = input.list()? else {
            return None;
        };
        return follow(input, elements);
    }
    None
}

/// Follows the elements, which stand in the order of a walk down first.
fn follow(input: &mut Thrift<'_>, elements: u64) -> Option<Option<Flaw>> {
    // Each has a byte at least.
    if elements > input.left() as u64 {
        return Some(Some(Flaw::TooMany));
    }
    // How many children are still to come at each level.
    let mut open: Vec<u64> = Vec::new();
    for _ in 0..elements {
        let children = children(input)?;
        if children > elements {
            return Some(Some(Flaw::TooMany));
        }
        if let Some(left) = open.last_mut() {
            *left = left.saturating_sub(1);
        }
        if children > 0 {
            open.push(children);
        }
        if open.len() > DEEPEST {
            return Some(Some(Flaw::TooDeep));
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    Some(None)
}

fn children(input: &mut Thrift<'_>) -> Option<u64> {
    const CHILDREN: i64 = 5;
    let (mut id, mut children) = (0, 0);
    while let Some(kind) = input.field(&mut id)? {
        if id == CHILDREN {
            // Zigzag: even numbers are not negative.
            children = input.number()? >> 1;
        } else {
            input.skip(kind, 0)?;
        }
    }
    Some(children)
}
