//! One run, and what many runs come to.

use std::ffi::OsString;
use std::path::Path;

use serde_json::Value;

use super::environment::Environment;
use crate::command::{output, program};
use crate::error::{Error, Result};

/// What one run cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) mib: f64,
}

/// What several runs of the same command come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) wall: f64,
    pub(crate) fastest: f64,
    pub(crate) slowest: f64,
    pub(crate) cpu: f64,
    pub(crate) mib: f64,
}

/// Runs a command once under `measure.py`, which then flushes a file where that is wanted.
pub(crate) fn measure(
    environment: &Environment,
    command: &[OsString],
    flushed: Option<&Path>,
) -> Result<Sample> {
    let mut measured = program(&environment.python, &environment.output);
    measured
        .arg(environment.scripts.join("measure.py"))
        .arg(environment.threads.to_string())
        .arg(flushed.unwrap_or(Path::new("-")))
        .args(command);
    let cost: Value = serde_json::from_str(&output(&mut measured)?)?;
    if cost["exit"] != 0 {
        let spelled: Vec<_> = command.iter().map(|it| it.to_string_lossy()).collect();
        return Err(Error::new(format!(
            "`{}` ended with {}",
            spelled.join(" "),
            cost["exit"]
        )));
    }
    let number = |name: &str| cost[name].as_f64().unwrap_or(f64::NAN);
    Ok(Sample {
        wall: number("wall"),
        cpu: number("cpu"),
        mib: number("mib"),
    })
}

impl Summary {
    /// Medians of what is not empty; `None` for no samples.
    pub(crate) fn of(samples: &[Sample]) -> Option<Self> {
        let wall = sorted(samples, |it| it.wall);
        Some(Self {
            wall: median(&wall)?,
            fastest: *wall.first()?,
            slowest: *wall.last()?,
            cpu: median(&sorted(samples, |it| it.cpu))?,
            mib: median(&sorted(samples, |it| it.mib))?,
        })
    }
}

fn sorted(samples: &[Sample], field: fn(&Sample) -> f64) -> Vec<f64> {
    let mut values: Vec<f64> = samples.iter().map(field).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let cases: [(&[f64], Option<f64>); 4] = [
            (&[], None),
            (&[3.0], Some(3.0)),
            (&[1.0, 2.0], Some(1.5)),
            (&[1.0, 2.0, 9.0], Some(2.0)),
        ];
        for (values, expected) in cases {
            assert_eq!(median(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_summary_has_median_and_range() {
        let sample = |wall| Sample {
            wall,
            cpu: 2.0 * wall,
            mib: 10.0,
        };
        let summary = Summary::of(&[sample(3.0), sample(1.0), sample(2.0)]).unwrap();
        assert_eq!(
            (summary.fastest, summary.wall, summary.slowest),
            (1.0, 2.0, 3.0)
        );
        assert_eq!((summary.cpu, summary.mib), (4.0, 10.0));
    }
}
