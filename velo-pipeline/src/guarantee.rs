//! What a pair of source and sink can promise, computed from their capabilities.

use std::fmt;

use velo_core::{CommitKind, Replay, SinkCapabilities, SourceCapabilities};

/// What happens to rows when a process dies and a pipeline resumes.
///
/// ```
/// use velo_core::{CommitKind, Replay, SinkCapabilities, SourceCapabilities};
/// use velo_pipeline::{Guarantee, guarantee};
/// let source = SourceCapabilities { replay: Replay::Exact, bounded: true };
/// let sink = SinkCapabilities { commit: CommitKind::TwoPhase, positions: false, max_writers: 4 };
/// assert_eq!(guarantee(&source, &sink), Guarantee::EffectivelyOnce);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    /// Rows that were read and not yet written are lost: the source cannot repeat them.
    AtMostOnce,
    /// No row is lost; some may come twice.
    AtLeastOnce,
    /// No row is lost and none shows twice.
    EffectivelyOnce,
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
            Self::EffectivelyOnce => "effectively-once",
        })
    }
}

/// Computes what a resumed pipeline over this pair can promise.
///
/// Effectively-once takes a source that repeats exactly, and a sink that either stores positions
/// with the rows, commits in two phases, or recognises what it has seen (by token or by key).
#[must_use]
pub fn guarantee(source: &SourceCapabilities, sink: &SinkCapabilities) -> Guarantee {
    let once = match sink.commit {
        CommitKind::TwoPhase | CommitKind::Token | CommitKind::Keyed => true,
        CommitKind::Live => sink.positions,
        CommitKind::None => false,
    };
    match source.replay {
        Replay::Exact if once => Guarantee::EffectivelyOnce,
        // A key makes repeated rows harmless even when they come in another order.
        Replay::BestEffort if sink.commit == CommitKind::Keyed => Guarantee::EffectivelyOnce,
        Replay::Exact | Replay::BestEffort => Guarantee::AtLeastOnce,
        Replay::None => Guarantee::AtMostOnce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_from_replay_and_commit() {
        use Guarantee::{AtLeastOnce, AtMostOnce, EffectivelyOnce};
        for (replay, commit, positions, expected) in [
            (Replay::Exact, CommitKind::Live, true, EffectivelyOnce),
            (Replay::Exact, CommitKind::Live, false, AtLeastOnce),
            (Replay::Exact, CommitKind::None, false, AtLeastOnce),
            (Replay::BestEffort, CommitKind::TwoPhase, false, AtLeastOnce),
            (
                Replay::BestEffort,
                CommitKind::Keyed,
                false,
                EffectivelyOnce,
            ),
            (Replay::None, CommitKind::TwoPhase, true, AtMostOnce),
        ] {
            let source = SourceCapabilities {
                replay,
                bounded: true,
            };
            let sink = SinkCapabilities {
                commit,
                positions,
                max_writers: 1,
            };
            assert_eq!(guarantee(&source, &sink), expected, "{replay:?} {commit:?}");
        }
    }
}
