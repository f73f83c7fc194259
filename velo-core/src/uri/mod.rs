//! One parser for every URI that velo meets: several hosts, IPv6, secrets, bare paths.

mod parse;
mod percent;
mod query;
mod value;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use secrecy::SecretString;

use crate::{Error, Result};

pub use percent::{decode as percent_decode, encode as percent_encode};
pub use query::{Query, is_secret, nearest};

/// Where data are and how to reach them: `scheme://user:password@host:1,host:2/path?key=value`.
///
/// Text without a scheme is a *bare path*: its scheme is `file`, and nothing in its path is
/// decoded. A `?` starts the query only where a name follows it, so that `part-?.csv` stays a
/// glob. Percent-escapes are decoded to bytes and must then be UTF-8. `Display` and `Debug` mask
/// the password and every query value whose name says that it is a secret.
///
/// ```
/// use velo_core::Uri;
/// let uri: Uri = "kafka://a:9092,[::1]:9093/orders?group_id=g1".parse()?;
/// assert_eq!(uri.scheme(), "kafka");
/// let hosts: Vec<_> = uri.hosts().map(|host| (host.name.into_owned(), host.port)).collect();
/// assert_eq!(hosts, [("a".to_owned(), Some(9092)), ("::1".to_owned(), Some(9093))]);
/// assert_eq!(uri.path(), "/orders");
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    text: String,
    scheme: u32,
    userinfo: Option<(u32, u32)>,
    hosts: (u32, u32),
    path: (u32, u32),
    query: Option<u32>,
    bare: bool,
}

/// One server of a URI's authority.
///
/// ```
/// let uri: velo_core::Uri = "postgresql://db.example.com/shop".parse()?;
/// let host = uri.hosts().next().unwrap();
/// assert_eq!((&*host.name, host.port), ("db.example.com", None));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host<'a> {
    /// The name or address, decoded, an IPv6 address without its brackets.
    pub name: Cow<'a, str>,
    /// The port, where one is written.
    pub port: Option<u16>,
}

impl Uri {
    /// Reads a URI or a bare path.
    ///
    /// # Errors
    /// `InvalidInput` with the byte position for control characters, broken escapes, text that is
    /// not UTF-8 once decoded, empty hosts in a list, and ports outside 1 to 65535.
    ///
    /// ```
    /// use velo_core::Uri;
    /// assert!(Uri::parse("file:///data/*.csv").is_ok());
    /// assert!(Uri::parse("kafka://a:99999/t").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        parse::parse(text)
    }

    /// Gives the scheme in lower case; `file` for a bare path.
    ///
    /// ```
    /// assert_eq!(velo_core::Uri::parse("data/a.csv")?.scheme(), "file");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn scheme(&self) -> &str {
        if self.bare {
            "file"
        } else {
            &self.text[..self.scheme as usize]
        }
    }

    /// Says whether the text had no scheme and is taken as a path as it stands.
    ///
    /// ```
    /// assert!(velo_core::Uri::parse("./100%.csv")?.is_bare());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// Gives the user name of the authority, decoded.
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("postgresql://ana%40hq:pw@db/shop")?;
    /// assert_eq!(uri.user().as_deref(), Some("ana@hq"));
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn user(&self) -> Option<Cow<'_, str>> {
        let info = self.userinfo()?;
        Some(percent::decoded(
            info.split_once(':').map_or(info, |(user, _)| user),
        ))
    }

    /// Gives the password of the authority, decoded and kept from `Debug`.
    ///
    /// ```
    /// use secrecy::ExposeSecret;
    /// let uri = velo_core::Uri::parse("postgresql://ana:p%3Aw@db/shop")?;
    /// assert_eq!(uri.password().unwrap().expose_secret(), "p:w");
    /// assert!(!format!("{uri:?} {uri}").contains("p%3Aw"));
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn password(&self) -> Option<SecretString> {
        let (_, password) = self.userinfo()?.split_once(':')?;
        Some(SecretString::from(percent::decoded(password).into_owned()))
    }

    /// Lists the hosts in the order written; none for `file:///path` and bare paths.
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("kafka://a:1,b:2/t")?;
    /// assert_eq!(uri.hosts().count(), 2);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn hosts(&self) -> impl Iterator<Item = Host<'_>> {
        let text = self.slice(self.hosts);
        text.split(',')
            .filter(|host| !host.is_empty())
            .map(parse::host)
    }

    /// Gives the hosts as they are written, without user and password: `a:9092,b:9092`.
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("kafka://u:p@a:1,b:2/t")?;
    /// assert_eq!(uri.authority(), "a:1,b:2");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn authority(&self) -> &str {
        self.slice(self.hosts)
    }

    /// Gives the path, decoded, with its leading slash; a bare path as it stands.
    ///
    /// ```
    /// assert_eq!(velo_core::Uri::parse("file:///a%20b.csv")?.path(), "/a b.csv");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> Cow<'_, str> {
        if self.bare {
            Cow::Borrowed(self.raw_path())
        } else {
            percent::decoded(self.raw_path())
        }
    }

    /// Gives the path as it is written, so that an escaped `*` can be told from a glob's.
    ///
    /// ```
    /// assert_eq!(velo_core::Uri::parse("file:///a%2A.csv")?.raw_path(), "/a%2A.csv");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    #[must_use]
    pub fn raw_path(&self) -> &str {
        self.slice(self.path)
    }

    /// Splits the decoded path at its slashes; escaped slashes stay inside their segment.
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("iceberg://lake/sales/a%2Fb")?;
    /// assert_eq!(uri.segments().collect::<Vec<_>>(), ["sales", "a/b"]);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let bare = self.bare;
        self.raw_path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(move |segment| {
                if bare {
                    segment.into()
                } else {
                    percent::decoded(segment)
                }
            })
    }

    /// Opens the query for reading options into structs.
    ///
    /// # Errors
    /// `Config` when an option has no value or stands twice.
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("kafka://a/t?group_id=g1")?;
    /// assert_eq!(uri.query()?.get("group_id"), Some("g1"));
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn query(&self) -> Result<Query<'_>> {
        Query::new(self.raw_query())
    }

    /// Gives the same URI with one option added or replaced; the value is escaped as needed.
    ///
    /// # Errors
    /// `Config` when the query is malformed already.
    ///
    /// ```
    /// let uri = velo_core::Uri::parse("a.csv?header=true")?.with_option("delimiter", "&")?;
    /// assert_eq!(uri.query()?.get("delimiter"), Some("&"));
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn with_option(&self, name: &str, value: &str) -> Result<Self> {
        let end = self
            .query
            .map_or(self.text.len(), |start| start as usize - 1);
        let mut text = self.text[..end].to_owned();
        let mut separator = '?';
        let wanted = query::canonical(name);
        for pair in self.raw_query().split('&').filter(|pair| !pair.is_empty()) {
            let key = pair.split('=').next().unwrap_or(pair);
            if query::canonical(key) != wanted {
                text.push(separator);
                text.push_str(pair);
                separator = '&';
            }
        }
        text.push(separator);
        text.push_str(name);
        text.push('=');
        text.push_str(&percent_encode(value));
        Self::parse(&text)
    }

    fn raw_query(&self) -> &str {
        self.query.map_or("", |start| &self.text[start as usize..])
    }

    fn userinfo(&self) -> Option<&str> {
        self.userinfo.map(|range| self.slice(range))
    }

    fn slice(&self, (start, end): (u32, u32)) -> &str {
        let range: Range<usize> = start as usize..end as usize;
        &self.text[range]
    }
}

impl FromStr for Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown_until = self.userinfo.map_or(self.path.0, |(start, _)| start);
        let after_user = self.userinfo.map_or(self.path.0, |(_, end)| end);
        f.write_str(&self.text[..shown_until as usize])?;
        if self.userinfo.is_some() {
            f.write_str("***")?;
        }
        f.write_str(&self.text[after_user as usize..self.path.1 as usize])?;
        if self.query.is_none() {
            return Ok(());
        }
        for (n, pair) in self.raw_query().split('&').enumerate() {
            f.write_str(if n == 0 { "?" } else { "&" })?;
            match pair.split_once('=') {
                Some((key, _)) if query::is_secret(key) => write!(f, "{key}=***")?,
                _ => f.write_str(pair)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({self})")
    }
}
