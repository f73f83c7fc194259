//! Delimiter and quote.

use velo_core::Result;

use super::Choice;
use super::table::{DELIMITERS, Sample, Table};
use crate::csv::dialect::Dialect;
use crate::csv::{CsvReadOptions, DecimalSeparator};

/// Less of the bytes than this in sound records is no table.
const LEAST_SHARE: f64 = 0.5;
/// Scores that are nearer to each other are alike.
const ALIKE: f64 = 0.1;

/// Delimiter and quote, and the table that they make.
pub(super) struct Found {
    pub(super) delimiter: Choice<String>,
    pub(super) quote: Choice<String>,
    /// `None` when the input has no record that is sound.
    pub(super) table: Option<Table>,
}

/// A delimiter with the quote that suits it.
struct Candidate {
    delimiter: String,
    quote: &'static str,
    table: Table,
    score: f64,
    untidy: usize,
}

/// Chooses delimiter and quote.
pub(super) fn find(options: &CsvReadOptions, sample: &Sample<'_>) -> Result<Found> {
    let mut candidates = Vec::new();
    let names = match &options.delimiter {
        Some(given) => vec![given.clone()],
        None => DELIMITERS.map(spelled).to_vec(),
    };
    for name in names {
        // Where a delimiter is some other option's character, it is none.
        let Ok(dialect) = dialect(options, &name, None) else {
            continue;
        };
        if options.delimiter.is_none() && memchr::memchr(dialect.delimiter, sample.bytes).is_none()
        {
            continue;
        }
        if let Some((quote, table)) = with_quote(options, &name, sample)? {
            candidates.push(Candidate::new(options, name, quote, table));
        }
    }
    let divides = |c: &Candidate| c.table.first.len() > 1 && c.table.share > LEAST_SHARE;
    if options.delimiter.is_none() {
        candidates.retain(divides);
    }
    let Some(best) = best(&mut candidates) else {
        return fallback(options, sample);
    };
    let rivals = candidates.iter().map(|rival| shown(&rival.delimiter));
    let rivals: Vec<&str> = rivals.collect();
    let divided = described(&best.table);
    let name = shown(&best.delimiter);
    let note = match rivals.as_slice() {
        [] => (best.delimiter != ",")
            .then(|| format!("delimiter is a {name}: {divided}; delimiter= says otherwise")),
        rivals => Some(format!(
            "delimiter may be a {name} or a {}: taken for a {name}, {divided}; delimiter= settles it",
            rivals.join(" or a ")
        )),
    };
    Ok(Found {
        quote: quote_choice(best.quote),
        delimiter: Choice {
            reason: format!("{name} for {divided}"),
            value: best.delimiter,
            note,
        },
        table: Some(best.table),
    })
}

/// Takes the best candidate out and leaves those that are like it.
fn best(candidates: &mut Vec<Candidate>) -> Option<Candidate> {
    let most = candidates.iter().map(|c| c.score).fold(0.0, f64::max);
    candidates.retain(|candidate| candidate.score >= most * (1.0 - ALIKE));
    let rank = |at: &usize| {
        let candidate: &Candidate = &candidates[*at];
        (candidate.untidy, usize::MAX - candidate.table.first.len())
    };
    // The first of equals: candidates are in the documented order.
    let best = (0..candidates.len()).min_by_key(rank)?;
    Some(candidates.remove(best))
}

impl Candidate {
    fn new(options: &CsvReadOptions, delimiter: String, quote: &'static str, table: Table) -> Self {
        let commas = match options.decimal_separator {
            None => delimiter != ",",
            Some(given) => given == DecimalSeparator::Comma,
        };
        let columns = table.first.len().max(1) as f64;
        let typed = table.typed(commas) as f64 / columns;
        let texts = table.below.iter().filter(|column| !column.is_typed(commas));
        let untidy = texts
            .map(|column| usize::from(column.holds_rival) + usize::from(column.starts_blank))
            .sum();
        Self {
            score: table.share * table.share * (1.0 + typed),
            delimiter,
            quote,
            table,
            untidy,
        }
    }
}

/// Reads with a comma what nothing divides: a single column, or no table at all.
fn fallback(options: &CsvReadOptions, sample: &Sample<'_>) -> Result<Found> {
    let delimiter = options.delimiter.as_deref().unwrap_or(",");
    let found = with_quote(options, delimiter, sample)?;
    let (quote, table) = match found {
        Some((quote, table)) => (quote, Some(table)),
        None => ("\"", None),
    };
    let reason = match &table {
        Some(table) if table.first.len() > 1 => "comma as usual, though few records fit",
        Some(_) => "comma as usual: a single column",
        None => "comma as usual: no record to look at",
    };
    Ok(Found {
        delimiter: Choice {
            value: delimiter.to_owned(),
            reason: reason.to_owned(),
            note: None,
        },
        quote: quote_choice(quote),
        table,
    })
}

fn quote_choice(quote: &'static str) -> Choice<String> {
    let (reason, note) = match quote {
        "\"" => ("quote \" as usual", None),
        "'" => (
            "quote ' around fields",
            Some("fields stand between ' and lose it; quote=\" keeps it"),
        ),
        _ => (
            "no quotes: none that opens is closed",
            Some("\" is data here: none that opens a field is closed; quote=\" says otherwise"),
        ),
    };
    Choice {
        value: quote.to_owned(),
        reason: reason.to_owned(),
        note: note.map(str::to_owned),
    }
}

/// Chooses the quote for a delimiter; `None` when no first record is sound.
fn with_quote(
    options: &CsvReadOptions,
    delimiter: &str,
    sample: &Sample<'_>,
) -> Result<Option<(&'static str, Table)>> {
    let read = |quote| -> Result<Option<Table>> {
        let dialect = dialect(options, delimiter, quote)?;
        Ok(Table::read(&dialect, sample))
    };
    let usual = read(None)?;
    if options.quote.is_some() {
        return Ok(usual.map(|table| ("\"", table)));
    }
    let byte = dialect(options, delimiter, None)?.delimiter;
    let opens = |quote: u8| {
        let places = memchr::memchr_iter(quote, sample.bytes);
        let before = |at: usize| at.checked_sub(1).map_or(b'\n', |at| sample.bytes[at]);
        places.filter(move |at| [b'\n', byte].contains(&before(*at)))
    };
    if opens(b'\'').next().is_some()
        && let Some(single) = read(Some("'")).ok().flatten()
        && is_better(&single, usual.as_ref())
    {
        return Ok(Some(("'", single)));
    }
    let suits = usual
        .as_ref()
        .is_some_and(|table| table.share > LEAST_SHARE);
    if !suits && options.escape.is_none() && opens(b'"').nth(1).is_some() {
        let never_closed = opens(b'"').all(|at| !is_closed(&sample.bytes[at + 1..], byte));
        if let Some(bare) = read(Some("none"))?.filter(|bare| never_closed && bare.share > 0.99) {
            return Ok(Some(("none", bare)));
        }
    }
    Ok(usual.map(|table| ("\"", table)))
}

/// Says whether `'` makes a table without flaw that `"` does not make, or stands around all
/// values of a column.
fn is_better(single: &Table, usual: Option<&Table>) -> bool {
    let around_all = |table: &Table| {
        let mut columns = table.below.iter();
        columns.any(|column| column.values > 1 && column.quoted == column.values)
    };
    let usual_share = usual.map_or(0.0, |table| table.share);
    let used = single.below.iter().any(|column| column.quoted > 1);
    let double_used = usual.is_some_and(|table| table.below.iter().any(|c| c.quoted > 0));
    single.share > 0.99
        && used
        && (single.share > usual_share + 0.01 || (around_all(single) && !double_used))
}

/// Says whether a quote that opened a field is followed by one that closes it on the same line.
fn is_closed(bytes: &[u8], delimiter: u8) -> bool {
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let behind = |at: usize| bytes.get(at + 1).copied().unwrap_or(b'\n');
    memchr::memchr_iter(b'"', &bytes[..end])
        .any(|at| behind(at) == delimiter || matches!(behind(at), b'\r' | b'\n'))
}

fn dialect(options: &CsvReadOptions, delimiter: &str, quote: Option<&str>) -> Result<Dialect> {
    let mut options = options.clone();
    options.delimiter = Some(delimiter.to_owned());
    options.quote = quote.map(str::to_owned).or(options.quote);
    Dialect::new(&options)
}

fn spelled(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "\\t".to_owned(),
        byte => char::from(byte).to_string(),
    }
}

fn shown(delimiter: &str) -> &str {
    match delimiter {
        "," => "comma",
        ";" => "semicolon",
        "\\t" => "tab",
        "|" => "bar",
        other => other,
    }
}

fn described(table: &Table) -> String {
    let percent = (table.share * 100.0).floor();
    let records = table.records + 1;
    match table.first.len() {
        1 => "a single column".to_owned(),
        columns if table.share >= 1.0 => format!("{columns} fields in each of {records} records"),
        columns => format!("{columns} fields in {percent} % of {records} records"),
    }
}
