//! What a checkpoint holds, as text wherever a connector has sealed it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use velo_core::{Committable, Position, Result, SourceOffset, Split};

/// Everything that one task remembers: how far it has read, and what is prepared but perhaps not
/// committed.
///
/// ```
/// let first = velo_pipeline::store::Checkpoint::first("orders", 0);
/// assert_eq!(first.epoch, 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The pipeline's name.
    pub pipeline: String,
    /// The slot among the pipeline's parallel processes.
    pub task: u32,
    /// The run that saved it.
    pub generation: u64,
    /// The epoch that it ends; 0 before the first.
    pub epoch: u64,
    /// What fixes the meaning of positions: source and sink, without secrets.
    #[serde(default)]
    pub ends: Vec<String>,
    /// How far splits have been found, as the source sealed it.
    pub discovery: Option<String>,
    /// Whether a bounded source has no further splits to be found.
    pub all_found: bool,
    /// The splits that were found and have not ended.
    pub splits: Vec<OpenSplit>,
    /// What the sink has prepared.
    pub sink: SinkState,
    /// What the sink of dead letters has prepared.
    pub letters: SinkState,
    /// Rows so far, over all runs.
    pub counts: Counts,
}

/// A split that is still to be read, or is read for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSplit {
    /// Its stable name.
    pub id: String,
    /// Its place in the order of the data.
    pub order: u64,
    /// What the source needs to open it again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub descriptor: String,
    /// Where the source itself said that it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What a sink that stores positions said when `at` was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// What a sink has prepared in this epoch, and in the held ones before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkState {
    /// The epoch that commits them.
    pub epoch: u64,
    /// The committables, in the order of their making.
    pub parts: Vec<Part>,
}

/// One lane's committable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The lane that made it.
    pub lane: u32,
    /// The connector that can read it.
    pub kind: String,
    /// The version of the text.
    pub version: u32,
    /// What is to be committed.
    pub body: String,
}

/// Rows since the pipeline's first start.
///
/// `read = written + filtered + rejected`, always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows that came out of the source, those included that do not decode.
    pub read: u64,
    /// Rows that the sink took.
    pub written: u64,
    /// Rows that a transform left out.
    pub filtered: u64,
    /// Rows that did not decode, could not be transformed, or were refused by the sink.
    pub rejected: u64,
}

impl Checkpoint {
    /// Gives what a task knows before it ever ran.
    #[must_use]
    pub fn first(pipeline: &str, task: u32) -> Self {
        Self {
            pipeline: pipeline.to_owned(),
            task,
            generation: 0,
            epoch: 0,
            ends: Vec::new(),
            discovery: None,
            all_found: false,
            splits: Vec::new(),
            sink: SinkState::default(),
            letters: SinkState::default(),
            counts: Counts::default(),
        }
    }
}

impl OpenSplit {
    /// Writes a split and its position down.
    #[must_use]
    pub fn of(split: &Split, position: Option<&Position>) -> Self {
        let text = |offset: &SourceOffset| offset.to_string();
        Self {
            id: split.id.as_str().to_owned(),
            order: split.order,
            descriptor: split.descriptor.to_string(),
            start: split.start.as_ref().map(text),
            at: position.map(|position| text(&position.at)),
            base: position.and_then(|position| position.base.as_ref().map(text)),
        }
    }

    /// Reads the split back.
    ///
    /// # Errors
    /// `InvalidInput` when its text is damaged.
    pub fn split(&self) -> Result<Arc<Split>> {
        Ok(Arc::new(Split {
            id: self.id.as_str().into(),
            order: self.order,
            start: parsed(self.start.as_deref())?,
            descriptor: self.descriptor.as_str().into(),
        }))
    }

    /// Reads the position back; `None` where reading has not begun.
    ///
    /// # Errors
    /// `InvalidInput` when its text is damaged.
    pub fn position(&self) -> Result<Option<Position>> {
        let base = parsed(self.base.as_deref())?;
        Ok(parsed(self.at.as_deref())?.map(|at| Position { base, at }))
    }
}

fn parsed(text: Option<&str>) -> Result<Option<SourceOffset>> {
    text.map(str::parse).transpose()
}

impl SinkState {
    /// Writes committables down.
    #[must_use]
    pub fn of(epoch: u64, parts: &[(u32, Committable)]) -> Self {
        let part = |(lane, committable): &(u32, Committable)| Part {
            lane: *lane,
            kind: committable.kind.clone(),
            version: committable.version,
            body: committable.body.clone(),
        };
        Self {
            epoch,
            parts: parts.iter().map(part).collect(),
        }
    }

    /// Reads the committables back.
    #[must_use]
    pub fn committables(&self) -> Vec<(u32, Committable)> {
        let committable = |part: &Part| {
            let committable = Committable {
                kind: part.kind.clone(),
                version: part.version,
                body: part.body.clone(),
            };
            (part.lane, committable)
        };
        self.parts.iter().map(committable).collect()
    }
}

#[cfg(test)]
mod tests {
    use velo_core::memory::MemoryOffset;

    use super::*;

    #[test]
    fn splits_and_positions_come_back() {
        let at = SourceOffset::seal(MemoryOffset {
            partition: 1,
            row: 7,
        });
        let split = Split {
            id: "eu/1".into(),
            order: 1,
            start: Some(at.clone()),
            descriptor: "d".into(),
        };
        let position = Position {
            base: Some(at.clone()),
            at,
        };
        let kept = OpenSplit::of(&split, Some(&position));
        let text = serde_json::to_string(&kept).unwrap();
        let back: OpenSplit = serde_json::from_str(&text).unwrap();
        assert_eq!(*back.split().unwrap(), split);
        assert_eq!(back.position().unwrap(), Some(position));
    }

    #[test]
    fn committables_come_back() {
        let part = Committable {
            kind: "file".into(),
            version: 2,
            body: "{}".into(),
        };
        let parts = vec![(3, part)];
        assert_eq!(SinkState::of(7, &parts).committables(), parts);
    }
}
