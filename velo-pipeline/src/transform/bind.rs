//! From a list and a stream's columns to steps over columns by place.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use velo_core::{Error, Predicate, Result, StreamInfo};

use super::apply::Bound;
use super::item::{Item, Setting, refuse, refused_by};
use super::template::Template;
use super::text::has_text;
use super::{Transforms, cast};

/// One thing that is done to a batch, and the stream that comes out of it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) stream: Arc<StreamInfo>,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Keeps the columns at these places, in this order.
    Pick(Vec<usize>),
    /// Other names for the same columns.
    Rename,
    Cast(Vec<(usize, DataType)>),
    Filter {
        condition: Predicate,
        /// Places of its columns.
        columns: Vec<usize>,
    },
    Set(Vec<Placed>),
}

/// A column to set: in place of another, or behind the last.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) at: Option<usize>,
    pub(super) value: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A column of one row.
    Constant(ArrayRef),
    /// With the place of each of its columns.
    Template(Template, Vec<usize>),
}

/// Binds a list to all columns of a stream; what it does not need, it lets the source leave out.
pub(super) fn bind(transforms: &Transforms, items: &[Item], stream: &StreamInfo) -> Result<Bound> {
    let source = Arc::new(stream.clone());
    let strict = Binding::of(items, &source, HashSet::new())?;
    let schema = stream.schema();
    let needed = needed(items, schema);
    let name = |at: &usize| schema.field(*at).name().clone();
    if needed.len() == schema.fields().len() {
        return Ok(Bound::new(
            transforms,
            (source.clone(), source),
            None,
            strict.steps,
        ));
    }
    let names: Vec<String> = needed.iter().map(name).collect();
    let absent = (0..schema.fields().len()).filter(|at| !needed.contains(at));
    let read = Arc::new(stream.project(&names)?);
    let mut narrow = Binding::of(items, &read, absent.map(|at| name(&at)).collect())?;
    if let (Some(last), Some(out)) = (narrow.steps.last_mut(), strict.steps.last()) {
        // The key is what it is with all columns: one that is not read may be a part of it.
        last.stream = out.stream.clone();
    }
    Ok(Bound::new(
        transforms,
        (source, read),
        Some(names),
        narrow.steps,
    ))
}

/// Finds the source's columns that have a part in what comes out or in which rows do.
fn needed(items: &[Item], schema: &Schema) -> BTreeSet<usize> {
    let fields = schema.fields().iter().enumerate();
    // By its present name, where each column comes from.
    let mut live: BTreeMap<&str, BTreeSet<usize>> = fields
        .map(|(at, field)| (field.name().as_str(), BTreeSet::from([at])))
        .collect();
    let mut used = BTreeSet::new();
    for item in items {
        let mut take = |name: &str| used.extend(live.get(name).into_iter().flatten());
        match item {
            Item::Select(names) => live.retain(|name, _| names.iter().any(|kept| kept == name)),
            Item::Drop(names) => live.retain(|name, _| !names.iter().any(|lost| lost == name)),
            Item::Rename(names) => {
                let renamed = names
                    .iter()
                    .filter_map(|(from, to)| Some((to.as_str(), live.remove(from.as_str())?)));
                let renamed: Vec<_> = renamed.collect();
                live.extend(renamed);
            }
            Item::Cast(types) => types.keys().for_each(|name| take(name)),
            Item::Filter(condition) => condition.columns().into_iter().for_each(take),
            Item::Set(settings) => {
                for (name, setting) in settings {
                    // The place of one that is replaced counts.
                    take(name);
                    if let Setting::Text(template) = setting {
                        template.columns().for_each(&mut take);
                    }
                }
                for name in settings.keys() {
                    live.entry(name).or_default();
                }
            }
            Item::RateLimit(_) => {}
        }
    }
    used.extend(live.into_values().flatten());
    used
}

/// A list on its way through a stream's columns.
struct Binding {
    steps: Vec<Step>,
    stream: Arc<StreamInfo>,
    /// Columns that the source has and nobody needs: they may be named and left out.
    absent: HashSet<String>,
    item: usize,
}

impl Binding {
    fn of(items: &[Item], stream: &Arc<StreamInfo>, absent: HashSet<String>) -> Result<Self> {
        let mut binding = Self {
            steps: Vec::new(),
            stream: stream.clone(),
            absent,
            item: 0,
        };
        for (at, item) in items.iter().enumerate() {
            binding.item = at;
            binding.add(item)?;
        }
        Ok(binding)
    }

    fn add(&mut self, item: &Item) -> Result<()> {
        match item {
            Item::Select(names) => {
                let places = self.places("select", names.iter())?;
                let kept: HashSet<&String> = names.iter().collect();
                self.absent.retain(|name| kept.contains(name));
                self.pick(places)
            }
            Item::Drop(names) => {
                let lost = self.places("drop", names.iter())?;
                self.absent.retain(|name| !names.contains(name));
                let all = 0..self.schema().fields().len();
                let kept: Vec<usize> = all.filter(|at| !lost.contains(at)).collect();
                if kept.is_empty() && self.absent.is_empty() {
                    return Err(refuse(self.item, "drop", "no column is left"));
                }
                self.pick(kept)
            }
            Item::Rename(names) => self.rename(names),
            Item::Cast(types) => self.cast(types),
            Item::Filter(condition) => self.filter(condition),
            Item::Set(settings) => self.set(settings),
            Item::RateLimit(_) => Ok(()),
        }
    }

    fn schema(&self) -> &Schema {
        self.stream.schema()
    }

    /// Finds a column; `None` where it is one that was left out.
    fn place(&self, key: &str, name: &String) -> Result<Option<usize>> {
        match self.stream.positions(std::slice::from_ref(name)) {
            Ok(places) => Ok(places.first().copied()),
            Err(_) if self.absent.contains(name) => Ok(None),
            Err(error) => Err(refused_by(self.item, key, &error)),
        }
    }

    fn places<'n>(&self, key: &str, names: impl Iterator<Item = &'n String>) -> Result<Vec<usize>> {
        let places = names.filter_map(|name| self.place(key, name).transpose());
        places.collect()
    }

    /// Finds columns that must be there.
    fn certain(&self, key: &str, name: &str) -> Result<usize> {
        let places = self.stream.positions(&[name.to_owned()]);
        let places = places.map_err(|error| refused_by(self.item, key, &error))?;
        Ok(places[0])
    }

    fn push(&mut self, action: Action, fields: Vec<Field>) -> Result<()> {
        let stream = self.stream.with_schema(Arc::new(Schema::new(fields)));
        self.push_stream(action, stream)
    }

    fn push_stream(&mut self, action: Action, stream: StreamInfo) -> Result<()> {
        // A part of a key identifies no row.
        let whole = stream.keys().len() == self.stream.keys().len();
        let stream = match whole {
            true => stream,
            false => stream.with_keys::<String>([])?,
        };
        self.stream = Arc::new(stream);
        self.steps.push(Step {
            action,
            stream: self.stream.clone(),
        });
        Ok(())
    }

    fn pick(&mut self, places: Vec<usize>) -> Result<()> {
        let fields = places.iter().map(|at| self.schema().field(*at).clone());
        let fields = fields.collect();
        self.push(Action::Pick(places), fields)
    }

    fn rename(&mut self, names: &BTreeMap<String, String>) -> Result<()> {
        let mut fields = self.fields();
        for (from, to) in names {
            match self.place("rename", from)? {
                Some(at) => fields[at] = fields[at].clone().with_name(to),
                None => {
                    self.absent.remove(from);
                    self.absent.insert(to.clone());
                }
            }
        }
        let all = fields.iter().map(Field::name).chain(&self.absent);
        let mut seen = HashSet::new();
        if let Some(twice) = all.into_iter().find(|name| !seen.insert(*name)) {
            let error = refuse(self.item, "rename", "two columns would have one name");
            return Err(error.with("column", twice));
        }
        let renamed = |key: &String| names.get(key).unwrap_or(key).clone();
        let keys: Vec<String> = self.stream.keys().iter().map(renamed).collect();
        let stream = self.stream.with_schema(Arc::new(Schema::new(fields)));
        self.push_stream(Action::Rename, stream.with_keys(keys)?)
    }

    fn cast(&mut self, types: &BTreeMap<String, DataType>) -> Result<()> {
        let mut fields = self.fields();
        let mut casts = Vec::new();
        for (name, to) in types {
            let at = self.certain("cast", name)?;
            let checked = cast::check(fields[at].data_type(), to);
            checked.map_err(|error| refused_by(self.item, "cast", &error).with("column", name))?;
            fields[at] = fields[at].clone().with_data_type(to.clone());
            casts.push((at, to.clone()));
        }
        self.push(Action::Cast(casts), fields)
    }

    fn filter(&mut self, condition: &Predicate) -> Result<()> {
        let columns = condition.columns().into_iter();
        let columns = columns.map(|name| self.certain("filter", name));
        let columns = columns.collect::<Result<_>>()?;
        // Literals are compared with the columns' types, for which no row is needed.
        let none = RecordBatch::new_empty(self.stream.schema().clone());
        let checked = condition.evaluate(&none);
        checked.map_err(|error| refused_by(self.item, "filter", &error))?;
        let action = Action::Filter {
            condition: condition.clone(),
            columns,
        };
        self.push_stream(action, StreamInfo::clone(&self.stream))
    }

    fn set(&mut self, settings: &BTreeMap<String, Setting>) -> Result<()> {
        let mut fields = self.fields();
        let mut placed = Vec::new();
        for (name, setting) in settings {
            let (value, field) = self.content(name, setting)?;
            let at = self.stream.schema().index_of(name).ok();
            match at {
                Some(at) => fields[at] = field,
                None => fields.push(field),
            }
            self.absent.remove(name);
            placed.push(Placed { at, value });
        }
        self.push(Action::Set(placed), fields)
    }

    fn content(&self, name: &str, setting: &Setting) -> Result<(Content, Field)> {
        let constant: ArrayRef = match setting {
            Setting::Boolean(value) => Arc::new(BooleanArray::from(vec![*value])),
            Setting::Int64(value) => Arc::new(Int64Array::from(vec![*value])),
            Setting::Float64(value) => Arc::new(Float64Array::from(vec![*value])),
            Setting::Text(template) => return self.template(name, template),
        };
        let field = Field::new(name, constant.data_type().clone(), false);
        Ok((Content::Constant(constant), field))
    }

    fn template(&self, name: &str, template: &Template) -> Result<(Content, Field)> {
        let about = |error: Error| error.with("in column", name);
        let mut places = Vec::new();
        for column in template.columns() {
            let at = self.certain("set", column).map_err(about)?;
            let of = self.schema().field(at).data_type();
            if !has_text(of) || is_bytes(of) {
                let error = refuse(self.item, "set", "values of this type have no text");
                return Err(about(error.with("column", column).with("type", of)));
            }
            places.push(at);
        }
        let field = Field::new(name, DataType::Utf8, template.is_nullable());
        if places.is_empty() {
            let text: ArrayRef = template.fill(&[] as &[StringArray], 1);
            return Ok((Content::Constant(text), field));
        }
        Ok((Content::Template(template.clone(), places), field))
    }

    fn fields(&self) -> Vec<Field> {
        let fields = self.schema().fields().iter();
        fields.map(|field| field.as_ref().clone()).collect()
    }
}

fn is_bytes(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
    )
}
