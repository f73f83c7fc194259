//! The one error type: a kind that a caller can act on, a message, context and a hint.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The result of everything in velo that can go wrong.
///
/// ```
/// fn port(text: &str) -> velo_core::Result<u16> {
///     text.parse().map_err(|e| {
///         velo_core::Error::new(velo_core::ErrorKind::InvalidInput, "parse port").with_source(e)
///     })
/// }
/// assert!(port("9092").is_ok());
/// assert!(port("kafka").is_err());
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an error.
///
/// ```
/// use velo_core::ErrorKind;
/// assert_eq!(ErrorKind::Fenced.exit_code(), 75);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for something malformed: a URI, an argument. Correct it.
    InvalidInput,
    /// The data are malformed: a ragged row, a corrupt file. Correct them or choose a policy.
    InvalidData,
    /// An option is unknown, has a bad value, or contradicts another. Correct it.
    Config,
    /// What should be read does not exist.
    NotFound,
    /// The system refused access.
    PermissionDenied,
    /// What should be created exists already and may not be replaced.
    AlreadyExists,
    /// The other side cannot be reached or does not answer. Usually passes.
    Unavailable,
    /// The other side asks for a slower pace.
    RateLimited,
    /// Somebody else changed the same thing first. Read again and decide.
    Conflict,
    /// A higher generation of the same task has taken over. Stop, never retry.
    Fenced,
    /// A commit may or may not have happened. Call it again to find out.
    OutcomeUnknown,
    /// A commit will never happen; what it covered must be replayed.
    Aborted,
    /// The source no longer holds the stored position: rows in between are lost.
    Gap,
    /// The destination no longer holds what a checkpoint says that it holds: rows are lost.
    StateLost,
    /// The connector, format or type cannot do this.
    Unsupported,
    /// The operating system failed to read or write: disk full, I/O error.
    Io,
    /// A defect or an answer nobody foresaw.
    Unexpected,
}

impl ErrorKind {
    /// Gives the process exit code that stands for this kind, after `sysexits.h`.
    ///
    /// ```
    /// assert_eq!(velo_core::ErrorKind::InvalidData.exit_code(), 65);
    /// ```
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::InvalidInput => 64,
            Self::InvalidData => 65,
            Self::NotFound => 66,
            Self::Unavailable => 69,
            Self::Unexpected => 70,
            Self::AlreadyExists => 73,
            Self::Io => 74,
            Self::RateLimited
            | Self::Conflict
            | Self::Fenced
            | Self::OutcomeUnknown
            | Self::Aborted => 75,
            Self::PermissionDenied => 77,
            Self::Config | Self::Unsupported => 78,
            Self::Gap => 79,
            Self::StateLost => 80,
        }
    }
}

/// A failed operation: what velo was doing, where, why, and what mends it.
///
/// The message is lowercase and says what was being done. Context pairs say where. The hint says
/// what to do. No secret and no value of a record ever stands in any of them.
///
/// ```
/// use velo_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::InvalidData, "row has 3 fields, the header has 4")
///     .with("file", "orders.csv")
///     .with("line", 17)
///     .with_hint("on_bad_row=skip leaves such rows out");
/// assert_eq!(
///     error.report(),
///     "orders.csv, line 17: row has 3 fields, the header has 4; on_bad_row=skip leaves such rows out"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    context: Vec<(&'static str, String)>,
    hint: Option<Cow<'static, str>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    retryable: bool,
}

impl Error {
    /// Starts an error that is final (not retryable) and has no context yet.
    ///
    /// ```
    /// use velo_core::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::Unavailable, "fetch topic metadata").retryable();
    /// assert!(error.is_retryable());
    /// ```
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            context: Vec::new(),
            hint: None,
            source: None,
            retryable: false,
        }))
    }

    /// Adds one fact about the place: a file, a line, an option, a topic. Never a record's value.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::NotFound, "open table").with("table", "orders");
    /// assert_eq!(error.context("table"), Some("orders"));
    /// ```
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Adds a fact about the place in front of those that are there: the file around a line.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::InvalidData, "corrupt").with("byte", 9).within("file", "a.csv");
    /// assert_eq!(error.report(), "a.csv, byte 9: corrupt");
    /// ```
    #[must_use]
    pub fn within(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.insert(0, (key, value.to_string()));
        self
    }

    /// Says what the user can do about it, in one clause.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::Config, "no format").with_hint("set format=csv");
    /// assert_eq!(error.hint(), Some("set format=csv"));
    /// ```
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the underlying error; `Display` does not print it, [`Error::report`] does.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// use std::error::Error as _;
    /// let cause = std::io::Error::other("disk on fire");
    /// assert!(Error::new(ErrorKind::Io, "write block").with_source(cause).source().is_some());
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Marks that the same call may succeed later without any change.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// assert!(Error::new(ErrorKind::RateLimited, "insert").retryable().is_retryable());
    /// ```
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Gives what a caller can act on.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// assert_eq!(Error::new(ErrorKind::Gap, "resume").kind(), ErrorKind::Gap);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Gives what was being done, without context, hint or cause.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// assert_eq!(Error::new(ErrorKind::Gap, "resume").message(), "resume");
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Says whether the same call may succeed later without any change.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// assert!(!Error::new(ErrorKind::Gap, "resume").is_retryable());
    /// ```
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Gives the first context value stored under `key`.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// assert_eq!(Error::new(ErrorKind::Gap, "resume").context("file"), None);
    /// ```
    #[must_use]
    pub fn context(&self, key: &str) -> Option<&str> {
        self.0
            .context
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v.as_str())
    }

    /// Gives what the user can do about it.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// assert_eq!(Error::new(ErrorKind::Gap, "resume").hint(), None);
    /// ```
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Writes the whole story on one line: where, what, each cause, and the hint.
    ///
    /// ```
    /// # use velo_core::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::Io, "write").with_source(std::io::Error::other("disk full"));
    /// assert_eq!(error.report(), "write: disk full");
    /// ```
    #[must_use]
    pub fn report(&self) -> String {
        let mut line = String::new();
        for (key, value) in &self.0.context {
            if !line.is_empty() {
                line.push_str(", ");
            }
            if !matches!(*key, "file" | "uri") {
                line.push_str(key);
                line.push(' ');
            }
            line.push_str(value);
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(self.message());
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        if let Some(hint) = self.hint() {
            line.push_str("; ");
            line.push_str(hint);
        }
        line.replace(['\n', '\r'], " ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        for (n, (key, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{key}={value}", if n == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind)
            .field("message", &self.0.message);
        for (key, value) in &self.0.context {
            out.field(key, value);
        }
        if let Some(hint) = &self.0.hint {
            out.field("hint", hint);
        }
        out.field("source", &self.0.source)
            .field("retryable", &self.0.retryable)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Os;
        let (kind, retryable) = match error.kind() {
            Os::NotFound => (ErrorKind::NotFound, false),
            Os::PermissionDenied | Os::ReadOnlyFilesystem => (ErrorKind::PermissionDenied, false),
            Os::AlreadyExists => (ErrorKind::AlreadyExists, false),
            Os::InvalidData | Os::UnexpectedEof => (ErrorKind::InvalidData, false),
            Os::TimedOut | Os::ConnectionRefused | Os::ConnectionReset => {
                (ErrorKind::Unavailable, true)
            }
            _ => (ErrorKind::Io, false),
        };
        let doing = match kind {
            ErrorKind::NotFound => "no such file or directory",
            ErrorKind::PermissionDenied => "permission denied",
            _ => "input or output",
        };
        let error = Error::new(kind, doing).with_source(error);
        if retryable { error.retryable() } else { error }
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        use arrow_schema::ArrowError as Arrow;
        let kind = match &error {
            Arrow::NotYetImplemented(_) => ErrorKind::Unsupported,
            Arrow::CastError(_)
            | Arrow::ParseError(_)
            | Arrow::SchemaError(_)
            | Arrow::InvalidArgumentError(_) => ErrorKind::InvalidData,
            Arrow::IoError(..) => ErrorKind::Io,
            _ => ErrorKind::Unexpected,
        };
        Error::new(kind, "process arrow data").with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_leaves_the_cause_to_the_reporter() {
        let error = Error::new(ErrorKind::Io, "write block")
            .with("file", "a.csv")
            .with_source(std::io::Error::other("disk full"));
        assert_eq!(error.to_string(), "write block (file=a.csv)");
        assert_eq!(error.report(), "a.csv: write block: disk full");
    }

    #[test]
    fn a_report_is_one_line() {
        let error = Error::new(ErrorKind::Unexpected, "a\nb").with_hint("c\nd");
        assert_eq!(error.report(), "a b; c d");
    }
}
