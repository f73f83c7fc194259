//! What a stream is: its name, its version, its columns and its key.

use std::sync::Arc;

use arrow_schema::SchemaRef;

use crate::{Error, ErrorKind, Result};

/// A table, a topic or a set of files: its name, schema version, columns and key.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use velo_core::StreamInfo;
/// let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
/// let orders = StreamInfo::new("orders", schema).with_keys(["id"])?;
/// assert_eq!((orders.name(), orders.version()), ("orders", 0));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    name: Arc<str>,
    version: u32,
    schema: SchemaRef,
    keys: Arc<[String]>,
    notes: Arc<[String]>,
    details: Arc<[String]>,
}

impl StreamInfo {
    /// Describes a stream in its first version, without key columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.keys().is_empty());
    /// ```
    pub fn new(name: impl Into<Arc<str>>, schema: SchemaRef) -> Self {
        Self {
            name: name.into(),
            version: 0,
            schema,
            keys: Arc::new([]),
            notes: Arc::new([]),
            details: Arc::new([]),
        }
    }

    /// Adds remarks for the user on how the columns were found, without values of records.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// let stream = stream.with_notes(["column price: NA is read as null"]);
    /// assert_eq!(stream.notes().len(), 1);
    /// ```
    #[must_use]
    pub fn with_notes<N: Into<String>>(mut self, notes: impl IntoIterator<Item = N>) -> Self {
        self.notes = notes.into_iter().map(Into::into).collect();
        self
    }

    /// Adds how the source reads the stream, for whoever looks closer; unlike
    /// [notes](Self::with_notes) nothing that has to be told unasked.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// let stream = stream.with_details(["delimiter=, (4 fields in each of 7 records)"]);
    /// assert_eq!(stream.details().len(), 1);
    /// ```
    #[must_use]
    pub fn with_details<D: Into<String>>(mut self, details: impl IntoIterator<Item = D>) -> Self {
        self.details = details.into_iter().map(Into::into).collect();
        self
    }

    /// Names the columns that identify a row.
    ///
    /// # Errors
    /// `InvalidInput` when one of them is not a column.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.with_keys(["id"]).is_err());
    /// ```
    pub fn with_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Result<Self> {
        let keys: Vec<String> = keys.into_iter().map(Into::into).collect();
        for key in &keys {
            if self.schema.column_with_name(key).is_none() {
                return Err(Error::new(ErrorKind::InvalidInput, "key is not a column")
                    .with("stream", &self.name)
                    .with("column", key));
            }
        }
        self.keys = keys.into();
        Ok(self)
    }

    /// Gives the same stream with other columns, one version higher; lost key columns drop out.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use arrow_schema::Schema;
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(Schema::empty()));
    /// assert_eq!(stream.next_version(Arc::new(Schema::empty())).version(), 1);
    /// ```
    #[must_use]
    pub fn next_version(&self, schema: SchemaRef) -> Self {
        Self {
            version: self.version + 1,
            ..self.with_schema(schema)
        }
    }

    /// Gives the same stream in the same version with other columns, as a transform makes them;
    /// lost key columns drop out.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use arrow_schema::Schema;
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(Schema::empty()));
    /// assert_eq!(stream.with_schema(Arc::new(Schema::empty())), stream);
    /// ```
    #[must_use]
    pub fn with_schema(&self, schema: SchemaRef) -> Self {
        let kept = self
            .keys
            .iter()
            .filter(|key| schema.column_with_name(key).is_some());
        let keys = kept.cloned().collect();
        Self {
            name: self.name.clone(),
            version: self.version,
            schema,
            keys,
            notes: self.notes.clone(),
            details: self.details.clone(),
        }
    }

    /// Finds columns by name.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is none of the stream's columns, with the nearest one.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.positions(&["id".to_owned()]).is_err());
    /// ```
    pub fn positions(&self, columns: &[String]) -> Result<Vec<usize>> {
        let known = self.schema.fields().iter();
        let known = known.map(|field| field.name().as_str());
        let position = |name: &String| {
            self.schema.index_of(name).map_err(|_| {
                let error = Error::new(ErrorKind::InvalidInput, "no such column")
                    .with("stream", &self.name)
                    .with("column", name);
                match crate::nearest(name, known.clone()) {
                    Some(name) => error.with_hint(format!("did you mean `{name}`?")),
                    None => error,
                }
            })
        };
        columns.iter().map(position).collect()
    }

    /// Gives the same stream in the same version with some of its columns, in this order; lost
    /// key columns drop out.
    ///
    /// # Errors
    /// As [`positions`](Self::positions).
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use arrow_schema::{DataType, Field, Schema};
    /// let fields = ["id", "note"].map(|name| Field::new(name, DataType::Utf8, true));
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(Schema::new(fields.to_vec())));
    /// let narrow = stream.project(&["note".to_owned()])?;
    /// assert_eq!(narrow.schema().field(0).name(), "note");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn project(&self, columns: &[String]) -> Result<Self> {
        let schema = self.schema.project(&self.positions(columns)?)?;
        let kept = self.keys.iter().filter(|key| columns.contains(key));
        Ok(Self {
            name: self.name.clone(),
            version: self.version,
            keys: kept.cloned().collect(),
            schema: Arc::new(schema),
            notes: self.notes.clone(),
            details: self.details.clone(),
        })
    }

    /// Gives the name that is unique within its source.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(stream.name(), "t");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives how many schema changes came before.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(stream.version(), 0);
    /// ```
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Gives the columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(stream.schema().fields().len(), 0);
    /// ```
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Gives the names of the key columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.keys().is_empty());
    /// ```
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Gives the remarks for the user, one sentence each, for summaries.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.notes().is_empty());
    /// ```
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Gives how the source reads the stream, for whoever looks closer.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(stream.details().is_empty());
    /// ```
    #[must_use]
    pub fn details(&self) -> &[String] {
        &self.details
    }
}
