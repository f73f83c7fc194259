//! The types of a file (ORC 1, "Types"), as a tree that is safe to walk.

use orc_rust::proto::Type;
use orc_rust::proto::r#type::Kind;
use velo_core::{Error, ErrorKind, Result};

use super::error::wrong;

/// Types within types.
const DEEPEST: usize = 64;
const LARGEST_PRECISION: u32 = 38;
/// Bytes that a value may take while it is decoded.
const VALUE: u64 = 16;

/// Refuses types that are no tree, and those that velo does not carry.
pub(super) fn check(types: &[Type]) -> Result<()> {
    let root = types.first().ok_or_else(|| wrong("it has no types"))?;
    if kind(root)? != Kind::Struct {
        let problem = "orc file has rows that are no structs";
        return Err(
            Error::new(ErrorKind::Unsupported, problem).with_hint("write it with named columns")
        );
    }
    if root.subtypes.len() != root.field_names.len() {
        return Err(wrong("a struct has not as many names as fields"));
    }
    // Children stand behind their parents, one after the other.
    let mut next = 1;
    for (child, name) in root.subtypes.iter().zip(&root.field_names) {
        check_column(types, *child, &mut next, 1).map_err(|error| error.with("column", name))?;
    }
    Ok(())
}

fn check_column(types: &[Type], column: u32, next: &mut u32, depth: usize) -> Result<()> {
    let known = types.get(column as usize).filter(|_| column == *next);
    let this = known.ok_or_else(|| wrong("its types are no tree"))?;
    if depth > DEEPEST {
        return Err(wrong("its types are nested over 64 levels"));
    }
    *next += 1;
    let kind = kind(this)?;
    let refuse = |name: &str, hint: &'static str| {
        Err(
            Error::new(ErrorKind::Unsupported, "orc type is not supported")
                .with("type", name)
                .with_hint(hint),
        )
    };
    let children = match kind {
        Kind::Union => {
            return refuse("uniontype", "make it a struct with one field for each type");
        }
        Kind::Decimal if this.precision.is_none() => {
            return refuse(
                "decimal without precision",
                "write it again, by a newer writer than that of Hive 0.11",
            );
        }
        Kind::Struct if this.subtypes.is_empty() => {
            return refuse("struct without fields", "leave the column out");
        }
        Kind::Decimal if !is_decimal(this) => {
            return Err(wrong("a decimal has over 38 digits"));
        }
        Kind::Struct if this.subtypes.len() != this.field_names.len() => {
            return Err(wrong("a struct has not as many names as fields"));
        }
        Kind::Struct => this.subtypes.len(),
        Kind::List => 1,
        Kind::Map => 2,
        _ => 0,
    };
    if this.subtypes.len() != children {
        return Err(wrong("a type has not as many types in it as it needs"));
    }
    let mut children = this.subtypes.iter();
    children.try_for_each(|child| check_column(types, *child, next, depth + 1))
}

fn is_decimal(this: &Type) -> bool {
    (1..=LARGEST_PRECISION).contains(&this.precision()) && this.scale() <= this.precision()
}

/// Gives what kind of type it is.
fn kind(this: &Type) -> Result<Kind> {
    let number = this.kind.unwrap_or_default();
    Kind::try_from(number).map_err(|_| {
        Error::new(ErrorKind::Unsupported, "orc type is not known").with("type", number)
    })
}

/// Marks the columns whose streams are needed for some of the root's.
pub(super) fn needed(types: &[Type], roots: &[usize]) -> Vec<bool> {
    let mut needed = vec![false; types.len()];
    for root in roots {
        mark(types, types[0].subtypes[*root] as usize, &mut needed);
    }
    needed
}

fn mark(types: &[Type], column: usize, needed: &mut [bool]) {
    needed[column] = true;
    for child in &types[column].subtypes {
        mark(types, *child as usize, needed);
    }
}

/// What the lengths in a column are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lengths {
    /// Bytes of text.
    Bytes,
    /// Values, each of which takes so many bytes while it is decoded.
    Values(u64),
}

impl Lengths {
    /// Says what the lengths of a column are of.
    pub(super) fn of(types: &[Type], column: usize) -> Self {
        match types[column].kind() {
            Kind::List | Kind::Map => {
                let children = types[column].subtypes.iter();
                Self::Values(children.map(|child| width(types, *child as usize)).sum())
            }
            _ => Self::Bytes,
        }
    }
}

/// Gives what one value takes without those in its lists.
fn width(types: &[Type], column: usize) -> u64 {
    let fields = match types[column].kind() {
        Kind::Struct => types[column].subtypes.as_slice(),
        _ => &[],
    };
    VALUE
        + fields
            .iter()
            .map(|child| width(types, *child as usize))
            .sum::<u64>()
}
