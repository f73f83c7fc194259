//! Following files: how fast one large log is read, how soon a line is through, what ten thousand
//! quiet files cost.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Arguments;
use super::environment::velo;
use crate::command::{not_started, output, program};
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

/// Writes a pipeline that begins anew.
fn describe(folder: &Path, source: &str, sink: &str, every: &str) -> Result {
    let state = folder.join("state");
    if state.exists() {
        std::fs::remove_dir_all(&state)?;
    }
    let text = format!(
        "name: tail\nsource: '{source}&format=text'\nsink: '{sink}?format=text'\n\
         checkpoint: {{ store: state, every: {every} }}\n"
    );
    Ok(std::fs::write(folder.join("tail.yaml"), text)?)
}

/// `velo run` of what is watched into standard output.
fn follow(velo: &Path, folder: &Path, source: &str, every: &str) -> Result<(Running, ChildStdout)> {
    describe(folder, source, "stdout:", every)?;
    let mut command = program(velo, folder);
    command.args(["run", "--quiet", "tail.yaml"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| not_started(&command, &error))?;
    let output = child.stdout.take();
    let output = output.ok_or_else(|| Error::new("a process has no output"))?;
    Ok((Running(child), output))
}

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
        let mut piped = program("sh", folder);
        output(piped.args(["-c", "tail -n +1 app.log | wc -l"]))?;
        seconds[0].push(started.elapsed().as_secs_f64());
        seconds[1].push(counted(velo, folder, number)?);
    }
    std::fs::remove_file(&log)?;
    println!(
        "| {written} bytes in {number} lines | seconds | min..max | GB/s |\n|---|---|---|---|"
    );
    let names = [
        "`tail -n +1 \\| wc -l`",
        "velo, `watch=tail` into `/dev/null`",
    ];
    for (name, mut seconds) in names.into_iter().zip(seconds) {
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

/// From the start of the process until its metrics say that all lines were read.
fn counted(velo: &Path, folder: &Path, lines: u64) -> Result<f64> {
    describe(folder, "app.log?watch=tail", "/dev/null", "1s")?;
    let mut command = program(velo, folder);
    command.args(["run", "tail.yaml", "--status", "127.0.0.1:0"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command
        .spawn()
        .map_err(|error| not_started(&command, &error))?;
    let said = child.stderr.take();
    let _running = Running(child);
    let mut said = BufReader::new(said.ok_or_else(|| Error::new("a process has no output"))?);
    let mut line = String::new();
    let address = loop {
        line.clear();
        if said.read_line(&mut line)? == 0 {
            return Err(Error::new("velo ended before it served its status"));
        }
        if let Some(address) = line.trim_end().strip_prefix("status at http://") {
            break address.trim_end_matches('/').to_owned();
        }
    };
    while rows_read(&address)? < lines {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(started.elapsed().as_secs_f64())
}

fn rows_read(address: &str) -> Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let mut lines = answer.lines();
    let line = lines.find(|line| line.starts_with("velo_rows_read_total{"));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    Ok(value.unwrap_or(0))
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
