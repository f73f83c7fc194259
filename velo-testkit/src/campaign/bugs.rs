//! Bugs that velo can be told to have, so that campaigns show that they would find them.

/// How a seeded bug comes to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// By kills at random times.
    Times,
    /// By kills at every system call.
    Calls,
    /// By a loss of power.
    Power,
    /// By a fault of the catalogue, by its name.
    Fault(&'static str),
}

/// A bug of the protocol, switched on in a build for tests by its name in `VELO_FAILPOINTS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeededBug {
    /// The switch.
    pub name: &'static str,
    /// What it breaks.
    pub breaks: &'static str,
    /// What must go red.
    pub shows: Shows,
}

/// The variable that switches seeded bugs on.
pub const FAILPOINTS: &str = "VELO_FAILPOINTS";

const fn bug(name: &'static str, shows: Shows, breaks: &'static str) -> SeededBug {
    SeededBug {
        name,
        breaks,
        shows,
    }
}

/// All seeded bugs.
pub const SEEDED_BUGS: [SeededBug; 20] = [
    bug(
        "ack-before-commit",
        Shows::Calls,
        "the source's position is stored before the rows in front of it are prepared",
    ),
    bug(
        "commit-before-checkpoint",
        Shows::Calls,
        "files become visible before the checkpoint that holds them is stored",
    ),
    bug(
        "directory-not-synced",
        Shows::Power,
        "a rename's directory is not flushed before what relies on it",
    ),
    bug(
        "file-not-synced",
        Shows::Power,
        "an inflight file is not flushed before the checkpoint that holds its length",
    ),
    bug(
        "highest-position",
        Shows::Times,
        "the highest finished position of a split is stored, not the highest contiguous one",
    ),
    bug(
        "letters-after-ack",
        Shows::Calls,
        "dead letters are written behind the checkpoint that passes their records",
    ),
    bug(
        "partial-line",
        Shows::Times,
        "a line without its end is handed over as a record",
    ),
    bug(
        "checksum-unchecked",
        Shows::Fault("checkpoint-flipped"),
        "a checkpoint whose checksum is wrong is believed",
    ),
    bug(
        "generation-not-raised",
        Shows::Fault("two-runs"),
        "a start takes the generation of the run before it",
    ),
    bug(
        "read-before-fence",
        Shows::Fault("two-runs"),
        "the stored position is read before the run before is fenced",
    ),
    bug(
        "pending-not-recovered",
        Shows::Times,
        "a start forgets what the checkpoint holds as pending",
    ),
    bug(
        "stale-inflight-kept",
        Shows::Times,
        "a start publishes inflight files that no checkpoint holds",
    ),
    bug(
        "cut-skipped",
        Shows::Times,
        "a start does not cut an inflight file to its stored length",
    ),
    bug(
        "length-off-by-one",
        Shows::Times,
        "the stored length of an inflight file lacks its last byte",
    ),
    bug(
        "held-epoch-stored",
        Shows::Times,
        "the position moves past rows that a sink still holds back",
    ),
    bug(
        "keeps-one-checkpoint",
        Shows::Fault("checkpoint-cut"),
        "only the newest checkpoint is kept, so that a torn one is the end",
    ),
    bug(
        "empty-store-starts-over",
        Shows::Fault("checkpoints-empty"),
        "when no stored checkpoint is whole the pipeline begins anew",
    ),
    bug(
        "old-generation-commits",
        Shows::Fault("two-runs"),
        "a commit does not look at the fence",
    ),
    bug(
        "epoch-reused",
        Shows::Times,
        "a start counts epochs from one again, so that names of files meet older ones",
    ),
    bug(
        "ended-split-forgotten",
        Shows::Times,
        "a split that was read to its end is handed out again after a start",
    ),
];

impl SeededBug {
    /// The bug by its name.
    ///
    /// ```
    /// use velo_testkit::campaign::SeededBug;
    /// assert!(SeededBug::named("cut-skipped").is_some());
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        SEEDED_BUGS.into_iter().find(|bug| bug.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::FAULTS;

    #[test]
    fn names_are_unique_and_faults_are_known() {
        for bug in SEEDED_BUGS {
            assert_eq!(SeededBug::named(bug.name), Some(bug));
            if let Shows::Fault(name) = bug.shows {
                assert!(FAULTS.iter().any(|fault| fault.name == name), "{name}");
            }
        }
    }
}
