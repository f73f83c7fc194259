//! What the system grants a process.

use std::ffi::OsString;
use std::fmt::Write as _;

/// Limits of a process, as `setrlimit` knows them; what is `None` is left as it is.
///
/// ```
/// use velo_testkit::process::Limits;
/// assert_eq!(Limits::default().open_files, None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of address space (`RLIMIT_AS`).
    pub address_space: Option<u64>,
    /// Bytes of a file at most (`RLIMIT_FSIZE`), in whole blocks of 512.
    pub file_size: Option<u64>,
    /// Open files (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
}

impl Limits {
    /// The words in front of a command that set the limits, by the shell, which every system has.
    pub(super) fn prefix(&self) -> Vec<OsString> {
        let mut script = String::new();
        let settings = [
            ("-v", self.address_space.map(|bytes| bytes / 1024)),
            ("-f", self.file_size.map(|bytes| bytes / 512)),
            ("-n", self.open_files),
        ];
        for (option, value) in settings {
            if let Some(value) = value {
                let _ = write!(script, "ulimit {option} {value} && ");
            }
        }
        if script.is_empty() {
            return Vec::new();
        }
        script.push_str("exec \"$@\"");
        ["sh", "-c", &script, "sh"].map(OsString::from).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_shell_sets_the_limits_and_becomes_the_program() {
        let limits = Limits {
            address_space: Some(1 << 30),
            file_size: Some(1 << 20),
            open_files: Some(64),
        };
        let prefix = limits.prefix();
        let output = Command::new(&prefix[0])
            .args(&prefix[1..])
            .args(["cat", "/proc/self/limits"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("Max address space").contains("1073741824"), "{text}");
        assert!(line("Max file size").contains("1048576"), "{text}");
        assert!(line("Max open files").contains("64"), "{text}");
    }

    #[test]
    fn without_limits_there_is_no_shell() {
        assert!(Limits::default().prefix().is_empty());
    }
}
