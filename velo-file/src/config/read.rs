//! Options of reading files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{ByteSize, Error, ErrorKind, Query, Result};

/// What becomes of directories named `key=value`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HivePartitioning {
    /// Those under the directory or the glob's fixed part become columns.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// All of the path become columns, also of a single file.
    #[serde(rename = "true")]
    On,
    /// They are names like any other.
    #[serde(rename = "false")]
    Off,
}

/// What becomes of columns in which files differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemaDrift {
    /// All columns by name; types are widened where no value changes; missing ones are null.
    #[default]
    Union,
    /// A difference is an error.
    Fail,
    /// The first file decides; other columns are left out, missing ones are null.
    Ignore,
}

/// What becomes of a row that does not decode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BadRowPolicy {
    /// It ends the reading with an error.
    #[default]
    Fail,
    /// It is left out and counted.
    Skip,
    /// It is left out, counted and kept with its bytes.
    DeadLetter,
}

/// Options of reading files, beside those of their format.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileReadOptions {
    /// Whether directories are read with everything below them; on by itself for Hive partitions.
    pub recursive: bool,
    /// Endings of the files to read, as `csv,csv.gz`; all known formats when it is not set.
    pub extension_filter: Option<Vec<String>>,
    /// Whether a column `_metadata` says which file and row each row comes from.
    pub metadata: bool,
    /// Whether directories named `key=value` become columns: auto, true or false.
    pub hive_partitioning: HivePartitioning,
    /// What becomes of columns in which files differ.
    pub schema_drift: SchemaDrift,
    /// What becomes of a row that does not decode.
    pub on_bad_row: BadRowPolicy,
    /// Reads so many rows at most, from the first file's first row on, before any filter.
    pub max_records: Option<u64>,
    /// Bytes read at once.
    pub buffer_size: ByteSize,
    /// Bytes of a large file that one reader takes.
    pub split_size: ByteSize,
}

impl Default for FileReadOptions {
    fn default() -> Self {
        Self {
            recursive: false,
            extension_filter: None,
            metadata: false,
            hive_partitioning: HivePartitioning::Auto,
            schema_drift: SchemaDrift::Union,
            on_bad_row: BadRowPolicy::Fail,
            max_records: None,
            buffer_size: ByteSize(256 << 10),
            split_size: ByteSize(16 << 20),
        }
    }
}

/// Options that other readers of files have, and what to write instead.
const REPLACED: [(&str, ErrorKind, &str); 9] = [
    (
        "follow",
        ErrorKind::Config,
        "the option is called watch: watch=tail",
    ),
    (
        "batch_timeout",
        ErrorKind::Unsupported,
        "files do not make a reader wait; batch_size alone bounds batches",
    ),
    (
        "has_header",
        ErrorKind::Config,
        "the option is called header",
    ),
    (
        "skip_header",
        ErrorKind::Config,
        "header=true reads the names; skip_lines leaves lines out",
    ),
    (
        "limit",
        ErrorKind::Config,
        "the option is called max_records",
    ),
    (
        "max_line_size",
        ErrorKind::Config,
        "the option is called max_line_length",
    ),
    (
        "separator",
        ErrorKind::Config,
        "the option is called delimiter",
    ),
    (
        "pattern",
        ErrorKind::Config,
        "write the pattern into the path: data/*.csv",
    ),
    (
        "on_error",
        ErrorKind::Config,
        "the option is called on_bad_row",
    ),
];

const SMALLEST_BUFFER: u64 = 4 << 10;
const SMALLEST_SPLIT: u64 = 64;

impl FileReadOptions {
    /// Takes the options out of a query.
    ///
    /// # Errors
    /// `Config` naming the option; `Unsupported` for what files cannot do.
    pub(crate) fn take(query: &mut Query<'_>) -> Result<Self> {
        for name in query.names() {
            if let Some((name, kind, hint)) = REPLACED.iter().find(|(old, ..)| *old == name) {
                let message = match kind {
                    ErrorKind::Unsupported => "option is not supported for files",
                    _ => "option has another name",
                };
                return Err(Error::new(*kind, message)
                    .with("option", name)
                    .with_hint(*hint));
            }
        }
        let options: Self = query.read()?;
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<()> {
        let refuse = |option: String, message: &'static str| {
            Err(Error::new(ErrorKind::Config, message).with("option", option))
        };
        if !(SMALLEST_BUFFER..=1 << 30).contains(&self.buffer_size.0) {
            return refuse(
                format!("buffer_size={}", self.buffer_size),
                "expected a size from 4KiB to 1GiB",
            );
        }
        if self.split_size.0 < SMALLEST_SPLIT {
            return refuse(
                format!("split_size={}", self.split_size),
                "expected a size from 64 bytes up",
            );
        }
        if self.max_records == Some(0) {
            return refuse("max_records=0".to_owned(), "expected a number from 1 up");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use velo_core::Uri;

    fn take(query: &str) -> Result<FileReadOptions> {
        let uri = Uri::parse(&format!("a.csv?{query}"))?;
        let mut query = uri.query()?;
        let options = FileReadOptions::take(&mut query)?;
        query.finish()?;
        Ok(options)
    }

    #[test]
    fn reads_options() {
        let options = take(
            "recursive=true&extension-filter=csv,tsv&hivePartitioning=true&schema_drift=fail\
             &on_bad_row=dead_letter&max_records=10&split_size=1MiB",
        )
        .unwrap();
        assert!(options.recursive);
        assert_eq!(
            options.extension_filter.as_deref(),
            Some(&["csv".to_owned(), "tsv".to_owned()][..])
        );
        assert_eq!(options.hive_partitioning, HivePartitioning::On);
        assert_eq!(options.schema_drift, SchemaDrift::Fail);
        assert_eq!(options.on_bad_row, BadRowPolicy::DeadLetter);
        assert_eq!(options.max_records, Some(10));
        assert_eq!(options.split_size.0, 1 << 20);
    }

    #[test]
    fn refuses_with_the_right_name() {
        for (query, part) in [
            ("follow=true", "watch=tail"),
            ("batch_timeout=5s", "batch_size"),
            ("limit=5", "max_records"),
            ("buffer_size=1", "4KiB"),
            ("max_records=0", "from 1 up"),
            ("hive_partitioning=maybe", "auto, true, false"),
            ("recursiv=true", "recursive"),
        ] {
            let report = take(query).unwrap_err().report();
            assert!(report.contains(part), "{query}: {report}");
        }
    }
}
