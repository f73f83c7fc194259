//! Asks a running velo over HTTP.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use velo_core::{Error, ErrorKind, Result};
use velo_pipeline::config::{PipelineFile, StatusOptions};

/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest answer that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// A running velo.
pub(crate) struct Visit {
    /// Its address, as it is shown.
    pub(crate) address: String,
    agent: Agent,
}

impl Visit {
    /// Finds the address that is meant: one that is spelled out, or that of a pipeline file.
    ///
    /// # Errors
    /// What is wrong with the file; `Config` for a file that serves no status.
    pub(crate) fn to(place: &str) -> Result<Self> {
        let is_address = match place.rsplit_once(':') {
            Some((_, port)) => port.parse::<u16>().is_ok() && !Path::new(place).exists(),
            None => false,
        };
        let address = match is_address {
            true => place.to_owned(),
            false => of_file(Path::new(place))?.to_string(),
        };
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        Ok(Self {
            address,
            agent: Agent::new_with_config(config),
        })
    }

    /// Gives the usual address.
    pub(crate) fn usual() -> String {
        StatusOptions::default().listen.to_string()
    }

    /// Asks for a path.
    ///
    /// # Errors
    /// `Unavailable` when nobody answers, `PermissionDenied` and `Conflict` in the server's words.
    pub(crate) fn ask(&self, path: &str) -> Result<String> {
        let lost = |cause: ureq::Error| {
            Error::new(ErrorKind::Unavailable, "no velo answers")
                .with("address", &self.address)
                .with_source(cause)
                .with_hint("does the pipeline run, with `status:` in its file?")
        };
        let url = format!("http://{}{path}", self.address);
        let mut answer = self.agent.get(&url).call().map_err(lost)?;
        let body = answer.body_mut().with_config().limit(LARGEST);
        let text = body.read_to_string().map_err(lost)?;
        let kind = match answer.status().as_u16() {
            200 => return Ok(text),
            403 => ErrorKind::PermissionDenied,
            409 => ErrorKind::Conflict,
            _ => ErrorKind::Unexpected,
        };
        let told = crate::report::plain(text.trim_end());
        Err(Error::new(kind, told).with("address", &self.address))
    }
}

fn of_file(file: &Path) -> Result<SocketAddr> {
    match PipelineFile::read(file)?.status {
        Some(status) => Ok(status.listen),
        None => Err(Error::new(ErrorKind::Config, "pipeline serves no status")
            .with("file", file.display())
            .with_hint("add `status: {}`, or give the address of `velo run --status ADDR`")),
    }
}
