//! One run of a program, from its start to its end or to ours.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use velo_core::Result;

use super::limits::Limits;
use super::strace::Strace;

/// Runs so far in this process.
static RUNS: AtomicU64 = AtomicU64::new(0);
/// How often a run is looked at.
const GLANCE: Duration = Duration::from_millis(2);
/// How often the files that it should change are looked at.
const INSPECTION: Duration = Duration::from_millis(20);

/// What is run, and where.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable file.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables that it gets besides ours, such as one that switches failpoints on.
    pub environment: Vec<(OsString, OsString)>,
    /// Its working directory, where `stderr-0.txt` and `stderr-1.txt` are written.
    pub directory: PathBuf,
    /// What the system grants it.
    pub limits: Limits,
}

impl Program {
    /// A program without arguments, limits and variables of its own.
    ///
    /// ```
    /// use velo_testkit::process::Program;
    /// assert!(Program::new("/bin/true", "/tmp").arguments.is_empty());
    /// ```
    pub fn new(path: impl Into<PathBuf>, directory: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: directory.into(),
            limits: Limits::default(),
        }
    }
}

/// What a run has to bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blow {
    /// Nothing.
    None,
    /// SIGKILL after this time.
    After(Duration),
    /// strace looks on, and may strike.
    Traced(Strace),
}

/// How a run is watched.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Files and directories that change as long as the run gets on.
    pub progress: Vec<PathBuf>,
    /// Where rows go: the first growth tells when a run has recovered.
    pub destination: PathBuf,
    /// How long nothing may change before the run counts as hanging.
    pub patience: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with code 0.
    Done,
    /// By itself, with another code.
    Failed(i32),
    /// By our blow.
    Killed,
    /// By a signal that we did not send: an abort, a fault.
    Crashed(i32),
    /// By us, because it did not get on.
    Hung,
}

/// The end of a run, and what is known of its way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// From the start to the end.
    pub elapsed: Duration,
    /// From the start to the first growth of the destination, or to a good end without one.
    pub recovered: Option<Duration>,
    /// The end of what it wrote to standard error.
    pub errors: String,
}

impl Ended {
    /// The line of standard error that says most: that of a panic, or the last one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use velo_testkit::process::{End, Ended};
    /// let ended = Ended {
    ///     end: End::Failed(101),
    ///     elapsed: Duration::ZERO,
    ///     recovered: None,
    ///     errors: "thread 'main' panicked at a.rs:1:1:\nboom\nnote: run with".to_owned(),
    /// };
    /// assert_eq!(ended.said(), "thread 'main' panicked at a.rs:1:1: boom");
    /// ```
    #[must_use]
    pub fn said(&self) -> String {
        let mut lines = self.errors.lines();
        if let Some(panic) = lines.find(|line| line.contains("panicked at")) {
            return format!("{panic} {}", lines.next().unwrap_or_default());
        }
        self.errors.lines().last().unwrap_or("nothing").to_owned()
    }
}

/// Runs a program under a blow until one of them ends it.
///
/// # Errors
/// `NotFound` and its kin when it can't be started.
///
/// ```
/// use std::time::Duration;
/// use velo_testkit::process::{Blow, End, Program, Watch, run};
/// let folder = std::env::temp_dir();
/// let mut sleep = Program::new("/bin/sleep", &folder);
/// sleep.arguments = vec!["60".into()];
/// let watch = Watch {
///     progress: vec![],
///     destination: folder,
///     patience: Duration::from_secs(30),
/// };
/// let ended = run(&sleep, &Blow::After(Duration::from_millis(5)), &watch)?;
/// assert_eq!(ended.end, End::Killed);
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn run(program: &Program, blow: &Blow, watch: &Watch) -> Result<Ended> {
    start(program, blow, watch)?.wait()
}

/// Starts a program under a blow, which falls while it is waited for.
///
/// # Errors
/// As [`run`].
pub fn start(program: &Program, blow: &Blow, watch: &Watch) -> Result<Running> {
    // Two runs in one folder write their words to files of their own.
    let number = RUNS.fetch_add(1, Ordering::Relaxed) % 2;
    let errors = program.directory.join(format!("stderr-{number}.txt"));
    let started = Instant::now();
    Ok(Running {
        child: command(program, blow, &errors)?.spawn()?,
        blow: blow.clone(),
        look: Look::new(watch.clone()),
        started,
        errors,
    })
}

/// A program under way; one that is dropped is killed.
#[derive(Debug)]
pub struct Running {
    child: Child,
    blow: Blow,
    look: Look,
    started: Instant,
    errors: PathBuf,
}

impl Running {
    /// The process's number; the blow's strace has it where there is one.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end: its own, or ours by the blow or because nothing moved.
    ///
    /// # Errors
    /// `Io` when the process can't be waited for.
    pub fn wait(mut self) -> Result<Ended> {
        let (status, struck) = loop {
            if let Some(status) = self.child.try_wait()? {
                break (status, None);
            }
            let elapsed = self.started.elapsed();
            if matches!(self.blow, Blow::After(when) if elapsed >= when) {
                break (kill(&mut self.child)?, Some(End::Killed));
            }
            if self.look.gave_up(elapsed) {
                break (kill(&mut self.child)?, Some(End::Hung));
            }
            std::thread::sleep(GLANCE);
        };
        let elapsed = self.started.elapsed();
        // It may have ended by itself between the last look and the blow.
        let end = match struck {
            Some(end) if status.signal() == Some(Signal::KILL.as_raw()) => end,
            _ => ending(status, &self.blow),
        };
        Ok(Ended {
            end,
            elapsed,
            recovered: self.look.grown.or((end == End::Done).then_some(elapsed)),
            errors: last_words(&self.errors),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever has been waited for is left alone: the number may be another's by now.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill(&mut self.child);
        }
    }
}

fn command(program: &Program, blow: &Blow, errors: &Path) -> Result<Command> {
    let mut words: Vec<OsString> = match blow {
        Blow::Traced(strace) => strace.prefix(),
        Blow::None | Blow::After(_) => Vec::new(),
    };
    words.extend(program.limits.prefix());
    words.push(program.path.clone().into());
    words.extend(program.arguments.iter().cloned());
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .envs(program.environment.iter().cloned())
        .current_dir(&program.directory)
        // The program and a strace in front of it are killed together.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(errors)?);
    Ok(command)
}

fn kill(child: &mut Child) -> Result<ExitStatus> {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process_group(group, Signal::KILL);
    }
    Ok(child.wait()?)
}

fn ending(status: ExitStatus, blow: &Blow) -> End {
    let kills = matches!(blow, Blow::Traced(strace) if strace.kills());
    match (status.code(), status.signal()) {
        (Some(0), _) => End::Done,
        (Some(code), _) => End::Failed(code),
        // strace ends by the signal that ended what it traced.
        (None, Some(signal)) if kills && signal == Signal::KILL.as_raw() => End::Killed,
        (None, signal) => End::Crashed(signal.unwrap_or_default()),
    }
}

fn last_words(errors: &Path) -> String {
    let bytes = std::fs::read(errors).unwrap_or_default();
    let from = bytes.len().saturating_sub(2000);
    String::from_utf8_lossy(&bytes[from..]).trim().to_owned()
}

/// Looks at the files that a run should change.
#[derive(Debug)]
struct Look {
    watch: Watch,
    next: Duration,
    state: u64,
    changed: Duration,
    least: u64,
    grown: Option<Duration>,
}

impl Look {
    fn new(watch: Watch) -> Self {
        Self {
            watch,
            next: Duration::ZERO,
            state: 0,
            changed: Duration::ZERO,
            least: u64::MAX,
            grown: None,
        }
    }

    fn gave_up(&mut self, elapsed: Duration) -> bool {
        if elapsed < self.next {
            return false;
        }
        self.next = elapsed + INSPECTION;
        let bytes = sizes(&self.watch.destination).1;
        // Recovery may cut a file first.
        self.least = self.least.min(bytes);
        if self.grown.is_none() && bytes > self.least {
            self.grown = Some(elapsed);
        }
        let places = self.watch.progress.iter();
        let state = places.fold(bytes, |sum, place| {
            sum.wrapping_mul(31).wrapping_add(sizes(place).0)
        });
        if state != self.state {
            (self.state, self.changed) = (state, elapsed);
        }
        elapsed - self.changed > self.watch.patience
    }
}

/// A number that changes with the names, sizes and times below a place, and the sum of sizes.
///
/// What vanishes meanwhile counts as gone.
fn sizes(place: &Path) -> (u64, u64) {
    let Ok(about) = std::fs::symlink_metadata(place) else {
        return (0, 0);
    };
    let modified = about.modified().ok();
    let age = modified.and_then(|it| it.duration_since(std::time::UNIX_EPOCH).ok());
    let mut state = about.len() ^ age.map_or(0, |age| age.as_nanos() as u64);
    if !about.is_dir() {
        return (state, about.len());
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let (inner, size) = sizes(&entry.path());
        state = state.wrapping_add(inner.wrapping_mul(entry.file_name().len() as u64 + 1));
        bytes += size;
    }
    (state, bytes)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn shell(folder: &TempDir, script: &str) -> (Program, Watch) {
        let mut program = Program::new("/bin/sh", folder.path());
        program.arguments = vec!["-c".into(), script.into()];
        let watch = Watch {
            progress: vec![folder.path().to_owned()],
            destination: folder.path().join("out"),
            patience: Duration::from_secs(30),
        };
        (program, watch)
    }

    #[test]
    fn tells_the_ends_apart() {
        let folder = tempfile::tempdir().unwrap();
        let soon = Blow::After(Duration::from_millis(20));
        let cases = [
            ("true", Blow::None, End::Done),
            ("echo no >&2; exit 74", Blow::None, End::Failed(74)),
            ("kill -ABRT $$", Blow::None, End::Crashed(6)),
            ("kill -KILL $$", Blow::None, End::Crashed(9)),
            ("sleep 60 & wait", soon, End::Killed),
        ];
        for (script, blow, expected) in cases {
            let (program, watch) = shell(&folder, script);
            let ended = run(&program, &blow, &watch).unwrap();
            assert_eq!(ended.end, expected, "{script}");
            assert_eq!(ended.errors == "no", expected == End::Failed(74));
        }
    }

    #[test]
    fn who_changes_nothing_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let (program, mut watch) = shell(&folder, "sleep 60 & wait");
        watch.patience = Duration::from_millis(100);
        assert_eq!(run(&program, &Blow::None, &watch).unwrap().end, End::Hung);
        let busy = "for n in 1 2 3 4 5 6 7 8 9 10; do echo $n >>out; sleep 0.04; done";
        let (program, _) = shell(&folder, busy);
        let ended = run(&program, &Blow::None, &watch).unwrap();
        assert_eq!(ended.end, End::Done);
        assert!(ended.recovered.unwrap() < ended.elapsed);
    }

    #[test]
    fn strace_kills_before_the_chosen_call() {
        use crate::process::{Injection, Strike};

        if !Strace::is_here() {
            eprintln!("skipped: strace is missing or may not trace");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (program, watch) = shell(&folder, "echo a >out; echo b >>out; echo c >>out");
        let strace = |injection| {
            let log = folder.path().join("strace.log");
            Blow::Traced(Strace {
                log,
                contents: false,
                injection,
            })
        };
        let nth = |nth, strike| {
            strace(Some(Injection {
                call: "write".into(),
                nth,
                on: false,
                strike,
            }))
        };
        let text = || std::fs::read_to_string(folder.path().join("out")).unwrap();
        let third = nth(3, Strike::Kill);
        assert_eq!(run(&program, &third, &watch).unwrap().end, End::Killed);
        assert_eq!(text(), "a\nb\n");
        run(&program, &nth(2, Strike::Error("ENOSPC")), &watch).unwrap();
        assert_eq!(text(), "a\nc\n");
        run(&program, &strace(None), &watch).unwrap();
        let log = std::fs::read_to_string(folder.path().join("strace.log")).unwrap();
        let points = crate::process::points(&log, &folder.path().join("out"));
        assert_eq!(points.len(), 3, "{log}");
    }
}
