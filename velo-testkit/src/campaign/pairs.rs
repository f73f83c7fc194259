//! The pairs of source and sink that campaigns run over; another pair is another line.

use crate::ledger::Lines;
use crate::oracle::Format;

/// Where a pair's rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// Files of a ledger's records.
    Files(Lines),
    /// The URI of a source that makes its rows itself, without `rows` and `seed`, which are added;
    /// an undisturbed run tells what must arrive.
    Made(&'static str),
}

/// A source and a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The name on the command line.
    pub name: &'static str,
    /// The source.
    pub feed: Feed,
    /// The format of the sink's files.
    pub format: Format,
    /// The sink: the name of a file, or a directory's with its options, below the campaign's
    /// folder.
    pub sink: &'static str,
    /// Whether rows of a key stand in a file in the order in which they were produced.
    pub ordered: bool,
    /// After how many records the source has a line that is none, for the dead letters; 0 for no
    /// such lines.
    pub poison_after: u64,
}

/// All pairs.
pub const PAIRS: [Pair; 13] = [
    Pair {
        name: "file-jsonl",
        feed: Feed::Files(Lines::Json),
        format: Format::JsonLines,
        sink: "out/?format=jsonl&roll_rows=1000",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "file-csv",
        feed: Feed::Files(Lines::Json),
        format: Format::Csv,
        sink: "out/?format=csv&roll_rows=1000",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "file-parquet",
        feed: Feed::Files(Lines::Json),
        format: Format::Parquet,
        sink: "out/?format=parquet&row_group_rows=500&roll_rows=1000",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "file-arrow",
        feed: Feed::Files(Lines::Json),
        format: Format::Arrow,
        sink: "out/?format=arrow&roll_rows=1000",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "file-json-array",
        feed: Feed::Files(Lines::Json),
        format: Format::JsonArray,
        sink: "out/?format=json_array&roll_rows=1000",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "file-arrow-stream",
        feed: Feed::Files(Lines::Json),
        format: Format::ArrowStream,
        sink: "out/?format=arrow_stream&roll_rows=1000",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "file-avro",
        feed: Feed::Files(Lines::Json),
        format: Format::Avro,
        sink: "out/?format=avro&roll_rows=1000",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "text-text",
        feed: Feed::Files(Lines::Text),
        format: Format::Text,
        sink: "out/?format=text&roll_rows=1000",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "csv-jsonl",
        feed: Feed::Files(Lines::Csv),
        format: Format::JsonLines,
        sink: "out/?format=jsonl&roll_rows=1000",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "file-append",
        feed: Feed::Files(Lines::Json),
        format: Format::JsonLines,
        sink: "out/all.jsonl?if_exists=append",
        ordered: true,
        poison_after: 0,
    },
    Pair {
        name: "poison-jsonl",
        feed: Feed::Files(Lines::Json),
        format: Format::JsonLines,
        sink: "out/?format=jsonl&roll_rows=1000",
        ordered: true,
        poison_after: 50,
    },
    Pair {
        name: "test-jsonl",
        feed: Feed::Made("test://order"),
        format: Format::JsonLines,
        sink: "out/?format=jsonl&roll_rows=1000",
        ordered: false,
        poison_after: 0,
    },
    Pair {
        name: "test-parquet",
        feed: Feed::Made("test://order"),
        format: Format::Parquet,
        sink: "out/?format=parquet&row_group_rows=500&roll_rows=1000",
        ordered: false,
        poison_after: 0,
    },
];

impl Pair {
    /// The pair by its name.
    ///
    /// ```
    /// use velo_testkit::campaign::Pair;
    /// assert!(Pair::named("file-parquet").is_some());
    /// assert!(Pair::named("here-there").is_none());
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PAIRS.into_iter().find(|pair| pair.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_says_its_format_and_names_are_unique() {
        for pair in PAIRS {
            let format = pair.format.name();
            let said = pair.sink.contains(&format!("format={format}"))
                || pair.sink.contains(&format!(".{format}"));
            assert!(said, "{}", pair.name);
            let same = PAIRS.iter().filter(|it| it.name == pair.name).count();
            assert_eq!(same, 1, "{}", pair.name);
        }
    }
}
