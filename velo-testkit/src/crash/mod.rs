//! Crashes simulated in one process: runs stop at any step, successors start, zombies wake up.
//!
//! A run is a future that stops at its crash point and is kept. Its successor starts with a
//! higher generation; the old one may go on later from exactly where it stood. At the end the
//! sink must hold the source's rows, none lost and none doubled.

mod run;
mod steps;
mod world;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use velo_core::{Error, ErrorKind, Identity, Result};

use crate::data::Random;
use crate::same_rows_in_any_order;

pub use run::run;
pub use steps::Steps;
pub use world::World;

/// How many polls a simulation may take before it counts as stuck.
const MOST_POLLS: usize = 200_000;
/// A run that crashes does so within so many steps.
const LATEST_CRASH: usize = 80;

/// What happened in a simulation.
///
/// ```
/// assert_eq!(velo_testkit::crash::Tally::default().crashes, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that stopped at a step.
    pub crashes: usize,
    /// Stopped runs that went on after their successor had started.
    pub woken: usize,
    /// Steps that all runs took.
    pub steps: u64,
}

/// Crashes once, at one step, and starts again; tells whether the run came so far.
///
/// # Errors
/// `Unexpected` when rows are lost or doubled, or when a run fails or gets stuck.
///
/// ```
/// use velo_testkit::crash::{World, crash_at};
/// let tally = crash_at(&World::memory(1)?, 10)?;
/// assert_eq!(tally.crashes, 1);
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn crash_at(world: &World, step: u64) -> Result<Tally> {
    let mut simulation = Simulation::new(world, step);
    simulation.start(0, Some(step));
    simulation.crashes_left = 0;
    (1..world.tasks).for_each(|task| simulation.start(task, None));
    simulation.finish()
}

/// Crashes several times at steps that the seed chooses, wakes zombies, rebalances.
///
/// # Errors
/// As [`crash_at`].
///
/// ```
/// use velo_testkit::crash::{World, simulate};
/// let tally = simulate(&World::group(7)?, 7, 5)?;
/// assert_eq!(tally.crashes, 5);
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn simulate(world: &World, seed: u64, crashes: usize) -> Result<Tally> {
    let mut simulation = Simulation::new(world, seed);
    simulation.crashes_left = crashes;
    for task in 0..world.tasks {
        simulation.start_doomed(task);
    }
    simulation.finish()
}

struct Actor {
    task: u32,
    member: Option<u64>,
    steps: Steps,
    run: Pin<Box<dyn Future<Output = Result<()>> + Send>>,
    done: bool,
}

struct Simulation<'w> {
    world: &'w World,
    random: Random,
    alive: Vec<Actor>,
    zombies: Vec<Actor>,
    generations: Vec<u64>,
    crashes_left: usize,
    tally: Tally,
}

impl<'w> Simulation<'w> {
    fn new(world: &'w World, seed: u64) -> Self {
        Self {
            world,
            random: Random::new(seed),
            alive: Vec::new(),
            zombies: Vec::new(),
            generations: vec![0; world.tasks as usize],
            crashes_left: 0,
            tally: Tally::default(),
        }
    }

    fn start(&mut self, task: u32, crash: Option<u64>) {
        let generation = &mut self.generations[task as usize];
        *generation += 1;
        let identity = Identity::new("simulated", task, *generation);
        let (source, member) = self.world.source();
        let steps = Steps::new(crash);
        let seed = self.random.next();
        let run = run(source, self.world.sink(), identity, steps.clone(), seed);
        self.alive.push(Actor {
            task,
            member,
            steps,
            run: Box::pin(run),
            done: false,
        });
    }

    fn start_doomed(&mut self, task: u32) {
        let crash = (self.crashes_left > 0).then(|| {
            self.crashes_left -= 1;
            1 + self.random.below(LATEST_CRASH) as u64
        });
        self.start(task, crash);
    }

    fn finish(mut self) -> Result<Tally> {
        for poll in 0..MOST_POLLS {
            self.disturb();
            let at = self.random.below(self.alive.len());
            self.poll(at)?;
            if self.alive[at].steps.parked() {
                self.crash(at);
            }
            if poll % 64 == 63 && self.settled() {
                return self.compare();
            }
        }
        Err(failed("the simulation got stuck", self.world))
    }

    fn poll(&mut self, at: usize) -> Result<()> {
        let actor = &mut self.alive[at];
        if actor.done {
            return Ok(());
        }
        if let Poll::Ready(outcome) = poll_once(actor) {
            return outcome.map_err(|error| failed("a run failed", self.world).with_source(error));
        }
        Ok(())
    }

    fn crash(&mut self, at: usize) {
        self.tally.crashes += 1;
        let stopped = self.alive.swap_remove(at);
        let task = stopped.task;
        if self.random.below(3) == 0 {
            self.tally.steps += stopped.steps.taken();
            drop(stopped);
        } else {
            self.zombies.push(stopped);
        }
        self.start_doomed(task);
    }

    /// Lets the world change, and zombies take a few steps.
    fn disturb(&mut self) {
        let zombies = self.zombies.len();
        match self.random.below(40) {
            0 if zombies > 0 => {
                let zombie = self.random.below(zombies);
                self.wake(zombie);
            }
            1 if zombies > 0 => {
                let zombie = self.random.below(zombies);
                // The group's coordinator gives up on a silent member.
                if let Some(member) = self.zombies[zombie].member {
                    self.world.evict(member);
                }
            }
            2 => self.world.disturb(&mut self.random),
            _ => {}
        }
    }

    fn wake(&mut self, zombie: usize) {
        let actor = &mut self.zombies[zombie];
        if actor.done {
            return;
        }
        if actor.steps.unpark() {
            self.tally.woken += 1;
        }
        for _ in 0..self.random.below(40) {
            // Whatever a zombie meets is its own affair; what counts is the sink.
            if poll_once(actor).is_ready() {
                return;
            }
        }
    }

    /// Whether all has happened that is to happen and every run has nothing left to do.
    fn settled(&mut self) -> bool {
        let ended = self.alive.iter().position(|actor| actor.done);
        if let (Some(at), true) = (ended, self.crashes_left > 0) {
            // A finished job may be started again, and crash with nothing to do.
            let task = self.alive.swap_remove(at).task;
            self.start_doomed(task);
        }
        let rests = |actor: &Actor| actor.done || (actor.steps.idle() && !actor.steps.doomed());
        if self.crashes_left > 0 || !self.world.calm() || !self.alive.iter().all(rests) {
            return false;
        }
        let zombies = std::mem::take(&mut self.zombies);
        if zombies.is_empty() {
            return true;
        }
        // Their splits go to the living; only after that is the world at rest.
        self.tally.steps += zombies
            .iter()
            .map(|zombie| zombie.steps.taken())
            .sum::<u64>();
        drop(zombies);
        self.alive.iter().for_each(|actor| actor.steps.busy());
        false
    }

    fn compare(self) -> Result<Tally> {
        let found = self.world.found();
        same_rows_in_any_order(&self.world.expected(), &found)
            .map_err(|difference| failed(difference.to_string(), self.world))?;
        let steps = self.alive.iter().map(|actor| actor.steps.taken());
        Ok(Tally {
            steps: self.tally.steps + steps.sum::<u64>(),
            ..self.tally
        })
    }
}

fn poll_once(actor: &mut Actor) -> Poll<Result<()>> {
    let mut context = Context::from_waker(Waker::noop());
    let outcome = match actor.done {
        true => Poll::Ready(Ok(())),
        false => actor.run.as_mut().poll(&mut context),
    };
    actor.done = outcome.is_ready();
    outcome
}

fn failed(message: impl Into<std::borrow::Cow<'static, str>>, world: &World) -> Error {
    Error::new(ErrorKind::Unexpected, message).with("world", world.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Make = fn(u64) -> Result<World>;
    const WORLDS: [Make; 3] = [World::memory, World::changes, World::group];

    #[test]
    fn a_crash_at_every_step_loses_and_doubles_nothing() {
        let mut crashes = 0;
        for make in WORLDS {
            for step in 1.. {
                let tally = crash_at(&make(1).unwrap(), step).unwrap();
                crashes += tally.crashes;
                if tally.crashes == 0 || step == 300 {
                    break;
                }
            }
        }
        assert!(crashes > 150, "{crashes} crashes");
    }

    #[test]
    fn crashes_zombies_and_rebalances_lose_and_double_nothing() {
        let (mut crashes, mut woken) = (0, 0);
        for make in WORLDS {
            for seed in 0..100 {
                let outcome = simulate(&make(seed).unwrap(), seed, 10);
                let tally =
                    outcome.unwrap_or_else(|error| panic!("seed {seed}: {}", error.report()));
                crashes += tally.crashes;
                woken += tally.woken;
            }
        }
        assert!(
            crashes > 2000 && woken > 300,
            "{crashes} crashes, {woken} zombies"
        );
    }
}
