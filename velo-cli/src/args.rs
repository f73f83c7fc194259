//! The command line, described once: help, completions and the man page come from here.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use velo_core::TimeSpan;

use crate::watching::Wanted;

/// Moves records between systems: any URI in, any URI out.
#[derive(Debug, Parser)]
#[command(
    name = "velo",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Exit codes: 0 done, 64 usage, 65 bad data, 66 input missing, \
    69 unavailable, 73 exists already, 74 I/O error, 75 try again, 77 no permission, \
    78 configuration, 130 interrupted."
)]
pub(crate) struct Arguments {
    /// Show neither progress nor summary.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print results, summary and errors as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours and a progress bar.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: clap::ColorChoice,
    /// Threads to work with; as many as there are cores by default.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// The profile of the pipeline file to lay over the rest; VELO_PROFILE by default.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Take files that a pipeline file extends, and secrets, from DIR as well; may be repeated.
    #[arg(long = "config-root", global = true, value_name = "DIR")]
    pub(crate) config_roots: Vec<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy all rows of SRC to DST.
    ///
    /// The destination shows all of them or stays as it was, also when the copy is interrupted.
    /// A path without a scheme is a file, a glob or a directory; `-` is standard input or output.
    #[command(after_help = "Examples:\n  \
        velo copy flights.csv.gz flights.parquet\n  \
        velo copy 'logs/*.jsonl' 'all.csv?delimiter=;'\n  \
        zcat big.csv.gz | velo copy 'stdin:?format=csv' big.parquet\n\n\
        Options of formats and connectors stand in the URI, behind `?`: velo connectors file.")]
    Copy(Copy),
    /// Show the columns of URI and their types.
    Schema {
        /// What to look at.
        #[arg(allow_hyphen_values = true, value_parser = uri)]
        uri: String,
    },
    /// Show the first rows of URI.
    Head {
        /// What to look at.
        #[arg(allow_hyphen_values = true, value_parser = uri)]
        uri: String,
        /// How many rows.
        #[arg(long = "rows", short = 'n', default_value = "10")]
        rows: usize,
    },
    /// Count the rows of URI.
    Count {
        /// What to count.
        #[arg(allow_hyphen_values = true, value_parser = uri)]
        uri: String,
        /// Count only rows for which this is true, as in SQL: `price >= 10 and region = 'EU'`.
        #[arg(long, value_name = "CONDITION")]
        filter: Option<String>,
    },
    /// List the connectors, or all options of one.
    Connectors {
        /// A connector or scheme.
        name: Option<String>,
    },
    /// Show what a copy or a pipeline would create and promise, without doing it.
    Plan {
        /// Where rows come from; or, alone, a pipeline file.
        #[arg(allow_hyphen_values = true, value_parser = uri)]
        source: String,
        /// Where they would go.
        #[arg(allow_hyphen_values = true, value_parser = uri)]
        destination: Option<String>,
    },
    /// Run the pipeline that FILE describes.
    ///
    /// It ends with a bounded source, or in good order on Ctrl-C or SIGTERM. Killed in any way and
    /// run again, it goes on where its last commit ended.
    #[command(after_help = "Example of a pipeline file:\n  \
        name: orders\n  \
        source: file:///in/*.jsonl\n  \
        sink: file:///out?format=parquet\n  \
        delivery: effectively_once\n  \
        checkpoint: { store: file:///var/lib/velo, every: 5s }\n  \
        dead_letter: file:///var/lib/velo/dead.jsonl")]
    Run {
        /// The pipeline file.
        file: PathBuf,
        #[command(flatten)]
        watching: Wanted,
    },
    /// Watch running pipelines: rates, lag, epochs, dead letters, memory, health.
    #[cfg(feature = "status")]
    Top(Top),
    /// Show a sample of the rows that pass through a running pipeline, as JSON lines.
    ///
    /// The pipeline file has to allow it: `status: { tap: true }`. The pipeline never waits for it.
    #[cfg(feature = "status")]
    Tap(Tap),
    /// Print the tables of metrics: reference, alert rules, dashboard.
    #[command(hide = true)]
    Metrics {
        /// What to print.
        #[arg(long, value_name = "FORMAT")]
        format: Printed,
    },
    /// Say what is wrong with a pipeline file, without looking at source or sink.
    Check {
        /// The pipeline file.
        #[arg(required_unless_present = "schema")]
        file: Option<PathBuf>,
        /// Print the JSON Schema of pipeline files instead, for an editor.
        #[arg(long)]
        schema: bool,
    },
    /// Write a pipeline file for SRC and DST, with a comment on every key.
    ///
    /// It never replaces a file, and what it writes passes `velo check` as it stands.
    Init {
        /// Where rows come from.
        #[arg(allow_hyphen_values = true, value_parser = uri)]
        source: String,
        /// Where they go.
        #[arg(allow_hyphen_values = true, value_parser = uri)]
        destination: String,
        /// The file to write, `-` for standard output; the pipeline's name with .yaml by default.
        file: Option<PathBuf>,
    },
    /// Say what would keep a pipeline from running well here: both ends, folders, disk, clock, limits.
    ///
    /// Every line is ok, a warning or a problem, and says what to do. The exit code is that of the
    /// first problem. Nothing is changed.
    Doctor {
        /// The pipeline file.
        file: PathBuf,
    },
    /// Show what a pipeline remembers, carry it elsewhere, or set it.
    State {
        #[command(subcommand)]
        command: State,
    },
    /// Look at the dead letters of a pipeline, bring them in again, or remove them.
    Dlq {
        #[command(subcommand)]
        command: Dlq,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page.
    #[command(hide = true)]
    Man,
}

/// What is printed of the tables of metrics.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Printed {
    /// The reference, in Markdown.
    Docs,
    /// The alert rules, for Prometheus.
    Alerts,
    /// The dashboard, for Grafana.
    Grafana,
}

/// Which pipelines are watched, and how.
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Addresses of `status:` (`127.0.0.1:9464`), or pipeline files; the usual address by default.
    #[arg(value_name = "ADDR|FILE")]
    pub(crate) places: Vec<String>,
    /// Print one plain table and end.
    #[arg(long)]
    pub(crate) once: bool,
    /// How often to look.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub(crate) every: TimeSpan,
}

/// Whose rows are looked at.
#[derive(Debug, Args)]
pub(crate) struct Tap {
    /// The address of its `status:` (`127.0.0.1:9464`), or its pipeline file.
    #[arg(value_name = "ADDR|FILE")]
    pub(crate) place: String,
    /// Ends after so many rows.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// What is done with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum Dlq {
    /// Count them by stage, kind, reason and stream.
    List {
        /// The pipeline file.
        file: PathBuf,
    },
    /// Show them, one on each line.
    Show {
        /// The pipeline file.
        file: PathBuf,
        #[command(flatten)]
        which: Which,
        /// How many at most.
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Run them through the pipeline again, while it does not run itself.
    ///
    /// Those that make it leave the dead letters; the others stay, with a higher `attempt`. After a
    /// crash in between they may come twice, and none is lost.
    Replay {
        /// The pipeline file.
        file: PathBuf,
        #[command(flatten)]
        which: Which,
    },
    /// Remove them, while the pipeline does not run.
    Discard {
        /// The pipeline file.
        file: PathBuf,
        #[command(flatten)]
        which: Which,
        /// All of them.
        #[arg(long, conflicts_with_all = ["ids", "filter"])]
        all: bool,
    },
}

/// Which dead letters; all of them if nothing is said.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The letter of this id; may be repeated.
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Letters for which this is true, as in SQL: `stage = 'decode' and attempt < 3`.
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) filter: Option<String>,
}

/// What is done with the state of a pipeline.
#[derive(Debug, Subcommand)]
pub(crate) enum State {
    /// Show where each split stands, and what is pending; also while the pipeline runs.
    Show {
        #[command(flatten)]
        of: Task,
    },
    /// Write the newest checkpoint as JSON.
    Export {
        #[command(flatten)]
        of: Task,
        /// Where to; standard output by default.
        #[arg(long, value_name = "PATH")]
        to: Option<PathBuf>,
    },
    /// Store a checkpoint that was exported, while the pipeline does not run.
    Import {
        #[command(flatten)]
        of: Task,
        /// What `velo state export` wrote.
        from: PathBuf,
        /// Replace state that is there already.
        #[arg(long)]
        force: bool,
    },
    /// Set positions by hand, while the pipeline does not run; rows may come twice or never.
    #[command(after_help = "Examples:\n  \
        velo state set orders.yaml --split 'in/a.csv=file.v1:…' --force\n  \
        velo state set orders.yaml --reset --force\n\n\
        Damaged checkpoints are set aside as *.damaged. Without --force it says what it would do.")]
    Set(SetState),
}

/// A task of a pipeline.
#[derive(Debug, Args)]
pub(crate) struct Task {
    /// The pipeline file.
    pub(crate) file: PathBuf,
    /// Which of the pipeline's parallel processes; the file's by default.
    #[arg(long, value_name = "N")]
    pub(crate) task: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct SetState {
    #[command(flatten)]
    pub(crate) of: Task,
    /// Read a split on from this position, spelled as `show` does; may be repeated.
    #[arg(long = "split", value_name = "ID=OFFSET")]
    pub(crate) splits: Vec<String>,
    /// Forget all positions and what is pending: begin again.
    #[arg(long)]
    pub(crate) reset: bool,
    /// Forget what is prepared and not committed; its rows are lost unless positions are set back.
    #[arg(long)]
    pub(crate) drop_pending: bool,
    /// Give the next run a higher generation than N, where the destination remembers a later run.
    #[arg(long, value_name = "N")]
    pub(crate) generation: Option<u64>,
    /// Count epochs on from N at least, where the destination remembers a later epoch.
    #[arg(long, value_name = "N")]
    pub(crate) epoch: Option<u64>,
    /// Do it.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Where rows come from.
    #[arg(allow_hyphen_values = true, value_parser = uri)]
    pub(crate) source: String,
    /// Where they go.
    #[arg(allow_hyphen_values = true, value_parser = uri)]
    pub(crate) destination: String,
    /// Copy these columns, in this order.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub(crate) columns: Option<Vec<String>>,
    /// Copy only rows for which this is true, as in SQL: `price >= 10 and region = 'EU'`.
    #[arg(long, value_name = "CONDITION")]
    pub(crate) filter: Option<String>,
    /// Keep rows that do not decode in this URI instead of failing.
    #[arg(long, value_name = "URI")]
    pub(crate) dead_letters: Option<String>,
}

/// Takes a URI; of what begins with a hyphen only standard input and output, with or without
/// options: `-` and `-?format=csv`.
fn uri(text: &str) -> Result<String, String> {
    if text.starts_with('-') && text != "-" && !text.starts_with("-?") {
        return Err("no such option; a file of that name is ./-…".to_owned());
    }
    Ok(text.to_owned())
}
