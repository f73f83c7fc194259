//! What the operating system says of this process, by the names that Prometheus clients use.

/// Figures of this process; those that the system does not give are `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Process {
    /// Processor time, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Memory that stands in RAM, in bytes.
    pub resident_bytes: Option<f64>,
    /// Open files and sockets.
    pub open_files: Option<f64>,
    /// Files and sockets that may be open.
    pub most_files: Option<f64>,
    /// Threads.
    pub threads: Option<f64>,
}

impl Process {
    /// Looks at `/proc/self`; elsewhere nothing is known.
    #[must_use]
    pub fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let field = |name: &str| number(status.lines(), name);
        let open = std::fs::read_dir("/proc/self/fd").map(|files| files.count() as f64);
        Self {
            cpu_seconds: cpu_seconds(&stat),
            resident_bytes: field("VmRSS:").map(|kib| kib * 1024.0),
            open_files: open.ok(),
            most_files: number(limits.lines(), "Max open files"),
            threads: field("Threads:"),
        }
    }
}

/// Gives the first number behind a name at a line's beginning.
fn number<'a>(mut lines: impl Iterator<Item = &'a str>, name: &str) -> Option<f64> {
    let rest = lines.find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Gives the processor time of a process from its `stat` line: behind the name in parentheses,
/// which may hold anything, the twelfth and thirteenth field (proc(5): utime, stime).
fn cpu_seconds(stat: &str) -> Option<f64> {
    /// Clock ticks per second that Linux shows to programs.
    const TICKS: f64 = 100.0;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut spent = fields.split_whitespace().skip(11);
    let mut ticks = || spent.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_behind_their_names() {
        let limits = "Limit  Soft\nMax open files            1024                 4096  files\n";
        assert_eq!(number(limits.lines(), "Max open files"), Some(1024.0));
        assert_eq!(number("VmRSS:\t  20 kB\n".lines(), "VmRSS:"), Some(20.0));
        let stat = "1 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(number("Max: unlimited".lines(), "Max:"), None);
    }
}
