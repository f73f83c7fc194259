//! Which names files have once they are rotated.

use velo_core::Result;
use velo_format::Compression;

use crate::source::glob::{NamePattern, name_pattern};

/// How rotated files are called.
pub(super) struct Names {
    given: Option<NamePattern>,
}

impl Names {
    /// Takes the pattern that was given, or the usual names.
    ///
    /// # Errors
    /// `InvalidInput` for a malformed pattern.
    pub(super) fn new(pattern: Option<&str>) -> Result<Self> {
        let given = pattern.map(name_pattern).transpose()?;
        Ok(Self { given })
    }

    /// Says whether a name is what a file of the other name is rotated to.
    pub(super) fn is_rotated(&self, name: &str, main: &str) -> bool {
        match &self.given {
            Some(pattern) => name != main && pattern.matches(name),
            None => origins(name).any(|origin| origin == main),
        }
    }

    /// Gives the names that a name may have had before it was rotated; `None` where a pattern was
    /// given, which does not tell.
    pub(super) fn origins(&self, name: &str) -> Option<Vec<String>> {
        self.given.is_none().then(|| origins(name).collect())
    }

    /// Says whether two names may belong to the same file over time.
    pub(super) fn are_related(&self, one: &str, other: &str) -> bool {
        one == other
            || self.is_rotated(one, other)
            || self.is_rotated(other, one)
            || match &self.given {
                Some(pattern) => pattern.matches(one) && pattern.matches(other),
                None => origins(one).any(|origin| origins(other).any(|other| other == origin)),
            }
    }
}

/// Gives what a rotated name can be made of: `a.log` of `a.log.1.gz`, `a.log-20240131`,
/// `a-2024-01-31.log`, `a.1.log` and `a.log.old`.
fn origins(name: &str) -> impl Iterator<Item = String> {
    let lower = name.to_ascii_lowercase();
    let (stem, compression) = Compression::split_name(&lower);
    let plain = name.get(..stem.len()).unwrap_or(name);
    let same = compression.map(|_| plain.to_owned());
    let old = plain.strip_suffix(".old").map(str::to_owned);
    let behind = without_count(plain).map(str::to_owned);
    let inside = plain.rsplit_once('.').and_then(|(base, ending)| {
        let letters = ending.bytes().any(|byte| byte.is_ascii_alphabetic());
        let base = without_count(base).filter(|_| letters)?;
        Some(format!("{base}.{ending}"))
    });
    [same, old, behind, inside].into_iter().flatten()
}

/// Leaves out a number or a date behind a point or a dash.
fn without_count(name: &str) -> Option<&str> {
    let counts = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_digit())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"-_.:T".contains(&byte))
    };
    let separators = name.match_indices(['.', '-']);
    let mut found = separators.filter(|(at, _)| *at > 0 && counts(&name[at + 1..]));
    found.next().map(|(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_logrotate_and_loggers_make_of_a_name() {
        let names = Names::new(None).unwrap();
        for (name, main) in [
            ("app.log.1", "app.log"),
            ("app.log.10.gz", "app.log"),
            ("app.log.gz", "app.log"),
            ("app.log-20240131", "app.log"),
            ("app.log-2024-01-31T10:00.zst", "app.log"),
            ("app.log.old", "app.log"),
            ("app-2024-01-31.log", "app.log"),
            ("app.1.log", "app.log"),
            ("app-20240131-2.log.gz", "app.log"),
            ("messages.3", "messages"),
        ] {
            assert!(names.is_rotated(name, main), "{name}");
            assert!(names.are_related(main, name), "{name}");
        }
        for (name, main) in [
            ("app-error.log", "app.log"),
            ("app.log.lock", "app.log"),
            ("app.log", "app.log"),
            ("other.log.1", "app.log"),
            ("app.log.1.tmp", "app.log"),
            (".1", ""),
        ] {
            assert!(!names.is_rotated(name, main), "{name}");
        }
        assert!(names.are_related("app.log.1", "app.log.2.gz"));
        assert!(!names.are_related("app.log.1", "web.log.2"));
    }

    #[test]
    fn a_given_pattern_replaces_the_usual_names() {
        let names = Names::new(Some("app-*.log.bak")).unwrap();
        assert!(names.is_rotated("app-x.log.bak", "app.log"));
        assert!(!names.is_rotated("app.log.1", "app.log"));
        assert!(Names::new(Some("[")).is_err() || names.origins("x").is_none());
    }
}
