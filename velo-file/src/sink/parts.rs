//! What a checkpoint keeps of an epoch: the files to be shown, and those that go on.

use std::path::{Component, Path};

use arrow_schema::{DataType, Field, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use velo_core::{Commit, Committable, Error, ErrorKind, Result};

use super::inflight::{Extent, fnv};

const KIND: &str = "file";

/// Version 1 had no open files.
const VERSION: u32 = 2;

/// The prepared files of one epoch.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct PreparedFiles {
    /// Whether a file of the same name is replaced.
    pub(super) replace: bool,
    pub(super) files: Vec<PreparedFile>,
    /// The files that go on with the next epoch.
    #[serde(default)]
    pub(super) open: Vec<CutFile>,
}

/// A file that is whole.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PreparedFile {
    /// The name among the files under construction.
    pub(super) inflight: String,
    /// The path below the root that it gets.
    pub(super) path: String,
    pub(super) length: u64,
    pub(super) mark: u64,
}

/// A file that is cut behind its last row and goes on from there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CutFile {
    pub(super) place: Place,
    pub(super) stream: String,
    /// The Hive directories below the root.
    pub(super) directory: String,
    /// Rows so far.
    pub(super) rows: u64,
    /// Its columns, as [`columns`] makes a number of them.
    pub(super) columns: u64,
    pub(super) length: u64,
    pub(super) mark: u64,
    /// Milliseconds since it was begun.
    pub(super) age: u64,
}

/// Where a file is that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// Among the files under construction.
    Hidden { inflight: String },
    /// The destination itself, which is appended to.
    Shown(Shown),
}

/// Which file was appended to, and when that was said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) generation: u64,
    /// The epoch that ends at this length.
    pub(super) epoch: u64,
    /// Whether this run has let the file go: what others append is theirs.
    pub(super) closed: bool,
}

impl CutFile {
    pub(super) fn is_shown(&self) -> bool {
        matches!(self.place, Place::Shown(_))
    }

    pub(super) fn extent(&self) -> Extent {
        Extent {
            length: self.length,
            mark: self.mark,
        }
    }
}

impl PreparedFiles {
    pub(super) fn seal(&self) -> Result<Committable> {
        Ok(Committable {
            kind: KIND.to_owned(),
            version: VERSION,
            body: to_text(self)?,
        })
    }

    /// Reads the parts of a commit, in their order.
    pub(super) fn of(commit: &Commit) -> Result<Vec<Self>> {
        let parts = commit.parts.iter();
        parts
            .map(|(_, committable)| Self::open(committable))
            .collect()
    }

    fn open(committable: &Committable) -> Result<Self> {
        let foreign =
            |what| Error::new(ErrorKind::InvalidInput, what).with("kind", &committable.kind);
        if committable.kind != KIND {
            return Err(foreign("committable belongs to another connector"));
        }
        if committable.version > VERSION {
            return Err(foreign("committable has a newer format").with_hint("use the newer velo"));
        }
        let opened: Self = of_text(&committable.body)
            .map_err(|cause| foreign("committable is damaged").with_source(cause))?;
        if !opened.stays_inside() {
            return Err(foreign("committable points outside of the destination"));
        }
        Ok(opened)
    }

    fn stays_inside(&self) -> bool {
        let inside = |path: &str| {
            let mut parts = Path::new(path).components();
            parts.all(|part| matches!(part, Component::Normal(_)))
        };
        let named = |name: &str| inside(name) && !name.is_empty() && !name.contains('/');
        let files = self.files.iter();
        let open = self.open.iter();
        files
            .map(|file| inside(&file.path) && named(&file.inflight))
            .chain(open.map(|file| match &file.place {
                Place::Hidden { inflight } => inside(&file.directory) && named(inflight),
                Place::Shown(_) => true,
            }))
            .all(|inside| inside)
    }
}

pub(super) fn to_text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|cause| {
        Error::new(ErrorKind::Unexpected, "describe prepared files").with_source(cause)
    })
}

pub(super) fn of_text<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text)
}

/// Makes a number of columns: their names, types and whether they may be null.
pub(super) fn columns(schema: &Schema) -> u64 {
    let mut text = String::new();
    for field in schema.fields() {
        describe(field, &mut text);
    }
    fnv(text.as_bytes())
}

/// Spells a column out. What a nested field carries besides is left out, as it differs between
/// versions of the arrow crates.
fn describe(field: &Field, text: &mut String) {
    use DataType as T;
    let kind = format!("{:?}", field.data_type());
    let nested = |kind: &str| kind.split('(').next().unwrap_or_default().to_owned();
    let (kind, children): (_, Vec<&Field>) = match field.data_type() {
        T::List(item) | T::LargeList(item) | T::ListView(item) | T::LargeListView(item) => {
            (nested(&kind), vec![item])
        }
        T::FixedSizeList(item, size) => (format!("{}{size}", nested(&kind)), vec![item]),
        T::Map(entries, _) => (nested(&kind), vec![entries]),
        T::Struct(fields) => (nested(&kind), fields.iter().map(AsRef::as_ref).collect()),
        _ => (kind, Vec::new()),
    };
    text.push_str(&format!(
        "{:?} {kind} {}",
        field.name(),
        field.is_nullable()
    ));
    text.push('{');
    for child in children {
        describe(child, text);
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_differ_by_name_type_and_nullability() {
        let one = |name: &str, kind: DataType, nullable| {
            columns(&Schema::new(vec![Field::new(name, kind, nullable)]))
        };
        let item = |kind| DataType::new_list(kind, true);
        let different = [
            one("a", DataType::Int64, true),
            one("b", DataType::Int64, true),
            one("a", DataType::Int32, true),
            one("a", DataType::Int64, false),
            one("a", item(DataType::Int64), true),
            one("a", item(DataType::Int32), true),
            one("a", item(item(DataType::Int32)), true),
        ];
        for (at, columns) in different.iter().enumerate() {
            assert!(!different[..at].contains(columns), "{at}");
        }
        assert_eq!(one("a", DataType::Int64, true), different[0]);
    }

    #[test]
    fn parts_of_the_first_version_are_read() {
        let part = Committable {
            kind: KIND.to_owned(),
            version: 1,
            body: r#"{"replace":true,"files":[{"inflight":"a.ready","path":"b","length":1,"mark":2}]}"#
                .to_owned(),
        };
        let opened = PreparedFiles::open(&part).unwrap();
        assert!(opened.open.is_empty() && opened.files[0].path == "b");
    }
}
