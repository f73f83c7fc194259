//! The workspace as cargo and git see it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{cargo, output};
use crate::error::{Error, Result};

/// The root directory, the crates, and the settings under `[workspace.metadata.velo]`.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
    pub(crate) settings: Value,
}

/// One crate of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    /// Whether it goes to a registry.
    pub(crate) published: bool,
    pub(crate) license: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) rust_version: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) benches: Vec<String>,
}

/// One line of a crate's dependency tables.
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Whether only tests, examples and benches see it.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo for the workspace that this program belongs to.
    pub(crate) fn load() -> Result<Self> {
        // `cargo run` names our own directory, wherever it was called.
        let start = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| ".".into());
        let start = Path::new(&start);
        let arguments = ["metadata", "--no-deps", "--format-version", "1"];
        let text = output(cargo(start).args(arguments))?;
        Self::parse(&serde_json::from_str(&text)?)
    }

    pub(crate) fn parse(metadata: &Value) -> Result<Self> {
        let path = |name: &str| {
            let path = metadata[name].as_str().map(PathBuf::from);
            path.ok_or_else(|| Error::new(format!("cargo metadata has no `{name}`")))
        };
        let packages = metadata["packages"].as_array().into_iter().flatten();
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
            packages: packages.map(Package::parse).collect(),
            settings: metadata["metadata"]["velo"].clone(),
        })
    }

    /// Lists the files of the tree, relative to the root, sorted; build output is left out.
    ///
    /// A walk, not `git ls-files`: an unpacked archive has no git.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let mut directories = vec![self.root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory).map_err(|e| Error::file(&directory, &e))? {
                let entry = entry?;
                let (kind, path) = (entry.file_type()?, entry.path());
                if kind.is_file() {
                    files.extend(path.strip_prefix(&self.root).map(Path::to_owned));
                } else if kind.is_dir() && !self.is_output(&path) {
                    directories.push(path);
                }
            }
        }
        files.sort();
        Ok(files)
    }

    fn is_output(&self, directory: &Path) -> bool {
        directory == self.target || directory.ends_with(".git") || directory.ends_with("target")
    }

    /// Reads a file by its path relative to the root.
    pub(crate) fn read(&self, file: impl AsRef<Path>) -> Result<String> {
        let path = self.root.join(file);
        std::fs::read_to_string(&path).map_err(|error| Error::file(&path, &error))
    }

    /// A crate's directory relative to the root.
    pub(crate) fn relative<'a>(&self, package: &'a Package) -> &'a Path {
        let directory = &package.directory;
        directory.strip_prefix(&self.root).unwrap_or(directory)
    }
}

impl Package {
    fn parse(package: &Value) -> Self {
        let text = |name: &str| package[name].as_str().map(str::to_owned);
        let list = |name: &str| package[name].as_array().into_iter().flatten();
        let manifest = PathBuf::from(text("manifest_path").unwrap_or_default());
        Self {
            name: text("name").unwrap_or_default(),
            directory: manifest.parent().map(Path::to_owned).unwrap_or_default(),
            published: package["publish"]
                .as_array()
                .is_none_or(|to| !to.is_empty()),
            license: text("license"),
            description: text("description"),
            rust_version: text("rust_version"),
            dependencies: list("dependencies").map(Dependency::parse).collect(),
            benches: list("targets")
                .filter(|target| target["kind"][0] == "bench")
                .filter_map(|target| target["name"].as_str().map(str::to_owned))
                .collect(),
        }
    }
}

impl Dependency {
    fn parse(dependency: &Value) -> Self {
        Self {
            name: dependency["name"].as_str().unwrap_or_default().to_owned(),
            dev: dependency["kind"] == "dev",
        }
    }
}
