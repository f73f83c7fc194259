//! Slowing down.

use std::str::FromStr;
use std::time::Duration;

use velo_core::{ByteSize, Error, ErrorKind, Pace, Result};

/// What is handed on at once lasts for so long.
const PORTION: Duration = Duration::from_millis(100);

/// So many rows, or bytes, per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    Rows(u64),
    Bytes(u64),
}

impl Rate {
    pub(super) const EXPECTED: &'static str = "a rate such as 1000/s or 10MiB/s";
}

impl FromStr for Rate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let rate = text.trim().strip_suffix("/s").and_then(|amount| {
            let amount = amount.trim();
            match amount.ends_with(['b', 'B']) {
                true => Some(Self::Bytes(amount.parse::<ByteSize>().ok()?.0)),
                false => Some(Self::Rows(amount.replace('_', "").parse().ok()?)),
            }
        });
        let positive = rate.filter(|rate| !matches!(rate, Self::Rows(0) | Self::Bytes(0)));
        positive.ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("expected {}", Self::EXPECTED))
                .with_hint("digits alone are rows, with B at the end they are bytes")
        })
    }
}

/// Lets so many rows and bytes pass per second, over all lanes that share it, by tokio's clock.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use velo_pipeline::Transforms;
/// let transforms = Transforms::parse(&serde_json::json!([{ "rate_limit": "1000/s" }]))?;
/// let limiter = transforms.limiter().unwrap();
/// limiter.wait(1, 100).await;
/// assert_eq!(limiter.rows_at_once(8192, 1 << 20), 100);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Limiter {
    rows: Vec<Pace>,
    bytes: Vec<Pace>,
}

impl Limiter {
    /// Keeps all of the rates; `None` where there is none.
    pub(super) fn new(rates: impl Iterator<Item = Rate>) -> Option<Self> {
        let mut limiter = Self {
            rows: Vec::new(),
            bytes: Vec::new(),
        };
        for rate in rates {
            match rate {
                Rate::Rows(rows) => limiter.rows.push(Pace::new(rows as f64)),
                Rate::Bytes(bytes) => limiter.bytes.push(Pace::new(bytes as f64)),
            }
        }
        let some = !limiter.rows.is_empty() || !limiter.bytes.is_empty();
        some.then_some(limiter)
    }

    /// Waits until so many rows and bytes may pass. Cancel-safe: dropping the future leaves a gap
    /// in the stream of rows and nothing else.
    pub async fn wait(&self, rows: u64, bytes: u64) {
        let rows = self.rows.iter().map(|pace| pace.claim(rows));
        let bytes = self.bytes.iter().map(|pace| pace.claim(bytes));
        if let Some(slot) = rows.chain(bytes).max() {
            tokio::time::sleep_until(slot).await;
        }
    }

    /// Gives how many rows of a batch to hand on at once, so that they flow evenly: at least 1,
    /// and what passes in a tenth of a second.
    #[must_use]
    pub fn rows_at_once(&self, rows: usize, bytes: usize) -> usize {
        let row_bytes = (bytes / rows.max(1)).max(1) as u64;
        let by_rows = self.rows.iter().map(|pace| pace.portion(PORTION));
        let by_bytes = self.bytes.iter();
        let by_bytes = by_bytes.map(|pace| pace.portion(PORTION) / row_bytes);
        let least = by_rows.chain(by_bytes).min().unwrap_or(u64::MAX);
        usize::try_from(least)
            .unwrap_or(usize::MAX)
            .clamp(1, rows.max(1))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn rates_are_rows_or_bytes() {
        let cases = [
            ("1000/s", Some(Rate::Rows(1000))),
            ("1_000 /s", Some(Rate::Rows(1000))),
            ("10MiB/s", Some(Rate::Bytes(10 << 20))),
            ("64kB/s", Some(Rate::Bytes(64_000))),
            ("0/s", None),
            ("0B/s", None),
            ("1000", None),
            ("1k/s", None),
            ("-1/s", None),
            ("1000/min", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Rate>().ok(), expected, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_share_the_slower_of_two_rates() {
        let rates = [Rate::Rows(1_000_000), Rate::Bytes(100_000)];
        let limiter = std::sync::Arc::new(Limiter::new(rates.into_iter()).unwrap());
        let start = Instant::now();
        let lane = |limiter: std::sync::Arc<Limiter>| async move {
            for _ in 0..100 {
                limiter.wait(10, 1000).await;
            }
        };
        let other = tokio::spawn(lane(limiter.clone()));
        lane(limiter.clone()).await;
        other.await.unwrap();
        // 200,000 bytes; the last slot begins a portion before the end.
        let elapsed = start.elapsed().as_millis();
        assert!((1990..2010).contains(&elapsed), "{elapsed} ms");
    }

    #[test]
    fn portions_are_never_empty_and_never_more_than_there_is() {
        let of = |rate, rows, bytes| {
            let limiter = Limiter::new([rate].into_iter()).unwrap();
            limiter.rows_at_once(rows, bytes)
        };
        assert_eq!(of(Rate::Rows(1), 8192, 100), 1);
        assert_eq!(of(Rate::Rows(1_000_000), 10, 100), 10);
        assert_eq!(of(Rate::Bytes(10_000), 100, 10_000), 10);
        assert_eq!(of(Rate::Bytes(1), 0, 0), 1);
    }
}
