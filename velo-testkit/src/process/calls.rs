//! What strace wrote down.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// One system call of a log.
///
/// ```
/// let calls = velo_testkit::process::parse("7 fsync(3</tmp/a>) = 0\n");
/// assert_eq!((calls[0].name.as_str(), calls[0].result), ("fsync", Some(0)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The thread.
    pub thread: u32,
    /// The call's name.
    pub name: String,
    /// Its arguments as strace spells them.
    pub arguments: String,
    /// What it gave back; `None` when the process ended within it.
    pub result: Option<i64>,
}

/// A call that a run can be struck at: the `nth` one by this name in some thread.
///
/// ```
/// let log = "7 fsync(3</tmp/a>) = 0\n7 fsync(4</var/b>) = 0\n";
/// let points = velo_testkit::process::points(log, "/var".as_ref());
/// assert_eq!((points[0].call.as_str(), points[0].nth), ("fsync", 2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The call's name.
    pub call: String,
    /// Which one, from 1 on.
    pub nth: u32,
}

/// Reads a log of `strace -f`; calls stand in the order in which they began.
///
/// Lines that are no calls, such as exits and signals, are passed over.
///
/// ```
/// assert!(velo_testkit::process::parse("7 +++ exited with 0 +++\n").is_empty());
/// ```
#[must_use]
pub fn parse(log: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: HashMap<u32, usize> = HashMap::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let (Ok(thread), rest) = (thread.parse::<u32>(), rest.trim_start()) else {
            continue;
        };
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some(at) = unfinished.remove(&thread) else {
                continue;
            };
            if let Some((_, rest)) = resumed.split_once(" resumed>") {
                let (arguments, result) = ended(rest);
                calls[at].arguments.push_str(arguments);
                calls[at].result = result;
            }
            continue;
        }
        let Some((name, rest)) = rest.split_once('(') else {
            continue;
        };
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            continue;
        }
        let (arguments, result) = match rest.strip_suffix("<unfinished ...>") {
            Some(arguments) => {
                unfinished.insert(thread, calls.len());
                (arguments.trim_end(), None)
            }
            None => ended(rest),
        };
        calls.push(Call {
            thread,
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            result,
        });
    }
    calls
}

/// Divides `arguments) = result`, where blanks may stand before the equals sign and words behind
/// the result; the data of a write may look the same, so the last one counts.
fn ended(rest: &str) -> (&str, Option<i64>) {
    let Some((before, result)) = rest.rsplit_once(" = ") else {
        return (rest, None);
    };
    let before = before.trim_end();
    let end = result.find([' ', '<']).unwrap_or(result.len());
    let arguments = before.strip_suffix(')').unwrap_or(before);
    (arguments, result[..end].parse().ok())
}

/// The points of a log at which a run can be struck: for every call by name each number that some
/// thread reached with a file below a directory.
#[must_use]
pub fn points(log: &str, below: &Path) -> Vec<Point> {
    let below = below.to_string_lossy();
    let mut counts: HashMap<(u32, String), u32> = HashMap::new();
    let mut points = BTreeSet::new();
    for call in parse(log) {
        let nth = counts.entry((call.thread, call.name.clone())).or_default();
        *nth += 1;
        if call.arguments.contains(below.as_ref()) {
            let (call, nth) = (call.name, *nth);
            points.insert(Point { call, nth });
        }
    }
    points.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
25964 write(3</tmp/in/a>, \"x) = 1\\n\", 2)    = 2
25965 fsync(4</tmp/in/b> <unfinished ...>
25964 rename(\"/tmp/in/a\", \"/tmp/in/c\") = -1 ENOENT (No such file or directory)
25965 <... fsync resumed>)              = 0
25964 openat(AT_FDCWD</work>, \"/tmp/x\", O_RDONLY) = 7</tmp/x>
25964 write(1<pipe:[5]>, \"\", 0 <unfinished ...>
25964 --- SIGCHLD {si_signo=SIGCHLD} ---
25964 +++ killed by SIGKILL +++
";

    #[test]
    fn reads_calls_that_end_later_fail_or_never_end() {
        let calls = parse(LOG);
        let told: Vec<(&str, Option<i64>)> = calls
            .iter()
            .map(|call| (call.name.as_str(), call.result))
            .collect();
        let expected = [
            ("write", Some(2)),
            ("fsync", Some(0)),
            ("rename", Some(-1)),
            ("openat", Some(7)),
            ("write", None),
        ];
        assert_eq!(told, expected);
        assert_eq!(calls[0].arguments, "3</tmp/in/a>, \"x) = 1\\n\", 2");
        assert_eq!(calls[1].arguments, "4</tmp/in/b>");
    }

    #[test]
    fn points_are_those_below_the_directory() {
        let points = points(LOG, Path::new("/tmp/in"));
        let told: Vec<(&str, u32)> = points
            .iter()
            .map(|point| (point.call.as_str(), point.nth))
            .collect();
        assert_eq!(told, [("fsync", 1), ("rename", 1), ("write", 1)]);
    }
}
