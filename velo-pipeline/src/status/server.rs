//! Takes connections, few and short ones, in a thread with a runtime of its own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use velo_core::{Error, ErrorKind, Result};

use super::monitor::Monitor;
use super::routes::Routes;
use super::webhook::Webhook;
use crate::{Watched, Watching};

/// Connections at a time; more are turned away.
const CONNECTIONS: usize = 64;

/// Time for the head of a request.
const HEAD: Duration = Duration::from_secs(5);

/// Time for a whole connection, which is one request.
const WHOLE: Duration = Duration::from_secs(20);

/// Largest head of a request, in bytes.
const LARGEST: usize = 16 << 10;

/// Headers of a request at most.
const HEADERS: usize = 64;

/// How often the pipelines are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Serves status and metrics, and tells of changes of health, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Serves the status of pipelines as `watching` says; `None` if it asks for nothing.
///
/// # Errors
/// `Unavailable` when nobody can listen at the address.
pub fn serve(watched: Vec<Watched>, watching: &Watching) -> Result<Option<Server>> {
    let listener = match &watching.status {
        Some(status) => Some(listen(status.listen)?),
        None if watching.webhook.is_none() => return Ok(None),
        None => None,
    };
    let address = listener.as_ref().and_then(|open| open.local_addr().ok());
    if let Some(address) = address {
        tracing::info!(address = %address, "status is served");
    }
    let webhook = watching.webhook.as_ref().map(Webhook::start).transpose()?;
    let status = watching.status.clone().unwrap_or_default();
    let monitor = Arc::new(Monitor::new(watched));
    let routes = Arc::new(Routes::new(monitor.clone(), status));
    let (stop, stopped) = oneshot::channel();
    let not_started =
        |cause| Error::new(ErrorKind::Io, "start the status thread").with_source(cause);
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(not_started)?;
    let work = move || {
        runtime.block_on(async {
            tokio::select! {
                () = look(&monitor, webhook.as_ref()) => {}
                () = take(listener, routes) => {}
                _ = stopped => {}
            }
        });
    };
    let thread = std::thread::Builder::new().name("velo-status".to_owned());
    Ok(Some(Server {
        address,
        stop: Some(stop),
        thread: Some(thread.spawn(work).map_err(not_started)?),
    }))
}

impl Server {
    /// Gives where it listens; `None` if it only tells of changes.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended as well.
            drop(thread.join());
        }
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    let open = TcpListener::bind(address).and_then(|open| {
        open.set_nonblocking(true)?;
        Ok(open)
    });
    open.map_err(|cause| {
        Error::new(ErrorKind::Unavailable, "listen for status")
            .with("address", address)
            .with_source(cause)
            .with_hint("give another one: `status: { listen: 127.0.0.1:9465 }`")
    })
}

/// Looks at the pipelines every second and tells of changes.
async fn look(monitor: &Monitor, webhook: Option<&Webhook>) {
    let mut clock = tokio::time::interval(LOOK);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        for change in monitor.tick() {
            let (pipeline, level) = (&change.pipeline, change.health.level);
            let reasons = change.health.reasons.iter().map(|reason| reason.code);
            let reasons = reasons.collect::<Vec<_>>().join(",");
            tracing::info!(pipeline = %pipeline, health = %level, reasons, "health has changed");
            if let Some(webhook) = webhook {
                webhook.tell(&change);
            }
        }
    }
}

/// Takes connections for ever.
async fn take(listener: Option<TcpListener>, routes: Arc<Routes>) {
    let open = listener.map(tokio::net::TcpListener::from_std);
    let Some(Ok(listener)) = open else {
        return std::future::pending().await;
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No file left for it: those that are open will end soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = room.clone().try_acquire_owned() else {
            continue;
        };
        let routes = routes.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let routes = routes.clone();
                async move { Ok::<_, std::convert::Infallible>(routes.answer(&request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .keep_alive(false)
                .max_buf_size(LARGEST)
                .max_headers(HEADERS)
                .serve_connection(TokioIo::new(stream), answer);
            // A visitor who goes or dawdles is no failure of ours.
            drop(tokio::time::timeout(WHOLE, connection).await);
            drop(place);
        });
    }
}
