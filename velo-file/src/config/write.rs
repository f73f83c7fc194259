//! Options of writing files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{ByteSize, Error, ErrorKind, Query, Result, TimeSpan};

/// What to do about a destination that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfExists {
    /// A single file is replaced at the commit, and not before.
    Replace,
    /// An existing file, or a directory with anything in it, is an error.
    Fail,
    /// A directory gets more files; a single file of CSV, JSON lines or text gets more rows, which
    /// readers may see before they are committed.
    Append,
}

/// What to do when a stream has other columns than its open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemaPolicy {
    /// It is an error.
    Fail,
    /// The rows go on in another file; only in a directory.
    NewFile,
}

/// Options of writing files; the format has its own besides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileWriteOptions {
    /// What to do when the destination exists; a single file is replaced, a directory gets more files. `append` to a single file writes straight into it.
    pub if_exists: Option<IfExists>,
    /// Columns whose values become directories `column=value`; the files leave them out.
    pub partition_by: Vec<String>,
    /// Rows in a file at most, though a row group is never cut; the destination is a directory.
    pub roll_rows: Option<u64>,
    /// Size at which a file is finished and the next one starts; the destination is a directory.
    pub roll_bytes: Option<ByteSize>,
    /// Age at which a file is finished when more rows or a checkpoint come, which without this option finishes files of one minute; the destination is a directory.
    pub roll_age: Option<TimeSpan>,
    /// Names of files in a directory, made of `{stream}`, `{pipeline}`, `{task}`, `{epoch}`, `{n}`.
    pub file_name: String,
    /// Whether files and directories are flushed to the disk before they become visible.
    pub sync: bool,
    /// What to do when columns change; a single file fails, a directory gets a new file.
    pub schema_policy: Option<SchemaPolicy>,
    /// Whether missing directories are created.
    pub create_dirs: bool,
}

impl Default for FileWriteOptions {
    fn default() -> Self {
        Self {
            if_exists: None,
            partition_by: Vec::new(),
            roll_rows: None,
            roll_bytes: None,
            roll_age: None,
            file_name: "{stream}-{pipeline}-{task}-{epoch}-{n}".to_owned(),
            sync: true,
            schema_policy: None,
            create_dirs: true,
        }
    }
}

impl FileWriteOptions {
    /// Takes the options of writing files out of a query.
    ///
    /// # Errors
    /// `Config` naming the option.
    pub fn take(query: &mut Query<'_>) -> Result<Self> {
        if let Some((name, hint)) = replaced(query) {
            return Err(Error::new(ErrorKind::Config, "option has another name")
                .with("option", name)
                .with_hint(hint));
        }
        let options: Self = query.read()?;
        options.check()?;
        Ok(options)
    }

    /// Says whether an option only makes sense in a directory.
    pub(crate) fn directory_option(&self) -> Option<&'static str> {
        let set = [
            ("partition_by", !self.partition_by.is_empty()),
            ("roll_rows", self.roll_rows.is_some()),
            ("roll_bytes", self.roll_bytes.is_some()),
            ("roll_age", self.roll_age.is_some()),
        ];
        set.into_iter().find(|(_, set)| *set).map(|(name, _)| name)
    }

    pub(crate) fn check(&self) -> Result<()> {
        let zero = [
            ("roll_rows", self.roll_rows == Some(0)),
            ("roll_bytes", self.roll_bytes == Some(ByteSize(0))),
        ];
        if let Some((name, _)) = zero.iter().find(|(_, zero)| *zero) {
            return Err(Error::new(ErrorKind::Config, "a file needs room").with("option", name));
        }
        let columns = &self.partition_by;
        let mut seen = columns.iter().enumerate();
        if let Some((_, twice)) = seen.find(|(at, name)| columns[..*at].contains(name)) {
            return Err(Error::new(ErrorKind::Config, "column stands twice")
                .with("option", "partition_by")
                .with("column", twice));
        }
        Ok(())
    }
}

/// Finds an option that other tools and the sources of velo know under this name.
fn replaced(query: &Query<'_>) -> Option<(String, &'static str)> {
    let known = [
        ("mode", "say if_exists=replace, fail or append"),
        ("overwrite", "say if_exists=replace"),
        ("append", "say if_exists=append"),
        ("buffer_size", "buffers of writing have no option"),
        ("recursive", "it is an option of reading"),
        ("batch_size", "it is an option of reading"),
        ("extension_filter", "it is an option of reading"),
    ];
    let of = |name: &str| known.into_iter().find(|(known, _)| *known == name);
    let found = query.names().find_map(of);
    found.map(|(name, hint)| (name.to_owned(), hint))
}

#[cfg(test)]
mod tests {
    use velo_core::Uri;

    use super::*;

    fn take(text: &str) -> Result<FileWriteOptions> {
        let uri = Uri::parse(text)?;
        let mut query = uri.query()?;
        let options = FileWriteOptions::take(&mut query)?;
        query.finish()?;
        Ok(options)
    }

    #[test]
    fn reads_what_is_set() {
        let options = take("o/?partition_by=year,month&roll_bytes=64MiB&sync=false&if_exists=fail");
        let options = options.unwrap();
        assert_eq!(options.partition_by, ["year", "month"]);
        assert_eq!(options.roll_bytes, Some(ByteSize(64 << 20)));
        assert_eq!(options.if_exists, Some(IfExists::Fail));
        assert!(!options.sync && options.create_dirs);
        assert_eq!(options.directory_option(), Some("partition_by"));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for text in [
            "o/?roll_rows=0",
            "o/?roll_bytes=0",
            "o/?partition_by=a,b,a",
            "o/?overwrite=true",
            "o/?recursive=true",
            "o/?if_exists=maybe",
            "o/?roll_row=1",
        ] {
            assert_eq!(take(text).unwrap_err().kind(), ErrorKind::Config, "{text}");
        }
    }

    #[test]
    fn every_option_is_described() {
        let described = velo_core::describe::<FileWriteOptions>();
        assert_eq!(described.len(), 9);
        assert!(described.iter().all(|option| !option.doc.is_empty()));
    }
}
