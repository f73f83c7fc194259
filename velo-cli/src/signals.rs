//! What Ctrl-C and SIGTERM do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use velo_pipeline::Stop;

const INTERRUPTED: i32 = 130;
const TERMINATED: i32 = 143;

/// Keeps the process alive where a file would pass a limit of the system (RLIMIT_FSIZE): the write
/// then fails with an error, which is reported like any other.
pub(crate) fn outlive_limits() {
    const SIGXFSZ: i32 = 25;
    // Not all systems have it under this number; there nothing changes.
    drop(signal(SignalKind::from_raw(SIGXFSZ)));
}

/// Asks to stop in good order at the first signal and ends the process at the second; says whether
/// it was Ctrl-C.
pub(crate) fn stop_in_good_order(stop: &Stop) -> Arc<AtomicBool> {
    let (stop, interrupted) = (stop.clone(), Arc::new(AtomicBool::new(false)));
    let told = interrupted.clone();
    tokio::spawn(async move {
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            return;
        };
        for second in [false, true] {
            let code = tokio::select! {
                _ = tokio::signal::ctrl_c() => INTERRUPTED,
                _ = terminate.recv() => TERMINATED,
            };
            if second {
                std::process::exit(code);
            }
            told.store(code == INTERRUPTED, Ordering::Relaxed);
            stop.now();
        }
    });
    interrupted
}
