//! Strikes at every system call that changes a file: of a run, and of a recovery.

use velo_core::Result;

use super::Mode;
use super::rounds::Rounds;
use crate::process::{Blow, End, Injection, Point, Strace, Strike, points, run};

/// Crashes whose recoveries are struck at every call.
const RECOVERIES: usize = 3;
/// What a full, a broken and a read-only disk answer.
const ERRORS: [&str; 3] = ["ENOSPC", "EIO", "EROFS"];

/// Where a strike falls.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// In a run from nothing.
    Run(Point),
    /// In the recovery from a crash at a point, which was kept under a name.
    Recovery(String, Point),
}

/// Sweeps over all points of a run and of a few recoveries, one round for each.
pub(super) fn at_calls(rounds: &mut Rounds<'_>) -> Result<()> {
    let targets = targets(rounds)?;
    let all = targets.len() as u64;
    let wanted = rounds.plan.kills.min(all);
    (rounds.say)(&format!("{all} points, {wanted} of them are struck"));
    // A round for each: the tally's count is the place in the sweep.
    while rounds.tally.rounds < wanted && !rounds.found() {
        let at = rounds.tally.rounds * all / wanted;
        strike(rounds, &targets[at as usize])?;
    }
    Ok(())
}

fn targets(rounds: &mut Rounds<'_>) -> Result<Vec<Target>> {
    rounds.ground.clear()?;
    let of_run = traced_points(rounds)?;
    let mut targets: Vec<Target> = of_run.iter().cloned().map(Target::Run).collect();
    for crash in 1..=RECOVERIES {
        let Some(point) = of_run.get(of_run.len() * crash / (RECOVERIES + 1)) else {
            break;
        };
        let name = format!("crash-{crash}");
        rounds.ground.clear()?;
        let blow = blow(rounds, Some((point, Strike::Kill)));
        run(&rounds.ground.program(), &blow, &rounds.ground.watch())?;
        rounds.ground.keep(&name)?;
        let of_recovery = traced_points(rounds)?.into_iter();
        targets.extend(of_recovery.map(|point| Target::Recovery(name.clone(), point)));
    }
    Ok(targets)
}

/// The points of a run that is looked at and not struck.
fn traced_points(rounds: &mut Rounds<'_>) -> Result<Vec<Point>> {
    let ground = &rounds.ground;
    let ended = run(&ground.program(), &blow(rounds, None), &ground.watch())?;
    if ended.end != End::Done {
        rounds.bad_end("a traced run", &ended);
    }
    let log = std::fs::read(rounds.ground.path("strace.log"))?;
    let below = rounds.ground.path("");
    Ok(points(&String::from_utf8_lossy(&log), &below))
}

fn blow(rounds: &Rounds<'_>, strike: Option<(&Point, Strike)>) -> Blow {
    Blow::Traced(Strace {
        log: rounds.ground.path("strace.log"),
        contents: false,
        injection: strike.map(|(point, strike)| Injection {
            call: point.call.clone(),
            nth: point.nth,
            on: false,
            strike,
        }),
    })
}

fn strike(rounds: &mut Rounds<'_>, target: &Target) -> Result<()> {
    let point = match target {
        Target::Run(point) => {
            rounds.ground.clear()?;
            point
        }
        Target::Recovery(crash, point) => {
            rounds.ground.restore(crash)?;
            point
        }
    };
    match rounds.plan.mode {
        Mode::Errors => fail(rounds, point)?,
        _ => {
            let killed = rounds.strike(&blow(rounds, Some((point, Strike::Kill))))?;
            // Every second time the recovery is struck as well, wherever it is then.
            let mut random = rounds.random();
            if killed && random.below(2) == 0 {
                let nth = 1 + random.below(point.nth as usize) as u32;
                let call = point.call.clone();
                let second = Point { call, nth };
                rounds.strike(&blow(rounds, Some((&second, Strike::Kill))))?;
            }
        }
    }
    rounds.finish()
}

/// Lets a call fail: the run may bear it or end with an error, but not crash or hang.
fn fail(rounds: &mut Rounds<'_>, point: &Point) -> Result<()> {
    let code = ERRORS[rounds.random().below(ERRORS.len())];
    let blow = blow(rounds, Some((point, Strike::Error(code))));
    let ended = run(&rounds.ground.program(), &blow, &rounds.ground.watch())?;
    match ended.end {
        _ if !met_a_file(rounds)? => rounds.tally.missed += 1,
        End::Done => rounds.tally.missed += 1,
        // 70 says that the program takes it for its own defect, 101 is a panic.
        End::Failed(status) if ![70, 101].contains(&status) => rounds.tally.kills += 1,
        _ => rounds.bad_end(&format!("a run with {code} from {}", point.call), &ended),
    }
    Ok(())
}

/// Whether the call that failed was one on our files. In another thread the call of that number
/// may have been a wake-up or a word to the terminal, which disks have no part in.
fn met_a_file(rounds: &Rounds<'_>) -> Result<bool> {
    let log = std::fs::read(rounds.ground.path("strace.log"))?;
    let log = String::from_utf8_lossy(&log);
    let places = rounds.ground.left_behind();
    let ours = |line: &str| {
        places
            .iter()
            .any(|it| line.contains(&*it.to_string_lossy()))
    };
    Ok(log
        .lines()
        .any(|line| line.contains("(INJECTED)") && ours(line)))
}
