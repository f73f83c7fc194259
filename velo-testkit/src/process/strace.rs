//! strace, which counts system calls and strikes at one of them.
//!
//! strace counts each call of each thread by itself: the third `fsync` is the third of whichever
//! thread gets there first. So the points of a program with several threads are found from a log
//! of a run without a strike ([`super::points`]), and a sweep meets each of them about once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The calls that change files; a question mark in front lets strace pass over what this machine
/// does not have.
pub const FILE_CALLS: [&str; 20] = [
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "ftruncate",
    "truncate",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "fallocate",
    "copy_file_range",
];

/// The calls that say which file and which place in it a write means.
const POSITION_CALLS: [&str; 9] = [
    "open", "openat", "openat2", "creat", "lseek", "dup", "dup2", "dup3", "fcntl",
];

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// The process is killed, before the call does anything.
    Kill,
    /// The call does nothing and ends with this error, such as `ENOSPC`.
    Error(&'static str),
}

/// A strike at one or more calls.
///
/// ```
/// use velo_testkit::process::{Injection, Strike};
/// let strike = Injection { call: "fsync".into(), nth: 3, on: false, strike: Strike::Kill };
/// assert_eq!(strike.expression(), "inject=?fsync:signal=SIGKILL:when=3");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injection {
    /// The call's name, or several with commas; each is counted by itself.
    pub call: String,
    /// Which of them, from 1 on.
    pub nth: u32,
    /// Whether all later ones are struck as well.
    pub on: bool,
    /// What happens.
    pub strike: Strike,
}

impl Injection {
    /// How strace spells it.
    ///
    /// ```
    /// use velo_testkit::process::{Injection, Strike};
    /// let full = Injection {
    ///     call: "write,pwrite64".into(),
    ///     nth: 2,
    ///     on: true,
    ///     strike: Strike::Error("ENOSPC"),
    /// };
    /// assert_eq!(full.expression(), "inject=?write,?pwrite64:error=ENOSPC:when=2+");
    /// ```
    #[must_use]
    pub fn expression(&self) -> String {
        let calls: Vec<String> = self
            .call
            .split(',')
            .map(|call| format!("?{call}"))
            .collect();
        let strike = match self.strike {
            Strike::Kill => "signal=SIGKILL".to_owned(),
            Strike::Error(code) => format!("error={code}"),
        };
        let on = if self.on { "+" } else { "" };
        format!("inject={}:{strike}:when={}{on}", calls.join(","), self.nth)
    }
}

/// A run under strace.
///
/// ```
/// use velo_testkit::process::Strace;
/// let quiet = Strace { log: "strace.log".into(), contents: false, injection: None };
/// assert!(quiet.injection.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strace {
    /// Where the calls are written down.
    pub log: PathBuf,
    /// Whether the bytes of writes are written down, whole and in hexadecimal, and the calls that
    /// open and close files too.
    pub contents: bool,
    /// What happens at which call.
    pub injection: Option<Injection>,
}

impl Strace {
    /// Says whether strace is here and may trace; where it is not, a test skips itself, by name.
    ///
    /// ```
    /// let _ = velo_testkit::process::Strace::is_here();
    /// ```
    #[must_use]
    pub fn is_here() -> bool {
        Command::new("strace")
            .args(["--seccomp-bpf", "-f", "-qq", "-e", "trace=write", "-o"])
            .args([Path::new("/dev/null"), Path::new("true")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    pub(super) fn kills(&self) -> bool {
        let injection = self.injection.as_ref();
        injection.is_some_and(|injection| injection.strike == Strike::Kill)
    }

    /// The words in front of a command.
    pub(super) fn prefix(&self) -> Vec<OsString> {
        let mut calls: Vec<String> = FILE_CALLS.iter().map(|call| format!("?{call}")).collect();
        let quiet = ["strace", "-f", "-qq", "-y", "-e", "signal=none"];
        let mut words: Vec<OsString> = quiet.map(OsString::from).to_vec();
        // A signal that is injected where the filter stops a call gets lost (strace 6.1).
        if !self.kills() {
            words.push("--seccomp-bpf".into());
        }
        if self.contents {
            calls.extend(POSITION_CALLS.iter().map(|call| format!("?{call}")));
            // Longer than any single write of ours.
            words.extend(["-xx", "-s", "67108864"].map(OsString::from));
        }
        words.push("-e".into());
        words.push(format!("trace={}", calls.join(",")).into());
        if let Some(injection) = &self.injection {
            words.push("-e".into());
            words.push(injection.expression().into());
        }
        words.push("-o".into());
        words.push(self.log.clone().into());
        words.push("--".into());
        words
    }
}
