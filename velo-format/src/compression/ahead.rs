//! Decompression side by side: frames that say where they end are decompressed by several threads
//! ahead of the reader, and given out in their order.
//!
//! What is not cut into such frames is decompressed by the one who reads, as it would be without
//! this; so is what comes first, and everything from the first frame on that cannot be followed, so
//! that errors are the same.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::{INPUT_BLOCK, Input, Source, corrupt};
use crate::fence::fenced_read;

/// Threads at most; a reader behind them decodes no faster than so many decompress.
const THREADS: usize = 4;
/// Frames that may hold more than so many bytes, and what follows them, are not read ahead.
pub(super) const LARGEST: usize = 8 << 20;
/// Small frames are put together to units of so many compressed bytes. With one frame more than
/// that and than the above at most, a unit holds less than 24 MiB, compressed and not.
const UNIT: usize = 256 << 10;

/// Moves a frame from the input to the end of a buffer; gives the most bytes that it can hold, or
/// `None` when it is no whole frame that tells its end, with what was read of it moved all the same.
pub(super) type Cut = fn(&mut Input, &mut Vec<u8>) -> io::Result<Option<usize>>;

/// Starts to decompress an input; `true` when it goes on behind a frame.
pub(super) type Open = fn(Input, bool) -> io::Result<Box<dyn Read + Send>>;

/// Reads an input whose frames are decompressed ahead.
pub(super) struct Ahead {
    cut: Cut,
    open: Open,
    threads: usize,
    /// `None` once nothing more is cut.
    input: Option<Input>,
    /// Something was cut off the input.
    began: bool,
    /// What is left of the first unit.
    first: Option<Box<dyn Read + Send>>,
    units: Option<SyncSender<Job>>,
    waiting: VecDeque<Receiver<Done>>,
    current: Cursor<Vec<u8>>,
    failed: Option<io::Error>,
    /// What the reader decompresses by itself, behind everything that was handed out.
    rest: Option<Box<dyn Read + Send>>,
}

/// Whole frames.
struct Unit {
    bytes: Vec<u8>,
    /// The most that they can hold.
    plain: usize,
}

/// What is read without cutting: its first bytes, and the error that the input has behind them.
struct Rest {
    bytes: Vec<u8>,
    failed: Option<io::Error>,
}

/// A unit, and where what comes of it goes.
type Job = (Unit, SyncSender<Done>);

/// What came of a unit.
struct Done {
    plain: Vec<u8>,
    failed: Option<io::Error>,
}

/// Gives the number of threads that this machine has for it.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS))
}

impl Ahead {
    pub(super) fn new(cut: Cut, open: Open, input: Input, threads: usize) -> Self {
        Self {
            cut,
            open,
            threads,
            input: Some(input),
            began: false,
            first: None,
            units: None,
            waiting: VecDeque::new(),
            current: Cursor::default(),
            failed: None,
            rest: None,
        }
    }

    /// Cuts one more unit off the input and hands it to a thread. The first is decompressed as it
    /// is read: who looks at a file's start only wants no threads.
    fn hand_out(&mut self, mut input: Input) -> io::Result<()> {
        let (unit, rest) = self.cut_unit(&mut input);
        let found = !unit.bytes.is_empty();
        if found && self.began {
            self.dispatch(unit)?;
        } else if found {
            let input = source(Box::new(Cursor::new(unit.bytes)));
            self.first = Some((self.open)(input, false)?);
            self.began = true;
        }
        match rest {
            None if found => self.input = Some(input),
            None => {}
            Some(Rest { bytes, failed }) => {
                let behind: Box<dyn Read + Send> = match failed {
                    Some(error) => Box::new(Broken(Some(error))),
                    None => Box::new(input),
                };
                let input = source(Box::new(Cursor::new(bytes).chain(behind)));
                self.rest = Some((self.open)(input, self.began)?);
            }
        }
        Ok(())
    }

    /// Cuts whole frames off the input, up to what is to be read without cutting.
    fn cut_unit(&self, input: &mut Input) -> (Unit, Option<Rest>) {
        let mut unit = Unit {
            bytes: Vec::new(),
            plain: 0,
        };
        while unit.bytes.len() < UNIT && unit.plain < LARGEST {
            let start = unit.bytes.len();
            let cut = match input.fill_buf() {
                Ok([]) => break,
                Ok(_) => (self.cut)(input, &mut unit.bytes),
                Err(error) => Err(error),
            };
            match cut {
                Ok(Some(plain)) if plain <= LARGEST => unit.plain += plain,
                other => {
                    let rest = unit.bytes.split_off(start);
                    let rest = Rest {
                        bytes: rest,
                        failed: other.err(),
                    };
                    return (unit, Some(rest));
                }
            }
        }
        (unit, None)
    }

    fn dispatch(&mut self, unit: Unit) -> io::Result<()> {
        let units = match self.units.take() {
            Some(units) => units,
            None => start(self.threads, self.open)?,
        };
        let (sender, receiver) = sync_channel(1);
        if units.send((unit, sender)).is_err() {
            return Err(io::Error::other("threads that decompress are gone"));
        }
        self.waiting.push_back(receiver);
        self.units = Some(units);
        Ok(())
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(first) = &mut self.first {
                match first.read(buffer)? {
                    0 => self.first = None,
                    read => return Ok(read),
                }
            }
            let read = self.current.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            while self.first.is_none() && self.waiting.len() <= self.threads {
                let Some(input) = self.input.take() else {
                    break;
                };
                self.hand_out(input)?;
            }
            if self.first.is_some() {
                continue;
            }
            match (self.waiting.pop_front(), &mut self.rest) {
                (Some(unit), _) => {
                    let gone = |_| corrupt("the decoder gave up");
                    let done = unit.recv().map_err(gone)?;
                    self.current = Cursor::new(done.plain);
                    self.failed = done.failed;
                }
                (None, Some(rest)) => return rest.read(buffer),
                (None, None) => return Ok(0),
            }
        }
    }
}

/// Starts threads that end when nobody has units for them any more.
fn start(threads: usize, open: Open) -> io::Result<SyncSender<Job>> {
    let (sender, receiver) = sync_channel::<Job>(threads);
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..threads {
        let receiver = receiver.clone();
        let run = move || {
            loop {
                let next = receiver
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .recv();
                let Ok((unit, answer)) = next else {
                    return;
                };
                // Whoever waited for it is gone when this fails.
                let _ = answer.send(decompress(unit, open));
            }
        };
        let thread = std::thread::Builder::new().name("velo-unit".to_owned());
        thread.spawn(run)?;
    }
    Ok(sender)
}

fn source(input: Box<dyn Read + Send>) -> Input {
    BufReader::with_capacity(INPUT_BLOCK, Source(input))
}

fn decompress(unit: Unit, open: Open) -> Done {
    let mut plain = Vec::with_capacity(unit.plain);
    let input = source(Box::new(Cursor::new(unit.bytes)));
    let read = fenced_read(|| {
        // One byte more tells that there are more than there can be.
        let most = unit.plain as u64 + 1;
        open(input, false)?.take(most).read_to_end(&mut plain)
    });
    let failed = match read {
        Ok(_) if plain.len() > unit.plain => Some(corrupt("a frame holds more than it says")),
        read => read.err(),
    };
    Done { plain, failed }
}

/// Moves so many bytes; `false` when the input ends before.
pub(super) fn move_bytes(input: &mut Input, count: usize, bytes: &mut Vec<u8>) -> io::Result<bool> {
    // Grows with what is there, whatever a length field says.
    let moved = input.take(count as u64).read_to_end(bytes)?;
    Ok(moved == count)
}

/// The error that an input had.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match self.0.take() {
            Some(error) => Err(error),
            None => Ok(0),
        }
    }
}
