//! Tells somebody of changes of health, by POST, from a thread of its own.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use ureq::Agent;
use velo_core::{Error, ErrorKind, Result};

use super::monitor::Change;
use crate::config::WebhookOptions;
use crate::health::Level;

/// Changes that wait to be told; later ones are left out.
const WAITING: usize = 16;

/// How often each is tried.
const TRIES: u32 = 3;

/// Time for one try.
const WHOLE: Duration = Duration::from_secs(10);

/// The wait before the second try; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// Somebody who is told.
pub(super) struct Webhook {
    on: Vec<Level>,
    changes: SyncSender<String>,
}

impl Webhook {
    /// Starts the thread that tells.
    pub(super) fn start(options: &WebhookOptions) -> Result<Self> {
        let (changes, waiting) = sync_channel(WAITING);
        let url = options.url.clone();
        let thread = std::thread::Builder::new().name("velo-webhook".to_owned());
        let started = thread.spawn(move || work(&url, &waiting));
        started.map_err(|cause| {
            Error::new(ErrorKind::Io, "start the webhook thread").with_source(cause)
        })?;
        Ok(Self {
            on: options.on.clone(),
            changes,
        })
    }

    /// Tells of a change, if it is one to be told; never waits.
    pub(super) fn tell(&self, change: &Change) {
        if !self.on.contains(&change.health.level) {
            return;
        }
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let body = json!({
            "at": now.as_secs(),
            "pipeline": change.pipeline,
            "task": change.task,
            "from": change.from,
            "to": change.health.level,
            "reasons": change.health.reasons,
        });
        if self.changes.try_send(body.to_string()).is_err() {
            tracing::warn!("webhook is too slow; a change of health is not told");
        }
    }
}

/// Sends what comes, until nobody can tell anything any more.
fn work(url: &SecretString, waiting: &Receiver<String>) {
    let config = Agent::config_builder()
        .timeout_global(Some(WHOLE))
        .max_redirects(0)
        .build();
    let agent = Agent::new_with_config(config);
    while let Ok(body) = waiting.recv() {
        let mut pause = PAUSE;
        for left in (0..TRIES).rev() {
            let sent = agent
                .post(url.expose_secret())
                .header("content-type", "application/json")
                .send(&body);
            match sent {
                Ok(_) => break,
                // The error may spell the address, which is a secret.
                Err(_) if left == 0 => tracing::warn!("webhook does not take a change of health"),
                Err(_) => std::thread::sleep(pause),
            }
            pause *= 2;
        }
    }
}
