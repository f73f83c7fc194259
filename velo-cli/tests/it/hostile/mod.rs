//! Hostile files of every format: an answer within bounds of memory and time, and when it is an
//! error, one line that names the file; nothing is left behind.

mod bombs;
mod damage;
mod lengths;
mod made;
mod odd;
mod pages;
mod parquet;
mod schemas;
mod text;
mod wide;

use std::process::{Command, Stdio};

use crate::velo::{Folder, Ran};

/// What a run may have of address space, in KiB: an allocation beyond it ends the process with a
/// signal, whether or not the memory would ever be used.
const MEMORY: u64 = 1 << 20;
/// What a run may take, in seconds, on a machine that does other things too.
const TIME: u64 = 120;
/// Exit codes for what can be wrong with a file: it is a device, bad data, no such thing, reading
/// failed, a type that cannot be held. A defect in velo (70) is none of them, nor is a panic (101).
const REFUSED: [i32; 5] = [64, 65, 66, 74, 78];

/// Runs the binary on hostile files and collects what is not as it must be.
struct Hostile {
    folder: Folder,
    complaints: Vec<String>,
}

impl Hostile {
    fn new() -> Self {
        let folder = Folder::new();
        folder.put("out/old.parquet", "old");
        Self {
            folder,
            complaints: Vec::new(),
        }
    }

    fn bounded(&self, arguments: &[&str]) -> Ran {
        let script = format!("ulimit -v {MEMORY} && exec timeout -s KILL {TIME} \"$@\"");
        let mut command = Command::new("sh");
        command
            .current_dir(self.folder.path("."))
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_velo")])
            .args(["--quiet", "--threads", "2"])
            .args(arguments)
            .stdin(Stdio::null());
        Ran(command.output().unwrap())
    }

    /// Counts, shows the columns and copies: each is right or refuses.
    fn answers(&mut self, uri: &str) {
        for arguments in [
            vec!["count", uri],
            vec!["schema", uri],
            vec!["copy", uri, "out/old.parquet"],
        ] {
            self.answer(&arguments, &[]);
        }
    }

    /// Copies: it is right or refuses.
    fn copies(&mut self, uri: &str) {
        self.answer(&["copy", uri, "out/old.parquet"], &[]);
    }

    /// Copies and counts: both refuse in these words; what the columns are may be known.
    fn refuses(&mut self, uri: &str, words: &[&str]) {
        self.answer(&["schema", uri], &[]);
        for arguments in [vec!["count", uri], vec!["copy", uri, "out/old.parquet"]] {
            if self.answer(&arguments, words) == Some(0) {
                self.complain(&arguments, "did not refuse", "");
            }
        }
    }

    /// Copying refuses in these words; counting may have no reason to look so closely.
    fn does_not_copy(&mut self, uri: &str, words: &[&str]) {
        self.answer(&["schema", uri], &[]);
        self.answer(&["count", uri], &[]);
        let copy = ["copy", uri, "out/old.parquet"];
        if self.answer(&copy, words) == Some(0) {
            self.complain(&copy, "did not refuse", "");
        }
    }

    fn answer(&mut self, arguments: &[&str], words: &[&str]) -> Option<i32> {
        let ran = self.bounded(arguments);
        let (code, errors) = (ran.code(), ran.errors());
        let file = arguments[1].split('?').next().unwrap_or_default();
        match code {
            Some(0) if errors.is_empty() => {}
            Some(0) => self.complain(arguments, "says something on standard error", &errors),
            Some(code) if REFUSED.contains(&code) => {
                let is_one_line = errors.ends_with('\n') && errors.lines().count() == 1;
                if !is_one_line || errors.contains("panicked") {
                    self.complain(arguments, "does not say one line", &errors);
                }
                if errors.len() > 2000 {
                    self.complain(arguments, "says too much", &errors[..300]);
                }
                // What parquet cannot hold is no fault of the file's.
                let is_named = errors.starts_with("velo: parquet needs")
                    || errors.contains("parquet cannot hold");
                let file = if is_named { "parquet" } else { file };
                for word in words.iter().chain(&[file]) {
                    if !errors.contains(word) {
                        self.complain(arguments, &format!("does not say `{word}`"), &errors);
                    }
                }
            }
            _ => self.complain(arguments, &format!("ended with {}", ran.0.status), &errors),
        }
        self.look_at_destination(arguments, code == Some(0));
        code
    }

    fn look_at_destination(&mut self, arguments: &[&str], done: bool) {
        if self.folder.list("out") != ["old.parquet"] {
            let left = self.folder.list("out").join(", ");
            self.complain(arguments, "leaves something behind", &left);
        }
        let is_old = std::fs::read(self.folder.path("out/old.parquet")).unwrap() == b"old";
        if arguments[0] == "copy" && done == is_old {
            self.complain(
                arguments,
                "has a destination that does not fit the code",
                "",
            );
        }
        if !is_old {
            self.folder.put("out/old.parquet", "old");
        }
    }

    fn complain(&mut self, arguments: &[&str], what: &str, said: &str) {
        let said = said.chars().take(500).collect::<String>();
        self.complaints
            .push(format!("{} {what}: {said}", arguments.join(" ")));
    }

    fn finish(self) {
        let all = self.complaints.join("\n");
        assert!(self.complaints.is_empty(), "\n{all}");
    }
}
