//! The list of clauses, which of them apply to a connector, and the runner.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use velo_core::{CommitKind, Replay, SinkCapabilities, SourceCapabilities};

use crate::harness::{Ability, Door, Harness, Place};
use crate::stage::Stage;
use crate::{options, sink, source};

pub(crate) type Outcome = Result<(), Failed>;
type Running<'s> = Pin<Box<dyn Future<Output = Outcome> + Send + 's>>;

/// One numbered promise and its test.
pub(crate) struct Clause {
    pub(crate) name: String,
    pub(crate) needs: &'static [Need],
    pub(crate) test: Box<dyn for<'s> Fn(&'s Stage) -> Running<'s> + Send + Sync>,
}

impl Clause {
    pub(crate) fn new(
        name: impl Into<String>,
        needs: &'static [Need],
        test: impl for<'s> Fn(&'s Stage) -> Running<'s> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            needs,
            test: Box::new(test),
        }
    }
}

/// What a test asks of a connector.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    Can(Ability),
    Exact,
    Bounded,
    Unbounded,
    Positions,
    Lanes,
    TwoPhase,
    /// Nothing is visible, and older generations are fenced, before the commit.
    Isolation,
    /// What was prepared can be committed after a crash.
    Recovery,
    Door,
    Password,
}

struct Facts {
    abilities: Vec<Ability>,
    source: Option<SourceCapabilities>,
    sink: Option<SinkCapabilities>,
    door: Option<Door>,
}

impl Facts {
    /// Opens a source and a sink for their capabilities, which costs no I/O.
    fn of(harness: &dyn Harness) -> Self {
        let abilities = harness.abilities();
        let place = Place::new("capabilities");
        let has = |ability| abilities.contains(&ability);
        let source = has(Ability::Source).then(|| harness.source(&place).ok());
        let sink = has(Ability::Sink).then(|| harness.sink(&place).ok());
        Self {
            source: source.flatten().map(|source| source.capabilities()),
            sink: sink.flatten().map(|sink| sink.capabilities()),
            door: harness.door(),
            abilities,
        }
    }

    fn lacks(&self, need: Need) -> Option<String> {
        let kind = self.sink.map(|sink| sink.commit);
        let source = |is: fn(SourceCapabilities) -> bool| self.source.is_none_or(is);
        let one_of = |kinds: &[CommitKind]| kind.is_none_or(|kind| kinds.contains(&kind));
        use CommitKind as K;
        let (there, words) = match need {
            Need::Can(ability) => {
                return (!self.abilities.contains(&ability)).then(|| ability.to_string());
            }
            Need::Exact => (source(|c| c.replay == Replay::Exact), "exact replay"),
            Need::Bounded => (source(|c| c.bounded), "an end"),
            Need::Unbounded => (source(|c| !c.bounded), "waiting for input"),
            Need::Positions => (self.sink.is_none_or(|c| c.positions), "positions"),
            Need::Lanes => (
                self.sink.is_none_or(|c| c.max_writers > 1),
                "several writers",
            ),
            Need::TwoPhase => (one_of(&[K::TwoPhase]), "two-phase commit"),
            Need::Isolation => (one_of(&[K::TwoPhase, K::Live, K::Token]), "a commit"),
            Need::Recovery => (one_of(&[K::TwoPhase, K::Token]), "a commit after a crash"),
            Need::Door => (self.door.is_some(), "a URI"),
            Need::Password => {
                let door = self.door.as_ref();
                (
                    door.is_some_and(|door| door.uri.contains("{password}")),
                    "a password",
                )
            }
        };
        (!there).then(|| words.to_owned())
    }
}

/// Runs the contract against one connector as a test binary with libtest's arguments.
///
/// ```no_run
/// # struct MemoryHarness;
/// # impl velo_testkit::Harness for MemoryHarness {
/// #     fn abilities(&self) -> Vec<velo_testkit::Ability> { Vec::new() }
/// # }
/// fn main() -> std::process::ExitCode {
///     velo_testkit::run(MemoryHarness)
/// }
/// ```
pub fn run(harness: impl Harness) -> ExitCode {
    run_all(trials("", harness))
}

/// Runs tests of several harnesses, and others, as one test binary.
///
/// ```no_run
/// use velo_testkit::models;
/// let mut tests = velo_testkit::trials("group", models::GroupHarness::default());
/// tests.extend(velo_testkit::trials("changes", models::ChangesHarness::default()));
/// velo_testkit::run_all(tests);
/// ```
pub fn run_all(tests: Vec<Trial>) -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// Makes the tests of one connector; `prefix`, where it is not empty, starts their names.
///
/// ```
/// use velo_testkit::models::GroupHarness;
/// let tests = velo_testkit::trials("group", GroupHarness::default());
/// assert!(tests.iter().any(|test| test.name() == "group::source::R1 read is cancel-safe"));
/// ```
pub fn trials(prefix: &str, harness: impl Harness) -> Vec<Trial> {
    let harness: Arc<dyn Harness> = Arc::new(harness);
    let facts = Facts::of(&*harness);
    let types = harness.types();
    let clauses = source::clauses(&types)
        .into_iter()
        .chain(sink::clauses(&types))
        .chain(options::clauses());
    let half = |clause: &Clause| {
        let lacking = clause.needs.iter().any(|need| facts.lacks(*need).is_some());
        !(lacking && clause.name.starts_with("types::"))
    };
    clauses
        .filter(half)
        .map(|clause| trial(prefix, clause, &facts, &harness))
        .collect()
}

fn trial(prefix: &str, clause: Clause, facts: &Facts, harness: &Arc<dyn Harness>) -> Trial {
    let separator = if prefix.is_empty() { "" } else { "::" };
    let name = format!("{prefix}{separator}{}", clause.name);
    let lacks: Vec<String> = clause
        .needs
        .iter()
        .filter_map(|need| facts.lacks(*need))
        .collect();
    if !lacks.is_empty() {
        let lacks = lacks.join(", ");
        let name = format!("{name} (lacks: {lacks})");
        return Trial::test(name, move || Err(format!("lacks {lacks}").into()))
            .with_ignored_flag(true);
    }
    if let Some(missing) = harness.missing() {
        let required = std::env::var_os("VELO_TEST_REQUIRE").is_some_and(|value| value == "1");
        let name = format!("{name} (lacks: {missing})");
        return Trial::test(name, move || Err(format!("needs {missing}").into()))
            .with_ignored_flag(!required);
    }
    let harness = harness.clone();
    Trial::ignorable_test(name, move || perform(&clause, harness))
}

fn perform(clause: &Clause, harness: Arc<dyn Harness>) -> Result<Completion, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stage = Stage::new(harness, &clause.name);
        let outcome = (clause.test)(&stage).await;
        stage.clear().await;
        outcome?;
        Ok(match stage.lacking() {
            Some(reason) => Completion::ignored_with(reason),
            None => Completion::Completed,
        })
    })
}

/// Fails with a message unless something holds.
pub(crate) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Outcome {
    match holds {
        true => Ok(()),
        false => Err(message().into()),
    }
}
