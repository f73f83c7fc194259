//! What a comparison needs before it starts: the binary, the peers, the data.

use std::path::{Path, PathBuf};

use super::Arguments;
use crate::command::{cargo, program, run, succeeds};
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// Where everything stands.
pub(crate) struct Environment {
    /// The Python of the peers' own virtual environment.
    pub(crate) python: PathBuf,
    pub(crate) scripts: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) output: PathBuf,
    /// Our binary; `None` when only the peers are measured.
    pub(crate) velo: Option<PathBuf>,
    pub(crate) threads: usize,
    /// Whether every output is flushed to the disk.
    pub(crate) durable: bool,
}

impl Environment {
    /// Builds, installs and generates what is not there yet.
    pub(crate) fn prepare(workspace: &Workspace, arguments: &Arguments) -> Result<Self> {
        let scale = arguments.sf;
        let base = workspace.target.join("bench");
        let environment = Self {
            python: base.join("venv/bin/python"),
            scripts: workspace.root.join("xtask/bench"),
            data: base.join(format!("sf{scale}")),
            output: base.join("output"),
            velo: if arguments.peers_only {
                None
            } else {
                Some(velo(workspace)?)
            },
            threads: arguments.threads,
            durable: arguments.durable,
        };
        std::fs::create_dir_all(&environment.data)?;
        std::fs::create_dir_all(&environment.output)?;
        environment.install_peers(&base)?;
        environment.generate(scale)?;
        Ok(environment)
    }

    fn install_peers(&self, base: &Path) -> Result {
        let requirements = self.scripts.join("requirements.txt");
        let installed = base.join("venv/requirements.txt");
        let wanted = std::fs::read(&requirements)?;
        if std::fs::read(&installed).is_ok_and(|present| present == wanted) {
            return Ok(());
        }
        let venv = run(program("python3", base).args(["-m", "venv", "venv"]));
        venv.map_err(|error| Error::new(format!("{error}; on Debian: python3-venv")))?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ];
        run(program(&self.python, base).args(pip).arg(&requirements))?;
        std::fs::write(&installed, wanted)?;
        Ok(())
    }

    fn generate(&self, scale: f64) -> Result {
        if !self.data.join("lineitem.parquet").is_file() {
            let generator = self.python.with_file_name("tpchgen-cli");
            let scale = scale.to_string();
            let arguments = ["parquet", "--tables", "lineitem", "--scale-factor", &scale];
            // Renamed when whole: an interrupted run leaves nothing that looks finished.
            let part = self.data.join("part");
            std::fs::create_dir_all(&part)?;
            let mut command = program(generator, &self.data);
            command
                .args(arguments)
                .args(["--overwrite", "--output-dir", "part"]);
            run(&mut command)?;
            std::fs::rename(
                part.join("lineitem.parquet"),
                self.data.join("lineitem.parquet"),
            )?;
        }
        let script = self.scripts.join("prepare.py");
        run(program(&self.python, &self.data)
            .arg(script)
            .arg(&self.data))
    }
}

/// `VELO_BIN`, else a release build.
pub(crate) fn velo(workspace: &Workspace) -> Result<PathBuf> {
    let binary = match std::env::var_os("VELO_BIN") {
        Some(binary) => PathBuf::from(binary),
        None => {
            let arguments = ["build", "--release", "--locked", "--package", "velo-cli"];
            run(cargo(&workspace.root).args(arguments))?;
            workspace.target.join("release/velo")
        }
    };
    if succeeds(program(&binary, &workspace.root).args(["copy", "--help"])) {
        return Ok(binary);
    }
    let binary = binary.display();
    Err(Error::new(format!(
        "{binary} has no `copy`; `--peers-only` measures without velo"
    )))
}
