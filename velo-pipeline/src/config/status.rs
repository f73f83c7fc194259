//! Who may look at a running pipeline, who is told how it is, and what it logs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use velo_core::{Error, ErrorKind, Result, TimeSpan};

use super::PipelineFile;
use crate::health::Level;

/// Where status and metrics are served unless it is said otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// How long a pipeline may be unhealthy before `/healthz` says so.
const GRACE: Duration = Duration::from_secs(60);

/// Status page, JSON status and metrics over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StatusOptions {
    /// Address and port to listen at; `127.0.0.1:9464` by default, port 0 is any that is free.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Shows a sample of the rows that pass to `velo tap`; on a loopback address only.
    pub tap: bool,
    /// How long the pipeline may be unhealthy before `/healthz` says so; a minute by default.
    pub grace: TimeSpan,
}

impl Default for StatusOptions {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            tap: false,
            grace: TimeSpan(GRACE),
        }
    }
}

impl StatusOptions {
    /// Refuses what would show rows to a network.
    ///
    /// # Errors
    /// `Config` for `tap` on an address that others reach.
    pub fn check(&self) -> Result<()> {
        if !self.tap || self.listen.ip().is_loopback() {
            return Ok(());
        }
        Err(
            Error::new(ErrorKind::Config, "rows are shown on this machine only")
                .with("key", "status.tap")
                .with("listen", self.listen)
                .with_hint("listen at 127.0.0.1, or leave out `tap`"),
        )
    }
}

/// Who is told when a pipeline's health changes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookOptions {
    /// Where a small JSON is sent by POST: `http://` or `https://`; never logged.
    #[schemars(with = "String")]
    pub url: SecretString,
    /// The changes to tell of; all by default.
    #[serde(default = "all")]
    pub on: Vec<Level>,
}

fn all() -> Vec<Level> {
    vec![Level::Healthy, Level::Degraded, Level::Unhealthy]
}

/// What a run logs on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogOptions {
    /// How lines look; text by default.
    pub format: Option<LogFormat>,
    /// The least important lines that are written; warnings by default.
    pub level: Option<LogLevel>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// One JSON object on each line.
    Json,
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What ended the run.
    Error,
    /// What failed and is tried again.
    Warn,
    /// Beginning and end, recovery.
    Info,
    /// Every epoch.
    Debug,
    /// Everything.
    Trace,
}

/// Who may look at a pipeline, who is told how it is, and what it logs.
#[derive(Debug, Clone, Default)]
pub struct Watching {
    /// Status page and metrics; `None` serves nothing.
    pub status: Option<StatusOptions>,
    /// Told when health changes.
    pub webhook: Option<WebhookOptions>,
    /// What is logged.
    pub log: LogOptions,
}

impl PipelineFile {
    /// Gives who may look and who is told.
    ///
    /// # Errors
    /// `Config` for rows shown to a network, and for an address of a webhook that is none.
    pub(super) fn watching(&self) -> Result<Watching> {
        if let Some(status) = &self.status {
            status.check()?;
        }
        if let Some(webhook) = &self.webhook {
            check_webhook(webhook)?;
        }
        Ok(Watching {
            status: self.status.clone(),
            webhook: self.webhook.clone(),
            log: self.log,
        })
    }
}

fn check_webhook(webhook: &WebhookOptions) -> Result<()> {
    use secrecy::ExposeSecret;
    let url = webhook.url.expose_secret();
    let known = url.starts_with("https://") || url.starts_with("http://");
    match known && !url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        true => Ok(()),
        false => Err(
            Error::new(ErrorKind::Config, "webhook is no address of the web")
                .with("key", "webhook.url")
                .with_hint("write https://host/path"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watching(more: &str) -> Result<Watching> {
        let text = format!("name: a\nsource: b\nsink: c\n{more}\n");
        PipelineFile::parse(&text)?.watching()
    }

    #[test]
    fn nothing_is_served_unless_it_is_asked_for() {
        assert!(watching("").unwrap().status.is_none());
        let status = watching("status: {}").unwrap().status.unwrap();
        assert_eq!(status.listen.to_string(), "127.0.0.1:9464");
        assert!(!status.tap && status.listen.ip().is_loopback());
    }

    #[test]
    fn rows_are_shown_on_a_loopback_address_only() {
        let refused = watching("status: { listen: 0.0.0.0:9464, tap: true }");
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Config);
        assert!(watching("status: { listen: '[::1]:1', tap: true }").is_ok());
        assert!(watching("status: { listen: 0.0.0.0:9464 }").is_ok());
        assert!(watching("status: { listen: somewhere }").is_err());
    }

    #[test]
    fn a_webhook_is_told_of_all_changes_and_shows_itself_to_nobody() {
        let webhook = watching("webhook: { url: 'https://h/s3cret' }").unwrap();
        let webhook = webhook.webhook.unwrap();
        assert_eq!(webhook.on.len(), 3);
        assert!(!format!("{webhook:?}").contains("s3cret"));
        let refused = watching("webhook: { url: 'ftp://h/s3cret' }").unwrap_err();
        assert!(!refused.report().contains("s3cret"), "{}", refused.report());
        let only = watching("webhook: { url: 'http://h/', on: [unhealthy] }").unwrap();
        assert_eq!(only.webhook.unwrap().on, [Level::Unhealthy]);
    }
}
