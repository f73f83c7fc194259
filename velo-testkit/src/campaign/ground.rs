//! The folder in which a campaign takes place: inputs, outputs, state, and the program's words.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use velo_core::{Error, ErrorKind, Result};

use super::pairs::{Feed, Pair};
use super::{Plan, Subject};
use crate::ledger::Ledger;
use crate::oracle::{Oracle, Verdict};
use crate::power::Survivor;
use crate::process::{Blow, End, Limits, Program, Watch, run};

/// Files that the records are spread over.
const INPUT_FILES: u64 = 4;
/// What a run leaves behind, and what the next round must not find.
const LEFT_BEHIND: [&str; 3] = ["out", "state", "dead"];

/// A campaign's folder.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    plan: &'a Plan,
    folder: PathBuf,
}

impl<'a> Ground<'a> {
    /// Lays out the folder: inputs or an undisturbed run to compare with, and the pipeline's file.
    pub(super) fn prepare(plan: &'a Plan, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let ground = Self {
            plan,
            folder: std::fs::canonicalize(folder)?,
        };
        match plan.pair.feed {
            Feed::Files(lines) => {
                ground.remove("in")?;
                ground
                    .ledger()
                    .write(&ground.path("in"), lines, INPUT_FILES)?;
            }
            Feed::Made(_) => {
                ground.clear()?;
                ground.write_pipeline()?;
                let ended = run(&ground.program(), &Blow::None, &ground.watch())?;
                if ended.end != End::Done {
                    return Err(
                        Error::new(ErrorKind::Unexpected, "run without a disturbance")
                            .with("end", format!("{:?}", ended.end))
                            .with("said", ended.errors),
                    );
                }
                ground.remove("reference")?;
                std::fs::rename(ground.path("out"), ground.path("reference"))?;
            }
        }
        ground.write_pipeline()?;
        Ok(ground)
    }

    /// Spreads the records over so many input files instead.
    pub(super) fn spread(&self, files: u64) -> Result<()> {
        if let Feed::Files(lines) = self.plan.pair.feed {
            self.remove("in")?;
            self.ledger().write(&self.path("in"), lines, files)?;
        }
        Ok(())
    }

    fn ledger(&self) -> Ledger {
        Ledger {
            poison_after: self.plan.pair.poison_after,
            ..Ledger::new(self.plan.seed, self.plan.rows)
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn remove(&self, name: &str) -> Result<()> {
        match std::fs::remove_dir_all(self.path(name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => Ok(other?),
        }
    }

    /// Takes away what runs have left behind.
    pub(super) fn clear(&self) -> Result<()> {
        for name in LEFT_BEHIND {
            self.remove(name)?;
            std::fs::create_dir(self.path(name))?;
        }
        Ok(())
    }

    /// Keeps what runs have left behind under another name: the bytes, and the files themselves.
    pub(super) fn keep(&self, name: &str) -> Result<()> {
        self.remove(name)?;
        let kept = self.path(name);
        LEFT_BEHIND.iter().try_for_each(|it| {
            copy(&self.path(it), &kept.join("bytes").join(it), &copied)?;
            copy(&self.path(it), &kept.join("files").join(it), &linked)
        })
    }

    /// Puts back what was kept, into the same files: who appends to a file knows it by its inode.
    pub(super) fn restore(&self, name: &str) -> Result<()> {
        let kept = self.path(name);
        LEFT_BEHIND.iter().try_for_each(|it| {
            self.remove(it)?;
            // Copying over a file leaves its inode as it is.
            copy(
                &kept.join("bytes").join(it),
                &kept.join("files").join(it),
                &copied,
            )?;
            copy(&kept.join("files").join(it), &self.path(it), &linked)
        })
    }

    /// The places that runs write to.
    pub(super) fn left_behind(&self) -> Vec<PathBuf> {
        LEFT_BEHIND.iter().map(|name| self.path(name)).collect()
    }

    /// Makes what was left behind be these files and directories, and no other; files that were
    /// kept under a name are the same ones.
    pub(super) fn put_back(&self, files: &[Survivor], name: &str) -> Result<()> {
        LEFT_BEHIND.iter().try_for_each(|it| self.remove(it))?;
        let kept = self.path(name).join("files");
        for Survivor { path, bytes, later } in files {
            let Some(bytes) = bytes else {
                std::fs::create_dir(path)?;
                continue;
            };
            let inside = later
                .as_ref()
                .and_then(|it| it.strip_prefix(&self.folder).ok());
            match inside.map(|it| kept.join(it)) {
                Some(same) => {
                    std::fs::write(&same, bytes)?;
                    linked(&same, path)?;
                }
                None => std::fs::write(path, bytes)?,
            }
        }
        Ok(())
    }

    fn write_pipeline(&self) -> Result<()> {
        let Plan {
            pair, rows, seed, ..
        } = self.plan;
        let folder = self.folder.display();
        let source = match pair.feed {
            Feed::Files(lines) => {
                let extension = lines.extension();
                format!("file://{folder}/in/*.{extension}?on_bad_row=dead_letter")
            }
            Feed::Made(uri) => format!("{uri}?rows={rows}&seed={seed}"),
        };
        let every = self.plan.every.as_millis();
        let text = format!(
            "name: crash\nsource: \"{source}\"\nsink: \"file://{folder}/{}\"\n\
             delivery: effectively_once\n\
             checkpoint: {{ store: \"file://{folder}/state\", every: {every}ms }}\n\
             dead_letter: \"file://{folder}/dead/letters.jsonl\"\n",
            pair.sink
        );
        std::fs::write(self.path("pipeline.yaml"), text)?;
        Ok(())
    }

    pub(super) fn program(&self) -> Program {
        let (path, arguments): (_, Vec<OsString>) = match &self.plan.subject {
            Subject::Velo(path) => {
                let file = self.path("pipeline.yaml").into();
                (path, vec!["run".into(), file])
            }
            Subject::Copier { path, first, bug } => {
                let mut arguments: Vec<OsString> = first.iter().map(OsString::from).collect();
                arguments.extend(["in", "out", "state"].map(|it| self.path(it).into()));
                arguments.push(self.plan.every.as_micros().to_string().into());
                arguments.extend(bug.map(|bug| bug.name().into()));
                (path, arguments)
            }
        };
        let environment = self.plan.environment.iter();
        Program {
            path: path.clone(),
            arguments,
            environment: environment
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            directory: self.folder.clone(),
            limits: Limits::default(),
        }
    }

    pub(super) fn watch(&self) -> Watch {
        Watch {
            progress: vec![self.path("state")],
            destination: self.path("out"),
            patience: self.plan.patience,
        }
    }

    /// Asks the oracle about what is visible, once runs have ended.
    pub(super) fn judge(&self) -> Result<Verdict> {
        let Pair {
            feed,
            format,
            ordered,
            ..
        } = self.plan.pair;
        let mut oracle = match feed {
            Feed::Files(_) => Oracle::of_ledger(self.ledger()),
            Feed::Made(_) => Oracle::of_rows(&self.path("reference"), format)?,
        };
        if !ordered {
            oracle = oracle.in_any_order();
        }
        oracle.look_at(&self.path("out"), format)?;
        oracle.look_at_letters(&self.path("dead").join("letters.jsonl"))?;
        Ok(oracle.verdict())
    }

    /// Inflight files of rows that are left; locks and fences are there to stay.
    pub(super) fn leftovers(&self) -> Vec<String> {
        let inflight = self.path("out").join(".velo-inflight");
        let entries = std::fs::read_dir(inflight).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let stays = |name: &String| name == "lock" || name.ends_with(".fence");
        names.filter(|name| !stays(name)).collect()
    }
}

/// Copies a directory with everything in it, each file as it is told.
fn copy(from: &Path, to: &Path, file: &dyn Fn(&Path, &Path) -> Result<()>) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to, file)?,
            false => file(&entry.path(), &to)?,
        }
    }
    Ok(())
}

fn copied(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to)?;
    Ok(())
}

fn linked(from: &Path, to: &Path) -> Result<()> {
    Ok(std::fs::hard_link(from, to)?)
}
