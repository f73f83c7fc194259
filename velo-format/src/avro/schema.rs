//! Avro schemas: JSON, with names resolved (Avro 1.12, "Schema Declaration").

use std::collections::HashMap;

use arrow_schema::TimeUnit;
use serde_json::{Map, Value};
use velo_core::{Error, ErrorKind, Result};

/// Levels that a schema may have once names are resolved: it is followed recursively.
const DEEPEST: usize = 64;
/// Types that a schema may have once names are resolved: naming a type twice doubles it.
const LARGEST: usize = 1 << 19;
/// Bytes of the longest decimal.
const DECIMAL_BYTES: usize = 32;

/// A type of the binary encoding with what its values mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(Vec<String>),
    Array(Box<Type>),
    Map(Box<Type>),
    Record(Vec<(String, Type)>),
    /// A union with one branch besides null: the number of null, if it is there, and of the branch.
    Optional {
        null: Option<usize>,
        value: usize,
        inner: Box<Type>,
    },
    /// Any other union; its branches with their names.
    Union(Vec<(String, Type)>),
    /// Bytes or, of so many, fixed: two's complement, high bytes first.
    Decimal {
        fixed: Option<usize>,
        precision: u8,
        scale: i8,
    },
    /// Fixed of sixteen bytes.
    Uuid,
    /// An int: days since 1970.
    Date,
    /// An int of milliseconds or a long of microseconds since midnight.
    Time(TimeUnit),
    /// A long; whether it is an instant.
    Timestamp(TimeUnit, bool),
    /// Fixed of twelve bytes: months, days, milliseconds, low bytes first.
    Duration,
}

/// A type, what a union calls it, and how large it is.
#[derive(Clone)]
struct Parsed {
    kind: Type,
    name: String,
    full_name: String,
    types: usize,
    depth: usize,
}

/// Reads a schema.
///
/// # Errors
/// `InvalidData` for what is no schema; `Unsupported` for a type that contains itself.
pub(super) fn parse(json: &[u8]) -> Result<Type> {
    let value: Value = serde_json::from_slice(json)
        .map_err(|error| malformed("it is not JSON").with_source(error))?;
    let mut parser = Parser::default();
    Ok(parser.parse(&value, "")?.kind)
}

fn malformed(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, "schema is not one of avro").with("because", why)
}

/// The named types met so far; `None` while one is being read.
#[derive(Default)]
struct Parser {
    named: HashMap<String, Option<Parsed>>,
}

impl Parser {
    fn parse(&mut self, value: &Value, namespace: &str) -> Result<Parsed> {
        match value {
            Value::String(name) => self.resolve(name, namespace),
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(object) => self.object(object, namespace),
            _ => Err(malformed(
                "a type is neither a name nor an object nor a list",
            )),
        }
    }

    fn resolve(&self, name: &str, namespace: &str) -> Result<Parsed> {
        if let Some(kind) = primitive(name) {
            return Ok(Parsed::leaf(kind, name));
        }
        let near = full_name(name, namespace);
        let found = self.named.get(&near).or_else(|| self.named.get(name));
        match found {
            Some(Some(known)) => Ok(known.clone()),
            Some(None) => Err(Error::new(
                ErrorKind::Unsupported,
                "a type that contains itself has no columns",
            )
            .with("type", near)),
            None => Err(malformed("a type is not known").with("type", name)),
        }
    }

    fn object(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<Parsed> {
        let kind = object
            .get("type")
            .ok_or_else(|| malformed("a type is missing"))?;
        let Value::String(name) = kind else {
            return self.parse(kind, namespace);
        };
        match name.as_str() {
            "record" | "error" | "enum" | "fixed" => self.define(name, object, namespace),
            "array" => {
                let items = self.child(object, "items", namespace)?;
                items.inside("array", |item| Type::Array(Box::new(item)))
            }
            "map" => {
                let values = self.child(object, "values", namespace)?;
                values.inside("map", |value| Type::Map(Box::new(value)))
            }
            _ => {
                let mut found = self.resolve(name, namespace)?;
                if primitive(name).is_some() {
                    found.kind = logical(found.kind, object)?;
                }
                Ok(found)
            }
        }
    }

    fn child(
        &mut self,
        object: &Map<String, Value>,
        key: &'static str,
        namespace: &str,
    ) -> Result<Parsed> {
        let child = object.get(key);
        let child = child.ok_or_else(|| malformed("a type lacks its items or values"))?;
        self.parse(child, namespace)
    }

    /// Reads a type that has a name.
    fn define(
        &mut self,
        kind: &str,
        object: &Map<String, Value>,
        namespace: &str,
    ) -> Result<Parsed> {
        let name = text(object, "name").ok_or_else(|| malformed("a type has no name"))?;
        let own = text(object, "namespace").unwrap_or(namespace);
        let full_name = full_name(name, own);
        let (namespace, short) = full_name.rsplit_once('.').unwrap_or(("", &full_name));
        if self.named.insert(full_name.clone(), None).is_some() {
            return Err(malformed("two types have one name").with("type", full_name));
        }
        let mut found = match kind {
            "enum" => Parsed::leaf(Type::Enum(symbols(object)?), short),
            "fixed" => Parsed::leaf(logical(Type::Fixed(size(object)?), object)?, short),
            _ => self.record(object, namespace)?,
        };
        short.clone_into(&mut found.name);
        full_name.clone_into(&mut found.full_name);
        self.named.insert(full_name, Some(found.clone()));
        Ok(found)
    }

    fn record(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<Parsed> {
        let fields = object.get("fields").and_then(Value::as_array);
        let fields = fields.ok_or_else(|| malformed("a record has no fields"))?;
        let mut found = Parsed::leaf(Type::Null, "record");
        let mut columns: Vec<(String, Type)> = Vec::with_capacity(fields.len());
        let mut names = std::collections::HashSet::new();
        for field in fields {
            let field = field.as_object();
            let field = field.ok_or_else(|| malformed("a field is not an object"))?;
            let name = text(field, "name").ok_or_else(|| malformed("a field has no name"))?;
            if !names.insert(name) {
                return Err(malformed("two fields have one name").with("field", name));
            }
            let kind = field.get("type");
            let kind = kind.ok_or_else(|| malformed("a field has no type"))?;
            let kind = self.parse(kind, namespace);
            let kind = kind.map_err(|error| error.within("field", name))?;
            found.add(&kind)?;
            columns.push((name.to_owned(), kind.kind));
        }
        found.kind = Type::Record(columns);
        Ok(found)
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<Parsed> {
        let mut found = Parsed::leaf(Type::Null, "union");
        let mut parsed = Vec::with_capacity(branches.len());
        for branch in branches {
            if branch.is_array() {
                return Err(malformed("a union stands in a union"));
            }
            let branch = self.parse(branch, namespace)?;
            found.add(&branch)?;
            parsed.push(branch);
        }
        let null = parsed.iter().position(|branch| branch.kind == Type::Null);
        found.kind = match (parsed.len(), null) {
            (0, _) => return Err(malformed("a union has no branches")),
            (1, _) => optional(None, 0, parsed.swap_remove(0)),
            (2, Some(null)) => optional(Some(null), 1 - null, parsed.swap_remove(1 - null)),
            _ => Type::Union(named(parsed)?),
        };
        Ok(found)
    }
}

impl Parsed {
    fn leaf(kind: Type, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            full_name: name.to_owned(),
            types: 1,
            depth: 1,
        }
    }

    /// Takes in the size of a child.
    fn add(&mut self, child: &Self) -> Result<()> {
        self.types += child.types;
        self.depth = self.depth.max(child.depth + 1);
        if self.types > LARGEST || self.depth > DEEPEST {
            let message = "schema is larger or deeper than velo follows";
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with("types at most", LARGEST)
                .with("levels at most", DEEPEST));
        }
        Ok(())
    }

    fn inside(self, name: &str, outer: impl FnOnce(Type) -> Type) -> Result<Self> {
        let mut found = Self::leaf(Type::Null, name);
        found.add(&self)?;
        found.kind = outer(self.kind);
        Ok(found)
    }
}

fn optional(null: Option<usize>, value: usize, inner: Parsed) -> Type {
    Type::Optional {
        null,
        value,
        inner: Box::new(inner.kind),
    }
}

/// Gives branches the short names of their types, or the full ones where two would be the same.
fn named(branches: Vec<Parsed>) -> Result<Vec<(String, Type)>> {
    let distinct = |name: fn(&Parsed) -> &String| {
        let mut seen = std::collections::HashSet::new();
        branches.iter().all(|branch| seen.insert(name(branch)))
    };
    let short = distinct(|branch| &branch.name);
    if !short && !distinct(|branch| &branch.full_name) {
        return Err(malformed("a union has a type twice"));
    }
    let name = |branch: Parsed| match short {
        true => (branch.name, branch.kind),
        false => (branch.full_name, branch.kind),
    };
    Ok(branches.into_iter().map(name).collect())
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::Text,
        _ => return None,
    })
}

/// Gives what a type means by its `logicalType`; one that does not fit is no logical type, as the
/// specification demands.
fn logical(kind: Type, object: &Map<String, Value>) -> Result<Type> {
    let Some(name) = text(object, "logicalType") else {
        return Ok(kind);
    };
    let instant = !name.starts_with("local-");
    let unit = match name.strip_prefix("local-").unwrap_or(name) {
        "timestamp-millis" => Some(TimeUnit::Millisecond),
        "timestamp-micros" => Some(TimeUnit::Microsecond),
        "timestamp-nanos" => Some(TimeUnit::Nanosecond),
        _ => None,
    };
    Ok(match (kind, name) {
        (Type::Long, _) if unit.is_some() => {
            Type::Timestamp(unit.unwrap_or(TimeUnit::Millisecond), instant)
        }
        (Type::Int, "date") => Type::Date,
        (Type::Int, "time-millis") => Type::Time(TimeUnit::Millisecond),
        (Type::Long, "time-micros") => Type::Time(TimeUnit::Microsecond),
        (Type::Fixed(16), "uuid") => Type::Uuid,
        (Type::Fixed(12), "duration") => Type::Duration,
        (Type::Bytes, "decimal") => decimal(Type::Bytes, None, object)?,
        (Type::Fixed(size), "decimal") => decimal(Type::Fixed(size), Some(size), object)?,
        (kind, _) => kind,
    })
}

fn decimal(kind: Type, fixed: Option<usize>, object: &Map<String, Value>) -> Result<Type> {
    let number = |key| object.get(key).and_then(Value::as_u64);
    let (precision, scale) = (number("precision"), number("scale").unwrap_or(0));
    let Some(precision) = precision.filter(|digits| *digits > 0 && scale <= *digits) else {
        return Ok(kind);
    };
    // What a fixed of that size cannot hold is no valid logical type.
    let fits = |size: usize| precision <= (size as u64 * 8).saturating_sub(1) * 30_103 / 100_000;
    if fixed.is_some_and(|size| !fits(size)) {
        return Ok(kind);
    }
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ ..=76), Ok(scale)) if fixed.is_none_or(|size| size <= DECIMAL_BYTES) => {
            Ok(Type::Decimal {
                fixed,
                precision,
                scale,
            })
        }
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            "decimal has more than 76 digits or 32 bytes",
        )
        .with("precision", precision)),
    }
}

fn symbols(object: &Map<String, Value>) -> Result<Vec<String>> {
    let symbols = object.get("symbols").and_then(Value::as_array);
    let symbols = symbols.ok_or_else(|| malformed("an enum has no symbols"))?;
    let texts = symbols
        .iter()
        .map(|symbol| symbol.as_str().map(str::to_owned));
    let texts: Option<Vec<String>> = texts.collect();
    texts.ok_or_else(|| malformed("a symbol of an enum is not a string"))
}

fn size(object: &Map<String, Value>) -> Result<usize> {
    let size = object.get("size").and_then(Value::as_u64);
    // Arrow's sizes have 31 bits.
    let size = size.and_then(|size| i32::try_from(size).ok());
    let size = size.and_then(|size| usize::try_from(size).ok());
    size.ok_or_else(|| malformed("a fixed has no size"))
}

fn text<'o>(object: &'o Map<String, Value>, key: &str) -> Option<&'o str> {
    object.get(key).and_then(Value::as_str)
}

/// Gives the name with its namespace, unless it has one already.
fn full_name(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.trim_start_matches('.').to_owned(),
        false => format!("{namespace}.{name}"),
    }
}
