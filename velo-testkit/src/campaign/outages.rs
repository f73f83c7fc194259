//! Losses of power: what the disk would hold at a moment of a recorded run, and a start from that.

use velo_core::Result;

use super::rounds::Rounds;
use crate::power::Recording;
use crate::process::{Blow, End, Strace, run};

/// What the recorded run left behind.
const RECORDED: &str = "recorded";

/// Records one run, then starts from what is left at as many moments of it as there are kills.
pub(super) fn at_outages(rounds: &mut Rounds<'_>) -> Result<()> {
    let ground = &rounds.ground;
    ground.clear()?;
    let mut recording = Recording::begin(ground.left_behind())?;
    let log = ground.path("strace.log");
    let blow = Blow::Traced(Strace {
        log: log.clone(),
        contents: true,
        injection: None,
    });
    let ended = run(&ground.program(), &blow, &ground.watch())?;
    if ended.end != End::Done {
        rounds.bad_end("a recorded run", &ended);
        return Ok(());
    }
    recording.record(&String::from_utf8_lossy(&std::fs::read(&log)?))?;
    rounds.ground.keep(RECORDED)?;
    let moments = recording.moments();
    (rounds.say)(&format!("{} moments of a recorded run", moments.len()));
    while !rounds.over() && !moments.is_empty() {
        let mut random = rounds.random();
        let moment = moments[random.below(moments.len())];
        let files = recording.survivors(moment, &mut random)?;
        rounds.ground.put_back(&files, RECORDED)?;
        rounds.tally.kills += 1;
        rounds.finish()?;
    }
    Ok(())
}
