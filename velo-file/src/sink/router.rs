//! Which file rows belong to: by stream, and by the values of partition columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use velo_core::{Result, StreamInfo};

use super::partition::Partitioning;
use super::piece::Route;

#[derive(Debug, Default)]
pub(super) struct Router {
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    stream: Arc<StreamInfo>,
    whole: Arc<Route>,
    partitions: Option<(Partitioning, HashMap<String, Arc<Route>>)>,
}

impl Router {
    /// Divides rows among routes.
    pub(super) fn divide(
        &mut self,
        stream: &Arc<StreamInfo>,
        rows: RecordBatch,
        partition_by: &[String],
    ) -> Result<Vec<(Arc<Route>, RecordBatch)>> {
        let known = self.find(stream, partition_by)?;
        let Some((partitioning, routes)) = &mut known.partitions else {
            return Ok(vec![(known.whole.clone(), rows)]);
        };
        let whole = &known.whole;
        let divided = partitioning
            .divide(&rows)?
            .into_iter()
            .map(|(directory, rows)| {
                let route = routes.entry(directory).or_insert_with_key(|directory| {
                    Arc::new(Route {
                        stream: whole.stream.clone(),
                        directory: directory.clone(),
                        schema: whole.schema.clone(),
                    })
                });
                (route.clone(), rows)
            });
        Ok(divided.collect())
    }

    /// Gives the route of a stream without rows; none where only values name the directories.
    pub(super) fn announce(
        &mut self,
        stream: &Arc<StreamInfo>,
        partition_by: &[String],
    ) -> Result<Option<Arc<Route>>> {
        let known = self.find(stream, partition_by)?;
        Ok(known.partitions.is_none().then(|| known.whole.clone()))
    }

    /// Says whether rows of a stream came with other columns.
    pub(super) fn has_other_columns(&self, stream: &StreamInfo) -> bool {
        let mut same_name = self
            .known
            .iter()
            .filter(|known| known.stream.name() == stream.name());
        same_name.any(|known| known.stream.schema() != stream.schema())
    }

    fn find(&mut self, stream: &Arc<StreamInfo>, partition_by: &[String]) -> Result<&mut Known> {
        let same = |known: &Known| {
            Arc::ptr_eq(&known.stream, stream)
                || (known.stream.name() == stream.name()
                    && known.stream.schema() == stream.schema())
        };
        let at = match self.known.iter().position(same) {
            Some(at) => at,
            None => {
                self.known.push(Known::new(stream, partition_by)?);
                self.known.len() - 1
            }
        };
        Ok(&mut self.known[at])
    }
}

impl Known {
    fn new(stream: &Arc<StreamInfo>, partition_by: &[String]) -> Result<Self> {
        let partitioning = if partition_by.is_empty() {
            None
        } else {
            Some(Partitioning::of(stream.schema(), partition_by)?)
        };
        let schema = partitioning
            .as_ref()
            .map_or(stream.schema(), Partitioning::schema);
        let whole = Arc::new(Route {
            stream: stream.name().into(),
            directory: String::new(),
            schema: schema.clone(),
        });
        Ok(Self {
            stream: stream.clone(),
            whole,
            partitions: partitioning.map(|partitioning| (partitioning, HashMap::new())),
        })
    }
}
