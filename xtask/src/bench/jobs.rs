//! What is compared: the jobs, and how each tool is told to do them.

use std::ffi::OsString;
use std::path::Path;

use super::environment::Environment;

/// One conversion of the same table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) source: &'static str,
    /// The ending of what is written.
    pub(crate) ending: &'static str,
}

pub(crate) const JOBS: [Job; 5] = [
    Job {
        name: "csv-to-parquet",
        title: "CSV → Parquet",
        source: "lineitem.csv",
        ending: "parquet",
    },
    Job {
        name: "jsonl-to-parquet",
        title: "JSON lines → Parquet",
        source: "lineitem.jsonl",
        ending: "parquet",
    },
    Job {
        name: "parquet-to-csv",
        title: "Parquet → CSV",
        source: "lineitem.parquet",
        ending: "csv",
    },
    Job {
        name: "parquet-to-jsonl",
        title: "Parquet → JSON lines",
        source: "lineitem.parquet",
        ending: "jsonl",
    },
    Job {
        name: "csv-gz-to-parquet",
        title: "gzip'd CSV → Parquet",
        source: "lineitem.csv.gz",
        ending: "parquet",
    },
];

/// Who does a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Velo,
    DuckDb,
    PolarsStreaming,
    PolarsEager,
}

impl Tool {
    pub(crate) const ALL: [Self; 4] = [
        Self::Velo,
        Self::DuckDb,
        Self::PolarsStreaming,
        Self::PolarsEager,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Velo => "velo",
            Self::DuckDb => "DuckDB",
            Self::PolarsStreaming => "Polars, streaming",
            Self::PolarsEager => "Polars, eager",
        }
    }

    /// The Python module whose bare import is this tool's start; velo has none to speak of.
    pub(crate) fn module(self) -> Option<&'static str> {
        match self {
            Self::Velo => None,
            Self::DuckDb => Some("duckdb"),
            Self::PolarsStreaming | Self::PolarsEager => Some("polars"),
        }
    }

    /// The command that does a job.
    pub(crate) fn command(
        self,
        environment: &Environment,
        job: &Job,
        source: &Path,
        destination: &Path,
    ) -> Vec<OsString> {
        let script = |name: &str, last: &str| {
            let script = environment.scripts.join(name);
            let paths = [source.into(), destination.into()];
            let start = [
                environment.python.clone().into(),
                script.into(),
                job.name.into(),
            ];
            start
                .into_iter()
                .chain(paths)
                .chain([last.into()])
                .collect()
        };
        match self {
            Self::Velo => vec![
                environment.velo.clone().unwrap_or_default().into(),
                "copy".into(),
                source.into(),
                uri(destination, environment.durable),
                "--quiet".into(),
            ],
            Self::DuckDb => script("duckdb_job.py", &environment.threads.to_string()),
            Self::PolarsStreaming => script("polars_job.py", "streaming"),
            Self::PolarsEager => script("polars_job.py", "eager"),
        }
    }
}

/// velo flushes what it writes unless told otherwise; its peers do not.
fn uri(destination: &Path, durable: bool) -> OsString {
    let mut uri = destination.as_os_str().to_owned();
    if !durable {
        uri.push("?sync=false");
    }
    uri
}
