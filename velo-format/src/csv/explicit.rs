//! The types that the user has named.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result, nearest};

use crate::column::Spelling;
use crate::{CommonReadOptions, InferMode, parse_columns};

/// The options `schema`, `types` and `infer`.
#[derive(Debug, Clone)]
pub(super) struct Explicit {
    /// All columns, in the order wanted.
    pub(super) schema: Option<SchemaRef>,
    /// Some columns.
    types: Vec<(String, DataType)>,
    pub(super) infer: InferMode,
}

impl Explicit {
    pub(super) fn new(options: &CommonReadOptions) -> Result<Self> {
        let named = |text: &Option<String>, option: &'static str| {
            let columns = text.as_deref().map(parse_columns).transpose();
            columns.map_err(|error| error.with("option", option))
        };
        let schema = named(&options.schema, "schema")?.map(|columns| {
            let fields = columns.into_iter();
            let fields = fields.map(|(name, kind)| Field::new(name, kind, true));
            Arc::new(Schema::new(fields.collect::<Vec<_>>()))
        });
        Ok(Self {
            schema,
            types: named(&options.types, "types")?.unwrap_or_default(),
            infer: options.infer,
        })
    }

    /// Gives the type that the user has named for a column.
    pub(super) fn get(&self, name: &str) -> Option<&DataType> {
        let named = self.types.iter().find(|(known, _)| known == name);
        let in_schema = || self.schema.as_ref()?.field_with_name(name).ok();
        named
            .map(|(_, kind)| kind)
            .or_else(|| in_schema().map(Field::data_type))
    }

    /// Lists the columns that the user has named.
    pub(super) fn names(&self) -> Vec<&str> {
        let in_schema = self.schema.iter().flat_map(|schema| schema.fields());
        let in_schema = in_schema.map(|field| field.name().as_str());
        let in_types = self.types.iter().map(|(name, _)| name.as_str());
        in_schema.chain(in_types).collect()
    }

    /// Types that were inferred must not change what a later value means.
    pub(super) fn spelling(&self, name: &str) -> Spelling {
        match self.get(name) {
            Some(_) => Spelling::Any,
            None => Spelling::Plain,
        }
    }

    /// Says what lets a value of the column in that its type does not.
    pub(super) fn hint(&self, name: &str) -> String {
        match (self.get(name), self.infer) {
            (None, InferMode::Sample) => format!("types={name}:text, or infer=full"),
            _ => format!("types={name}:text"),
        }
    }

    /// Refuses names that are no column of the input.
    pub(super) fn check(&self, columns: &[String]) -> Result<()> {
        let types = self.types.iter().map(|(name, _)| ("types", name));
        let fields = self.schema.iter().flat_map(|schema| schema.fields());
        let schema = fields.map(|field| ("schema", field.name()));
        for (option, name) in types.chain(schema) {
            if !columns.contains(name) {
                return Err(unknown(option, name, columns));
            }
        }
        let unnamed = |name: &&String| {
            let schema = self.schema.as_ref();
            schema.is_some_and(|schema| schema.field_with_name(name).is_err())
        };
        match columns.iter().find(unnamed) {
            None => Ok(()),
            Some(name) => Err(Error::new(ErrorKind::Config, "schema leaves out a column")
                .with("option", "schema")
                .with("column", name)
                .with_hint("name it too, or use types= for some of the columns")),
        }
    }
}

fn unknown(option: &str, name: &str, columns: &[String]) -> Error {
    let error = Error::new(ErrorKind::Config, "no such column")
        .with("option", option)
        .with("column", name);
    match nearest(name, columns.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint(format!("the columns are {}", columns.join(", "))),
    }
}
