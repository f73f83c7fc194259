//! How each fault of the catalogue is made, and what must come of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use velo_core::Result;

use super::Mode;
use super::catalogue::{Outcome, SOON, Scene, gave_up_well, told};
use crate::process::{Blow, Disk, End, Ended, Limits, Program, run, start};

/// Lengths and places at which a checkpoint is damaged.
const DAMAGES: usize = 24;
/// A disk that has room for everything, and what is left of it when it is full.
const ROOM: u64 = 256 << 20;
const REST: u64 = 48 << 10;

pub(super) fn campaign_of(scene: &Scene<'_>, mode: Mode) -> Result<Outcome> {
    if mode != Mode::Times && !Scene::can_trace() {
        return Ok(Outcome::Skipped(
            "strace is missing or may not trace".to_owned(),
        ));
    }
    let tally = scene.campaign(mode)?;
    let seen = format!("{} times, wrong {}", tally.kills, tally.bounded(0));
    Ok(match tally.complaints.first() {
        None => Outcome::Passed(seen),
        Some(complaint) => Outcome::Failed(complaint.clone()),
    })
}

pub(super) fn terminate(scene: &Scene<'_>) -> Result<Outcome> {
    let after = scene.whole()?.mul_f64(0.4);
    let running = start(&scene.program(), &Blow::None, &scene.watch())?;
    std::thread::sleep(after);
    signal(running.id(), Signal::TERM);
    let ended = running.wait()?;
    let well = matches!(ended.end, End::Done | End::Failed(130)) && ended.elapsed < after + SOON;
    if !well {
        return Ok(Outcome::Failed(told(&ended)));
    }
    scene.exact(&told(&ended))
}

pub(super) fn kill_while_ending(scene: &Scene<'_>) -> Result<Outcome> {
    let whole = scene.whole()?;
    let mut random = scene.random();
    for _ in 0..10 {
        scene.ground.clear()?;
        let running = start(&scene.program(), &Blow::None, &scene.watch())?;
        std::thread::sleep(whole.mul_f64(random.below(80) as f64 / 100.0));
        signal(running.id(), Signal::TERM);
        std::thread::sleep(Duration::from_micros(random.below(20_000) as u64));
        signal(running.id(), Signal::KILL);
        running.wait()?;
        let outcome = scene.exact("killed")?;
        if !matches!(outcome, Outcome::Passed(_)) {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Passed("10 times".to_owned()))
}

pub(super) fn two_runs(scene: &Scene<'_>) -> Result<Outcome> {
    let whole = scene.whole()?;
    let first = start(&scene.program(), &Blow::None, &scene.watch())?;
    std::thread::sleep(whole.mul_f64(0.4));
    signal(first.id(), Signal::STOP);
    let second = scene.run(&Blow::None)?;
    signal(first.id(), Signal::CONT);
    let first = first.wait()?;
    let seen = format!("second: {}; first: {}", told(&second), told(&first));
    let lost = |ended: &Ended| ended.end == End::Failed(75);
    let one = [&first, &second].into_iter().filter(|it| lost(it)).count() == 1;
    let other = [&first, &second].into_iter().any(|it| it.end == End::Done);
    if !one || !other {
        return Ok(Outcome::Failed(seen));
    }
    scene.exact(&seen)
}

pub(super) fn disk_full(scene: &Scene<'_>) -> Result<Outcome> {
    on_a_disk(scene, |there, disk, program| {
        disk.grow(disk.used()? + REST)?;
        let running = start(program, &Blow::None, &there.watch())?;
        std::thread::sleep(Duration::from_secs(2));
        disk.grow(ROOM)?;
        let ended = running.wait()?;
        if ended.end != End::Done && !gave_up_well(&ended) {
            return Ok(Outcome::Failed(told(&ended)));
        }
        there.exact(&told(&ended))
    })
}

pub(super) fn disk_read_only(scene: &Scene<'_>) -> Result<Outcome> {
    on_a_disk(scene, |there, disk, program| {
        there.crash()?;
        disk.read_only(true)?;
        let ended = run(program, &Blow::None, &there.watch())?;
        disk.read_only(false)?;
        if !gave_up_well(&ended) {
            return Ok(Outcome::Failed(told(&ended)));
        }
        there.exact(&told(&ended))
    })
}

/// Sets the scene again on a disk of its own, with a program whose words go elsewhere.
fn on_a_disk(
    scene: &Scene<'_>,
    play: impl FnOnce(&Scene<'_>, &Disk, &Program) -> Result<Outcome>,
) -> Result<Outcome> {
    let disk = match Disk::mount(&scene.folder.join("disk"), ROOM) {
        Ok(disk) => disk,
        Err(error) => return Ok(Outcome::Skipped(error.message().to_owned())),
    };
    let there = Scene::set(scene.plan, &disk.path().join("scene"))?;
    let program = Program {
        directory: scene.folder.clone(),
        ..there.program()
    };
    play(&there, &disk, &program)
}

pub(super) fn few_open_files(scene: &Scene<'_>) -> Result<Outcome> {
    scene.ground.spread(97)?;
    let limits = Limits {
        open_files: Some(48),
        ..Limits::default()
    };
    let ended = limited(scene, limits)?;
    match ended.end {
        End::Done => scene.exact("done"),
        _ => Ok(Outcome::Failed(told(&ended))),
    }
}

pub(super) fn small_files(scene: &Scene<'_>) -> Result<Outcome> {
    /// What the system sends to who writes beyond the limit, unless they ignore it.
    const TOO_LARGE: i32 = 25;
    let limits = Limits {
        file_size: Some(16 << 10),
        ..Limits::default()
    };
    let ended = limited(scene, limits)?;
    let stopped = matches!(ended.end, End::Done | End::Crashed(TOO_LARGE));
    if !stopped && !gave_up_well(&ended) {
        return Ok(Outcome::Failed(told(&ended)));
    }
    scene.exact(&told(&ended))
}

pub(super) fn little_memory(scene: &Scene<'_>) -> Result<Outcome> {
    let limits = Limits {
        address_space: Some(256 << 20),
        ..Limits::default()
    };
    let ended = limited(scene, limits)?;
    let silent = ended.errors.is_empty();
    if ended.end != End::Done && (silent || ended.end == End::Hung) {
        return Ok(Outcome::Failed(told(&ended)));
    }
    scene.exact(&told(&ended))
}

fn limited(scene: &Scene<'_>, limits: Limits) -> Result<Ended> {
    let program = Program {
        limits,
        ..scene.program()
    };
    run(&program, &Blow::None, &scene.watch())
}

pub(super) fn checkpoint_cut(scene: &Scene<'_>) -> Result<Outcome> {
    damage_newest(scene, |bytes, at| bytes.truncate(at))
}

pub(super) fn checkpoint_flipped(scene: &Scene<'_>) -> Result<Outcome> {
    damage_newest(scene, |bytes, at| bytes[at] ^= 1 << (at % 8))
}

/// Damages the newest checkpoint at places all over it, each time from the same crash.
fn damage_newest(scene: &Scene<'_>, damage: impl Fn(&mut Vec<u8>, usize)) -> Result<Outcome> {
    scene.crash()?;
    scene.ground.keep("crashed")?;
    let Some(newest) = newest(&scene.checkpoints()?) else {
        return Ok(Outcome::Failed("there is no checkpoint".to_owned()));
    };
    let whole = std::fs::read(&newest)?;
    let step = whole.len().div_ceil(DAMAGES).max(1);
    for at in (0..whole.len()).step_by(step) {
        scene.ground.restore("crashed")?;
        let mut bytes = whole.clone();
        damage(&mut bytes, at);
        std::fs::write(&newest, bytes)?;
        let outcome = scene.exact(&format!("at byte {at}"))?;
        if !matches!(outcome, Outcome::Passed(_)) {
            return Ok(outcome);
        }
    }
    let times = whole.len().div_ceil(step);
    Ok(Outcome::Passed(format!(
        "at {times} of {} bytes",
        whole.len()
    )))
}

/// The newest checkpoint; a copy of it, which has a longer name, is left alone.
fn newest(checkpoints: &[PathBuf]) -> Option<PathBuf> {
    let plain = |path: &&PathBuf| path.extension().is_none();
    checkpoints.iter().rfind(plain).cloned()
}

pub(super) fn all_checkpoints(
    scene: &Scene<'_>,
    damage: &dyn Fn(&[u8]) -> Vec<u8>,
) -> Result<Outcome> {
    scene.crash()?;
    let checkpoints = scene.checkpoints()?;
    let mut written = Vec::new();
    for path in &checkpoints {
        let bytes = damage(&std::fs::read(path)?);
        std::fs::write(path, &bytes)?;
        written.push(bytes);
    }
    let before = visible(&scene.ground.path("out"))?;
    let ended = scene.run(&Blow::None)?;
    let seen = format!("{}, {} checkpoints", told(&ended), checkpoints.len());
    let mut touched = visible(&scene.ground.path("out"))? != before;
    for (path, bytes) in checkpoints.iter().zip(&written) {
        touched |= std::fs::read(path).ok().as_ref() != Some(bytes);
    }
    Ok(
        match gave_up_well(&ended) && !touched && !checkpoints.is_empty() {
            true => Outcome::Passed(seen),
            false if touched => Outcome::Failed(format!("{seen}; files were touched")),
            false => Outcome::Failed(seen),
        },
    )
}

fn visible(place: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for path in crate::oracle::visible_files(place)? {
        let length = std::fs::metadata(&path)?.len();
        files.push((path, length));
    }
    Ok(files)
}

pub(super) fn state_removed(scene: &Scene<'_>) -> Result<Outcome> {
    let whole = scene.whole()?;
    let running = start(&scene.program(), &Blow::None, &scene.watch())?;
    std::thread::sleep(whole.mul_f64(0.5));
    let state = scene.ground.path("state");
    // A file that is made meanwhile keeps its directory from being removed.
    for _ in 0..100 {
        if std::fs::remove_dir_all(&state).is_ok() {
            break;
        }
    }
    let ended = running.wait()?;
    if ended.end == End::Done {
        let verdict = scene.ground.judge()?;
        return Ok(match verdict.is_clean() {
            true => Outcome::Passed("done".to_owned()),
            false => Outcome::Failed(verdict.to_string()),
        });
    }
    Ok(match gave_up_well(&ended) {
        true => Outcome::Passed(told(&ended)),
        false => Outcome::Failed(told(&ended)),
    })
}

/// Sends a signal to a process that we started and have not waited for.
fn signal(id: u32, signal: Signal) {
    if let Some(process) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process(process, signal);
    }
}
