//! Errors as one line, and exit codes.

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind as Refusal;
use velo_core::{Error, ErrorKind};
use velo_pipeline::Summary;

use crate::args::Arguments;
use crate::schema;

const INTERRUPTED: u8 = 130;

/// Prints panics as usual, but for those of decoders of foreign bytes: they come out as errors that
/// say which file is damaged.
pub(crate) fn panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !velo_format::is_fenced() {
            usual(panic);
        }
    }));
}

/// Reports bad arguments in clap's words, with the exit code for bad usage.
pub(crate) fn usage(refused: &clap::Error) -> ExitCode {
    // Nothing is left to do when the terminal is gone.
    drop(refused.print());
    match refused.kind() {
        Refusal::DisplayHelp | Refusal::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(64),
    }
}

/// Reports a failure on one line of standard error.
pub(crate) fn failure(error: &Error, json: bool) -> ExitCode {
    if is_broken_pipe(error) {
        // Whoever read our output has seen enough, as with `velo head big.csv | head -1`.
        return ExitCode::SUCCESS;
    }
    let line = if json {
        serde_json::json!({ "error": as_json(error) }).to_string()
    } else {
        format!("velo: {}", plain(&error.report()))
    };
    // Nothing is left to do when standard error is gone.
    drop(writeln!(std::io::stderr(), "{line}"));
    let interrupted = error.context("interrupted").is_some();
    ExitCode::from(if interrupted {
        INTERRUPTED
    } else {
        error.kind().exit_code()
    })
}

/// Gives an error's parts.
pub(crate) fn as_json(error: &Error) -> serde_json::Value {
    let number = |key| error.context(key).and_then(|text| text.parse::<u32>().ok());
    serde_json::json!({
        "kind": format!("{:?}", error.kind()),
        "message": error.message(),
        "report": error.report(),
        "hint": error.hint(),
        "retryable": error.is_retryable(),
        "file": error.context("file"),
        "line": number("line"),
        "column": number("column"),
    })
}

/// Prints lines to standard output.
pub(crate) fn print(text: &str) -> velo_core::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::new(ErrorKind::Io, "write to standard output").with_source(e))
}

/// Spells foreign text so that a terminal shows it and obeys none of it: control characters, line
/// ends and marks of writing direction are escaped.
pub(crate) fn plain(text: &str) -> String {
    spelled(text, |c, shown| shown.extend(c.escape_default()))
}

/// The same for a line of JSON, which stays JSON.
pub(crate) fn plain_json(line: &str) -> String {
    spelled(line, |c, shown| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn spelled(text: &str, escape: impl Fn(char, &mut String)) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match obeyed(c) {
            true => escape(c, &mut shown),
            false => shown.push(c),
        }
    }
    shown
}

/// Says what a copy or a pipeline did: `behind` stands behind the figures of the rows, `bad` behind
/// the number of bad ones.
pub(crate) fn summary(
    all: &Arguments,
    summary: &Summary,
    behind: &str,
    bad: &str,
) -> velo_core::Result<()> {
    let seconds = summary.elapsed.as_secs_f64();
    let notes = schema::notes(&summary.streams);
    if all.json {
        let figures = serde_json::json!({
            "rows": summary.rows,
            "rejected": summary.rejected,
            "bytes_read": summary.bytes,
            "splits": summary.splits,
            "commits": summary.commits,
            "seconds": seconds,
            "notes": notes,
        });
        return tell(&format!("{figures}\n"));
    }
    if all.quiet {
        return Ok(());
    }
    let rate = count((summary.rows as f64 / seconds.max(1e-6)) as u64);
    let rows = count(summary.rows);
    let mut text = format!("{rows} rows in {seconds:.2} s ({rate} rows/s){behind}\n");
    if summary.rejected > 0 {
        text += &format!("{} bad rows{bad}\n", count(summary.rejected));
    }
    for note in notes {
        text += &format!("note: {note}\n");
    }
    tell(&text)
}

/// Writes to standard error, so that `velo copy x -` leaves clean data.
pub(crate) fn tell(text: &str) -> velo_core::Result<()> {
    Ok(std::io::stderr().write_all(text.as_bytes())?)
}

fn is_broken_pipe(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.kind() == std::io::ErrorKind::BrokenPipe;
        }
        cause = error.source();
    }
    false
}

/// Writes a count with separators between thousands: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn t182_a_terminal_obeys_nothing() {
        for (text, shown) in [
            ("a b\u{e4}", "a b\u{e4}"),
            ("\u{1b}[31mred", r"\u{1b}[31mred"),
            ("a\r\nvelo: forged\t", r"a\r\nvelo: forged\t"),
            ("\u{9b}2J\u{202e}x", r"\u{9b}2J\u{202e}x"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn t182_a_line_of_json_stays_json() {
        let line = "{\"a\":\"\u{202e}b\u{9b}\u{e4}\"}";
        let shown = plain_json(line);
        assert_eq!(shown, "{\"a\":\"\\u202eb\\u009b\u{e4}\"}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        assert_eq!(value(&shown), value(line));
    }

    #[test]
    fn a_broken_pipe_is_found_below_the_error() {
        let pipe = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(
            &Error::new(ErrorKind::Io, "write").with_source(pipe)
        ));
        assert!(!is_broken_pipe(&Error::new(ErrorKind::Io, "write")));
    }
}
