//! The machine: open files, watches, memory, and whether time runs evenly.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Resource, getrlimit};
use velo_core::{ByteSize, ErrorKind, Uri};

use super::{Finding, Patient};
use crate::report;

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let pipeline = &patient.pipeline;
    let mut findings = vec![
        files(getrlimit(Resource::Nofile).current),
        memory(pipeline.memory, limit_of_memory()),
        pace(),
    ];
    let described = &patient.described;
    let mut sources = described.source.iter().chain(described.sources.values());
    let of_files = sources.any(|end| Uri::parse(&end.uri).is_ok_and(|uri| uri.scheme() == "file"));
    if of_files && !pipeline.source().capabilities().bounded {
        let read = |name: &str| {
            let path = Path::new("/proc/sys/fs/inotify").join(name);
            std::fs::read_to_string(path).ok()?.trim().parse().ok()
        };
        findings.extend(watches(
            read("max_user_watches"),
            read("max_user_instances"),
        ));
    }
    findings
}

/// Judges how many files may be open at once.
fn files(limit: Option<u64>) -> Finding {
    let about = "open files";
    let advice = "raise it: LimitNOFILE=65536 in the unit, or ulimit -n 65536";
    match limit {
        Some(limit) if limit < 256 => {
            let found = format!("at most {limit} may be open");
            Finding::problem(about, ErrorKind::Config, found, advice)
        }
        Some(limit) if limit < 1024 => {
            Finding::warning(about, format!("at most {limit} may be open"), advice)
        }
        Some(limit) => Finding::ok(about, format!("{} may be open", report::count(limit))),
        None => Finding::ok(about, "any number may be open"),
    }
}

/// Judges the memory of the pipeline against what there is.
fn memory(asked: u64, limit: Option<u64>) -> Finding {
    let about = "memory";
    let size = |bytes: u64| ByteSize(bytes >> 20 << 20);
    let Some(limit) = limit else {
        return Finding::ok(about, format!("{} asked for", size(asked)));
    };
    let found = format!("{} asked for, {} there", size(asked), size(limit));
    if asked > limit {
        let advice = "lower `memory`, or raise the limit of the machine or container";
        return Finding::problem(about, ErrorKind::Config, found, advice);
    }
    // Code, runtime, and a decoder's largest value are not counted.
    match asked > limit / 4 * 3 {
        true => Finding::warning(
            about,
            found,
            "leave a quarter for what `memory` does not count",
        ),
        false => Finding::ok(about, found),
    }
}

/// Judges whether a source that watches folders gets enough from the system.
fn watches(watches: Option<u64>, instances: Option<u64>) -> Option<Finding> {
    let about = "watches";
    let (watches, instances) = (watches?, instances?);
    let found = format!(
        "{} watches, {} instances for this user",
        report::count(watches),
        report::count(instances)
    );
    Some(match watches < 8192 || instances < 16 {
        true => Finding::warning(
            about,
            found,
            "sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512; \
             without watches files are looked at by the clock",
        ),
        false => Finding::ok(about, found),
    })
}

/// Compares the clock on the wall with the one that only goes on, for a moment.
fn pace() -> Finding {
    const MOMENT: Duration = Duration::from_millis(20);
    let (wall, steady) = (SystemTime::now(), Instant::now());
    std::thread::sleep(MOMENT);
    let steady = steady.elapsed();
    even(SystemTime::now().duration_since(wall).ok(), steady)
}

fn even(wall: Option<Duration>, steady: Duration) -> Finding {
    const TOLERANCE: Duration = Duration::from_millis(500);
    let about = "clock";
    match wall {
        Some(wall) if wall.abs_diff(steady) <= TOLERANCE => Finding::ok(about, "runs evenly"),
        _ => Finding::warning(
            about,
            "jumps",
            "look at what sets it: NTP should slew, not step",
        ),
    }
}

/// Gives the least of the machine's memory and the limits of the control groups around this process.
fn limit_of_memory() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| total(&text));
    let own = std::fs::read_to_string("/proc/self/cgroup").ok();
    let own = own.and_then(|text| group(&text));
    let root = Path::new("/sys/fs/cgroup");
    let folders = own.into_iter().flat_map(|path| {
        let path = root.join(path);
        let all = path.ancestors().map(Path::to_owned).collect::<Vec<_>>();
        all.into_iter().filter(|path| path.starts_with(root))
    });
    let limits = folders.filter_map(|folder: PathBuf| {
        let text = std::fs::read_to_string(folder.join("memory.max")).ok()?;
        text.trim().parse::<u64>().ok()
    });
    limits.chain(machine).min()
}

/// Reads the bytes of memory out of `/proc/meminfo`.
fn total(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Reads the control group, version 2, out of `/proc/self/cgroup`.
fn group(text: &str) -> Option<PathBuf> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(PathBuf::from(path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    const CONFIG: Level = Level::Problem(ErrorKind::Config);

    #[test]
    fn limits_are_judged() {
        for (limit, level) in [
            (Some(64), CONFIG),
            (Some(1000), Level::Warning),
            (Some(1024), Level::Ok),
            (None, Level::Ok),
        ] {
            assert_eq!(files(limit).level, level, "{limit:?}");
        }
        for (asked, limit, level) in [
            (64 << 20, Some(1 << 30), Level::Ok),
            (900 << 20, Some(1 << 30), Level::Warning),
            (2 << 30, Some(1 << 30), CONFIG),
            (2 << 30, None, Level::Ok),
        ] {
            assert_eq!(memory(asked, limit).level, level, "{asked}");
        }
        assert_eq!(watches(Some(100), Some(128)).unwrap().level, Level::Warning);
        assert_eq!(watches(Some(524_288), Some(128)).unwrap().level, Level::Ok);
        assert!(watches(None, Some(1)).is_none());
    }

    #[test]
    fn a_clock_that_jumps_is_noticed() {
        let moment = Duration::from_millis(20);
        assert_eq!(even(Some(moment), moment).level, Level::Ok);
        assert_eq!(
            even(Some(Duration::from_secs(3600)), moment).level,
            Level::Warning
        );
        assert_eq!(even(None, moment).level, Level::Warning);
    }

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(
            total("MemFree: 1 kB\nMemTotal:       2048 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(total("nothing"), None);
        assert_eq!(
            group("0::/system.slice/velo.service\n"),
            Some("system.slice/velo.service".into())
        );
        assert_eq!(group("4:memory:/a\n"), None);
    }
}
