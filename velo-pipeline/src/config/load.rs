//! From files to a pipeline file: extended, a profile chosen, named sources and variables resolved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result};

use super::folders::Folders;
use super::node::Node;
use super::place::Origin;
use super::variables::Variables;
use super::{PipelineFile, data_sources, extends, profile, value, yaml};

/// Largest `metadata`, in bytes of JSON.
const LARGEST_METADATA: usize = 64 << 10;

/// Folders of secrets that are always allowed.
const SECRETS: [&str; 2] = ["/run/secrets", "/var/run/secrets"];

/// What a configuration is read with, beside its files.
///
/// ```
/// use velo_pipeline::config::{Loading, PipelineFile};
/// let mut loading = Loading::default();
/// loading.environment.insert("REGION".to_owned(), "eu".to_owned());
/// let text = "name: orders-${REGION}\nsource: in.csv\nsink: out.csv\n";
/// assert_eq!(PipelineFile::parse_with(text, &loading)?.name, "orders-eu");
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Loading {
    /// The profile to lay over the file.
    pub profile: Option<String>,
    /// Folders, beside that of the main file, from which files may be extended and secrets read.
    pub roots: Vec<PathBuf>,
    /// Folders from which secrets may be read.
    pub secret_folders: Vec<PathBuf>,
    /// What `${NAME}` stands for.
    pub environment: BTreeMap<String, String>,
}

impl std::fmt::Debug for Loading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The environment holds secrets.
        f.debug_struct("Loading")
            .field("profile", &self.profile)
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}

impl Loading {
    /// Takes the environment of the process: `VELO_PROFILE`, `VELO_CONFIG_ROOT`, `VELO_SECRET_DIRS`
    /// (folders with colons between) and every variable that is UTF-8.
    #[must_use]
    pub fn from_environment() -> Self {
        let folders = |name: &str| -> Vec<PathBuf> {
            let value = std::env::var_os(name).unwrap_or_default();
            let all = std::env::split_paths(&value);
            all.filter(|path| !path.as_os_str().is_empty()).collect()
        };
        let usual = SECRETS.iter().map(PathBuf::from);
        let pairs = std::env::vars_os();
        let text = pairs.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let environment: BTreeMap<String, String> = text.collect();
        let profile = environment.get("VELO_PROFILE");
        Self {
            profile: profile.filter(|name| !name.is_empty()).cloned(),
            roots: folders("VELO_CONFIG_ROOT"),
            secret_folders: usual.chain(folders("VELO_SECRET_DIRS")).collect(),
            environment,
        }
    }
}

impl PipelineFile {
    /// Reads a file in the environment of the process.
    ///
    /// # Errors
    /// The first of [`load`](Self::load).
    pub fn read(path: &Path) -> Result<Self> {
        first(Self::load(path, &Loading::from_environment()))
    }

    /// Reads a file and what it extends.
    ///
    /// # Errors
    /// At least one, in the order of lines: `NotFound` and `PermissionDenied` for the file itself;
    /// `Config` with file, line and column for everything else.
    pub fn load(path: &Path, loading: &Loading) -> Result<Self, Vec<Error>> {
        let folders = Folders::new(path, &loading.roots, &loading.secret_folders);
        let root = extends::load(path, &folders).map_err(|error| vec![error])?;
        finish(root, loading, &folders)
    }

    /// Reads YAML without an environment; it can extend nothing.
    ///
    /// # Errors
    /// `Config` with line and column, and the nearest right name of a key that is unknown.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &Loading::default())
    }

    /// Reads YAML that extends nothing.
    ///
    /// # Errors
    /// `Config` with line and column.
    pub fn parse_with(text: &str, loading: &Loading) -> Result<Self> {
        let origin = Arc::new(Origin {
            shown: String::new(),
            folder: PathBuf::new(),
        });
        if text.len() as u64 > extends::LARGEST {
            return Err(Error::new(ErrorKind::Config, "file is larger than 1 MiB"));
        }
        let mut root = yaml::parse(text, &origin)?;
        if let Some(entry) = root.take("extends") {
            let error = Error::new(ErrorKind::Config, "only a file can extend another");
            return Err(entry.place.put(error));
        }
        let folders = Folders::new(Path::new(""), &loading.roots, &loading.secret_folders);
        first(finish(root, loading, &folders))
    }
}

fn first(outcome: Result<PipelineFile, Vec<Error>>) -> Result<PipelineFile> {
    outcome.map_err(|errors| {
        let nothing = || Error::new(ErrorKind::Unexpected, "refused for no reason");
        errors.into_iter().next().unwrap_or_else(nothing)
    })
}

/// Chooses the profile, resolves names and variables, and reads the struct.
fn finish(
    mut root: Node,
    loading: &Loading,
    folders: &Folders,
) -> Result<PipelineFile, Vec<Error>> {
    let resolved = resolve(&mut root, loading, folders);
    let places = resolved.map_err(|error| vec![error])?;
    let place = root.place.clone();
    let mut file: PipelineFile = value::read(root)?;
    let metadata = serde_json::to_string(&file.metadata).map_or(usize::MAX, |json| json.len());
    if metadata > LARGEST_METADATA {
        let error = Error::new(ErrorKind::Config, "metadata is larger than 64 KiB");
        let refused: Result<()> = places.at("metadata", Err(error));
        return Err(refused.err().into_iter().collect());
    }
    file.places = places;
    file.places.0.insert(String::new(), place);
    Ok(file)
}

fn resolve(root: &mut Node, loading: &Loading, folders: &Folders) -> Result<super::Places> {
    if root.as_map().is_none() {
        let error = Error::new(ErrorKind::Config, "expected a map of keys");
        return Err(root.place.put(error));
    }
    profile::choose(root, loading.profile.as_deref())?;
    let entries = root.take("data_sources");
    let unused = data_sources::put_in_place(root, entries)?;
    unused.values().try_for_each(data_sources::check)?;
    let variables = Variables {
        environment: &loading.environment,
        folders,
    };
    variables.resolve(root)?;
    let places = root.places();
    data_sources::translate(root)?;
    Ok(places)
}
