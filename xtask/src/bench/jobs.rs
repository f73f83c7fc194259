//! What is compared: the jobs, and how each tool is told to do them.

use std::ffi::OsString;
use std::path::Path;

use super::environment::Environment;

/// One conversion of a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) source: &'static str,
    /// How velo is told what the file's name and bytes do not say.
    query: &'static str,
    /// The table that every output must hold.
    pub(crate) original: &'static str,
    /// The ending of what is written.
    pub(crate) ending: &'static str,
}

impl Job {
    const fn new(name: &'static str, title: &'static str, source: &'static str) -> Self {
        Self {
            name,
            title,
            source,
            query: "",
            original: "lineitem.parquet",
            ending: "parquet",
        }
    }

    const fn to(self, ending: &'static str) -> Self {
        Self { ending, ..self }
    }

    const fn of(self, original: &'static str) -> Self {
        Self { original, ..self }
    }

    const fn read_with(self, query: &'static str) -> Self {
        Self { query, ..self }
    }
}

pub(crate) const JOBS: [Job; 10] = [
    Job::new("csv-to-parquet", "CSV → Parquet", "lineitem.csv"),
    Job::new("jsonl-to-parquet", "JSON lines → Parquet", "lineitem.jsonl"),
    Job::new("parquet-to-csv", "Parquet → CSV", "lineitem.parquet").to("csv"),
    Job::new(
        "parquet-to-jsonl",
        "Parquet → JSON lines",
        "lineitem.parquet",
    )
    .to("jsonl"),
    Job::new(
        "csv-gz-to-parquet",
        "gzip'd CSV → Parquet",
        "lineitem.csv.gz",
    ),
    Job::new(
        "quoted-csv-to-parquet",
        "CSV, every field quoted → Parquet",
        "quoted.csv",
    ),
    Job::new(
        "measurements-to-parquet",
        "`station;number` → Parquet",
        "measurements.csv",
    )
    .of("measurements.parquet")
    .read_with("?delimiter=;&header=false"),
    Job::new(
        "wide-csv-to-parquet",
        "CSV, 500 columns → Parquet",
        "wide.csv",
    )
    .of("wide.parquet"),
    Job::new(
        "events-to-parquet",
        "JSON lines, nested → Parquet",
        "events.jsonl",
    )
    .of("events.parquet"),
    Job::new("avro-to-parquet", "Avro → Parquet", "lineitem.avro"),
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

    /// Says whether the tool does the job at all: of the peers only Polars reads Avro without
    /// what it would have to load at run time.
    pub(crate) fn does(self, job: &Job) -> bool {
        job.name != "avro-to-parquet" || matches!(self, Self::Velo | Self::PolarsEager)
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
                with_query(source, job.query),
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
    with_query(destination, if durable { "" } else { "?sync=false" })
}

fn with_query(path: &Path, query: &str) -> OsString {
    let mut uri = path.as_os_str().to_owned();
    uri.push(query);
    uri
}
