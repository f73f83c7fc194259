//! The crash kit against the toy copier: green on the right one, red on each bug.
//!
//! This binary is the copier too, when its first argument says so.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use velo_testkit::campaign::{
    FAULTS, Fault, Mode, Outcome, Pair, Plan, Subject, Tally, campaign, play,
};
use velo_testkit::copier::{self, Bug};
use velo_testkit::process::{Disk, Strace};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("copier") {
        return copier::main(arguments);
    }
    let mut trials = vec![
        Trial::test("right_copier_is_green_at_random_times", || {
            green(Mode::Times, 12)
        }),
        Trial::test("an_interrupted_campaign_goes_on", goes_on),
    ];
    let lacks = if Strace::is_here() {
        ""
    } else {
        " (lacks: strace)"
    };
    trials.extend(Bug::ALL.into_iter().map(|bug| {
        let name = bug.name();
        match mode_for(bug) {
            Mode::Times => Trial::test(format!("copier_with_{name}_is_red"), move || red(bug)),
            _ => Trial::test(format!("copier_with_{name}_is_red{lacks}"), move || {
                red(bug)
            })
            .with_ignored_flag(!lacks.is_empty()),
        }
    }));
    for (mode, kills) in [(Mode::Calls, 20), (Mode::Errors, 16), (Mode::Power, 24)] {
        let name = format!("right_copier_is_green_at_{}{lacks}", mode.name());
        let trial = Trial::test(name, move || green(mode, kills));
        trials.push(trial.with_ignored_flag(!lacks.is_empty()));
    }
    // The campaigns among the faults are what the trials above are.
    let alone = |fault: &&Fault| {
        !["kill", "kill-at-calls", "call-fails", "power-loss"].contains(&fault.name)
    };
    trials.extend(FAULTS.iter().filter(alone).map(|fault| {
        let disk = fault.name.starts_with("disk");
        let lacks = if disk && !can_mount() {
            " (lacks: mount)"
        } else {
            ""
        };
        Trial::test(format!("fault_{}{lacks}", fault.name), || judged(fault))
            .with_ignored_flag(!lacks.is_empty())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn plan(bug: Option<Bug>, kills: u64) -> Result<Plan, Failed> {
    let subject = Subject::Copier {
        path: std::env::current_exe()?,
        first: vec!["copier".to_owned()],
        bug,
    };
    let pair = Pair::named("file-jsonl").ok_or("no such pair")?;
    Ok(Plan {
        kills,
        rows: 600,
        every: Duration::from_millis(1),
        patience: Duration::from_secs(2),
        ..Plan::new(subject, pair)
    })
}

fn run(plan: &Plan, folder: &Path) -> Result<Tally, Failed> {
    Ok(campaign(plan, folder, &mut |_| {})?)
}

fn green(mode: Mode, kills: u64) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let plan = Plan {
        mode,
        ..plan(None, kills)?
    };
    let tally = run(&plan, folder.path())?;
    assert!(tally.is_clean(), "{tally:?}");
    assert!(tally.kills * 2 >= kills, "{tally:?}");
    Ok(())
}

/// Kills at random times hardly ever meet the moment between two calls.
fn mode_for(bug: Bug) -> Mode {
    match bug {
        _ if bug.needs_power_loss() => Mode::Power,
        Bug::CheckpointBeforeData | Bug::CommitBeforeCheckpoint => Mode::Calls,
        _ => Mode::Times,
    }
}

fn red(bug: Bug) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mode = mode_for(bug);
    // It ends with the first that shows the bug; on a busy machine many meet no run any more.
    let kills = 16;
    let plan = Plan {
        mode,
        until_red: true,
        ..plan(Some(bug), kills)?
    };
    let tally = run(&plan, folder.path())?;
    let fits = match bug {
        Bug::Loses => tally.lost > 0 && tally.doubled == 0,
        Bug::TailKept | Bug::StartsOver => tally.doubled > 0,
        Bug::Swaps => tally.reordered > 0 && tally.lost == 0,
        Bug::Flips => tally.corrupt > 0,
        Bug::Hangs | Bug::Aborts | Bug::Gives => tally.bad_ends > 0,
        _ => !tally.is_clean(),
    };
    assert!(fits, "{tally:?}");
    assert!(!tally.complaints.is_empty());
    Ok(())
}

fn goes_on() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let first = run(&plan(None, 4)?, folder.path())?;
    let mut lines = Vec::new();
    let more = plan(None, 8)?;
    let tally = campaign(&more, folder.path(), &mut |line| {
        lines.push(line.to_owned())
    })?;
    assert_eq!(
        lines[0],
        format!("goes on after {} rounds, 4 kills", first.rounds)
    );
    assert_eq!((first.kills, tally.kills), (4, 8));
    assert_eq!(tally.rows, tally.rounds * 600);
    // What is over makes way for another one; what was interrupted does not.
    let other = Plan { seed: 2, ..more };
    assert_eq!(run(&other, folder.path())?.kills, 8);
    let state = folder.path().join("campaign.json");
    let interrupted = std::fs::read_to_string(&state)?.replace("\"over\":8", "\"over\":null");
    std::fs::write(&state, interrupted)?;
    let third = Plan { seed: 3, ..other };
    assert!(campaign(&third, folder.path(), &mut |_| {}).is_err());
    Ok(())
}

/// The copier is no velo: it dies of SIGTERM, lets two runs in, and has one checkpoint without a
/// checksum. So both verdicts are seen.
fn judged(fault: &Fault) -> Result<(), Failed> {
    let cannot = [
        "terminate",
        "two-runs",
        "checkpoint-cut",
        "checkpoint-flipped",
    ];
    let folder = tempfile::tempdir()?;
    let outcome = play(fault, &plan(None, 4)?, folder.path())?;
    match (&outcome, cannot.contains(&fault.name)) {
        (Outcome::Passed(_), false) | (Outcome::Failed(_), true) => Ok(()),
        _ => Err(format!("{}: {outcome:?}", fault.name).into()),
    }
}

fn can_mount() -> bool {
    tempfile::tempdir()
        .is_ok_and(|folder| Disk::mount(&folder.path().join("disk"), 1 << 20).is_ok())
}
