//! Following files: how fast one large log is read, how soon a line is through, what ten thousand
//! quiet files cost.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Arguments;
use super::environment::velo;
use crate::command::{not_started, program};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// The log that is there when reading begins.
const LOG: u64 = 1 << 30;
/// Lines that are appended one by one, and the pause between them.
const LINES: usize = 500;
const PAUSE: Duration = Duration::from_millis(10);
/// Files that nobody touches, and how long they are watched.
const FILES: usize = 10_000;
const QUIET: Duration = Duration::from_secs(30);

/// Measures all three, and prints them.
pub(super) fn tail(workspace: &Workspace, arguments: &Arguments) -> Result {
    let velo = velo(workspace)?;
    let folder = workspace.target.join("bench/output/tail");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| Error::file(&folder, &error))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| Error::file(&folder, &error))?;
    throughput(&velo, &folder, arguments.runs)?;
    latency(&velo, &folder)?;
    idle(&velo, &folder)?;
    Ok(std::fs::remove_dir_all(&folder)?)
}

/// A process that is ended with its value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(mut command: Command) -> Result<(Running, ChildStdout)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| not_started(&command, &error))?;
    let output = child.stdout.take();
    let output = output.ok_or_else(|| Error::new("a process has no output"))?;
    Ok((Running(child), output))
}

/// `velo run` of what is watched into standard output, beginning anew.
fn follow(velo: &Path, folder: &Path, source: &str, every: &str) -> Result<(Running, ChildStdout)> {
    let state = folder.join("state");
    if state.exists() {
        std::fs::remove_dir_all(&state)?;
    }
    let text = format!(
        "name: tail\nsource: '{source}&format=text'\nsink: 'stdout:?format=text'\n\
         checkpoint: {{ store: state, every: {every} }}\n"
    );
    std::fs::write(folder.join("tail.yaml"), text)?;
    let mut command = program(velo, folder);
    command.args(["run", "--quiet", "tail.yaml"]);
    start(command)
}

/// From the start of the process until all bytes of the log came out of it.
fn throughput(velo: &Path, folder: &Path, runs: u32) -> Result {
    let log = folder.join("app.log");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&log)?);
    let (mut written, mut number) = (0, 0_u64);
    while written < LOG {
        let line = format!(
            "2026-01-01T00:00:00.000Z INFO  request {number:012} took {:04} ms from 10.0.{}.{}\n",
            number % 4000,
            number % 251,
            number % 241
        );
        out.write_all(line.as_bytes())?;
        (written, number) = (written + line.len() as u64, number + 1);
    }
    out.flush()?;
    drop(out);
    let mut seconds = [Vec::new(), Vec::new()];
    for _ in 0..=runs {
        let started = Instant::now();
        let (tail, out) = start(tail_command(&log))?;
        seconds[0].push(taken(out, written, started)?);
        drop(tail);
        let started = Instant::now();
        let (running, out) = follow(velo, folder, "app.log?watch=tail", "1s")?;
        seconds[1].push(taken(out, written, started)?);
        drop(running);
    }
    std::fs::remove_file(&log)?;
    println!("| 1 GiB log, line by line | seconds | min..max | GB/s |\n|---|---|---|---|");
    for (name, mut seconds) in ["`tail -F`", "velo"].into_iter().zip(seconds) {
        // The first of each warms the page cache.
        seconds.remove(0);
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        let (least, most) = (seconds[0], seconds[seconds.len() - 1]);
        let rate = written as f64 / median / 1e9;
        println!("| {name} | {median:.2} | {least:.2}..{most:.2} | {rate:.2} |");
    }
    Ok(())
}

fn tail_command(log: &PathBuf) -> Command {
    let mut command = Command::new("tail");
    command.args(["-n", "+1", "-F"]).arg(log);
    command
}

fn taken(mut out: ChildStdout, bytes: u64, started: Instant) -> Result<f64> {
    let (mut buffer, mut left) = (vec![0; 1 << 20], bytes);
    while left > 0 {
        let count = out.read(&mut buffer)? as u64;
        if count == 0 {
            return Err(Error::new("the output ended before the log did"));
        }
        left = left.saturating_sub(count);
    }
    Ok(started.elapsed().as_secs_f64())
}

/// From the append of a line until it comes out.
fn latency(velo: &Path, folder: &Path) -> Result {
    let log = folder.join("slow.log");
    std::fs::write(&log, "0\n")?;
    let (_running, out) = follow(velo, folder, "slow.log?watch=tail", "5ms")?;
    let mut lines = BufReader::new(out).lines();
    lines.next().transpose()?;
    let (tell, told) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for _ in 0..LINES {
            if lines.next().is_none() || tell.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    let mut file = OpenOptions::new().append(true).open(&log)?;
    let mut milliseconds = Vec::new();
    for line in 0..LINES {
        std::thread::sleep(PAUSE);
        let text = format!("{line}\n");
        let appended = Instant::now();
        file.write_all(text.as_bytes())?;
        let came = told.recv().map_err(|_| Error::new("velo ended"))?;
        milliseconds.push((came - appended).as_secs_f64() * 1e3);
    }
    drop(reader.join());
    milliseconds.sort_by(f64::total_cmp);
    println!(
        "\nfrom append to output, {LINES} lines, a checkpoint every 5 ms: median {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
        milliseconds[LINES / 2],
        milliseconds[LINES * 99 / 100],
        milliseconds[LINES - 1],
    );
    Ok(())
}

/// The share of one processor while nothing happens.
fn idle(velo: &Path, folder: &Path) -> Result {
    let many = folder.join("many");
    std::fs::create_dir_all(&many)?;
    for file in 0..FILES {
        std::fs::write(many.join(format!("{file:05}.log")), format!("{file}\n"))?;
    }
    let (running, out) = follow(velo, folder, "many?watch=directory", "1s")?;
    let mut lines = BufReader::new(out).lines();
    for _ in 0..FILES {
        lines.next().transpose()?;
    }
    std::thread::sleep(QUIET / 3);
    let id = running.0.id();
    let before = processor_time(id)?;
    std::thread::sleep(QUIET);
    let used = processor_time(id)? - before;
    println!(
        "{FILES} quiet files: {:.2} % of a processor",
        100.0 * used / QUIET.as_secs_f64()
    );
    Ok(())
}

/// Seconds of processor time, from `/proc` (proc_pid_stat(5)): hundredths are its unit on Linux.
fn processor_time(id: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = behind_name
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    match fields.get(11..13) {
        Some(times) => Ok(times.iter().sum::<f64>() / 100.0),
        None => Err(Error::new("the process has ended")),
    }
}
