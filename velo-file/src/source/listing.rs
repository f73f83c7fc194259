//! Which files a path means: one file, a directory, or what a pattern matches.

use std::fs::{self, DirEntry, Metadata};
use std::io;

use velo_core::{Error, ErrorKind, Result};
use velo_format::{Format, detect_json, detect_name};

use super::file::{Found, regular};
use super::glob::{self, Segment};
use crate::config::path::PathPattern;
use crate::config::{FileReadOptions, HivePartitioning};
use crate::error;

/// The files found, in byte order of their paths.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) files: Vec<Found>,
    /// The part of the paths below which directories can be partitions; `None` for one file.
    pub(super) root: Option<String>,
    /// What the files are called together.
    pub(super) name: String,
}

/// Finds the files of a path. What exists literally is taken so, whatever characters it has.
pub(super) fn list(
    pattern: &PathPattern,
    options: &FileReadOptions,
    format: Option<Format>,
) -> Result<Listing> {
    let mut walk = Walk {
        options,
        format,
        recursive: options.recursive,
        lenient: false,
        found: Vec::new(),
        directories: Vec::new(),
    };
    let plain = pattern.plain.as_str();
    let root = match (fs::metadata(plain), &pattern.glob) {
        (Ok(metadata), _) if metadata.is_dir() => {
            walk.directory(plain)?;
            Some(plain.to_owned())
        }
        (Ok(metadata), _) => {
            regular(plain, &metadata)?;
            walk.found.push(Found::new(plain.to_owned(), &metadata));
            None
        }
        (Err(_), Some(glob)) if fs::symlink_metadata(plain).is_err() => Some(walk.matching(glob)?),
        (Err(error), _) if absent(&error) => return Err(error::not_found(plain)),
        (Err(error), _) => return Err(error::on_file(plain, error)),
    };
    let mut files = walk.found;
    files.sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    files.dedup_by(|a, b| a.path == b.path);
    if files.is_empty() {
        return Err(nothing(
            plain,
            root.as_deref(),
            pattern.glob.is_some(),
            options,
        ));
    }
    let name = name(&files, root.as_deref());
    Ok(Listing { files, root, name })
}

/// Finds the files of a path that is watched: none is as good as some, and what goes away meanwhile
/// or cannot be a file is passed over.
pub(super) fn watched(
    pattern: &PathPattern,
    options: &FileReadOptions,
    format: Option<Format>,
) -> Result<Vec<Found>> {
    let mut walk = Walk {
        options,
        format,
        recursive: options.recursive,
        lenient: true,
        found: Vec::new(),
        directories: Vec::new(),
    };
    let plain = pattern.plain.as_str();
    match (fs::metadata(plain), &pattern.glob) {
        (Ok(metadata), _) if metadata.is_dir() => walk.directory(plain)?,
        (Ok(metadata), _) => {
            regular(plain, &metadata)?;
            walk.found.push(Found::new(plain.to_owned(), &metadata));
        }
        (Err(_), Some(glob)) if fs::symlink_metadata(plain).is_err() => {
            walk.matching(glob)?;
        }
        (Err(error), _) if absent(&error) => {}
        (Err(error), _) => return Err(error::on_file(plain, error)),
    }
    let mut files = walk.found;
    files.sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    files.dedup_by(|a, b| a.path == b.path);
    Ok(files)
}

fn nothing(plain: &str, root: Option<&str>, is_pattern: bool, options: &FileReadOptions) -> Error {
    let error = if is_pattern && fs::metadata(plain).is_err() {
        error::no_match(plain, root.unwrap_or_default())
    } else {
        Error::new(ErrorKind::NotFound, "directory holds no files to read").with("directory", plain)
    };
    if error.hint().is_some() && options.extension_filter.is_none() {
        return error;
    }
    error.with_hint(match (&options.extension_filter, options.recursive) {
        (Some(endings), _) => format!("extension_filter={} leaves nothing", endings.join(",")),
        (None, false) => {
            "files are known by endings such as .csv, .jsonl and .parquet; recursive=true looks \
             into directories"
                .to_owned()
        }
        (None, true) => "files are known by endings such as .csv, .jsonl and .parquet".to_owned(),
    })
}

/// Names the stream: after the file without endings, the directory, or the pattern.
fn name(files: &[Found], root: Option<&str>) -> String {
    let last = |path: &str| {
        path.trim_end_matches('/')
            .rsplit('/')
            .next()
            .map(str::to_owned)
    };
    let name = match (root, files) {
        (None, [only, ..]) => {
            let name = last(&only.path).unwrap_or_default();
            let stem = name.trim_start_matches('.').split('.').next();
            stem.unwrap_or(&name).to_owned()
        }
        (Some(root), _) => last(root).unwrap_or_default(),
        _ => String::new(),
    };
    match name.as_str() {
        "" | "." | ".." => "files".to_owned(),
        _ => name,
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Names that tools give to what is not data: `.hidden`, `_SUCCESS`, `_temporary`.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

struct Walk<'o> {
    options: &'o FileReadOptions,
    format: Option<Format>,
    recursive: bool,
    /// What is not there, or is no file, is passed over.
    lenient: bool,
    found: Vec<Found>,
    /// Directories that a pattern matched.
    directories: Vec<String>,
}

impl Walk<'_> {
    /// Takes the files of a directory; those below it if that was asked for, or if directories
    /// are partitions. Links to directories are not followed, so that nothing is read twice and no
    /// walk goes round in circles.
    fn directory(&mut self, directory: &str) -> Result<()> {
        for (name, entry) in self.entries(directory)? {
            if is_hidden(&name) {
                continue;
            }
            let path = join(directory, &name);
            match self.kind(&path, &entry)? {
                Entry::Directory if self.descends(&name) => self.directory(&path)?,
                Entry::File(metadata) if self.wants(&name) => {
                    self.found.push(Found::new(path, &metadata));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn descends(&self, name: &str) -> bool {
        let partitions = self.options.hive_partitioning != HivePartitioning::Off;
        self.recursive || (partitions && name.contains('='))
    }

    /// Says whether a file of a directory is data, by its name.
    fn wants(&self, name: &str) -> bool {
        if self.options.extension_filter.is_some() {
            return self.passes_filter(name);
        }
        match (self.format, detect_name(name).format) {
            // Notes and logs lie beside data: they are read where they are asked for.
            (None, by_name) => by_name.is_some_and(|by_name| by_name != Format::Text),
            (Some(format), Some(by_name)) => {
                format == by_name || detect_json(name, b"[") == Some(format)
            }
            (Some(_), None) => !name.contains('.'),
        }
    }

    fn passes_filter(&self, name: &str) -> bool {
        let Some(endings) = &self.options.extension_filter else {
            return true;
        };
        let name = name.to_ascii_lowercase();
        endings.iter().any(|ending| {
            let ending = ending.trim_start_matches('.').to_ascii_lowercase();
            let stem = name.strip_suffix(&ending);
            stem.is_some_and(|stem| stem.ends_with('.'))
        })
    }

    /// Takes what a pattern matches, and gives the part of it that is no pattern.
    fn matching(&mut self, glob: &str) -> Result<String> {
        self.recursive |= glob.split('/').any(|segment| segment == "**");
        for pattern in glob::alternatives(glob)? {
            let (base, segments) = glob::segments(&pattern)?;
            self.step(base, &segments)?;
        }
        if self.found.is_empty() {
            for directory in std::mem::take(&mut self.directories) {
                self.directory(&directory)?;
            }
        }
        Ok(glob::fixed_part(glob).to_owned())
    }

    fn step(&mut self, at: String, segments: &[Segment]) -> Result<()> {
        let Some((segment, rest)) = segments.split_first() else {
            return self.matched(at);
        };
        match segment {
            Segment::Name(name) => {
                let path = join(&at, name);
                match fs::symlink_metadata(&path) {
                    Ok(_) => self.step(path, rest),
                    Err(error) if absent(&error) => Ok(()),
                    Err(error) => Err(error::on_file(&path, error)),
                }
            }
            Segment::AnyDepth => {
                self.step(at.clone(), rest)?;
                for (name, entry) in self.entries_if_any(&at)? {
                    let path = join(&at, &name);
                    if !is_hidden(&name) && matches!(self.kind(&path, &entry)?, Entry::Directory) {
                        self.step(path, segments)?;
                    }
                }
                Ok(())
            }
            Segment::Glob(glob) => {
                for (name, _) in self.entries_if_any(&at)? {
                    if glob.matches(&name) && (!is_hidden(&name) || glob.names_hidden()) {
                        self.step(join(&at, &name), rest)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn matched(&mut self, path: String) -> Result<()> {
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(_) if self.lenient => return Ok(()),
            Err(error) if absent(&error) => return Err(error::not_found(&path)),
            Err(error) => return Err(error::on_file(&path, error)),
        };
        if metadata.is_file() {
            if self.passes_filter(&path) {
                self.found.push(Found::new(path, &metadata));
            }
        } else if metadata.is_dir() {
            self.directories.push(path);
        }
        Ok(())
    }

    fn kind(&self, path: &str, entry: &DirEntry) -> Result<Entry> {
        match kind(path, entry) {
            Err(_) if self.lenient => Ok(Entry::Other),
            kind => kind,
        }
    }

    fn entries_if_any(&self, directory: &str) -> Result<Vec<(String, DirEntry)>> {
        match fs::metadata(shown(directory)) {
            Ok(metadata) if metadata.is_dir() => self.entries(directory),
            _ => Ok(Vec::new()),
        }
    }

    fn entries(&self, directory: &str) -> Result<Vec<(String, DirEntry)>> {
        let on_file = |error| error::on_file(shown(directory), error);
        let mut named = Vec::new();
        for entry in fs::read_dir(shown(directory)).map_err(on_file)? {
            let entry = entry.map_err(on_file)?;
            match entry.file_name().into_string() {
                Ok(name) => named.push((name, entry)),
                Err(name) if self.lenient || name.to_string_lossy().starts_with('.') => {}
                Err(name) => {
                    return Err(Error::new(
                        ErrorKind::InvalidInput,
                        "file name is not valid UTF-8",
                    )
                    .with("file", join(directory, &name.to_string_lossy())));
                }
            }
        }
        Ok(named)
    }
}

enum Entry {
    File(Metadata),
    /// A directory itself, not a link to one.
    Directory,
    Other,
}

fn kind(path: &str, entry: &DirEntry) -> Result<Entry> {
    let on_file = |error| error::on_file(path, error);
    let kind = entry.file_type().map_err(on_file)?;
    if kind.is_dir() {
        return Ok(Entry::Directory);
    }
    if !kind.is_file() && !kind.is_symlink() {
        return Ok(Entry::Other);
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Entry::File(metadata)),
        Ok(_) => Ok(Entry::Other),
        Err(error) if absent(&error) => Err(error::not_found(path)),
        Err(error) => Err(on_file(error)),
    }
}

/// Gives the directory that an empty one stands for.
pub(super) fn shown(directory: &str) -> &str {
    if directory.is_empty() { "." } else { directory }
}

/// Puts a name behind a directory.
pub(super) fn join(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        _ if directory.ends_with('/') => format!("{directory}{name}"),
        _ => format!("{directory}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::path::{Target, target};
    use std::os::unix::fs::symlink;
    use velo_core::Uri;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(paths: &[&str]) -> Self {
            let root = tempfile::tempdir().unwrap();
            for path in paths {
                let path = root.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "a\n1\n").unwrap();
            }
            Self(root)
        }

        fn root(&self) -> &str {
            self.0.path().to_str().unwrap()
        }

        fn list(&self, path: &str, options: &FileReadOptions) -> Result<Vec<String>> {
            let uri = Uri::parse(&format!("{}/{path}", self.root())).unwrap();
            let Target::Path(pattern) = target(&uri).unwrap() else {
                panic!("{path}");
            };
            let files = list(&pattern, options, None)?.files.into_iter();
            let root = format!("{}/", self.root());
            Ok(files
                .map(|file| file.path.strip_prefix(&root).unwrap().to_owned())
                .collect())
        }
    }

    #[test]
    fn finds_files_directories_and_patterns() {
        let tree = Tree::new(&[
            "a.csv",
            "b.csv",
            "[a].csv",
            "c.csv.gz",
            "_SUCCESS",
            ".hidden.csv",
            "notes.md",
            "sub/d.csv",
            "sub/deep/e.csv",
            "year=2020/f.csv",
            "_tmp/g.csv",
            "ab.csv",
        ]);
        let options = FileReadOptions::default();
        for (path, expected) in [
            ("a.csv", &["a.csv"][..]),
            ("[a].csv", &["[a].csv"]),
            ("[ab].csv", &["a.csv", "b.csv"]),
            ("[!a].csv", &["b.csv"]),
            ("?.csv", &["a.csv", "b.csv"]),
            ("*.csv", &["[a].csv", "a.csv", "ab.csv", "b.csv"]),
            ("{b,a,missing}.csv", &["a.csv", "b.csv"]),
            ("{a,sub/d}.csv", &["a.csv", "sub/d.csv"]),
            ("a{,b}.csv", &["a.csv", "ab.csv"]),
            ("*/*.csv", &["sub/d.csv", "year=2020/f.csv"]),
            ("sub/**/*.csv", &["sub/d.csv", "sub/deep/e.csv"]),
            ("**/e.csv", &["sub/deep/e.csv"]),
            ("sub/**", &["sub/d.csv", "sub/deep/e.csv"]),
            ("year=*", &["year=2020/f.csv"]),
            ("_tmp/*.csv", &["_tmp/g.csv"]),
            (".h*", &[".hidden.csv"]),
            (
                "",
                &[
                    "[a].csv",
                    "a.csv",
                    "ab.csv",
                    "b.csv",
                    "c.csv.gz",
                    "year=2020/f.csv",
                ],
            ),
        ] {
            assert_eq!(tree.list(path, &options).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn options_choose_files_of_directories() {
        let tree = Tree::new(&["a.csv", "b.jsonl", "c.CSV.gz", "sub/d.csv", "k=1/e.csv"]);
        let recursive = FileReadOptions {
            recursive: true,
            ..FileReadOptions::default()
        };
        assert_eq!(tree.list("", &recursive).unwrap().len(), 5);
        let filtered = FileReadOptions {
            extension_filter: Some(vec![".csv.gz".to_owned(), "jsonl".to_owned()]),
            ..FileReadOptions::default()
        };
        assert_eq!(tree.list("", &filtered).unwrap(), ["b.jsonl", "c.CSV.gz"]);
        let flat = FileReadOptions {
            hive_partitioning: HivePartitioning::Off,
            extension_filter: Some(vec!["csv".to_owned()]),
            ..FileReadOptions::default()
        };
        assert_eq!(tree.list("", &flat).unwrap(), ["a.csv"]);
    }

    #[test]
    fn links_lead_to_files_and_never_in_circles() {
        let tree = Tree::new(&["data/a.csv", "elsewhere/b.csv"]);
        let root = tree.root();
        symlink("../elsewhere/b.csv", format!("{root}/data/link.csv")).unwrap();
        symlink("..", format!("{root}/data/up")).unwrap();
        let recursive = FileReadOptions {
            recursive: true,
            ..FileReadOptions::default()
        };
        let expected = ["data/a.csv", "data/link.csv"];
        assert_eq!(tree.list("data", &recursive).unwrap(), expected);
        assert_eq!(tree.list("data/**/*.csv", &recursive).unwrap(), expected);
        symlink("loop.csv", format!("{root}/loop.csv")).unwrap();
        let report = tree.list("loop.csv", &recursive).unwrap_err().report();
        assert!(report.contains("form a loop"), "{report}");
        symlink("nowhere", format!("{root}/data/gone.csv")).unwrap();
        for path in ["data/gone.csv", "data", "data/*.csv"] {
            let report = tree.list(path, &recursive).unwrap_err().report();
            assert!(report.contains("leads nowhere"), "{path}: {report}");
        }
    }

    #[test]
    fn says_what_is_there_instead() {
        let tree = Tree::new(&["orders.csv", "sub/x.txt"]);
        let options = FileReadOptions::default();
        for (path, part) in [
            ("order.csv", "did you mean"),
            ("*.parquet", "it holds orders.csv"),
            ("nowhere/*.csv", "does not exist"),
            ("sub", "no files to read"),
            ("[ab.csv", "pattern"),
        ] {
            let report = tree.list(path, &options).unwrap_err().report();
            assert!(report.contains(part), "{path}: {report}");
        }
    }
}
