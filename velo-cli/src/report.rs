//! Errors as one line, and exit codes.

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind as Refusal;
use velo_core::{Error, ErrorKind};

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
        serde_json::json!({
            "error": {
                "kind": format!("{:?}", error.kind()),
                "message": error.message(),
                "report": error.report(),
                "hint": error.hint(),
                "retryable": error.is_retryable(),
            }
        })
        .to_string()
    } else {
        format!("velo: {}", error.report())
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

/// Prints lines to standard output.
pub(crate) fn print(text: &str) -> velo_core::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::new(ErrorKind::Io, "write to standard output").with_source(e))
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
    fn a_broken_pipe_is_found_below_the_error() {
        let pipe = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(
            &Error::new(ErrorKind::Io, "write").with_source(pipe)
        ));
        assert!(!is_broken_pipe(&Error::new(ErrorKind::Io, "write")));
    }
}
