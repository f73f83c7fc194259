//! Several sources: the rows of all of them.
//!
//! Splits are named `source/split`, so that stored positions are kept by the source's name, and get
//! an order over all sources.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use velo_core::uri::{percent_decode, percent_encode};
use velo_core::{
    DataReader, DataSource, Error, ErrorKind, Event, Mark, Offset, Predicate, Progress, Pushdown,
    ReadRequest, Result, SourceCapabilities, SourceEstimate, SourceOffset, Span, Split,
    SplitChange, SplitEnumerator, SplitId, StreamInfo,
};

/// Several sources by name, as one.
pub(crate) struct Merged {
    sources: Vec<(Arc<str>, Arc<dyn DataSource>)>,
}

impl Merged {
    pub(crate) fn new(sources: Vec<(Arc<str>, Arc<dyn DataSource>)>) -> Self {
        Self { sources }
    }

    fn find(&self, id: &SplitId) -> Result<(&Arc<str>, &Arc<dyn DataSource>, SplitId)> {
        let unknown =
            || Error::new(ErrorKind::InvalidInput, "no source of this name").with("split", id);
        let (name, own) = id.as_str().split_once('/').ok_or_else(unknown)?;
        let found = self.sources.iter().find(|(known, _)| **known == *name);
        let (name, source) = found.ok_or_else(unknown)?;
        Ok((name, source, own.into()))
    }
}

fn named(name: &str, id: &SplitId) -> SplitId {
    format!("{name}/{id}").into()
}

/// How far each source has been searched for splits.
#[derive(Debug, Clone, PartialEq)]
struct Discovery {
    order: u64,
    sources: BTreeMap<String, SourceOffset>,
}

impl Offset for Discovery {
    const KIND: &'static str = "several";
    const VERSION: u32 = 1;

    fn encode(&self) -> String {
        let of = |(name, offset): (&String, &SourceOffset)| {
            let escaped = |text: &str| {
                let text = percent_encode(text);
                text.replace(',', "%2C").replace('=', "%3D")
            };
            format!(",{}={}", escaped(name), escaped(&offset.to_string()))
        };
        let sources: String = self.sources.iter().map(of).collect();
        format!("{}{sources}", self.order)
    }

    fn decode(_version: u32, text: &str) -> Result<Self> {
        let damaged = || Error::new(ErrorKind::InvalidInput, "stored discovery is damaged");
        let mut parts = text.split(',');
        let order = parts.next().and_then(|order| order.parse().ok());
        let mut sources = BTreeMap::new();
        for part in parts {
            let (name, offset) = part.split_once('=').ok_or_else(damaged)?;
            let offset: SourceOffset = percent_decode(offset)?.parse()?;
            sources.insert(percent_decode(name)?.into_owned(), offset);
        }
        Ok(Self {
            order: order.ok_or_else(damaged)?,
            sources,
        })
    }

    fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.order.cmp(&other.order))
    }
}

#[async_trait]
impl DataSource for Merged {
    fn capabilities(&self) -> SourceCapabilities {
        let of = || self.sources.iter().map(|(_, source)| source.capabilities());
        SourceCapabilities {
            replay: of()
                .map(|source| source.replay)
                .min()
                .unwrap_or(velo_core::Replay::None),
            bounded: of().all(|source| source.bounded),
        }
    }

    fn pushdown(&self, predicate: &Predicate) -> Pushdown {
        let answers = || {
            self.sources
                .iter()
                .map(|(_, source)| source.pushdown(predicate))
        };
        if answers().all(|answer| answer == Pushdown::Exact) {
            Pushdown::Exact
        } else if answers().all(|answer| answer != Pushdown::No) {
            Pushdown::Inexact
        } else {
            Pushdown::No
        }
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        let mut all: Vec<Arc<StreamInfo>> = Vec::new();
        for (name, source) in &self.sources {
            let streams = source.streams().await;
            for stream in streams.map_err(|error| error.with("source", name))? {
                match all.iter().find(|known| known.name() == stream.name()) {
                    None => all.push(stream),
                    Some(known) if known.schema() == stream.schema() => {}
                    Some(_) => {
                        return Err(Error::new(
                            ErrorKind::Config,
                            "two sources have a stream of the same name with other columns",
                        )
                        .with("stream", stream.name())
                        .with("source", name)
                        .with_hint("give them one schema with `types=`, or use two pipelines"));
                    }
                }
            }
        }
        Ok(all)
    }

    async fn estimate(&self) -> Result<SourceEstimate> {
        let mut all = SourceEstimate {
            rows: Some(0),
            bytes: Some(0),
        };
        for (_, source) in &self.sources {
            let own = source.estimate().await?;
            all.rows = all.rows.zip(own.rows).map(|(all, own)| all + own);
            all.bytes = all.bytes.zip(own.bytes).map(|(all, own)| all + own);
        }
        Ok(all)
    }

    async fn splits(&self, resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        let found = match resume {
            Some(offset) => offset.open::<Discovery>()?,
            None => Discovery {
                order: 0,
                sources: BTreeMap::new(),
            },
        };
        let mut open = Vec::new();
        for (name, source) in &self.sources {
            let splits = source.splits(found.sources.get(&**name)).await?;
            open.push((name.clone(), splits));
        }
        Ok(Box::new(Finding {
            open,
            found,
            turn: 0,
        }))
    }

    async fn create_reader(&self, mut request: ReadRequest) -> Result<Box<dyn DataReader>> {
        let id = request.split.id.clone();
        let (name, source, own) = self.find(&id)?;
        request.split = Arc::new(Split {
            id: own,
            ..(*request.split).clone()
        });
        let reader = source.create_reader(request).await?;
        let name = name.clone();
        Ok(Box::new(Named { reader, name, id }))
    }

    async fn acknowledge(&self, progress: &Progress) -> Result<()> {
        let mut own: BTreeMap<Arc<str>, Progress> = BTreeMap::new();
        for mark in &progress.marks {
            let (name, _, split) = self.find(&mark.split)?;
            let progress = own.entry(name.clone()).or_default();
            progress.advance(Mark {
                split,
                ..mark.clone()
            });
        }
        for ended in &progress.ended {
            let (name, _, id) = self.find(&ended.id)?;
            let split = Arc::new(Split {
                id,
                ..(**ended).clone()
            });
            own.entry(name.clone()).or_default().ended.push(split);
        }
        for (name, source) in &self.sources {
            if let Some(progress) = own.get(name) {
                source.acknowledge(progress).await?;
            }
        }
        Ok(())
    }
}

struct Finding {
    open: Vec<(Arc<str>, Box<dyn SplitEnumerator>)>,
    found: Discovery,
    turn: usize,
}

#[async_trait]
impl SplitEnumerator for Finding {
    async fn next(&mut self) -> Result<Option<SplitChange>> {
        loop {
            if self.open.is_empty() {
                return Ok(None);
            }
            let (at, change) = first(&mut self.open, self.turn).await?;
            self.turn = at + 1;
            match change {
                None => drop(self.open.remove(at)),
                Some(change) => return Ok(Some(self.translated(at, change))),
            }
        }
    }

    async fn release(&mut self, splits: &[SplitId]) -> Result<()> {
        for (name, enumerator) in &mut self.open {
            let own = splits.iter().filter_map(|id| {
                let (of, own) = id.as_str().split_once('/')?;
                (*of == **name).then(|| SplitId::from(own))
            });
            let own: Vec<_> = own.collect();
            if !own.is_empty() {
                enumerator.release(&own).await?;
            }
        }
        Ok(())
    }
}

/// Waits for whichever source has news first, beginning to ask at another one every time.
async fn first(
    open: &mut [(Arc<str>, Box<dyn SplitEnumerator>)],
    turn: usize,
) -> Result<(usize, Option<SplitChange>)> {
    let count = open.len();
    let asked = open.iter_mut().enumerate();
    let mut asked: Vec<_> = asked.map(|(at, (_, source))| (at, source.next())).collect();
    asked.rotate_left(turn % count);
    poll_fn(|context| {
        for (at, next) in &mut asked {
            if let Poll::Ready(change) = next.as_mut().poll(context) {
                return Poll::Ready(change.map(|change| (*at, change)));
            }
        }
        Poll::Pending
    })
    .await
}

impl Finding {
    fn translated(&mut self, at: usize, change: SplitChange) -> SplitChange {
        let name = self.open[at].0.clone();
        let all = |ids: Vec<SplitId>| ids.iter().map(|id| named(&name, id)).collect();
        match change {
            SplitChange::Added { splits, resume } => {
                let splits = splits.iter().map(|split| {
                    let order = self.found.order;
                    self.found.order += 1;
                    Arc::new(Split {
                        id: named(&name, &split.id),
                        order,
                        ..(**split).clone()
                    })
                });
                let splits = splits.collect();
                if let Some(resume) = resume {
                    self.found.sources.insert(name.to_string(), resume);
                }
                SplitChange::Added {
                    splits,
                    resume: Some(SourceOffset::seal(self.found.clone())),
                }
            }
            SplitChange::Revoked { splits, deadline } => SplitChange::Revoked {
                splits: all(splits),
                deadline,
            },
            SplitChange::Lost(splits) => SplitChange::Lost(all(splits)),
            other => other,
        }
    }
}

/// A reader whose splits are known by the source's name as well.
struct Named {
    reader: Box<dyn DataReader>,
    name: Arc<str>,
    id: SplitId,
}

#[async_trait]
impl DataReader for Named {
    async fn read(&mut self) -> Result<Option<Event>> {
        let event = self.reader.read().await;
        let event = event.map_err(|error| error.with("source", &self.name))?;
        Ok(event.map(|event| match event {
            Event::Rows(batch) => match batch.span() {
                Some(span) => {
                    let span = Span {
                        split: self.id.clone(),
                        ..span.clone()
                    };
                    Event::Rows(batch.with_span(span))
                }
                None => Event::Rows(batch),
            },
            Event::Mark(mark) => Event::Mark(Mark {
                split: self.id.clone(),
                ..mark
            }),
            Event::Rejected(mut rejected) => {
                rejected.split = self.id.clone();
                Event::Rejected(rejected)
            }
            other => other,
        }))
    }
}

#[cfg(test)]
mod tests {
    use velo_core::memory::MemoryOffset;

    use super::*;

    #[test]
    fn discovery_comes_back() {
        let at = |row| SourceOffset::seal(MemoryOffset { partition: 0, row });
        let sources = [("eu".to_owned(), at(3)), ("a=b,c/%".to_owned(), at(4))];
        let discovery = Discovery {
            order: 9,
            sources: sources.into(),
        };
        let text = SourceOffset::seal(discovery.clone()).to_string();
        let stored: SourceOffset = text.parse().unwrap();
        let back = stored.open::<Discovery>().unwrap();
        assert_eq!(back.encode(), discovery.encode());
        for damaged in ["", "x", "1,a", "1,a=memory"] {
            assert!(Discovery::decode(1, damaged).is_err(), "{damaged}");
        }
    }
}
