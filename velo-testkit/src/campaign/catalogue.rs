//! Faults one by one, each with what must come of it: the table in docs/reliability.md.

use std::path::{Path, PathBuf};
use std::time::Duration;

use velo_core::Result;

use super::faults;
use super::ground::Ground;
use super::{Mode, Plan, Tally, campaign};
use crate::data::Random;
use crate::process::{Blow, End, Ended, Program, Strace, Watch, run};

/// How soon a run that can't go on must say so.
pub(super) const SOON: Duration = Duration::from_secs(10);

/// What came of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What must come of it; this says what that was.
    Passed(String),
    /// Something else.
    Failed(String),
    /// It can't be made here, for this reason.
    Skipped(String),
}

/// A fault of the catalogue.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens.
    pub happens: &'static str,
    /// What must come of it.
    pub must: &'static str,
    play: fn(&Scene<'_>) -> Result<Outcome>,
}

const EXACT: &str = "nothing lost, doubled, reordered or corrupt";
const REFUSED: &str = "refused with one line and a code, nothing touched";

const fn fault(
    name: &'static str,
    happens: &'static str,
    must: &'static str,
    play: fn(&Scene<'_>) -> Result<Outcome>,
) -> Fault {
    Fault {
        name,
        happens,
        must,
        play,
    }
}

/// All faults.
pub const FAULTS: [Fault; 17] = [
    fault("kill", "SIGKILL at random times", EXACT, |scene| {
        faults::campaign_of(scene, Mode::Times)
    }),
    fault(
        "kill-at-calls",
        "SIGKILL before each call that changes a file, of a run and of a recovery",
        EXACT,
        |scene| faults::campaign_of(scene, Mode::Calls),
    ),
    fault(
        "call-fails",
        "ENOSPC, EIO or EROFS from each of these calls, fsync among them",
        EXACT,
        |scene| faults::campaign_of(scene, Mode::Errors),
    ),
    fault(
        "power-loss",
        "the power fails: what was not flushed is there, or not, or in part",
        EXACT,
        |scene| faults::campaign_of(scene, Mode::Power),
    ),
    fault(
        "terminate",
        "SIGTERM under load",
        "ends within 10 s with 0 or 130; then nothing lost or doubled",
        faults::terminate,
    ),
    fault(
        "kill-while-ending",
        "SIGKILL shortly after SIGTERM",
        EXACT,
        faults::kill_while_ending,
    ),
    fault(
        "two-runs",
        "a second run starts while the first is stopped, which then goes on",
        "one of them ends with 75; nothing lost or doubled",
        faults::two_runs,
    ),
    fault(
        "disk-full",
        "a disk without room, and room 2 s later",
        "no crash; nothing lost or doubled once there is room",
        faults::disk_full,
    ),
    fault(
        "disk-read-only",
        "a restart on a disk that is read-only, and is not later",
        "ends within 10 s with a code; then nothing lost or doubled",
        faults::disk_read_only,
    ),
    fault(
        "few-open-files",
        "48 open files for 97 inputs",
        EXACT,
        faults::few_open_files,
    ),
    fault(
        "small-files",
        "files of 16 KiB at most (RLIMIT_FSIZE)",
        "ends by itself or by SIGXFSZ; nothing lost or doubled without the limit",
        faults::small_files,
    ),
    fault(
        "little-memory",
        "256 MiB of address space",
        "completes or says why not; nothing lost or doubled without the limit",
        faults::little_memory,
    ),
    fault(
        "checkpoint-cut",
        "the newest checkpoint is cut short, at many lengths",
        EXACT,
        faults::checkpoint_cut,
    ),
    fault(
        "checkpoint-flipped",
        "a bit of the newest checkpoint is turned over, at many places",
        EXACT,
        faults::checkpoint_flipped,
    ),
    fault(
        "checkpoints-empty",
        "all checkpoints are empty",
        REFUSED,
        |scene| faults::all_checkpoints(scene, &|_| Vec::new()),
    ),
    fault(
        "checkpoints-zeroed",
        "all checkpoints are full of noughts",
        REFUSED,
        |scene| faults::all_checkpoints(scene, &|bytes| vec![0; bytes.len()]),
    ),
    fault(
        "state-removed",
        "the store is deleted while a run is at work",
        "the run ends with a code, or has done its work",
        faults::state_removed,
    ),
];

/// Plays one fault, and says what came of it.
///
/// # Errors
/// What keeps the fault from being played: no binary, no room for the folder.
pub fn play(fault: &Fault, plan: &Plan, folder: &Path) -> Result<Outcome> {
    let scene = Scene::set(plan, &folder.join(fault.name))?;
    (fault.play)(&scene)
}

/// A folder with inputs, and what is known of a run there.
pub(super) struct Scene<'a> {
    pub(super) plan: &'a Plan,
    pub(super) ground: Ground<'a>,
    pub(super) folder: PathBuf,
}

impl<'a> Scene<'a> {
    pub(super) fn set(plan: &'a Plan, folder: &Path) -> Result<Self> {
        let ground = Ground::prepare(plan, folder)?;
        ground.clear()?;
        Ok(Self {
            plan,
            ground,
            folder: folder.to_owned(),
        })
    }

    pub(super) fn random(&self) -> Random {
        Random::new(self.plan.seed)
    }

    pub(super) fn program(&self) -> Program {
        self.ground.program()
    }

    pub(super) fn watch(&self) -> Watch {
        self.ground.watch()
    }

    pub(super) fn run(&self, blow: &Blow) -> Result<Ended> {
        run(&self.program(), blow, &self.watch())
    }

    /// How long an undisturbed run takes, rather too short than too long: something else may have
    /// kept the machine busy. Its outputs are taken away.
    pub(super) fn whole(&self) -> Result<Duration> {
        let mut least = Duration::MAX;
        for _ in 0..2 {
            least = least.min(self.run(&Blow::None)?.elapsed);
            self.ground.clear()?;
        }
        Ok(least)
    }

    /// Leaves behind what a run killed in its middle leaves.
    pub(super) fn crash(&self) -> Result<()> {
        let whole = self.whole()?;
        for part in [0.5, 0.4, 0.6, 0.3] {
            self.ground.clear()?;
            let ended = self.run(&Blow::After(whole.mul_f64(part)))?;
            if ended.end == End::Killed && !self.checkpoints()?.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Lets a run come to its end and judges what is there.
    pub(super) fn exact(&self, seen: &str) -> Result<Outcome> {
        let ended = self.run(&Blow::None)?;
        if ended.end != End::Done {
            return Ok(Outcome::Failed(format!("{seen}; then {}", told(&ended))));
        }
        let verdict = self.ground.judge()?;
        Ok(match verdict.is_clean() {
            true => Outcome::Passed(seen.to_owned()),
            false => Outcome::Failed(format!("{seen}; then {verdict}")),
        })
    }

    /// The stored checkpoints, oldest first, without what is unfinished.
    pub(super) fn checkpoints(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut directories = vec![self.ground.path("state")];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if entry.file_type()?.is_dir() {
                    directories.push(entry.path());
                } else if name.starts_with("checkpoint") && !name.ends_with(".new") {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Runs a campaign of its own below the scene's folder.
    pub(super) fn campaign(&self, mode: Mode) -> Result<Tally> {
        let plan = Plan {
            mode,
            until_red: true,
            ..self.plan.clone()
        };
        campaign(&plan, &self.folder.join(mode.name()), &mut |_| {})
    }

    pub(super) fn can_trace() -> bool {
        Strace::is_here()
    }
}

/// How a run ended, in a few words.
pub(super) fn told(ended: &Ended) -> String {
    match ended.end {
        End::Done => "done".to_owned(),
        End::Failed(code) => format!("code {code}"),
        end => format!("{end:?}, said: {}", ended.said()),
    }
}

/// Says whether a run ended as one does that knows why: by itself, with a code that is no defect,
/// soon, and with a line that says so.
pub(super) fn gave_up_well(ended: &Ended) -> bool {
    let knows = matches!(ended.end, End::Failed(code) if ![70, 101].contains(&code));
    knows && ended.elapsed < SOON && !ended.errors.is_empty()
}
