//! Rounds: each begins with nothing, is struck, ends by itself, and is judged.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use velo_core::Result;

use super::ground::Ground;
use super::{Plan, Tally};
use crate::data::Random;
use crate::process::{Blow, End, Ended, run};

/// Kills in one round at most; then the run is let go to its end.
const KILLS_OF_A_ROUND: u64 = 10;
/// Undisturbed runs after the last blow at most: one ends it, another finds nothing to do.
const RUNS_TO_THE_END: usize = 2;
/// Rounds that went wrong whose folders are kept.
const KEPT: usize = 3;

/// A campaign under way.
pub(super) struct Rounds<'a> {
    pub(super) plan: &'a Plan,
    pub(super) ground: Ground<'a>,
    pub(super) tally: Tally,
    /// The tally as it was when something was last said of it.
    told: Tally,
    pub(super) say: &'a mut dyn FnMut(&str),
    state: PathBuf,
    kept: usize,
    since: Instant,
}

impl<'a> Rounds<'a> {
    pub(super) fn begin(
        plan: &'a Plan,
        folder: &Path,
        say: &'a mut dyn FnMut(&str),
    ) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let state = folder.join("campaign.json");
        let stored = Tally::load(&state, plan)?;
        if let Some(tally) = &stored {
            say(&format!(
                "goes on after {} rounds, {} kills",
                tally.rounds, tally.kills
            ));
        }
        let tally = stored.unwrap_or_default();
        let rounds = Self {
            plan,
            ground: Ground::prepare(plan, folder)?,
            told: tally.clone(),
            tally,
            say,
            state,
            kept: 0,
            since: Instant::now(),
        };
        rounds.tally.store(&rounds.state, plan, false)?;
        Ok(rounds)
    }

    pub(super) fn end(self) -> Result<Tally> {
        self.tally.store(&self.state, self.plan, true)?;
        Ok(self.tally)
    }

    /// Whether there were enough kills, or the round that a campaign was to look for.
    pub(super) fn over(&self) -> bool {
        self.tally.kills >= self.plan.kills || self.found()
    }

    pub(super) fn found(&self) -> bool {
        self.plan.until_red && !self.tally.is_clean()
    }

    /// A generator for a round, so that it is the same when a campaign is resumed.
    pub(super) fn random(&self) -> Random {
        let round = self.tally.rounds;
        Random::new(self.plan.seed ^ Random::new(round.wrapping_add(1)).next())
    }

    /// Kills at random times until there are enough of them.
    pub(super) fn at_times(&mut self) -> Result<()> {
        if self.over() {
            return Ok(());
        }
        let whole = self.undisturbed()?;
        (self.say)(&format!(
            "an undisturbed run takes {} ms",
            whole.as_millis()
        ));
        while !self.over() {
            let mut random = self.random();
            let before = self.tally.kills;
            let most = (self.plan.kills - before).min(KILLS_OF_A_ROUND);
            self.ground.clear()?;
            let mut open = true;
            while open && self.tally.kills < before + most {
                // Rather early than late: a restart has less left to do.
                let share = random.below(10_000) as f64 / 10_000.0;
                let when = whole.mul_f64(share * share);
                open = self.strike(&Blow::After(when))?;
            }
            self.finish()?;
        }
        Ok(())
    }

    /// Runs once without a blow, from nothing, and says how long that takes.
    pub(super) fn undisturbed(&mut self) -> Result<Duration> {
        self.ground.clear()?;
        let ended = run(&self.ground.program(), &Blow::None, &self.ground.watch())?;
        if ended.end != End::Done {
            self.bad_end("an undisturbed run", &ended);
        }
        Ok(ended.elapsed)
    }

    /// Runs under a blow; says whether another run is needed.
    pub(super) fn strike(&mut self, blow: &Blow) -> Result<bool> {
        let ended = run(&self.ground.program(), blow, &self.ground.watch())?;
        match ended.end {
            End::Killed => self.tally.kills += 1,
            End::Done => self.tally.missed += 1,
            _ => self.bad_end("a run that was to be struck", &ended),
        }
        Ok(ended.end == End::Killed)
    }

    /// Lets the last run come to its end, judges the round, and stores the tally.
    pub(super) fn finish(&mut self) -> Result<()> {
        let mut done = false;
        for time in 0..RUNS_TO_THE_END {
            let ended = run(&self.ground.program(), &Blow::None, &self.ground.watch())?;
            if time == 0 {
                self.tally.recovered(ended.recovered);
            }
            done = ended.end == End::Done;
            if !done {
                self.bad_end("a restart", &ended);
                break;
            }
        }
        self.tally.rounds += 1;
        // Of a run that does not come to its end nothing can be said yet.
        if done {
            let left = self.ground.leftovers();
            if !left.is_empty() {
                self.tally.bad_ends += 1;
                self.tally
                    .complain(format!("inflight files after the end: {}", left.join(", ")));
            }
            self.tally.add(&self.ground.judge()?);
        }
        self.tally.seconds += self.since.elapsed().as_secs_f64();
        self.since = Instant::now();
        self.tally.store(&self.state, self.plan, false)?;
        self.report()
    }

    /// Says what was wrong since the last time, and how far the campaign has come.
    fn report(&mut self) -> Result<()> {
        let new = self.tally.complaints.split_off(self.told.complaints.len());
        for complaint in &new {
            (self.say)(complaint);
        }
        self.tally.complaints.extend(new.iter().cloned());
        if !new.is_empty() && self.kept < KEPT {
            self.kept += 1;
            let name = format!("red-{}", self.tally.rounds);
            self.ground.keep(&name)?;
            (self.say)(&format!("kept as {name}"));
        }
        let hundreds = |tally: &Tally| tally.kills / 100;
        if hundreds(&self.tally) > hundreds(&self.told) {
            let Tally { kills, rounds, .. } = &self.tally;
            (self.say)(&format!("{kills} kills in {rounds} rounds"));
        }
        self.told = self.tally.clone();
        Ok(())
    }

    pub(super) fn bad_end(&mut self, what: &str, ended: &Ended) {
        self.tally.bad_ends += 1;
        let (end, said) = (ended.end, ended.said());
        self.tally
            .complain(format!("{what} ended as {end:?} and said: {said}"));
    }
}
