//! From nodes to structs: errors say where, what is expected and what is near, never what stands
//! there.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use velo_core::{Error, ErrorKind, nearest};

use super::node::{Entry, Node, Style, Value, is_null};
use super::place::Place;

/// Keys at the top of a file that are worked off before anything is deserialized.
pub(super) const BEFOREHAND: [&str; 3] = ["data_sources", "extends", "profiles"];

/// Errors that are reported of one file.
const MOST_ERRORS: usize = 20;

/// Reads a struct and finds every fault: what is refused is taken out and the rest read again.
///
/// # Errors
/// At least one `Config` with its place.
pub(super) fn read<T: DeserializeOwned>(mut root: Node) -> Result<T, Vec<Error>> {
    let mut found: Vec<Refusal> = Vec::new();
    let mut removed = Vec::new();
    loop {
        let refusal = match T::deserialize(&root) {
            Ok(read) if found.is_empty() => return Ok(read),
            Ok(_) => break,
            Err(refusal) => refusal,
        };
        let (place, missing) = (refusal.place.clone(), refusal.missing);
        let gone = |gone: &String| missing.is_some_and(|key| nearest(gone, [key]).is_some());
        // It is missing because it was taken out, as it stands or misspelled.
        if !removed.iter().any(gone) {
            found.push(refusal);
        }
        let gone = place.and_then(|place| root.remove_at(&place, missing.is_none()));
        let Some(key) = gone else {
            break;
        };
        removed.push(key);
        if found.len() >= MOST_ERRORS {
            break;
        }
    }
    let order = |refusal: &Refusal| refusal.place.as_ref().map(|at| (at.line, at.column));
    found.sort_by_key(order);
    Err(found.into_iter().map(Refusal::placed).collect())
}

/// What serde says, and where.
#[derive(Debug)]
pub(super) struct Refusal {
    error: Box<Error>,
    place: Option<Place>,
    missing: Option<&'static str>,
}

impl Refusal {
    fn new(error: Error) -> Self {
        Self {
            error: Box::new(error),
            place: None,
            missing: None,
        }
    }

    fn at(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }

    fn placed(self) -> Error {
        match self.place {
            Some(place) => place.put(*self.error),
            None => *self.error,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refusal {}

fn refused(message: impl Into<String>) -> Refusal {
    Refusal::new(Error::new(ErrorKind::Config, message.into()))
}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        refused(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        // serde's words for what a file's author calls otherwise.
        refused(match expected.to_string().as_str() {
            "a sequence" => "expected a list".to_owned(),
            "a string" | "a borrowed string" => "expected text".to_owned(),
            other => format!("expected {other}"),
        })
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        refused(format!("expected {expected}"))
    }

    fn unknown_variant(variant: &str, choices: &'static [&'static str]) -> Self {
        let error = Error::new(ErrorKind::Config, "no such choice");
        Refusal::new(near(error, variant, choices.iter().copied()))
    }

    fn unknown_field(key: &str, keys: &'static [&'static str]) -> Self {
        let error = Error::new(ErrorKind::Config, "no such key").with("key", key);
        let whole = keys.contains(&"sinks");
        let before = BEFOREHAND.into_iter().filter(|_| whole);
        Refusal::new(near(error, key, keys.iter().copied().chain(before)))
    }

    fn missing_field(key: &'static str) -> Self {
        let error = Error::new(ErrorKind::Config, "key is missing").with("key", key);
        let mut refusal = Refusal::new(error);
        refusal.missing = Some(key);
        refusal
    }
}

/// Names what was meant, or what there is.
pub(super) fn near<'n>(
    error: Error,
    wanted: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Error {
    match nearest(wanted, names.clone()) {
        Some(name) => error.with_hint(format!("did you mean `{name}`?")),
        None => {
            let names: Vec<&str> = names.collect();
            error.with_hint(format!("there are {}", names.join(", ")))
        }
    }
}

impl Node {
    /// Gives a scalar that stands where a `true`, a `false` or a number is wanted.
    fn bare(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, Style::Plain | Style::Resolved) => Some(text),
            _ => None,
        }
    }

    fn number<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Refusal> {
        let wanted = || refused("expected a whole number").at(&self.place);
        let text = self.bare().ok_or_else(wanted)?;
        match whole(text).ok_or_else(wanted)? {
            Whole::Unsigned(number) => visitor.visit_u64(number),
            Whole::Signed(number) => visitor.visit_i64(number),
        }
        .map_err(|refusal: Refusal| match refusal.error.message() {
            // serde names Rust's types.
            message if message.starts_with("expected ") => {
                refused("whole number is out of range").at(&self.place)
            }
            _ => refusal.at(&self.place),
        })
    }
}

enum Whole {
    Unsigned(u64),
    Signed(i64),
}

/// Reads a whole number in decimal digits: `0x10`, `1e3`, `007` and `1_000` are none.
fn whole(text: &str) -> Option<Whole> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    match text.parse() {
        Ok(number) => Some(Whole::Unsigned(number)),
        Err(_) => text.parse().ok().map(Whole::Signed),
    }
}

/// Reads a number with a fraction or an exponent.
fn fraction(text: &str) -> Option<f64> {
    let plain = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let number: f64 = text.parse().ok()?;
    (starts && text.bytes().all(plain) && number.is_finite()).then_some(number)
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let read = match &self.value {
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(map) => visitor.visit_map(Entries(map.iter(), None)),
            Value::Scalar(text, Style::Plain) => plain(text, visitor),
            Value::Scalar(text, _) => visitor.visit_borrowed_str(text),
        };
        read.map_err(|refusal| refusal.at(&self.place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.is_null() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.bare() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => Err(refused("expected true or false").at(&self.place)),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.number(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.number(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.number(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.number(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.number(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.bare().and_then(fraction) {
            Some(number) => visitor.visit_f64(number),
            None => Err(refused("expected a number").at(&self.place)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.as_text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => Err(refused("expected text")),
        }
        .map_err(|refusal| refusal.at(&self.place))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let read = match (&self.value, self.as_text()) {
            (_, Some(text)) => visitor.visit_enum(text.into_deserializer()),
            (Value::Map(map), _) => {
                let entries = Entries(map.iter(), None);
                visitor.visit_enum(MapAccessDeserializer::new(entries))
            }
            _ => Err(refused("expected one of several words")),
        };
        read.map_err(|refusal| refusal.at(&self.place))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        // A list would be taken for the fields in their order.
        match &self.value {
            Value::Map(_) => self.deserialize_any(visitor),
            Value::List(_) | Value::Scalar(..) => Err(refused("expected a map").at(&self.place)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 char bytes byte_buf unit unit_struct seq tuple tuple_struct map
        ignored_any
    }
}

/// Gives an unquoted scalar as what it looks like.
fn plain<'de, V: Visitor<'de>>(text: &'de str, visitor: V) -> Result<V::Value, Refusal> {
    match (text, whole(text), fraction(text)) {
        _ if is_null(text) => visitor.visit_unit(),
        ("true", ..) => visitor.visit_bool(true),
        ("false", ..) => visitor.visit_bool(false),
        (_, Some(Whole::Unsigned(number)), _) => visitor.visit_u64(number),
        (_, Some(Whole::Signed(number)), _) => visitor.visit_i64(number),
        (_, None, Some(number)) => visitor.visit_f64(number),
        (_, None, None) => visitor.visit_borrowed_str(text),
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refusal> {
        let item = self.0.next();
        item.map(|node| {
            seed.deserialize(node)
                .map_err(|refusal| refusal.at(&node.place))
        })
        .transpose()
    }
}

struct Entries<'de>(
    std::collections::btree_map::Iter<'de, String, Entry>,
    Option<&'de Node>,
);

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refusal> {
        let Some((key, entry)) = self.0.next() else {
            return Ok(None);
        };
        self.1 = Some(&entry.node);
        let key: de::value::BorrowedStrDeserializer<'de, Refusal> =
            de::value::BorrowedStrDeserializer::new(key);
        let read = seed.deserialize(key);
        read.map(Some).map_err(|refusal| refusal.at(&entry.place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        let Some(node) = self.1.take() else {
            return Err(refused("expected a value"));
        };
        seed.deserialize(node)
            .map_err(|refusal| refusal.at(&node.place))
    }
}
