//! Compressed data that are members one after the other, each with its own end.

use std::io::{self, BufRead, Read};

use super::{Input, at_end};

/// A member of one algorithm: gzip's member, bzip2's and xz's stream.
pub(super) trait Member: Read + Send {
    /// What may stand behind a member.
    const BEHIND: Behind;

    /// Starts a member where the input stands.
    fn begin(input: Input) -> Self;

    /// Gives the input, which stands behind the member once it has been read to its end.
    fn into_input(self) -> Input;
}

/// What may stand behind a member.
pub(super) struct Behind {
    /// The first byte of another member.
    pub(super) first: u8,
    /// Zeros behind a member are padding, in units of so many; none when it is 0.
    pub(super) padding: u64,
    /// Whether members go on behind padding.
    pub(super) goes_on: bool,
}

/// Reads member after member.
pub(super) struct Members<M>(State<M>);

enum State<M> {
    /// Before a member, whose decoder may read as soon as it is made.
    Before(Input),
    Within(Box<M>),
    Behind(Input),
    Ended,
}

impl<M: Member> Members<M> {
    /// Starts before a member, or behind one.
    pub(super) fn new(input: Input, behind: bool) -> Self {
        Self(match behind {
            false => State::Before(input),
            true => State::Behind(input),
        })
    }
}

impl<M: Member> Read for Members<M> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.0, State::Ended) {
                State::Ended => return Ok(0),
                State::Behind(mut input) => {
                    if another(&mut input, &M::BEHIND)? {
                        self.0 = State::Before(input);
                    }
                }
                State::Before(input) => self.0 = State::Within(Box::new(M::begin(input))),
                State::Within(mut member) => match member.read(buffer) {
                    Ok(0) => self.0 = State::Behind(member.into_input()),
                    result => {
                        self.0 = State::Within(member);
                        return result;
                    }
                },
            }
        }
    }
}

/// Passes over zeros behind a member (tapes and block devices pad with them); says whether
/// another member follows.
fn another(input: &mut Input, behind: &Behind) -> io::Result<bool> {
    let padded = match behind.padding {
        0 => 0,
        _ => pass_zeros(input)?,
    };
    let refuse = |message| Err(io::Error::new(io::ErrorKind::InvalidData, message));
    let follows = !at_end(input)?;
    if !padded.is_multiple_of(behind.padding.max(1)) {
        return refuse("the padding has a wrong length");
    }
    if !follows {
        return Ok(false);
    }
    let is_first = input.fill_buf()?.first() == Some(&behind.first);
    if is_first && (padded == 0 || behind.goes_on) {
        return Ok(true);
    }
    refuse("other bytes follow the last member")
}

fn pass_zeros(input: &mut Input) -> io::Result<u64> {
    let mut passed = 0;
    loop {
        let bytes = input.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros == 0 {
            return Ok(passed);
        }
        passed += zeros as u64;
        input.consume(zeros);
    }
}
