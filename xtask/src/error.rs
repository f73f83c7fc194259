//! What goes wrong in a command of the project.

use std::fmt;
use std::path::Path;

/// The result of a command or of a part of one.
pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

/// One message for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Error(String);

impl Error {
    /// Says what is wrong and what to do about it.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// Ends with a failure whose reason has been printed already.
    pub(crate) fn silent() -> Self {
        Self(String::new())
    }

    /// Says which file could not be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("unexpected JSON: {error}"))
    }
}
