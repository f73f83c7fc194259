//! What a pipeline remembers: is it whole, of these ends, and free?

use std::time::{Duration, SystemTime};

use velo_core::ErrorKind;

use super::{Finding, Patient, folders};

/// How far a clock may be behind what it wrote itself.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Before this nobody ran velo: 2026-01-01 in seconds since 1970.
const EARLIEST: u64 = 1_767_225_600;

/// Looks at the state, and gives the last epoch.
pub(super) async fn look(patient: &Patient) -> (Vec<Finding>, u64) {
    let about = "state";
    let pipeline = &patient.pipeline;
    let Some(store) = &pipeline.store else {
        let finding = match pipeline.sink().capabilities().positions {
            true => Finding::ok(about, "positions are kept in the sink"),
            false => Finding::warning(
                about,
                "nothing is remembered: every run begins again",
                "add `checkpoint: { store: file:///var/lib/velo }`",
            ),
        };
        return (vec![finding, clock(SystemTime::now(), None)], 0);
    };
    let mut findings = Vec::new();
    let mut epoch = 0;
    match store.read(&pipeline.name, pipeline.task).await {
        Err(error) => findings.push(Finding::of(about, &error)),
        Ok(None) => findings.push(Finding::ok(about, "none yet: this will be the first run")),
        Ok(Some(found)) if !found.ends.is_empty() && found.ends != pipeline.ends => {
            findings.push(Finding::problem(
                about,
                ErrorKind::Config,
                "what is stored belongs to another source or sink",
                "give the pipeline another name",
            ));
        }
        Ok(Some(found)) => {
            epoch = found.epoch;
            let (epoch, generation) = (found.epoch, found.generation);
            let whole = format!("whole: epoch {epoch}, generation {generation}");
            findings.push(Finding::ok(about, whole));
        }
    }
    if let Err(error) = store.check_free(&pipeline.name, pipeline.task).await {
        findings.push(Finding::of(about, &error));
    }
    let newest = folders::newest_checkpoint(&patient.described, pipeline);
    findings.push(clock(SystemTime::now(), newest));
    (findings, epoch)
}

/// Compares the clock with the newest checkpoint.
fn clock(now: SystemTime, newest: Option<SystemTime>) -> Finding {
    let about = "clock";
    let since_1970 = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let advice = "set the clock, and keep it by NTP";
    if since_1970.as_secs() < EARLIEST {
        let found = "is set to a time before this program was made";
        return Finding::problem(about, ErrorKind::Config, found, advice);
    }
    let behind = newest.and_then(|newest| newest.duration_since(now).ok());
    match behind {
        Some(behind) if behind > TOLERANCE => {
            let found = format!("is {} s behind the newest checkpoint", behind.as_secs());
            Finding::problem(about, ErrorKind::Config, found, advice)
        }
        _ => Finding::ok(about, "is not behind the newest checkpoint"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_clock_is_not_behind_what_it_wrote() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(EARLIEST + 1_000_000);
        let problem = Level::Problem(ErrorKind::Config);
        for (newest, level) in [
            (None, Level::Ok),
            (Some(now - Duration::from_secs(9)), Level::Ok),
            (Some(now + Duration::from_secs(1)), Level::Ok),
            (Some(now + Duration::from_secs(60)), problem),
        ] {
            assert_eq!(clock(now, newest).level, level);
        }
        assert_eq!(clock(SystemTime::UNIX_EPOCH, None).level, problem);
    }
}
