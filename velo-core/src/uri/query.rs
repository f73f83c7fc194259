//! From `key=value&…` to typed options: serde structs, aliases, nearest names.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

use super::percent;
use super::value::Value;
use crate::{Error, ErrorKind, Result};

/// The options of a URI, read into one or several structs.
///
/// Names are snake_case; kebab-case and camelCase mean the same. Each `read` takes the options
/// that its struct has a field for; `finish` refuses whatever nobody took.
///
/// ```
/// use serde::Deserialize;
/// use velo_core::Uri;
///
/// #[derive(Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Options { batch_size: usize, header: bool }
/// impl Default for Options {
///     fn default() -> Self { Self { batch_size: 8192, header: true } }
/// }
///
/// let uri = Uri::parse("a.csv?batchSize=10")?;
/// let mut query = uri.query()?;
/// let options: Options = query.read()?;
/// query.finish()?;
/// assert_eq!((options.batch_size, options.header), (10, true));
///
/// let uri = Uri::parse("a.csv?haeder=false")?;
/// let mut query = uri.query()?;
/// query.read::<Options>()?;
/// assert_eq!(query.finish().unwrap_err().hint(), Some("did you mean `header`?"));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Query<'a> {
    pairs: Vec<Pair<'a>>,
    known: Vec<&'static [&'static str]>,
}

struct Pair<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
    taken: bool,
}

impl std::fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.name, shown(&self.name, &self.value))
    }
}

impl<'a> Query<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self> {
        let mut pairs: Vec<Pair<'a>> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(Error::new(ErrorKind::Config, "option has no value")
                    .with("option", pair)
                    .with_hint("write option=value; a literal ? in a path is %3F"));
            };
            let name = canonical(name);
            if pairs.iter().any(|pair| pair.name == name) {
                return Err(
                    Error::new(ErrorKind::Config, "option stands twice").with("option", name)
                );
            }
            pairs.push(Pair {
                name,
                value: percent::decode(value)?,
                taken: false,
            });
        }
        Ok(Self {
            pairs,
            known: Vec::new(),
        })
    }

    /// Gives an option's decoded text without taking it.
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("a?x=1%2C2")?;
    /// assert_eq!(uri.query()?.get("x"), Some("1,2"));
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|pair| pair.name == name)
            .map(|pair| &*pair.value)
    }

    /// Lists the names that are set, in snake_case and in the order written.
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("a?batch-size=1")?;
    /// assert_eq!(uri.query()?.names().collect::<Vec<_>>(), ["batch_size"]);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|pair| &*pair.name)
    }

    /// Says whether no option is set.
    ///
    /// ```
    /// assert!(velo_core::Uri::parse("a.csv")?.query()?.is_empty());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Fills a struct from the options that it has fields for.
    ///
    /// # Errors
    /// `Config` naming the option, what was expected and (unless secret) the value.
    ///
    /// ```
    /// #[derive(serde::Deserialize, Default)]
    /// #[serde(default)]
    /// struct Options { limit: u32 }
    /// let uri = velo_core::Uri::parse("a?limit=many")?;
    /// let error = uri.query()?.read::<Options>().err().unwrap();
    /// assert_eq!(error.report(), "option limit=many: expected a whole number from 0 up");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn read<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T> {
        T::deserialize(Source(self)).map_err(|failure| failure.0)
    }

    /// Lists the options that are set and belong to the struct read last, with its spelling.
    ///
    /// ```
    /// #[derive(serde::Deserialize, Default)]
    /// #[serde(default)]
    /// struct Options { limit: u32, header: bool }
    /// let uri = velo_core::Uri::parse("a?limit=3&other=1")?;
    /// let mut query = uri.query()?;
    /// query.read::<Options>()?;
    /// assert_eq!(query.last_read().collect::<Vec<_>>(), ["limit"]);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn last_read(&self) -> impl Iterator<Item = &'static str> {
        let fields = self.known.last().copied().unwrap_or_default();
        self.pairs.iter().filter_map(move |pair| {
            let own = fields.iter().find(|field| **field == pair.name);
            own.copied()
        })
    }

    /// Refuses every option that no struct took.
    ///
    /// # Errors
    /// `Config` with the option and the nearest known name.
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("a?colour=red")?;
    /// assert!(uri.query()?.finish().is_err());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn finish(self) -> Result<()> {
        let Some(unknown) = self.pairs.iter().find(|pair| !pair.taken) else {
            return Ok(());
        };
        let error = Error::new(ErrorKind::Config, "unknown option").with("option", &unknown.name);
        let names = self.known.iter().flat_map(|fields| fields.iter().copied());
        Err(match nearest(&unknown.name, names) {
            Some(name) => error.with_hint(format!("did you mean `{name}`?")),
            None => error,
        })
    }
}

/// Gives the name closest to `wanted`, if one is close enough to be meant.
///
/// ```
/// assert_eq!(velo_core::nearest("postgres", ["kafka", "postgresql"]), Some("postgresql"));
/// assert_eq!(velo_core::nearest("xyz", ["kafka", "postgresql"]), None);
/// assert_eq!(velo_core::nearest(&"kafka".repeat(1000), ["kafka"]), None, "longer than any name");
/// ```
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Comparing takes memory and time in proportion to both lengths.
    const LONGEST: usize = 128;
    if wanted.len() > LONGEST {
        return None;
    }
    let closeness = |name: &str| {
        let prefix = wanted.len() >= 3 && (name.starts_with(wanted) || wanted.starts_with(name));
        if prefix {
            0.95
        } else {
            strsim::normalized_damerau_levenshtein(wanted, name)
        }
    };
    names
        .into_iter()
        .map(|name| (closeness(name), name))
        .filter(|(score, _)| *score >= 0.55)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Spells an option's name in snake_case.
pub(super) fn canonical(name: &str) -> Cow<'_, str> {
    if name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
    {
        return Cow::Borrowed(name);
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        match character {
            '-' => snake.push('_'),
            upper if upper.is_ascii_uppercase() => {
                snake.push('_');
                snake.push(upper.to_ascii_lowercase());
            }
            other => snake.push(other),
        }
    }
    Cow::Owned(snake)
}

/// Says whether the name of an option or key sounds like a secret, whose value is never shown.
///
/// ```
/// use velo_core::uri::is_secret;
/// assert!(is_secret("sslPassword") && is_secret("auth_token"));
/// assert!(!is_secret("delimiter"));
/// ```
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = canonical(name);
    [
        "password",
        "secret",
        "token",
        "access_key",
        "private",
        "credential",
        "sas",
        "passphrase",
    ]
    .iter()
    .any(|word| name.contains(word))
}

fn shown<'v>(name: &str, value: &'v str) -> &'v str {
    if is_secret(name) { "***" } else { value }
}

/// Carries our error through serde's.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Error);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Failure(Error::new(ErrorKind::Config, message.to_string()))
    }
}

struct Source<'q, 'a>(&'q mut Query<'a>);

impl<'de, 'q: 'de, 'a: 'de> de::Deserializer<'de> for Source<'q, 'a> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Failure> {
        Err(de::Error::custom("options are read into a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.0.known.push(fields);
        visitor.visit_map(Fields {
            pairs: self.0.pairs.iter_mut(),
            fields,
            current: None,
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Fields<'q, 'a> {
    pairs: std::slice::IterMut<'q, Pair<'a>>,
    fields: &'static [&'static str],
    current: Option<(&'q str, &'q str)>,
}

impl<'de, 'q: 'de> MapAccess<'de> for Fields<'q, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        for pair in self.pairs.by_ref() {
            if self.fields.contains(&&*pair.name) {
                pair.taken = true;
                self.current = Some((&pair.name, &pair.value));
                let name: &str = &pair.name;
                return seed.deserialize(name.into_deserializer()).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let (name, value) = self.current.take().unwrap_or_default();
        seed.deserialize(Value(value)).map_err(|failure| {
            let reason = failure.0.message().to_owned();
            let reason = if is_secret(name) {
                "value is refused".to_owned()
            } else {
                reason
            };
            Failure(
                Error::new(ErrorKind::Config, reason)
                    .with("option", format!("{name}={}", shown(name, value))),
            )
        })
    }
}
