//! One direction of a connection: reads pieces, applies the fault, writes them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Fault, Shared, reset};
use crate::data::Random;

/// Bytes read at once.
const PIECE: usize = 16 * 1024;
/// How often a held connection is looked at again.
const GLANCE: Duration = Duration::from_millis(5);

/// Where the bytes of a thread go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    ToServer,
    ToClient,
}

/// What becomes of a connection after a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    GoOn,
    Cut,
    Reset,
}

/// One direction of one connection.
pub(super) struct Pump {
    shared: Arc<Shared>,
    direction: Direction,
    random: Random,
    from: TcpStream,
    to: TcpStream,
    setting: u64,
    /// Bytes since the fault was set.
    passed: u64,
    due: Instant,
    /// Whether the client has sent something since the last answer began.
    asked: Arc<AtomicBool>,
}

impl Pump {
    pub(super) fn new(
        shared: Arc<Shared>,
        direction: Direction,
        connection: (u64, Arc<AtomicBool>),
        (from, to): (TcpStream, TcpStream),
    ) -> Self {
        let (connection, asked) = connection;
        let salt = connection * 2 + direction as u64;
        Self {
            random: Random::new(shared.seed ^ salt),
            shared,
            direction,
            from,
            to,
            setting: 0,
            passed: 0,
            due: Instant::now(),
            asked,
        }
    }

    /// Passes bytes on until one side ends.
    pub(super) fn run(mut self) {
        let mut buffer = vec![0; PIECE];
        loop {
            let read = self.from.read(&mut buffer);
            // Also the end of a stream is kept from the other side of a black hole.
            if !self.wait_while_black() {
                return;
            }
            match read {
                Ok(0) => {
                    let _ = self.to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(count) => match self.pass(&mut buffer[..count]) {
                    Ok(After::GoOn) => {}
                    Ok(After::Cut) => return reset(&self.from),
                    Ok(After::Reset) | Err(_) => return self.reset(),
                },
                Err(_) => return self.reset(),
            }
        }
    }

    fn reset(&self) {
        reset(&self.from);
        reset(&self.to);
    }

    /// Waits out a black hole; `false` when the proxy or the connection ended meanwhile.
    fn wait_while_black(&self) -> bool {
        while self.shared.fault().0 == Fault::BlackHole {
            if self.shared.ended() || matches!(self.from.take_error(), Err(_) | Ok(Some(_))) {
                return false;
            }
            std::thread::sleep(GLANCE);
        }
        true
    }

    fn pass(&mut self, bytes: &mut [u8]) -> std::io::Result<After> {
        let (fault, setting) = self.shared.fault();
        if setting != self.setting {
            (self.setting, self.passed) = (setting, 0);
            self.due = Instant::now();
        }
        let before = self.passed;
        self.passed += bytes.len() as u64;
        match (fault, self.direction) {
            (Fault::Delay { latency, jitter }, _) => self.delay(latency, jitter),
            (Fault::Bandwidth(rate), _) => return self.trickle(bytes, rate.max(1)),
            (Fault::Slice, _) => {
                for byte in bytes.chunks(1) {
                    self.to.write_all(byte)?;
                }
                return Ok(After::GoOn);
            }
            (Fault::CutAfter(limit), Direction::ToClient) if self.passed >= limit => {
                let left = limit.saturating_sub(before) as usize;
                self.to.write_all(&bytes[..left.min(bytes.len())])?;
                // The client sees an end like any other, only too early.
                self.to.shutdown(Shutdown::Write)?;
                return Ok(After::Cut);
            }
            (Fault::FlipEvery(every), Direction::ToClient) => self.flip(bytes, before, every),
            (Fault::SwallowAnswer(_), Direction::ToServer) => {
                self.asked.store(true, Ordering::SeqCst);
            }
            (Fault::SwallowAnswer(which), Direction::ToClient) if self.is_answer(which) => {
                return Ok(After::Reset);
            }
            _ => {}
        }
        self.to.write_all(bytes)?;
        Ok(After::GoOn)
    }

    fn delay(&mut self, latency: Duration, jitter: Duration) {
        let jitter = jitter.min(latency).as_micros() as usize;
        let more = Duration::from_micros(self.random.below(2 * jitter + 1) as u64);
        let least = latency.saturating_sub(Duration::from_micros(jitter as u64));
        std::thread::sleep(least + more);
    }

    fn trickle(&mut self, bytes: &[u8], rate: u64) -> std::io::Result<After> {
        // Fifty pieces a second, so that a slow line is slow and not jerky.
        for piece in bytes.chunks((rate / 50).max(1) as usize) {
            let now = Instant::now();
            self.due = self.due.max(now);
            std::thread::sleep(self.due - now);
            self.due += Duration::from_nanos(piece.len() as u64 * 1_000_000_000 / rate);
            self.to.write_all(piece)?;
        }
        Ok(After::GoOn)
    }

    /// Turns a random bit over in every so many bytes of the direction's whole stream.
    fn flip(&mut self, bytes: &mut [u8], before: u64, every: u64) {
        let every = every.max(1);
        let mut at = (before / every + 1) * every - 1;
        while let Some(byte) = bytes.get_mut((at - before) as usize) {
            *byte ^= 1 << self.random.below(8);
            at += every;
        }
    }

    /// Says whether this piece belongs to the answer of that number.
    fn is_answer(&self, which: u64) -> bool {
        let answers = &self.shared.answers;
        if self.asked.swap(false, Ordering::SeqCst) {
            return answers.fetch_add(1, Ordering::SeqCst) + 1 == which;
        }
        false
    }
}
