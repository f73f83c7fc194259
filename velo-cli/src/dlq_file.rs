//! The dead letters of a pipeline: read from wherever they are, rewritten where they are one file.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, RecordBatch, new_null_array};
use arrow_cast::cast;
use arrow_schema::Field;
use velo_core::uri::percent_encode;
use velo_core::{Batch, Error, ErrorKind, Predicate, Result, Uri};
use velo_pipeline::config::PipelineFile;
use velo_pipeline::store::Tenure;
use velo_pipeline::{Pipeline, dead_letter_stream};
use velo_registry::{create_sink, create_source};

use crate::args::{Arguments, Which};
use crate::{run, schema};

/// Options that reading and writing share.
const SHARED: [&str; 6] = [
    "format",
    "compression",
    "encoding",
    "delimiter",
    "quote",
    "header",
];

/// Where a pipeline keeps its dead letters.
pub(crate) struct LetterFile {
    pub(crate) pipeline: Pipeline,
    pub(crate) described: PipelineFile,
    uri: Uri,
    /// As the file spells it.
    spelled: String,
}

/// Letters in the order in which they are kept, batch by batch.
pub(crate) struct Letters(Option<velo_core::Reader>);

/// Which letters are meant.
pub(crate) struct Chosen {
    ids: HashSet<String>,
    filter: Option<Predicate>,
}

impl LetterFile {
    pub(crate) fn open(all: &Arguments, file: &Path) -> Result<Self> {
        let pipeline = run::open(all, file)?;
        let described = run::describe(all, file)?;
        let Some(letters) = &described.dead_letter else {
            return Err(
                Error::new(ErrorKind::Config, "pipeline keeps no dead letters")
                    .with("file", file.display())
                    .with_hint("add `dead_letter: URI`"),
            );
        };
        Ok(Self {
            uri: Uri::parse(&letters.to.uri)?,
            spelled: letters.to.uri.clone(),
            pipeline,
            described,
        })
    }

    pub(crate) async fn read(&self) -> Result<Letters> {
        read(&self.place(&[])?).await
    }

    /// Spells where the letters are, without the options of one direction.
    fn place(&self, more: &[(&str, &str)]) -> Result<String> {
        let query = self.uri.query()?;
        let shared = SHARED
            .iter()
            .filter_map(|name| Some((*name, query.get(name)?)));
        let options = shared.chain(more.iter().copied());
        let options = options.map(|(name, value)| format!("{name}={}", percent_encode(value)));
        let options: Vec<_> = options.collect();
        let place = self.spelled.split('?').next().unwrap_or_default();
        Ok(format!("{place}?{}", options.join("&")))
    }

    /// Refuses letters that cannot be rewritten.
    pub(crate) fn check_file(&self) -> Result<()> {
        let path = self.uri.path();
        if self.uri.scheme() == "file" && !path.ends_with('/') && !Path::new(&*path).is_dir() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            "only a single local file of dead letters can be rewritten",
        )
        .with("scheme", self.uri.scheme())
        .with_hint("`velo dlq list` and `show` work; remove letters where they are kept"))
    }

    /// Takes the task over, so that nobody adds letters meanwhile, and sets them at rest.
    pub(crate) async fn hold(&self) -> Result<Box<dyn Tenure>> {
        self.check_file()?;
        let Some(store) = &self.pipeline.store else {
            return Err(Error::new(
                ErrorKind::Config,
                "nothing tells whether the pipeline runs now",
            )
            .with("pipeline", &self.pipeline.name)
            .with_hint("add `checkpoint: { store: file:///var/lib/velo }`"));
        };
        let mut tenure = store
            .acquire(&self.pipeline.name, self.pipeline.task)
            .await?;
        self.pipeline.settle_dead_letters(&mut *tenure).await?;
        Ok(tenure)
    }

    /// Puts other letters in the place of those that are there: all at once or not at all.
    ///
    /// `change` gets each batch with the number of its first letter.
    pub(crate) async fn rewrite(
        &self,
        mut change: impl FnMut(u64, RecordBatch) -> Result<RecordBatch>,
    ) -> Result<()> {
        let mut letters = self.read().await?;
        let mut writer = create_sink(&self.place(&[("if_exists", "replace")])?)?
            .writer()
            .await?;
        writer.write(Batch::empty(dead_letter_stream())).await?;
        let mut first = 0;
        while let Some(rows) = letters.next().await? {
            let count = rows.num_rows() as u64;
            let batch = Batch::new(dead_letter_stream(), change(first, rows)?)?;
            writer.write(batch).await?;
            first += count;
        }
        writer.commit().await?;
        writer.close().await
    }
}

/// Opens letters; where none were ever written there are none.
pub(crate) async fn read(place: &str) -> Result<Letters> {
    let stream = dead_letter_stream();
    let fields = stream.schema().fields().iter();
    let column =
        |field: &Arc<Field>| format!("{}:{}", field.name(), schema::type_name(field.data_type()));
    let columns: Vec<_> = fields.map(column).collect();
    let separator = if place.ends_with('?') { "" } else { "&" };
    let spelled = format!(
        "{place}{separator}schema={}",
        percent_encode(&columns.join(","))
    );
    for place in [spelled.as_str(), place] {
        // Formats with types of their own take no schema.
        let source = match create_source(place) {
            Err(error) if error.kind() == ErrorKind::Config && place == spelled => continue,
            other => other?,
        };
        match source.reader().await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Letters(None)),
            Err(error) if error.kind() == ErrorKind::Config && place == spelled => {}
            other => return Ok(Letters(Some(other?))),
        }
    }
    Ok(Letters(None))
}

impl Letters {
    /// Gives the next letters with the columns that letters have.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(reader) = &mut self.0 else {
            return Ok(None);
        };
        let Some(batch) = reader.read_batch().await? else {
            return Ok(None);
        };
        let schema = dead_letter_stream().schema().clone();
        let column = |field: &Arc<Field>| match batch.rows().column_by_name(field.name()) {
            Some(found) => cast(found, field.data_type()),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        };
        let columns = schema.fields().iter().map(column);
        let columns = columns.collect::<std::result::Result<_, _>>();
        let rows = columns.and_then(|columns| RecordBatch::try_new(schema.clone(), columns));
        rows.map(Some).map_err(|cause| {
            Error::new(ErrorKind::InvalidData, "file does not hold dead letters").with_source(cause)
        })
    }
}

impl Chosen {
    pub(crate) fn of(which: &Which) -> Result<Self> {
        let filter = which.filter.as_deref().map(str::parse).transpose();
        Ok(Self {
            ids: which.ids.iter().cloned().collect(),
            filter: filter.map_err(|error: Error| error.with("option", "--where"))?,
        })
    }

    /// Says which of some letters are meant.
    pub(crate) fn of_rows(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        let wanted = match &self.filter {
            Some(filter) => filter.evaluate(rows)?,
            None => BooleanArray::from(vec![true; rows.num_rows()]),
        };
        let ids = rows.column(0).as_string::<i32>();
        let named =
            |id: Option<&str>| self.ids.is_empty() || id.is_some_and(|id| self.ids.contains(id));
        let both = wanted.iter().zip(ids.iter());
        Ok(both
            .map(|(wanted, id)| Some(wanted == Some(true) && named(id)))
            .collect())
    }
}
