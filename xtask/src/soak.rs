//! `cargo xtask soak`: an endless pipeline for as long as asked for, and whether it grows.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::command::{not_started, program, succeeds};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// How often the process is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Arguments of `cargo xtask soak`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// The source.
    #[arg(long, default_value = "test://order?splits=2")]
    source: String,
    /// The options of the directory that is written to.
    #[arg(long, default_value = "format=parquet&roll_bytes=32MiB")]
    sink: String,
}

/// What a process holds.
#[derive(Clone, Copy)]
struct Held {
    hours: f64,
    kib: f64,
    descriptors: usize,
    threads: usize,
}

/// Runs `VELO_BIN`, else a release build, removes what it publishes, and fails when its memory grows
/// by more than 1 MB an hour after the first tenth of the time.
pub(crate) fn soak(workspace: &Workspace, arguments: &Arguments) -> Result {
    let velo = crate::bench::environment::velo(workspace)?;
    let folder = workspace.target.join("soak");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| Error::file(&folder, &error))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| Error::file(&folder, &error))?;
    let (source, sink) = (&arguments.source, &arguments.sink);
    let text = format!(
        "name: soak\nsource: '{source}'\nsink: 'out/?{sink}'\n\
         checkpoint: {{ store: state, every: 1s }}\ndelivery: effectively_once\n"
    );
    std::fs::write(folder.join("soak.yaml"), text)?;
    let mut command = program(velo, &folder);
    command.args(["run", "soak.yaml"]).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| not_started(&command, &error))?;
    let held = watch(
        &mut child,
        &folder,
        Duration::from_secs(60 * arguments.minutes),
    );
    let stopped = succeeds(program("kill", &folder).args(["-TERM", &child.id().to_string()]));
    let output = child.wait_with_output()?;
    let held = held?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if !stopped || !output.status.success() {
        return Err(Error::new(format!("velo ended with {}", output.status)));
    }
    report(&held)
}

/// Looks at the process until the time is over.
fn watch(child: &mut Child, folder: &Path, time: Duration) -> Result<Vec<Held>> {
    let (started, mut held) = (Instant::now(), Vec::new());
    while started.elapsed() < time {
        std::thread::sleep(EVERY);
        if let Some(status) = child.try_wait()? {
            return Err(Error::new(format!("velo ended by itself with {status}")));
        }
        held.extend(look(child.id(), started.elapsed()));
        remove_published(&folder.join("out"));
    }
    Ok(held)
}

fn look(id: u32, since: Duration) -> Option<Held> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let number = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key))?;
        line.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    Some(Held {
        hours: since.as_secs_f64() / 3600.0,
        kib: number("VmRSS:")?.into(),
        descriptors: std::fs::read_dir(format!("/proc/{id}/fd")).ok()?.count(),
        threads: number("Threads:")? as usize,
    })
}

/// Makes room: what is visible was published and is not looked at again.
fn remove_published(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let hidden = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with('.')
    };
    for file in files.filter(|path| path.is_file() && !hidden(path)) {
        // One that is gone or cannot go is left.
        drop(std::fs::remove_file(file));
    }
}

fn report(held: &[Held]) -> Result {
    let settled = &held[held.len() / 10..];
    let Some(last) = settled.last() else {
        return Err(Error::new("the time was too short to see anything"));
    };
    let mut kib: Vec<f64> = settled.iter().map(|held| held.kib).collect();
    kib.sort_unstable_by(f64::total_cmp);
    let slope = slope(settled) * 1024.0 / 1e6;
    println!(
        "resident {:.1} MiB in the median, {:.1} at most, {slope:+.2} MB an hour; {} descriptors and {} threads at most",
        kib[kib.len() / 2] / 1024.0,
        kib[kib.len() - 1] / 1024.0,
        settled
            .iter()
            .map(|held| held.descriptors)
            .max()
            .unwrap_or(0),
        settled.iter().map(|held| held.threads).max().unwrap_or(0),
    );
    match slope > 1.0 && last.hours > 0.5 {
        true => Err(Error::new("memory grows by more than 1 MB an hour")),
        false => Ok(()),
    }
}

/// The growth in KiB an hour, by least squares.
fn slope(held: &[Held]) -> f64 {
    let count = held.len() as f64;
    let mean = |of: fn(&Held) -> f64| held.iter().map(of).sum::<f64>() / count;
    let (hours, kib) = (mean(|held| held.hours), mean(|held| held.kib));
    let spread: f64 = held.iter().map(|held| (held.hours - hours).powi(2)).sum();
    let along = held
        .iter()
        .map(|held| (held.hours - hours) * (held.kib - kib));
    match spread > 0.0 {
        true => along.sum::<f64>() / spread,
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_from_noise() {
        let held = |hours: f64, kib: f64| Held {
            hours,
            kib,
            descriptors: 1,
            threads: 1,
        };
        let grows: Vec<_> = (0..100_u8)
            .map(|at| {
                let noise = if at % 2 == 0 { 50.0 } else { -50.0 };
                held(f64::from(at) / 10.0, 4096.0 + 200.0 * f64::from(at) + noise)
            })
            .collect();
        assert!((slope(&grows) - 2000.0).abs() < 10.0, "{}", slope(&grows));
        assert!(report(&grows).is_err());
        let flat: Vec<_> = (0..100_u8).map(|at| held(at.into(), 4096.0)).collect();
        assert!(slope(&flat).abs() < 1e-9);
        assert!(report(&flat).is_ok());
        assert!(report(&[]).is_err());
    }
}
