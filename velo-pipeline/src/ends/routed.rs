//! A destination named by the rows: one sink for each name that comes up.
//!
//! There is a single lane: a sink that learns of a second writer in the middle of an epoch could
//! not tell whose turn it is to prepare.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{Array, BooleanArray, RecordBatch, StringArray};
use async_trait::async_trait;
use velo_core::{
    Action, Barrier, Batch, Budget, Commit, DataSink, DataWriter, Error, ErrorKind, Identity,
    Prepared, Progress, Recovered, Result, SchemaChange, Sink, SinkCapabilities, SourceOffset,
    Split, SplitId, StreamInfo, WriteRequest,
};

use super::Template;
use super::part::{Together, divide};
use crate::transform::{has_text, texts};

/// Destinations that one pipeline may fill.
const MOST: usize = 1000;

type Open = dyn Fn(&str) -> Result<Sink> + Send + Sync;

/// A sink for every name that a template makes of the rows.
pub(crate) struct Routed(Arc<Routes>);

struct Routes {
    template: Template,
    open: Box<Open>,
    known: Mutex<BTreeMap<String, Arc<dyn DataSink>>>,
    capabilities: SinkCapabilities,
}

impl Routed {
    /// Takes the template and what opens the sinks; opens one to see what they can do.
    pub(crate) fn new(
        template: Template,
        open: impl Fn(&str) -> Result<Sink> + Send + Sync + 'static,
    ) -> Result<Self> {
        let example = open(&template.fill("stream", |_| Some("value".into())))?;
        let capabilities = SinkCapabilities {
            positions: false,
            max_writers: 1,
            ..example.capabilities()
        };
        Ok(Self(Arc::new(Routes {
            template,
            open: Box::new(open),
            known: Mutex::default(),
            capabilities,
        })))
    }
}

impl Routes {
    fn sink(&self, uri: &str) -> Result<Arc<dyn DataSink>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sink) = known.get(uri) {
            return Ok(sink.clone());
        }
        if known.len() >= MOST {
            return Err(
                Error::new(ErrorKind::Unsupported, "rows name too many destinations")
                    .with("most", MOST)
                    .with_hint("name them after a column with fewer values, or use partition_by"),
            );
        }
        let sink = (self.open)(uri)?.shared();
        known.insert(uri.to_owned(), sink.clone());
        Ok(sink)
    }

    fn check_columns(&self, stream: &StreamInfo) -> Result<()> {
        let missing = |name: &&str| stream.schema().column_with_name(name).is_none();
        match self.template.columns().find(missing) {
            None => Ok(()),
            Some(column) => Err(Error::new(
                ErrorKind::Config,
                "destination names a column that is not there",
            )
            .with("column", column)
            .with("stream", stream.name())),
        }
    }

    /// Divides rows by their destination, in the order in which destinations come up.
    fn divide(&self, batch: &Batch) -> Result<Vec<(String, Batch)>> {
        let stream = batch.stream().name();
        let mut columns = Vec::new();
        for name in self.template.columns() {
            self.check_columns(batch.stream())?;
            columns.push((name, column_text(batch.rows(), name)?));
        }
        let value_at = |row: usize, wanted: &str| {
            let column = columns.iter().find(|(name, _)| *name == wanted);
            let (_, values) = column?;
            (!values.is_null(row)).then(|| Cow::Borrowed(values.value(row)))
        };
        if columns.is_empty() || batch.num_rows() == 0 {
            let uri = self.template.fill(stream, |_| None);
            return Ok(vec![(uri, batch.clone())]);
        }
        let mut order: Vec<String> = Vec::new();
        let mut of_row = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let uri = self.template.fill(stream, |name| value_at(row, name));
            let at = order.iter().position(|known| *known == uri);
            of_row.push(at.unwrap_or(order.len()));
            if at.is_none() {
                order.push(uri);
            }
        }
        if order.len() == 1 {
            return Ok(vec![(order.remove(0), batch.clone())]);
        }
        let part = |(at, uri): (usize, String)| {
            let own: BooleanArray = of_row.iter().map(|of| Some(*of == at)).collect();
            Ok((uri, batch.filter(&own)?))
        };
        order.into_iter().enumerate().map(part).collect()
    }
}

fn column_text(rows: &RecordBatch, name: &str) -> Result<StringArray> {
    let column = rows
        .column_by_name(name)
        .ok_or_else(|| Error::new(ErrorKind::Unexpected, "column is gone").with("column", name))?;
    if !has_text(column.data_type()) {
        return Err(
            Error::new(ErrorKind::Config, "values of this type name no destination")
                .with("column", name)
                .with("type", column.data_type()),
        );
    }
    texts(column)
}

#[async_trait]
impl DataSink for Routed {
    fn capabilities(&self) -> SinkCapabilities {
        self.0.capabilities
    }

    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        let mut actions = Vec::new();
        for stream in streams {
            self.0.check_columns(stream)?;
            if self.0.template.columns().next().is_none() {
                let sink = self
                    .0
                    .sink(&self.0.template.fill(stream.name(), |_| None))?;
                actions.extend(sink.plan(std::slice::from_ref(stream)).await?);
            } else {
                let example = self.0.template.fill(stream.name(), |_| Some("…".into()));
                actions.push(Action::new("fill", example));
            }
        }
        Ok(actions)
    }

    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered> {
        let mut divided = pending.map(divide).transpose()?.unwrap_or_default();
        let known: Vec<String> = {
            let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.keys().cloned().collect()
        };
        let mut all = Recovered {
            epoch: None,
            committed: pending.is_some(),
        };
        for uri in known {
            // What was opened in this run and is not pending has only leftovers.
            if !divided.contains_key(&uri) {
                self.0.sink(&uri)?.recover(identity, None).await?;
            }
        }
        for (uri, own) in std::mem::take(&mut divided) {
            let recovered = self.0.sink(&uri)?.recover(identity, Some(&own)).await?;
            all.committed &= recovered.committed;
            all.epoch = all.epoch.max(recovered.epoch);
        }
        Ok(all)
    }

    async fn claim(&self, _: &Identity, splits: &[SplitId]) -> Result<Vec<Option<SourceOffset>>> {
        Ok(vec![None; splits.len()])
    }

    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>> {
        Ok(Box::new(RoutedWriter {
            routes: self.0.clone(),
            lane: request.lane,
            identity: request.identity,
            budget: request.budget,
            in_order: request.in_order,
            writers: BTreeMap::new(),
        }))
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        for (uri, own) in divide(commit)? {
            self.0.sink(&uri)?.commit(&own).await?;
        }
        Ok(())
    }
}

struct RoutedWriter {
    routes: Arc<Routes>,
    lane: u32,
    identity: Identity,
    budget: Budget,
    in_order: bool,
    writers: BTreeMap<String, Box<dyn DataWriter>>,
}

impl RoutedWriter {
    async fn writer(&mut self, uri: &str, stream: &Arc<StreamInfo>) -> Result<&mut dyn DataWriter> {
        if !self.writers.contains_key(uri) {
            let known = {
                let known = self.routes.known.lock();
                let known = known.unwrap_or_else(PoisonError::into_inner);
                known.contains_key(uri)
            };
            let sink = self.routes.sink(uri)?;
            sink.plan(std::slice::from_ref(stream)).await?;
            if !known {
                // Fences earlier runs and discards what they left here.
                sink.recover(&self.identity, None).await?;
            }
            let identity = self.identity.clone();
            let mut request = WriteRequest::new(self.lane, identity, self.budget.clone());
            request.in_order = self.in_order;
            let writer = sink.create_writer(request).await?;
            self.writers.insert(uri.to_owned(), writer);
        }
        let writer = self.writers.get_mut(uri);
        writer
            .map(|writer| &mut **writer as &mut dyn DataWriter)
            .ok_or_else(|| Error::new(ErrorKind::Unexpected, "writer is gone"))
    }
}

#[async_trait]
impl DataWriter for RoutedWriter {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        for (uri, rows) in self.routes.divide(&batch)? {
            if batch.num_rows() == 0 && self.routes.template.columns().next().is_some() {
                // No row says where an empty stream belongs.
                continue;
            }
            self.writer(&uri, batch.stream()).await?.write(rows).await?;
        }
        Ok(())
    }

    async fn change_schema(&mut self, change: &SchemaChange) -> Result<()> {
        self.routes.check_columns(&change.stream)?;
        for writer in self.writers.values_mut() {
            writer.change_schema(change).await?;
        }
        Ok(())
    }

    async fn end_split(&mut self, split: &Arc<Split>) -> Result<()> {
        for writer in self.writers.values_mut() {
            writer.end_split(split).await?;
        }
        Ok(())
    }

    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        progress: &Progress,
    ) -> Result<Prepared> {
        let mut all = Together::default();
        for (uri, writer) in &mut self.writers {
            all.add(uri, writer.prepare(epoch, barrier, progress).await?);
        }
        all.seal()
    }

    async fn close(self: Box<Self>) -> Result<()> {
        for writer in self.writers.into_values() {
            writer.close().await?;
        }
        Ok(())
    }
}
