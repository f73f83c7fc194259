//! The committables of several sinks as one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use velo_core::{Commit, Committable, Error, ErrorKind, Prepared, Result};

const KIND: &str = "several";
const VERSION: u32 = 1;

/// What the writers of one lane hand over at the end of an epoch, put together.
#[derive(Default)]
pub(super) struct Together {
    all: Prepared,
    parts: Parts,
}

impl Together {
    pub(super) fn add(&mut self, name: &str, prepared: Prepared) {
        self.all.held |= prepared.held;
        self.all.rejected.extend(prepared.rejected);
        if let Some(committable) = prepared.committable {
            self.parts.add(name, committable);
        }
    }

    pub(super) fn seal(self) -> Result<Prepared> {
        Ok(Prepared {
            committable: self.parts.seal()?,
            ..self.all
        })
    }
}

/// What one lane has prepared, by the name of the sink.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Parts(BTreeMap<String, Part>);

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    kind: String,
    version: u32,
    body: String,
}

impl Parts {
    fn add(&mut self, name: &str, committable: Committable) {
        let Committable {
            kind,
            version,
            body,
        } = committable;
        let part = Part {
            kind,
            version,
            body,
        };
        self.0.insert(name.to_owned(), part);
    }

    /// Seals the parts; `None` where nothing was prepared.
    fn seal(&self) -> Result<Option<Committable>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let body = serde_json::to_string(self).map_err(|cause| {
            Error::new(ErrorKind::Unexpected, "describe what was prepared").with_source(cause)
        })?;
        Ok(Some(Committable {
            kind: KIND.to_owned(),
            version: VERSION,
            body,
        }))
    }

    fn open(committable: &Committable) -> Result<Self> {
        let foreign =
            |what| Error::new(ErrorKind::InvalidInput, what).with("kind", &committable.kind);
        if committable.kind != KIND {
            return Err(foreign("committable belongs to another destination")
                .with_hint("the sinks of a pipeline cannot change while a commit is pending"));
        }
        if committable.version > VERSION {
            return Err(foreign("committable has a newer format").with_hint("use the newer velo"));
        }
        serde_json::from_str(&committable.body)
            .map_err(|cause| foreign("committable is damaged").with_source(cause))
    }
}

/// Divides a commit into those of the single sinks, by name.
pub(super) fn divide(commit: &Commit) -> Result<BTreeMap<String, Commit>> {
    let mut divided: BTreeMap<String, Commit> = BTreeMap::new();
    for (lane, committable) in &commit.parts {
        for (name, part) in Parts::open(committable)?.0 {
            let own = divided.entry(name).or_insert_with(|| Commit {
                identity: commit.identity.clone(),
                epoch: commit.epoch,
                parts: Vec::new(),
                progress: commit.progress.clone(),
            });
            let committable = Committable {
                kind: part.kind,
                version: part.version,
                body: part.body,
            };
            own.parts.push((*lane, committable));
        }
    }
    Ok(divided)
}

#[cfg(test)]
mod tests {
    use velo_core::{Identity, Progress};

    use super::*;

    fn commit(parts: Vec<(u32, Committable)>) -> Commit {
        Commit {
            identity: Identity::new("p", 0, 1),
            epoch: 7,
            parts,
            progress: Progress::default(),
        }
    }

    fn part(body: &str) -> Committable {
        Committable {
            kind: "file".into(),
            version: 2,
            body: body.into(),
        }
    }

    #[test]
    fn what_was_put_together_comes_apart_again() {
        let (mut first, mut second) = (Parts::default(), Parts::default());
        first.add("a", part("1"));
        first.add("b", part("2"));
        second.add("b", part("3"));
        let commit = commit(vec![
            (0, first.seal().unwrap().unwrap()),
            (1, second.seal().unwrap().unwrap()),
        ]);
        let divided = divide(&commit).unwrap();
        assert_eq!(divided["a"].parts, [(0, part("1"))]);
        assert_eq!(divided["b"].parts, [(0, part("2")), (1, part("3"))]);
        assert!(Parts::default().seal().unwrap().is_none());
    }

    #[test]
    fn what_another_sink_prepared_is_refused() {
        let foreign = commit(vec![(0, part("{}"))]);
        assert_eq!(
            divide(&foreign).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
}
